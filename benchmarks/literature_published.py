"""A network of literature_networks by name in; what its authors published of size and cost out.

None of these figures was measured by us, and none is of a Raspberry Pi but those that say so.
"""

from dataclasses import dataclass

_SPEECHNET = "SilentWear, arXiv 2603.02847, and its code pulp-bio/SilentWear at b598c24"
_BIOFORMER = "Burrello et al. 2022, arXiv 2203.12932"
_TEMPONET = "Zanghieri et al. 2019, IEEE TBioCAS 14(2)"
_TINY = "MLPerf Tiny, mlcommons/tiny_results_v0.5"
_TINY_1_2 = "MLPerf Tiny, mlcommons/tiny_results_v1.2, best of the class"


@dataclass(frozen=True, slots=True)
class Figure:
    """One inference on a device; `microjoules` None where none was found."""

    device: str
    ms: float
    microjoules: float | None
    source: str


@dataclass(frozen=True, slots=True)
class Published:
    """Sizes, None where none was found, and figures of devices.

    macs        multiply-accumulates of one inference
    int8_bytes  of the whole network in int8; of DS-CNN the TFLite file
    """

    parameters: int | None
    macs: int | None
    int8_bytes: int | None
    source: str
    figures: tuple[Figure, ...] = ()


_DS_CNN = (
    Figure("NUCLEO-L4R5ZI, Cortex-M4", 181.9, 7374, _TINY),
    Figure("Cortex-M7 at 280 MHz", 11.3, 1376, _TINY_1_2),
    Figure("Cortex-M85 at 480 MHz", 3.46, None, _TINY_1_2),
    Figure("Syntiant NDP9120 at 98 MHz", 1.48, 43.8, _TINY_1_2),
    Figure("Raspberry Pi 4, float32, LEIP", 0.393, None, _TINY),
    Figure("Raspberry Pi 4, int8, LEIP", 0.4215, None, _TINY),
)
PUBLISHED = {
    "SpeechNet, 1.4 s": Published(15_489, 3_712_000, None, _SPEECHNET),
    "SpeechNet, 0.8 s": Published(
        15_489, 2_140_000, None, _SPEECHNET, (Figure("GAP9", 2.47, 63.9, _SPEECHNET),)
    ),
    "Bioformer": Published(
        None, None, 94_200, _BIOFORMER, (Figure("GAP8", 2.72, 140, _BIOFORMER),)
    ),
    "TEMPONet": Published(
        None, 16_000_000, 460_000, _TEMPONET, (Figure("GAP8", 12.84, 900, _TEMPONET),)
    ),
    "DS-CNN": Published(24_900, 2_657_000, 53_936, "mlcommons/tiny at 1afd2c9", _DS_CNN),
}

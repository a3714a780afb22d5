"""The folder of a demo in, a picture of the monitor while it decides on generated EMG out.

    edgeemg demo --out demo
    python -m benchmarks.monitor_page demo --plot docs/img/monitor.png

The runtime's own loop decides on the demo's last recording at real speed. Two electrodes are made
bad, so that the page has something to say: one carries 2 mV of mains, one is not plugged in.
Needs chromium and the extras `ws` and `train`.
"""

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np
from PIL import Image

from benchmarks.browser import open_browser
from benchmarks.monitor_cost import at_real_speed
from edgeemg.cli.monitoring import open_monitor
from edgeemg.data.bids import find_recordings, read_recording
from edgeemg.dsp.samples import Samples
from edgeemg.runtime.bundle import open_bundle
from edgeemg.runtime.engines import installed_engines, open_engine
from edgeemg.runtime.health import Health
from edgeemg.runtime.loop import run
from edgeemg.runtime.monitor import Monitor

_MAINS_UV = 2000.0
_COLOURS = 64  # of the picture: a quarter of the bytes
_NOISY, _FLAT = 6, 7  # channels


@click.command()
@click.argument("demo", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--plot", required=True, type=click.Path(path_type=Path), help="PNG to write.")
@click.option("--width", default=1280, show_default=True, help="Of the window, CSS pixels.")
@click.option("--height", default=900, show_default=True, help="Of the window, CSS pixels.")
@click.option("--dark", is_flag=True, help="As in a browser that prefers dark pages.")
@click.option("--seconds", default=12.0, show_default=True, help="To play before the picture.")
def main(demo: Path, plot: Path, width: int, height: int, dark: bool, seconds: float) -> None:
    """Draw the monitor's page as a browser does."""
    recording = read_recording(find_recordings(demo / "recordings")[-1])
    assert recording.generated, "the caption says so"
    bundle, health = open_bundle(demo / "bundle"), Health()
    manifest = bundle.manifest
    engine = open_engine(bundle, installed_engines()[0], "int8")

    def facts() -> dict[str, Any]:
        about = {"sensor": "generated EMG", "state": "connected"}
        running = f"{engine.name} {engine.precision}"
        return {**about, "engine": running, "counters": health.summary()}

    def play(monitor: Monitor) -> None:
        source = at_real_speed(_with_faults(recording.samples), seconds + 60)
        run(source, engine, manifest, [], health=health, watchers=[monitor])

    served = open_monitor("127.0.0.1:0", token_file=None, manifest=manifest, facts=facts)
    with served as monitor, open_browser() as page:
        page.open(monitor.url, width=width, height=height, dark=dark)
        threading.Thread(target=play, args=(monitor,), daemon=True).start()
        page.wait_for(f"performance.now() > {1000 * seconds}", within_s=seconds + 60)
        page.screenshot(plot)
        assert not page.complaints, page.complaints
    Image.open(plot).convert("RGB").quantize(_COLOURS).save(plot, optimize=True)
    click.echo(f"{plot}: {plot.stat().st_size / 1000:.0f} kB")


def _with_faults(samples: Samples) -> Samples:
    microvolts = samples.microvolts.copy()
    turn = 2 * np.pi * 50 * samples.index / samples.sample_rate_hz
    microvolts[:, _NOISY] += _MAINS_UV * np.sin(turn)
    microvolts[:, _FLAT] = 0.0
    return replace(samples, microvolts=microvolts)


if __name__ == "__main__":
    main()

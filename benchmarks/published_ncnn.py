"""A network's name in; its instructions under ncnn on an emulated core out.

ncnn's benchmark runs networks without weights (zeros), and so does this. The layers are written
from the papers: MobileNet (Howard et al. 2017), SqueezeNet 1.1 (Iandola et al. 2016), ResNet-18
(He et al. 2015), each with its activation fused, as ncnn's converter leaves it.
"""

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

from edgeemg.profiler.aarch64_wheels import wheels_with
from edgeemg.profiler.debian_root import PYTHON
from edgeemg.profiler.emulator import Emulator
from edgeemg.profiler.guest_files import core_folder, package_folder, wheels_folder
from edgeemg.profiler.marks import kinds_between, parse_marks

_WHEEL = "ncnn==1.0.20261020"
_RUNS = 2
_PATIENCE_S = 1800
_GUEST = """
import sys
import ncnn
from edgeemg.profiler.marks import EMPTY, START, STOP, mark
net = ncnn.Net()
net.opt.num_threads = 1
net.load_param(sys.argv[1])
net.load_model(ncnn.DataReaderFromEmpty())
size = int(sys.argv[2])
picture = ncnn.Mat(size, size, 3)
picture.fill(0.01)
def run():
    one = net.create_extractor()
    one.input("data", picture)
    return one.extract("out")
for _ in range(2):
    run()
for label in (EMPTY, EMPTY, START):
    mark(label)
for _ in range(int(sys.argv[3])):
    run()
mark(STOP)
"""


class _Param:
    """Layers line by line, as ncnn's text format has them: what each reads, writes and is."""

    def __init__(self, size: int, *, int8: bool = False) -> None:
        self._lines: list[str] = []
        self._blobs = 0
        self._int8 = " 8=1" if int8 else ""
        self.last, self.channels = "", 3
        self.add("Input", f"0={size} 1={size} 2=3", read=(), write=("data",))

    def add(
        self,
        kind: str,
        facts: str,
        *,
        read: tuple[str, ...] | None = None,
        write: tuple[str, ...] = (),
    ) -> str:
        """A layer; what it reads is the last one's unless told, and its name that of the output."""
        read = (self.last,) if read is None else read
        write = write or (f"b{len(self._lines)}",)
        names = " ".join((*read, *write))
        self._lines.append(
            f"{kind} l{len(self._lines)} {len(read)} {len(write)} {names} {facts}".strip()
        )
        self._blobs += len(write)
        self.last = write[-1]
        return self.last

    def conv(
        self,
        outputs: int,
        kernel: int,
        stride: int = 1,
        *,
        pad: int | None = None,
        relu: bool = True,
    ) -> str:
        """A convolution over all channels."""
        weights = outputs * self.channels * kernel * kernel
        self.channels = outputs
        return self.add("Convolution", self._conv(outputs, kernel, stride, pad, weights, relu))

    def depthwise(self, stride: int) -> None:
        """3 x 3, each channel by itself."""
        n = self.channels
        facts = self._conv(n, 3, stride, None, 9 * n, relu=True)
        self.add("ConvolutionDepthWise", f"{facts} 7={n}")

    def _conv(
        self, outputs: int, kernel: int, stride: int, pad: int | None, weights: int, relu: bool
    ) -> str:
        pad = kernel // 2 if pad is None else pad
        shape = f"0={outputs} 1={kernel} 3={stride} 4={pad} 5=1 6={weights}"
        return f"{shape}{self._int8}{' 9=1' if relu else ''}"

    def classify(self) -> None:
        """The mean over the picture, and 1000 classes."""
        self.add("Pooling", "0=1 4=1")
        facts = f"0=1000 1=1 2={1000 * self.channels}{self._int8}"
        self.add("InnerProduct", facts, write=("out",))

    def text(self) -> str:
        """The file."""
        return "\n".join(["7767517", f"{len(self._lines)} {self._blobs}", *self._lines, ""])


def _mobilenet(*, int8: bool = False) -> _Param:
    net = _Param(224, int8=int8)
    net.conv(32, 3, 2)
    last = 32
    for outputs in (64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024):
        net.depthwise(2 if outputs == 2 * last != 64 else 1)
        net.conv(outputs, 1)
        last = outputs
    net.classify()
    return net


def _squeezenet() -> _Param:
    net = _Param(227)
    net.conv(64, 3, 2, pad=0)
    for squeeze in (0, 16, 16, 0, 32, 32, 0, 48, 48, 64, 64):
        if not squeeze:
            net.add("Pooling", "0=0 1=3 2=2")
            continue
        net.conv(squeeze, 1)
        name = net.last
        one, three = f"{name}_1", f"{name}_3"
        net.add("Split", "", write=(three, one))
        narrow = net.conv(4 * squeeze, 1)
        net.last, net.channels = three, squeeze
        wide = net.conv(4 * squeeze, 3)
        net.add("Concat", "0=0", read=(narrow, wide))
        net.channels = 8 * squeeze
    net.conv(1000, 1)
    net.add("Pooling", "0=1 4=1", write=("out",))
    return net


def _resnet18() -> _Param:
    net = _Param(224)
    net.conv(64, 7, 2)
    net.add("Pooling", "0=0 1=3 2=2")
    for outputs in (64, 64, 128, 128, 256, 256, 512, 512):
        inputs, name = net.channels, net.last
        stride = 1 if inputs == outputs else 2
        net.add("Split", "", write=(f"{name}_skip", f"{name}_path"))
        net.conv(outputs, 3, stride)
        path = net.conv(outputs, 3, relu=False)
        skip = f"{name}_skip"
        if stride == 2:
            net.last, net.channels = skip, inputs
            skip = net.conv(outputs, 1, 2, relu=False)
        net.add("BinaryOp", "0=0", read=(path, skip))
        net.add("ReLU", "")
    net.classify()
    return net


# name -> its layers, and the width of its input
NETWORKS: dict[str, tuple[Callable[[], _Param], int]] = {
    "mobilenet": (_mobilenet, 224),
    "mobilenet_int8": (lambda: _mobilenet(int8=True), 224),
    "squeezenet": (_squeezenet, 227),
    "resnet18": (_resnet18, 224),
}


def unpack_ncnn(folder: Path) -> Path:
    """Where ncnn's aarch64 wheel lies, fetched once with pip."""
    site = folder.resolve() / "ncnn-site"
    if site.is_dir():
        return site
    with tempfile.TemporaryDirectory() as scratch:
        platforms = [f"--platform=manylinux_2_{n}_aarch64" for n in (28, 24, 17)]
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", _WHEEL]
        fixed = ["--only-binary=:all:", "--python-version=3.11", f"--dest={scratch}"]
        subprocess.run([*command, *fixed, *platforms], check=True, timeout=_PATIENCE_S)  # noqa: S603
        (wheel,) = Path(scratch).glob("*.whl")
        with ZipFile(wheel) as archive:
            archive.extractall(site)
    return site


def count_ncnn(emulator: Emulator, name: str, cpu: str, site: Path) -> dict[str, int]:
    """Instructions of one inference by kind, on one thread."""
    make, size = NETWORKS[name]
    cache, root = emulator.cache, core_folder(emulator.cache, cpu)
    paths = (site, wheels_folder(cache, wheels_with("onnxruntime")), package_folder(cache))
    with tempfile.TemporaryDirectory() as folder:
        marks, param, guest = (Path(folder) / one for one in ("marks", "net.param", "guest.py"))
        param.write_text(make().text(), encoding="ascii")
        guest.write_text(_GUEST, encoding="ascii")
        command = [str(emulator.qemu), "-cpu", cpu, "-L", str(root), "-seed", "1"]
        plugin = ["-plugin", f"{emulator.counter},out={marks}"]
        python = [str(root / PYTHON), "-S", "-s", "-B", str(guest), str(param), str(size)]
        subprocess.run(  # noqa: S603  # qemu and our own text
            [*command, *plugin, *python, str(_RUNS)],
            env={"PYTHONPATH": ":".join(map(str, paths)), "PYTHONHASHSEED": "0"}
            | {"OMP_NUM_THREADS": "1", "LANG": "C.UTF-8"},
            check=True,
            capture_output=True,
            timeout=_PATIENCE_S,
        )
        return kinds_between(parse_marks(marks.read_text(encoding="ascii")), runs=_RUNS)

"""A folder with network.pt2 and calibration.npy in; float32.pte and int8.pte in it out.

Runs in ExecuTorch's environment. int8 is its XNNPACK quantiser's usual setting: static, symmetric,
weights by channel, ranges from the calibration windows.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from executorch.backends.xnnpack.partition.xnnpack_partitioner import (  # type: ignore[import-not-found]  # of a peer
    XnnpackPartitioner,
)
from executorch.backends.xnnpack.quantizer.xnnpack_quantizer import (  # type: ignore[import-not-found]
    XNNPACKQuantizer,
    get_symmetric_quantization_config,
)
from executorch.exir import (  # type: ignore[import-not-found]
    to_edge_transform_and_lower,
)
from torchao.quantization.pt2e.quantize_pt2e import (  # type: ignore[import-untyped]
    convert_pt2e,
    prepare_pt2e,
)


def main(folder: Path) -> None:
    exported = torch.export.load(folder / "network.pt2")
    write(exported, folder / "float32.pte")
    windows = torch.from_numpy(np.load(folder / "calibration.npy"))
    config = get_symmetric_quantization_config(is_per_channel=True)
    observed = prepare_pt2e(exported.module(), XNNPACKQuantizer().set_global(config))
    with torch.no_grad():
        for window in windows:
            observed(window[None])
    write(torch.export.export(convert_pt2e(observed), (windows[:1],)), folder / "int8.pte")


def write(exported: torch.export.ExportedProgram, path: Path) -> None:
    lowered = to_edge_transform_and_lower(exported, partitioner=[XnnpackPartitioner()])
    path.write_bytes(lowered.to_executorch().buffer)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

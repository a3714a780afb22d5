"""Files in, a cpio archive that a kernel unpacks out."""

import gzip

from hypothesis import given
from hypothesis import strategies as st

from benchmarks.board.initramfs import ROOT_MODULES, depends, make_initramfs, with_needed


def unpacked(archive):
    """Name -> (mode, content), read by the format's description."""
    data, found, at = gzip.decompress(archive), {}, 0
    while True:
        assert data[at : at + 6] == b"070701"
        fields = [int(data[at + 6 + 8 * n : at + 14 + 8 * n], 16) for n in range(13)]
        mode, size, name_size = fields[1], fields[6], fields[11]
        name = data[at + 110 : at + 110 + name_size - 1].decode()
        assert data[at + 110 + name_size - 1] == 0
        begins = at + 110 + name_size
        begins += -begins % 4
        if name == "TRAILER!!!":
            return found
        found[name] = (mode, data[begins : begins + size])
        at = begins + size + -(begins + size) % 4


def module(folder, name, needs=""):
    path = folder / f"{name}.ko"
    path.write_bytes(b"\x7fELF\0license=GPL\0depends=" + needs.encode() + b"\0name=x\0")
    return path


@given(st.binary(max_size=40), st.lists(st.binary(max_size=9), max_size=4))
def test_every_file_comes_back_whole(tmp_path_factory, busybox, contents):
    folder = tmp_path_factory.mktemp("modules")
    paths = [folder / f"m{n}.ko" for n in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    found = unpacked(make_initramfs(busybox, paths))
    assert found["bin/busybox"] == (0o100755, busybox)
    assert [found[f"modules/{path.name}"][1] for path in paths] == contents


def test_modules_are_loaded_in_their_order_and_init_may_run(tmp_path):
    paths = [module(tmp_path, "second"), module(tmp_path, "first")]
    mode, init = unpacked(make_initramfs(b"", paths))["init"]
    assert mode == 0o100755
    assert b"for module in second.ko first.ko; do" in init


def test_what_a_module_needs_is_loaded_before_it(tmp_path):
    module(tmp_path, "ext4", "mbcache,jbd2")
    module(tmp_path, "jbd2", "crc16")
    for name in ("mbcache", "crc16"):
        module(tmp_path, name)
    names = [path.stem for path in with_needed(tmp_path, ["ext4", "crc16"])]
    assert sorted(names) == ["crc16", "ext4", "jbd2", "mbcache"]
    assert names.index("crc16") < names.index("jbd2") < names.index("ext4")


def test_a_module_is_found_by_its_name_with_dashes(tmp_path):
    module(tmp_path, "xhci-pci", "xhci-hcd")
    module(tmp_path, "xhci-hcd")
    assert [path.stem for path in with_needed(tmp_path, ["xhci_pci"])] == ["xhci-hcd", "xhci-pci"]


def test_what_is_built_into_the_kernel_is_left_out(tmp_path):
    assert with_needed(tmp_path, ROOT_MODULES) == []


@given(st.binary(max_size=200))
def test_no_bytes_of_a_module_are_an_error(content):
    list(depends(content))

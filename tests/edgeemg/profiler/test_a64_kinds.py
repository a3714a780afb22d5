"""The counter's table of A64 instructions, against words that an assembler made."""

import ctypes
import re
import shutil
import subprocess
from collections.abc import Callable
from typing import NoReturn

import pytest

from edgeemg.profiler.counter import SOURCES
from edgeemg.profiler.instruction_kinds import GROUPS, KINDS, grouped

# LLVM 14: llvm-mc -triple=aarch64 -mattr=+v8.6a,+i8mm -show-encoding
WORDS = [
    (0x4E22CC20, "fmla v0.4s, v1.4s, v2.4s", "float_multiply_add"),
    (0x0EA2CC20, "fmls v0.2s, v1.2s, v2.2s", "float_multiply_add"),
    (0x4FA51083, "fmla v3.4s, v4.4s, v5.s[1]", "float_multiply_add"),
    (0x4FC55883, "fmls v3.2d, v4.2d, v5.d[1]", "float_multiply_add"),
    (0x4E420C20, "fmla v0.8h, v1.8h, v2.8h", "float_multiply_add"),
    (0x4EC20C20, "fmls v0.8h, v1.8h, v2.8h", "float_multiply_add"),
    (0x4F321820, "fmla v0.8h, v1.8h, v2.h[7]", "float_multiply_add"),
    (0x1F020C20, "fmadd s0, s1, s2, s3", "float_multiply_add_scalar"),
    (0x1F628C20, "fnmsub d0, d1, d2, d3", "float_multiply_add_scalar"),
    (0x5FA21820, "fmla s0, s1, v2.s[3]", "float_multiply_add_scalar"),
    (0x4E829420, "sdot v0.4s, v1.16b, v2.16b", "int8_dot"),
    (0x2E829420, "udot v0.2s, v1.8b, v2.8b", "int8_dot"),
    (0x4F80E890, "sdot v16.4s, v4.16b, v0.4b[2]", "int8_dot"),
    (0x4E829C20, "usdot v0.4s, v1.16b, v2.16b", "int8_dot"),
    (0x4F22F020, "sudot v0.4s, v1.16b, v2.4b[1]", "int8_dot"),
    (0x4E82A420, "smmla v0.4s, v1.16b, v2.16b", "int8_dot"),
    (0x0E22C020, "smull v0.8h, v1.8b, v2.8b", "int8_multiply"),
    (0x4E228020, "smlal2 v0.8h, v1.16b, v2.16b", "int8_multiply"),
    (0x2E628020, "umlal v0.4s, v1.4h, v2.4h", "int8_multiply"),
    (0x0F722020, "smlal v0.4s, v1.4h, v2.h[3]", "int8_multiply"),
    (0x6F72A820, "umull2 v0.4s, v1.8h, v2.h[7]", "int8_multiply"),
    (0x4E229C20, "mul v0.16b, v1.16b, v2.16b", "int8_multiply"),
    (0x4EA29420, "mla v0.4s, v1.4s, v2.4s", "int8_multiply"),
    (0x6F524020, "mls v0.8h, v1.8h, v2.h[1]", "int8_multiply"),
    (0x4EA2B420, "sqdmulh v0.4s, v1.4s, v2.4s", "int8_multiply"),
    (0x4F82D020, "sqrdmulh v0.4s, v1.4s, v2.s[0]", "int8_multiply"),
    (0x0E629020, "sqdmlal v0.4s, v1.4h, v2.4h", "int8_multiply"),
    (0x6E22DC20, "fmul v0.4s, v1.4s, v2.4s", "vector_other"),
    (0x4F829020, "fmul v0.4s, v1.4s, v2.s[0]", "vector_other"),
    (0x1E222820, "fadd s0, s1, s2", "vector_other"),
    (0x4E22C420, "fmaxnm v0.4s, v1.4s, v2.4s", "vector_other"),
    (0x4E606820, "sadalp v0.4s, v1.8h", "vector_other"),
    (0x4EA28420, "add v0.4s, v1.4s, v2.4s", "vector_other"),
    (0x0E22E020, "pmull v0.8h, v1.8b, v2.8b", "vector_other"),
    (0x4F235420, "shl v0.4s, v1.4s, #3", "vector_other"),
    (0x0E614820, "sqxtn v0.4h, v1.4s", "vector_other"),
    (0x4E023820, "zip1 v0.16b, v1.16b, v2.16b", "vector_other"),
    (0x4E040C20, "dup v0.4s, w1", "vector_other"),
    (0x1E380020, "fcvtzs w0, s1", "vector_other"),
    (0x4F00E400, "movi v0.16b, #0", "vector_other"),
    (0x4CDFA800, "ld1 {v0.4s, v1.4s}, [x0], #32", "load_vector"),
    (0x4D40C800, "ld1r {v0.4s}, [x0]", "load_vector"),
    (0x3DC00420, "ldr q0, [x1, #16]", "load_vector"),
    (0xBC404420, "ldr s0, [x1], #4", "load_vector"),
    (0xACC10440, "ldp q0, q1, [x2], #32", "load_vector"),
    (0xFC5F8020, "ldur d0, [x1, #-8]", "load_vector"),
    (0x9C000200, "ldr q0, #64", "load_vector"),
    (0x4C007000, "st1 {v0.16b}, [x0]", "store_vector"),
    (0x3D800020, "str q0, [x1]", "store_vector"),
    (0xBC227820, "str s0, [x1, x2, lsl #2]", "store_vector"),
    (0x6DBF27E8, "stp d8, d9, [sp, #-16]!", "store_vector"),
    (0xF9400020, "ldr x0, [x1]", "load"),
    (0x38401420, "ldrb w0, [x1], #1", "load"),
    (0xB8A26820, "ldrsw x0, [x1, x2]", "load"),
    (0xA8C107E0, "ldp x0, x1, [sp], #16", "load"),
    (0x58000100, "ldr x0, #32", "load"),
    (0xF9800000, "prfm pldl1keep, [x0]", "load"),
    (0xC85F7C20, "ldxr x0, [x1]", "load"),
    (0x88DFFC20, "ldar w0, [x1]", "load"),
    (0xB8200041, "ldadd w0, w1, [x2]", "load"),
    (0x69400440, "ldpsw x0, x1, [x2]", "load"),
    (0xF9000020, "str x0, [x1]", "store"),
    (0x79000420, "strh w0, [x1, #2]", "store"),
    (0xA9BE7BFD, "stp x29, x30, [sp, #-32]!", "store"),
    (0xC8007C41, "stxr w0, x1, [x2]", "store"),
    (0x889FFC20, "stlr w0, [x1]", "store"),
    (0x14000002, "b #8", "branch"),
    (0x94000002, "bl #8", "branch"),
    (0x54FFFFC1, "b.ne #-8", "branch"),
    (0xB4000040, "cbz x0, #8", "branch"),
    (0x37180040, "tbnz w0, #3, #8", "branch"),
    (0xD61F0020, "br x1", "branch"),
    (0xD65F03C0, "ret", "branch"),
    (0xD4000001, "svc #0", "branch"),
    (0xD503201F, "nop", "branch"),
    (0x8B020020, "add x0, x1, x2", "other"),
    (0xD2800020, "mov x0, #1", "other"),
    (0x9B020C20, "madd x0, x1, x2, x3", "other"),
    (0x9AC20C20, "sdiv x0, x1, x2", "other"),
    (0x71001020, "subs w0, w1, #4", "other"),
    (0x9A820020, "csel x0, x1, x2, eq", "other"),
    (0xD343FC20, "lsr x0, x1, #3", "other"),
    (0xB0000000, "adrp x0, #4096", "other"),
    (0x53021020, "ubfx w0, w1, #2, #3", "other"),
]


@pytest.fixture(scope="module")
def kind_of(
    tmp_path_factory: pytest.TempPathFactory, missing: Callable[[str], NoReturn]
) -> Callable[[int], int]:
    """The C function itself, compiled for this machine."""
    compiler = shutil.which("gcc")
    if compiler is None:
        missing("gcc is not here")
    library = tmp_path_factory.mktemp("kinds") / "kinds.so"
    (source,) = (one for one in SOURCES if one.name == "a64_kinds.c")
    subprocess.run(
        [compiler, "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", library, source],
        check=True,
    )
    function = ctypes.CDLL(str(library)).kind_of
    function.argtypes = [ctypes.c_uint32]
    return function


@pytest.mark.parametrize(("word", "text", "kind"), WORDS, ids=[text for _, text, _ in WORDS])
def test_an_instruction_is_of_its_kind(kind_of, word: int, text: str, kind: str) -> None:
    assert KINDS[kind_of(word)] == kind


def test_every_kind_has_words() -> None:
    assert {kind for _, _, kind in WORDS} == set(KINDS)


def test_both_sources_name_the_same_kinds_in_the_same_order() -> None:
    counter, table = (one.read_text() for one in SOURCES)
    named = re.search(r"enum kind \{(.*?)\}", table, re.DOTALL)
    assert [one.strip().lower() for one in named[1].split(",")] == list(KINDS)
    assert int(re.search(r"KINDS = (\d+)", counter)[1]) == len(KINDS)


def test_groups_share_out_every_kind_once() -> None:
    counts = {kind: 10**place for place, kind in enumerate(KINDS)}
    by_group = grouped(counts)
    assert tuple(by_group) == GROUPS
    assert sum(by_group.values()) == sum(counts.values())

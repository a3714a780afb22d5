import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edgeemg.profiler.children import run_python
from edgeemg.profiler.memory import bare_mb, parse_status, peak_mb, resident_mb


def test_the_peak_of_a_child_is_not_that_of_a_large_parent() -> None:
    large = np.ones(30_000_000)  # 240 MB
    assert resident_mb() > 240 <= peak_mb()
    program = "from edgeemg.profiler.memory import peak_mb; print(peak_mb())"
    assert 5 < float(run_python("-c", program, patience_s=60)) < 100
    assert large[0] == 1


def test_the_peak_remembers_what_was_let_go() -> None:
    program = (
        "from edgeemg.profiler.memory import peak_mb, resident_mb\n"
        "held = b'x' * 100_000_000\n"
        "del held\n"
        "print(peak_mb() - resident_mb())"
    )
    assert 90 < float(run_python("-c", program, patience_s=60)) < 110


def test_numpy_costs_memory_over_bare_python() -> None:
    bare, with_numpy = bare_mb("pass"), bare_mb("import numpy")
    assert 5 < bare < with_numpy < 100


def test_a_statement_that_fails_has_no_memory() -> None:
    assert bare_mb("import a_library_that_nobody_has") is None


@given(st.integers(0, 10**12), st.text(st.characters(exclude_characters=":"), max_size=20))
def test_a_field_is_found_among_others(kilobytes: int, other: str) -> None:
    text = f"Name:\t{other.strip()}\nVmHWM:\t {kilobytes} kB\nVmRSS:\t 3 kB\n"
    assert parse_status(text, "VmHWM") == round(kilobytes * 1024 / 1e6, 3)


@given(st.text())
def test_any_text_is_read_without_an_error(text: str) -> None:
    found = parse_status(text, "VmRSS")
    assert found is None or found >= 0

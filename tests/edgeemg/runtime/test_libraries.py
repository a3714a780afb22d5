import importlib.metadata
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edgeemg.errors import MissingExtraError
from edgeemg.runtime.engines import ENGINES
from edgeemg.runtime.libraries import (
    LIBRARIES,
    how_to_install,
    import_library,
    is_installed,
    title_of,
    version_of,
)

Install = Callable[[str, str], None]
WORKS = "class Interpreter: pass"
BROKEN = "raise ImportError('version GLIBC_2.38 not found')"


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Puts a package, whose `interpreter` is as told, in front of an installed one."""
    monkeypatch.syspath_prepend(tmp_path)

    def put(package: str, code: str) -> None:
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").touch()
        (tmp_path / package / "interpreter.py").write_text(code)
        for loaded in [one for one in sys.modules if one.partition(".")[0] == package]:
            monkeypatch.delitem(sys.modules, loaded)

    yield put
    ours = {package.name for package in tmp_path.iterdir()}
    for loaded in [one for one in sys.modules if one.partition(".")[0] in ours]:
        del sys.modules[loaded]


def test_every_engine_has_libraries_and_no_other_has() -> None:
    assert LIBRARIES.keys() == ENGINES.keys()


def test_every_library_is_in_the_extra_that_it_names() -> None:
    wanted = importlib.metadata.requires("edgeemg") or []
    for library in (one for libraries in LIBRARIES.values() for one in libraries):
        extra = f'extra == "{library.extra}"'
        assert any(one.startswith(library.distribution) and extra in one for one in wanted)


def test_the_first_library_is_taken_while_it_works(install: Install) -> None:
    install("tflite_runtime", WORKS)
    module, distribution = import_library("tflite", purpose="testing")
    assert (module.__name__, distribution) == ("ai_edge_litert.interpreter", "ai-edge-litert")


def test_where_the_first_library_is_broken_the_next_is_taken(install: Install) -> None:
    install("ai_edge_litert", BROKEN)
    install("tflite_runtime", WORKS)
    module, distribution = import_library("tflite", purpose="testing")
    assert (module.__name__, distribution) == ("tflite_runtime.interpreter", "tflite-runtime")


def test_a_broken_library_without_another_is_not_called_missing(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tflite_runtime", None)
    install("ai_edge_litert", BROKEN)
    assert is_installed("tflite")
    with pytest.raises(MissingExtraError) as caught:
        import_library("tflite", purpose="testing")
    assert str(caught.value) == (
        "testing needs ai_edge_litert, which is installed but cannot be imported "
        "(version GLIBC_2.38 not found): "
        "reinstall it with pip install --force-reinstall 'edgeemg[litert]'"
    )


def test_a_broken_second_library_that_is_alone_names_its_own_extra(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ai_edge_litert", None)
    install("tflite_runtime", BROKEN)
    with pytest.raises(MissingExtraError, match=r"tflite_runtime, .*edgeemg\[tflite-runtime\]"):
        import_library("tflite", purpose="testing")


def test_where_none_is_installed_the_first_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ai_edge_litert", None)
    monkeypatch.setitem(sys.modules, "tflite_runtime", None)
    assert not is_installed("tflite")
    with pytest.raises(MissingExtraError) as caught:
        import_library("tflite", purpose="testing")
    assert str(caught.value) == (
        "testing needs ai-edge-litert, which is not installed: pip install 'edgeemg[litert]'"
    )


def test_how_to_install_names_the_extra_of_the_first_library() -> None:
    assert how_to_install("onnx") == "pip install 'edgeemg[onnx]'"
    assert how_to_install("tflite") == "pip install 'edgeemg[litert]'"
    assert how_to_install("ncnn").startswith("upgrade edgeemg")


def test_a_version_is_that_of_the_distribution_or_none() -> None:
    assert version_of("onnxruntime") == importlib.metadata.version("onnxruntime")
    assert version_of("no-such-distribution") is None


def test_a_title_is_the_distribution_with_the_packages_own_version(monkeypatch) -> None:
    package = types.ModuleType("some_engine")
    library = types.ModuleType("some_engine.interpreter")
    monkeypatch.setitem(sys.modules, "some_engine", package)
    assert title_of(library, "some-engine") == "some-engine of unknown version"
    package.__version__ = "1.2"  # type: ignore[attr-defined]
    assert title_of(library, "some-engine") == "some-engine 1.2"

import io
import json
import os
import sys
from pathlib import Path

import pytest

from edgeemg.errors import SinkError
from edgeemg.runtime.sinks import Decision, JsonLines

DECISION = Decision("não", 0.75, 1234, 4.936, None, "onnxruntime 1 int8")


def test_a_decision_is_one_line_of_json_with_every_field() -> None:
    stream = io.StringIO()
    sink = JsonLines(stream)
    sink.send(DECISION)
    sink.send(DECISION)
    lines = stream.getvalue().splitlines()
    assert len(lines) == 2
    assert json.loads(lines[0]) == {
        "label": "não",
        "confidence": 0.75,
        "sample_index": 1234,
        "t_s": 4.936,
        "latency_ms": None,
        "engine": "onnxruntime 1 int8",
    }


def test_a_label_with_a_line_break_is_still_one_line() -> None:
    stream = io.StringIO()
    JsonLines(stream).send(Decision('a\n"b', 1.0, 0, 0.0, 1.5, "e"))
    assert stream.getvalue().count("\n") == 1
    assert json.loads(stream.getvalue())["label"] == 'a\n"b'


def test_a_pipe_sees_a_decision_when_it_is_sent() -> None:
    reads, writes = os.pipe()
    with os.fdopen(reads, "rb", buffering=0) as reader, os.fdopen(writes, "w") as writer:
        JsonLines(writer).send(DECISION)
        assert reader.read(1000).endswith(b"}\n")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8", "utf-8-sig", "cp1252"])
def test_every_locale_gets_json_that_reads_the_same(encoding: str) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    JsonLines(stream).send(Decision("não 無", 1.0, 0, 0.0, None, "e"))
    written = stream.buffer.getvalue()  # type: ignore[attr-defined]
    assert json.loads(written.decode("utf-8-sig"))["label"] == "não 無"


def test_labels_stay_readable_in_utf_8() -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="UTF8")
    JsonLines(stream).send(DECISION)
    assert "não".encode() in stream.buffer.getvalue()  # type: ignore[attr-defined]


def test_a_reader_that_is_gone_is_a_sink_error() -> None:
    reads, writes = os.pipe()
    os.close(reads)
    stream = os.fdopen(writes, "w")
    with pytest.raises(SinkError, match=r"cannot write decisions to .*Broken pipe.*reader gone"):
        JsonLines(stream).send(DECISION)
    with pytest.raises(BrokenPipeError):
        stream.close()


def test_a_full_disk_is_a_sink_error_that_names_the_file() -> None:
    stream = Path("/dev/full").open("w")  # noqa: SIM115  # what it holds cannot be written at exit
    with pytest.raises(SinkError, match=r"/dev/full \(No space left on device\)"):
        JsonLines(stream).send(DECISION)
    with pytest.raises(OSError, match="No space left"):
        stream.close()


def test_a_stream_that_belongs_to_somebody_else_stays_open() -> None:
    JsonLines(sys.stdout).close()
    assert not sys.stdout.closed

"""`edgeemg record`: a sensor and a list of words in, a labelled recording out."""

from pathlib import Path
from typing import Any

import click

from edgeemg.cli.numbers import POSITIVE, FiniteRange
from edgeemg.cli.sensor_options import device_of, sensor_settings

_SECONDS = FiniteRange(min=0)


@click.command(short_help="Prompts in the terminal, a labelled recording out.")
@click.option("--port", required=True, help="Serial port of the sensor, as in /dev/ttyUSB0.")
@sensor_settings
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder to add to.")
@click.option("--words", help="What to say, as in yes,no,stop.")
@click.option(
    "--words-file", type=click.Path(path_type=Path), help="One word or phrase a line; # a comment."
)
@click.option(
    "--repetitions", type=click.IntRange(min=1), default=10, show_default=True, help="Of each word."
)
@click.option("--ready-s", type=_SECONDS, default=1.0, show_default=True, help="Word shown before.")
@click.option("--trial-s", type=POSITIVE, default=2.0, show_default=True, help="Time to say it.")
@click.option("--rest-s", type=_SECONDS, default=2.5, show_default=True, help="Relaxing after it.")
@click.option("--seed", type=click.IntRange(min=0), help="Of the order; another each time without.")
@click.option(
    "--channels",
    default="all",
    show_default=True,
    help="The sensor's inputs to record: all, or as in 1,2,3.",
)
@click.option("--subject", default="01", show_default=True, help="Person.")
@click.option("--session", default="1", show_default=True, help="Day or donning.")
@click.option("--task", default="speech", show_default=True, help="Way of speaking.")
@click.option("--run", default="", help="Number of the recording; the first free one without.")
@click.option(
    "--mains",
    "mains_hz",
    type=click.Choice(["50", "60"]),
    default="50",
    show_default=True,
    help="Frequency of the mains here, Hz.",
)
@click.option("--language", default="", help="Of the words, as in en or pt-BR; kept beside them.")
@click.option("--placement", default="", help="Where the electrodes sit; kept beside the samples.")
@click.option("--licence", default="", help="Licence of the recording.")
@click.option("--generated", is_flag=True, help="The sensor plays generated EMG: say so for good.")
@click.option("--at-once", is_flag=True, help="Begin without waiting for a key.")
@click.option("--keep-journal", is_flag=True, help="Keep the raw file that it is made from.")
def record(port: str, out: Path, **options: Any) -> None:
    """Ask for words in a terminal, and record what the sensor hears.

    Words come in random order, with rest between them; each has a label in the recording at the
    sensor's own sample index, and so has the rest. A trial in which samples were lost is asked for
    again. Keys: space pauses and goes on, u takes the last word back, q finishes and keeps, and so
    do Ctrl-C, SIGTERM and a broken connection.

    While it runs, one file in --out grows and is on the disk each second; at the end it becomes
    EMG-BIDS. After a power cut: edgeemg data recover FILE --out DIR.

    \b
    edgeemg record --port /dev/ttyUSB0 --out rec --words yes,no,stop
    edgeemg record --port /dev/ttyUSB0 --device text --rate 1000 --out rec --words-file words.txt
    edgeemg record --port /dev/ttyUSB0 --out rec --words yes,no --channels 1,2,3 --mains 60
    """
    from edgeemg.cli.recording import Request
    from edgeemg.cli.recording import record as record_now
    from edgeemg.data.trial_plan import TrialPlan

    seed = options.pop("seed")
    plan = TrialPlan(
        words=_words(options.pop("words"), options.pop("words_file")),
        seed=any_seed() if seed is None else seed,
        **{name: options.pop(name) for name in ("repetitions", "ready_s", "trial_s", "rest_s")},
    )
    told = {
        "EMGPlacementSchemeDescription": options.pop("placement"),
        "License": options.pop("licence"),
        "Language": options.pop("language"),
    }
    request = Request(
        port=port,
        device=device_of(options),
        out=out,
        plan=plan,
        channels=_numbers(options.pop("channels")),
        mains_hz=float(options.pop("mains_hz")),
        about={key: text for key, text in told.items() if text},
        **options,
    )
    record_now(request)


def _words(listed: str | None, file: Path | None) -> tuple[str, ...]:
    from edgeemg.errors import RecordingError

    if (listed is None) == (file is None):
        raise click.UsageError("give either --words yes,no,stop or --words-file FILE")
    if listed is not None:
        words = tuple(word.strip() for word in listed.split(","))
        if any(words) and not all(words):
            raise click.UsageError(f"--words {listed!r} has an empty place between its commas")
        return words if any(words) else ()
    assert file is not None, "one of the two was given"
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise RecordingError(
            f"--words-file {file} cannot be read ({error.strerror}): "
            "give a file of one word or phrase a line"
        ) from error
    except UnicodeDecodeError as error:
        raise RecordingError(
            f"--words-file {file} is not text in UTF-8: save it as that, one word or phrase a line"
        ) from error
    stripped = (line.partition("#")[0].strip() for line in lines)
    return tuple(line for line in stripped if line)


def _numbers(listed: str) -> tuple[int, ...]:
    if listed.strip() == "all":
        return ()
    try:
        return tuple(int(one) for one in listed.split(",") if one.strip())
    except ValueError as error:
        raise click.UsageError(
            f"--channels must be all, or numbers such as 1,2,3, got {listed!r}"
        ) from error


def any_seed() -> int:
    """Of an order of words: another each time."""
    import secrets

    return secrets.randbelow(2**31)

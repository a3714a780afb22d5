"""`edgeemg data recover`: a journal that a power cut left behind in, EMG-BIDS out."""

from pathlib import Path

import click


@click.command(short_help="Turn what a broken-off recording left behind into EMG-BIDS.")
@click.argument("journal", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder to add to.")
@click.option("--keep", is_flag=True, help="Keep FILE even where nothing of it is lost.")
def recover(journal: Path, out: Path, keep: bool) -> None:
    """Read a *.emgj file and add what it holds to the folder --out.

    `edgeemg record` leaves such a file where it was killed, where power was lost, where the disk
    was full, or on a device without edfio. What of it is damaged is said and left out; a trial that
    lacks samples is no trial. FILE is removed once the recording has been read back, and only
    where nothing in it was damaged.

    \b
    edgeemg data recover rec/sub-01_ses-1_task-speech_run-1.emgj --out rec
    """
    from edgeemg.cli import recording_files
    from edgeemg.data.journal import is_being_written
    from edgeemg.errors import RecordingError

    if not journal.is_file():
        raise RecordingError(f"{journal}: there is no such file; wanted a *.emgj of edgeemg record")
    if is_being_written(journal):
        raise RecordingError(f"{journal} is being recorded at this moment: end that first")
    recording_files.keep(journal, out, keep_journal=keep)

"""What a service is asked for in; why `edgeemg run` would refuse it at each start, out.

Tried with the code of `run` itself, as far as that goes without a sensor, a socket or a keyboard.
"""

from collections.abc import Iterator

from edgeemg.cli.opening import check_line
from edgeemg.cli.run import line_of, model_of
from edgeemg.cli.run_arguments import RunArguments
from edgeemg.cli.sensor_options import device_of
from edgeemg.cli.sink_names import check_place
from edgeemg.errors import EdgeEmgError


def refusals(asked: RunArguments) -> Iterator[str]:
    """One sentence each: the bundle, its engine and settings; the inputs; every sink."""
    try:
        loaded = model_of(asked.bundle, asked.values).load()
    except EdgeEmgError as error:
        yield str(error)
        return
    line = line_of(str(asked.port), device_of(dict(asked.values)), asked.values)
    try:
        check_line(loaded.manifest, line)
    except EdgeEmgError as error:
        yield str(error)
    for name in asked.sinks:
        try:
            check_place(name, loaded.manifest)
        except EdgeEmgError as error:
            yield str(error)

"""What a service is asked for in; what it would need to serve its pages, in sentences, out."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edgeemg.cli.run_arguments import RunArguments
from edgeemg.errors import MissingExtraError, needs_extra
from edgeemg.runtime.monitor import DEFAULT_PORT
from edgeemg.runtime.web_access import TOKEN_VARIABLE, Address, parse_address

_WS_PORT = 8765  # of the WebSocket sink
_MAKE_ONE = "python3 -c 'import secrets; print(secrets.token_urlsafe())'"


@dataclass(frozen=True, slots=True)
class _Listening:
    """What waits for others to connect: `what` it is, where, and whether a token file is named."""

    what: str
    address: Address
    has_file: bool


def warnings(asked: RunArguments, *, name: str, prefix: Path) -> Iterator[str]:
    """One sentence each, with a remedy; SinkError where an address is none.

    prefix  holds NAME.env, which systemd reads for the service
    """
    listening = list(_listening(asked))
    if listening:
        try:
            with needs_extra("ws", listening[0].what):
                import websockets  # noqa: F401  # only whether it is there
        except MissingExtraError as error:
            yield str(error)
    if _holds_token(prefix / f"{name}.env"):
        return
    for one in listening:
        if not one.address.is_loopback and not one.has_file:
            yield (
                f"{one.what} on {one.address} can be reached by other machines, so it needs a "
                f"token: write {TOKEN_VARIABLE}=... into {env_file(name)} (chmod 600), "
                f"made by {_MAKE_ONE}"
            )


def token_remedy(name: str) -> str:
    """What to do where the service may not read the file that holds the token."""
    return (
        f"write {TOKEN_VARIABLE}=... into {env_file(name)} (chmod 600: systemd reads it as root), "
        "and leave the token file out"
    )


def env_file(name: str) -> Path:
    """Where a service's credentials are kept."""
    return Path(f"/etc/{name}.env")


def _listening(asked: RunArguments) -> Iterator[_Listening]:
    if asked.monitor is not None:
        address = parse_address(asked.monitor, default_port=DEFAULT_PORT)
        yield _Listening("the monitor", address, "--monitor-token-file" in asked.options)
    for sink in asked.sinks:
        kind, _, rest = sink.partition("://")
        place, _, query = rest.partition("?")
        if kind == "ws":
            address = parse_address(place, default_port=_WS_PORT)
            yield _Listening("the WebSocket sink", address, "token_file=" in query)


def _holds_token(env: Path) -> bool:
    """Whether a file of the form of systemd.exec(5), "EnvironmentFile", sets the token."""
    try:
        lines = env.read_text(encoding="utf-8", errors="replace").splitlines()
    except PermissionError:  # as it should be: only root may look
        return True
    except OSError:
        return False
    return any(line.strip().startswith(f"{TOKEN_VARIABLE}=") for line in lines)

"""What a service runs and needs in, the text of its hardened systemd unit out.

Every line of the unit that is not plain says why it is there. Names and rules of the settings:
systemd.service(5), systemd.exec(5), systemd.resource-control(5), systemd.syntax(7), version 252 and
later (Debian 12).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from string import digits
from urllib.parse import urlsplit

from edgeemg.errors import EdgeEmgError
from edgeemg.runtime.web_access import parse_address

# kinds of serial ports: their names without the number -> the kernel module that brings them, if it
# is one
_KINDS = {
    "ttyUSB": "usbserial",
    "ttyACM": "cdc_acm",
    "rfcomm": "rfcomm",
    "ttyAMA": None,
    "ttyS": None,
}
_ON_USB = ("ttyUSB", "ttyACM")
_QUIET_SINKS = ("jsonl", "keys")  # those that need no network
_ESCAPES = {"\n": "\\n", "\t": "\\t", "\r": "\\r", '"': '\\"', "\\": "\\\\", "%": "%%"}


@dataclass(frozen=True, slots=True)
class Needs:
    """What the runtime asks of the system that it runs on.

    port        real name of the sensor's port, as in ttyUSB0; "" where it is not known yet
    sinks       as `edgeemg run --sink` takes them
    monitor     HOST:PORT of the monitor; None: there is none
    writable    folders outside its own that it writes to
    in_homes    whether it reads anything below /home or /root
    """

    port: str = ""
    sinks: tuple[str, ...] = ()
    monitor: str | None = None
    writable: tuple[str, ...] = ()
    in_homes: bool = False


def unit_text(
    name: str, command: Sequence[str], *, user: str, dynamic: bool, group: str, needs: Needs
) -> str:
    """The unit NAME.service, with the arguments of `command` quoted.

    dynamic  the user exists only while the service runs
    group    of the serial ports

    Raises EdgeEmgError where systemd cannot hold the command.
    """
    return _TEMPLATE.format(
        name=name,
        command=_command(command),
        user="\n".join(_user(name, user, group, dynamic=dynamic, needs=needs)),
        modules=" ".join(f"modprobe@{one}.service" for one in _modules(needs)),
        devices="\n".join(f"DeviceAllow={one} rw" for one in _devices(needs)),
        network="\n".join(_network(needs)),
        homes="read-only" if needs.in_homes else "yes",
        writable="".join(f"ReadWritePaths={_path(one)}\n" for one in needs.writable),
    )


def quoted(argument: str) -> str:
    """One argument of a command line as systemd reads it back; systemd.syntax(7), "Quoting".

    A dollar sign needs nothing: the command begins with a colon.
    """
    if "\0" in argument or not _encodes(argument):
        raise EdgeEmgError(f"a unit cannot hold the argument {argument!r}: rename what it names")
    text = "".join(_ESCAPES.get(one) or _visible(one) for one in argument)
    return f'"{text}"'


def is_local(sink: str) -> bool:
    """Whether a sink's address lies on this machine: then no other is ever talked to."""
    try:
        host = urlsplit(sink).hostname or ""
        return host in ("", "localhost") or ip_address(host).is_loopback
    except ValueError:
        return False


def _command(command: Sequence[str]) -> str:
    program = command[0]
    if not program.startswith("/") or any(one in program for one in "\"'\\") or _odd(program):
        raise EdgeEmgError(
            f"systemd cannot start {program!r}: install edgeemg in a folder "
            "without quotes, backslashes and control characters in its name"
        )
    return " ".join(quoted(one) for one in command)


def _user(name: str, user: str, group: str, *, dynamic: bool, needs: Needs) -> Iterator[str]:
    yield f"User={user}"
    if dynamic:
        yield "# made when the service starts, gone when it ends: it owns nothing else"
        yield "DynamicUser=yes"
    yield "# who may open serial ports" + (" and uinput" if _types(needs) else "")
    yield f"SupplementaryGroups={group}" + (" input" if _types(needs) else "")
    yield f"# what it writes lies in /var/lib/{name}, and relative paths begin there"
    yield f"StateDirectory={name}"
    yield "StateDirectoryMode=0750"
    yield f"WorkingDirectory=/var/lib/{name}"


def _kinds(needs: Needs) -> list[str]:
    """Names, without the number, of ports that the sensor may have; [] where it is none of them."""
    kind = needs.port.rstrip(digits)
    if kind not in _KINDS:
        return [] if needs.port else list(_ON_USB)
    return list(_ON_USB) if kind in _ON_USB else [kind]


def _modules(needs: Needs) -> list[str]:
    modules = [module for kind in _kinds(needs) if (module := _KINDS[kind])]
    return [*modules, "uinput"] if _types(needs) else modules or ["usbserial"]


def _devices(needs: Needs) -> list[str]:
    devices = [f"char-{kind}" for kind in _kinds(needs)] or [f"/dev/{needs.port}"]
    return [*devices, "/dev/uinput"] if _types(needs) else devices


def _network(needs: Needs) -> Iterator[str]:
    """Address families and addresses, by what the sinks and the monitor need."""
    talking = [one for one in needs.sinks if _kind(one) not in _QUIET_SINKS]
    if not talking and needs.monitor is None:
        yield "# no sink needs a network; AF_UNIX is for systemd and the journal"
        yield "PrivateNetwork=yes"
        yield "RestrictAddressFamilies=AF_UNIX"
        yield "IPAddressDeny=any"
        return
    yield "# sinks or the monitor talk over the network"
    yield "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6"
    # the port does not matter here
    here = needs.monitor is None or parse_address(needs.monitor, default_port=0).is_loopback
    if here and all(_kind(one) != "exec" and is_local(one) for one in talking):
        yield "# and with this machine only"
        yield "IPAddressDeny=any"
        yield "IPAddressAllow=localhost"


def _kind(sink: str) -> str:
    return sink.partition(":")[0]


def _types(needs: Needs) -> bool:
    return any(_kind(one) == "keys" for one in needs.sinks)


def _path(path: str) -> str:
    """A path in a setting: quoted, but systemd keeps escapes there, so some cannot be said."""
    if any(one in path for one in "\"'\\") or _odd(path):
        raise EdgeEmgError(f"a unit cannot name the folder {path!r}: rename it")
    return '"{}"'.format(path.replace("%", "%%"))


def _odd(text: str) -> bool:
    return not _encodes(text) or any(not one.isprintable() for one in text)


def _encodes(text: str) -> bool:
    """Whether it is text: a file name may be bytes that are none."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _visible(character: str) -> str:
    """Control characters as an escape; systemd reads a unit line by line."""
    return (
        character
        if ord(character) >= 32 and ord(character) != 127
        else (f"\\x{ord(character):02x}")
    )


_TEMPLATE = """\
[Unit]
Description=edgeemg: decisions from surface EMG ({name})
# tried again for ever: nobody is there to start it by hand
StartLimitIntervalSec=0
# the drivers of the ports must be there before DeviceAllow is read
Wants={modules}
After={modules}

[Service]
Type=notify
NotifyAccess=main
ExecStart=:{command}
# reads the bundle again, without losing a sample
ExecReload=/bin/sh -c 'kill -HUP $MAINPID'
Restart=always
RestartSec=2
TimeoutStartSec=60
# SIGTERM stops the sensor within 2 s; children of an exec sink get SIGKILL after it
TimeoutStopSec=5
KillMode=mixed
# kicked by the decision loop: one that hangs is ended, and started again
WatchdogSec=10
# where it hung is then in the journal
Environment=PYTHONFAULTHANDLER=1
# products of small matrices: threads would only cost
Environment=OPENBLAS_NUM_THREADS=1
# credentials of sinks, as EDGEEMG_MQTT_PASSWORD=...; read by systemd, so root's alone (chmod 600)
EnvironmentFile=-/etc/{name}.env
SyslogIdentifier={name}

{user}
UMask=0027

# no right of root's, ever
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
RestrictSUIDSGID=yes
PrivateUsers=yes

# the system is read only, and homes are hidden or read only too
ProtectSystem=strict
ProtectHome={homes}
{writable}PrivateTmp=yes
PrivateMounts=yes
ProtectProc=invisible
# /proc/cpuinfo stays in sight: engines choose their kernels by it (ProcSubset=pid would hide it)

# of devices the serial ports alone (PrivateDevices=yes would hide them)
DevicePolicy=closed
{devices}

{network}

# nothing of the kernel's is set
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
RestrictNamespaces=yes
RestrictRealtime=yes
LockPersonality=yes
KeyringMode=private
RemoveIPC=yes
# memory is never writable and then executable: no engine here makes code while it runs
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
"""

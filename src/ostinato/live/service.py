"""Set a service up: what it is told, written to its folder and compared with what it was told."""

from __future__ import annotations

import ipaddress
import socket
import subprocess
from pathlib import Path
from typing import Any, Final

import msgspec

from ostinato.core.errors import ConfigError, InputError, StoreError
from ostinato.core.units import duration_ns
from ostinato.live.alerts.address import read_address
from ostinato.live.alerts.apprise_alerts import check as check_apprise
from ostinato.live.config import ServiceConfig
from ostinato.live.launch import command
from ostinato.live.layout import Layout
from ostinato.live.lock import holder
from ostinato.live.published import read, write

FIXED: Final = {
    "loop": "its log and journal are about another loop",
    "seed": "its decisions were drawn with another seed",
    "clock": "times of the two clocks cannot stand in one log",
    "train_takes": "on its clock, decisions depend on it",
}
"""What cannot change in a folder, and why. `train_takes` only on the events clock."""


def set_up(
    layout: Layout, config: ServiceConfig, *, data: Path | None, start: str | None
) -> list[str]:
    """Make a folder ready for a service, in a process of its own.

    Parameters
    ----------
    layout
        The folder; made if there is none.
    config
        How the service runs; the name of the loop is filled in.
    data
        The history that trains the first champion; None: what the loop file brings.
    start
        When serving begins, ISO 8601; None: now, after all of the data.

    Returns
    -------
    list
        What is different from the last start, a line each.

    Raises
    ------
    InputError
        If a service runs there, or the loop file, the data or an option cannot be used.
    StoreError
        If the process ended otherwise; what it said is on stderr.
    """
    check_config(config)
    running = holder(layout.lock)
    if running is not None:
        raise InputError(
            "A service runs in this folder already",
            found=f"process {running} on {layout.folder}",
            expected="one service per folder",
            hint="Stop it first, or give another folder: --dir.",
        )
    words = ["--dir", str(layout.folder), "--config", msgspec.json.encode(config).decode()]
    words += [] if data is None else ["--data", str(data)]
    words += [] if start is None else ["--start", start]
    done = subprocess.run(  # noqa: S603 - our own module under our own interpreter
        command("ostinato.live.first_start", *words), stdout=subprocess.PIPE, check=False
    )
    return _told(done.returncode, done.stdout)


def _told(code: int, answer: bytes) -> list[str]:
    if code == 0:
        return msgspec.json.decode(answer, type=list[str])
    try:
        facts = msgspec.json.decode(answer, type=dict[str, str | None])
    except msgspec.MsgspecError as error:
        raise StoreError(
            "The folder could not be made ready",
            found=f"exit code {code}",
            hint="See the lines above.",
        ) from error
    raise InputError(
        facts["what"] or "",
        found=facts["found"],
        expected=facts["expected"],
        hint=facts["hint"],
    )


def settle(layout: Layout, config: ServiceConfig) -> list[str]:
    """Write how the service runs; return what is different from before, a line each.

    Parameters
    ----------
    layout
        The folder; made if there is none.
    config
        What it is told now.

    Raises
    ------
    ConfigError
        If a value cannot be used, or is one that cannot change in a folder.
    StoreError
        If the folder cannot be written.
    """
    check_config(config)
    before = read(layout.service, ServiceConfig)
    if before is not None and layout.status.exists():
        # Of the first start; what holds since stands in the journal.
        config = msgspec.structs.replace(config, autonomy=before.autonomy)
    changes = [] if before is None else _changes(before, config)
    layout.make()
    write(layout.service, config)
    return changes


def read_config(layout: Layout) -> ServiceConfig:
    """Return how the service of a folder runs.

    Raises
    ------
    InputError
        If there is no service in the folder.
    """
    config = read(layout.service, ServiceConfig)
    if config is None:
        raise InputError(
            "There is no service in this folder",
            found=layout.folder,
            expected="a folder that ostinato serve has set up",
            hint="Say which: --dir FOLDER. ostinato serve FILE makes one.",
        )
    return config


def check_config(config: ServiceConfig) -> None:
    """Refuse values that no service can run with."""
    duration_ns(config.tick, name="tick")
    duration_ns(config.train_takes, name="train_takes")
    least = {"gateways": 1, "predict_timeout_ms": 1, "retention_days": 1, "port": 1}
    least["alerts_per_hour"] = 1
    least |= {"train_timeout_s": 0, "train_memory_mb": 0, "requests_per_second": 0}
    for name, smallest in least.items():
        if getattr(config, name) < smallest:
            raise ConfigError(
                f"{_option(name)} is too small",
                found=getattr(config, name),
                expected=f"at least {smallest}",
            )
    for address in map(read_address, config.alerts):
        if not address.is_webhook:
            check_apprise(address.url)
    if config.port > 65_535:
        raise ConfigError("--port is no port", found=config.port, expected="1 to 65535")
    if config.open_access and not is_loopback(config.host):
        raise ConfigError(
            "A service without tokens would be open to the whole network",
            found=f"--access open on {config.host}",
            expected="--access tokens, or a loopback address such as 127.0.0.1",
            hint="ostinato token create NAME --scope predict makes a token.",
        )


def is_loopback(host: str) -> bool:
    """Whether only processes of this machine reach an address.

    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def service_url(config: ServiceConfig) -> str:
    """Return where this machine reaches the service."""
    everywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound
    host = everywhere.get(config.host, config.host)
    return f"http://[{host}]:{config.port}" if ":" in host else f"http://{host}:{config.port}"


def masked(declared: str) -> str:
    """Show an address of alerts without what in it may be secret.

    >>> masked("https://hooks.example/T0/secret")
    'warning=https://hooks.example'
    """
    address = read_address(declared)
    return f"{address.least}={address.shown}"


def link_of(config: ServiceConfig) -> str:
    """Return where people reach the service."""
    return config.link.rstrip("/") or service_url(config)


def check_port(host: str, port: int) -> None:
    """Refuse a port that somebody listens on: gateways would share it with a stranger.

    Raises
    ------
    InputError
        If the port is taken, or the address is none of this machine.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)
    except OSError as error:
        raise InputError(
            "The service cannot listen there",
            found=f"{host}:{port} ({error.strerror or error})",
            expected="an address of this machine and a port that nobody listens on",
            hint="Give another one: --port 8001.",
        ) from error


def free_port(host: str = "127.0.0.1") -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def _changes(before: ServiceConfig, now: ServiceConfig) -> list[str]:
    changes = []
    for name in ServiceConfig.__struct_fields__:
        old, new = getattr(before, name), getattr(now, name)
        if old == new:
            continue
        if name in FIXED and (name != "train_takes" or now.clock == "events"):
            raise ConfigError(
                f"{_option(name)} cannot change in a folder: {FIXED[name]}",
                found=_shown(new),
                expected=_shown(old),
                hint="Start in another folder: --dir FOLDER.",
            )
        if name == "alerts":
            old, new = (tuple(map(masked, each)) for each in (old, new))
        changes.append(f"{_option(name)}: {_shown(old)} -> {_shown(new)}")
    return changes


def _option(name: str) -> str:
    words = {
        "target": "FILE",
        "loop": "The loop",
        "alerts": "--alert",
        "open_access": "--access",
    }
    return words.get(name, f"--{name.replace('_', '-')}")


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "open" if value else "tokens"
    if isinstance(value, tuple):
        return ", ".join(value) or "none"
    return str(value) if value != "" else "none"

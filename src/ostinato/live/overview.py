"""How a service stands, read from its folder, whether it runs or not."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from ostinato.core.clock import WallClock
from ostinato.core.errors import OstinatoError
from ostinato.core.units import SECOND_NS
from ostinato.live.client import answers
from ostinato.live.layout import Layout
from ostinato.live.lock import holder
from ostinato.live.published import Alive, Published, Status, Undo, Written, read
from ostinato.live.service import masked, read_config, service_url


def overview(layout: Layout) -> dict[str, Any]:
    """Return how the service of a folder stands, as JSON types.

    ``loop``, ``url``, ``running`` (the supervisor's process id; null when it is stopped),
    ``answers``, ``status`` (`Status`, what the engine last did; null before its first tick),
    ``routes`` (`Published`; null before the first), ``undoing`` (an undo that the engine has not
    read yet), ``processes``, ``service`` (`ServiceConfig`), ``troubles`` (files that cannot be
    read).

    Raises
    ------
    InputError
        If there is no service in the folder.
    """
    config = read_config(layout)
    running = holder(layout.lock)
    troubles: list[str] = []
    undo = _read(layout.undo, Undo, troubles)
    routes = _read(layout.routes, Published, troubles)
    undoing = undo is not None and routes is not None and routes.epoch <= undo.epoch
    return {
        "loop": config.loop,
        "url": f"{service_url(config)}/loops/{config.loop}",
        "running": running,
        "answers": running is not None and answers(service_url(config)),
        "status": _plain(_read(layout.status, Status, troubles)),
        "routes": _plain(routes),
        "undoing": undoing,
        "processes": _processes(layout, troubles),
        "service": _plain(replace(config, alerts=tuple(map(masked, config.alerts)))),
        "troubles": troubles,
    }


def _processes(layout: Layout, troubles: list[str]) -> list[dict[str, Any]]:
    now_ns, found = WallClock().now_ns(), []
    paths = [*sorted(layout.run.glob("engine.json")), *sorted(layout.run.glob("gateway-*.json"))]
    for path in paths:
        alive = _read(path, Alive, troubles)
        if alive is not None and _lives(alive.pid):
            age_s = round((now_ns - alive.beat_ns) / SECOND_NS, 1)
            found.append(
                {"name": path.stem, "pid": alive.pid, "epoch": alive.epoch, "beat_age_s": age_s}
            )
    return found


def _read(path: Path, kind: type[Written], troubles: list[str]) -> Written | None:
    try:
        return read(path, kind)
    except OstinatoError as error:
        troubles.append(str(error))
        return None


def _plain(value: msgspec.Struct | None) -> Any:
    return None if value is None else msgspec.to_builtins(value)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True

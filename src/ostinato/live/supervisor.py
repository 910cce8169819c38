"""Start a service's processes, keep them alive, stop them in order.

``python -m ostinato.live.supervisor --dir .ostinato`` runs the service of a folder that has been
set up; `ostinato serve` sets it up and runs the same.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from ostinato.core.clock import SteadyClock
from ostinato.core.errors import OstinatoError
from ostinato.core.ports import Clock
from ostinato.core.units import SECOND_NS, format_duration
from ostinato.live.client import answers
from ostinato.live.config import ServiceConfig
from ostinato.live.console import Console
from ostinato.live.keeper import UNUSABLE, Component, Keeper
from ostinato.live.layout import Layout
from ostinato.live.lock import FolderLock
from ostinato.live.published import Published, read
from ostinato.live.service import check_port, read_config, service_url
from ostinato.live.signals import Signals

LOOK_S: Final = 0.25
"""Between two looks at the children; a death is seen at once."""

GATEWAY_SILENT_S: Final = 5.0
"""Shorter, and a busy machine looks like a hang; longer, and requests wait longer for one."""
ENGINE_SILENT_S: Final = 60.0
"""As above; a tick over many rows takes its time."""
GATEWAY_START_S: Final = 180.0
"""Loading, compiling and warming models may take so long."""

GIVE_UP: Final = 2
"""A service that was never ready ends when a process says so often that it cannot work. Once may be
because what was killed before still holds a file."""

IMPATIENT_NS: Final = 30 * SECOND_NS
"""After so long without being ready a service says what it waits for, and again as often."""

GATEWAY_DRAIN_S: Final = 40.0
"""Gateways may finish requests for so long (a request may take 30 s) before they are killed."""
ENGINE_DRAIN_S: Final = 120.0
"""The engine may finish its tick and write its snapshot for so long before it is killed."""


class Supervisor:
    """Keeps the processes of one service alive.

    Parameters
    ----------
    layout, config
        The folder and how the service runs.
    say
        Told what happens, a line each; must not block.
    autonomy
        How far the loop acts by itself by now; empty: as at the first start.
    engine, gateways
        What runs; default: as the configuration says.
    is_ready
        Whether the service answers at a URL.
    clock
        A steady clock.
    """

    def __init__(
        self,
        layout: Layout,
        config: ServiceConfig,
        say: Callable[[str], None],
        *,
        autonomy: str = "",
        engine: Component | None = None,
        gateways: Sequence[Component] | None = None,
        is_ready: Callable[[str], bool] = answers,
        clock: Clock | None = None,
    ) -> None:
        self._layout, self._config, self._say = layout, config, say
        self._autonomy = autonomy or config.autonomy
        parts = gateway_components(layout, config) if gateways is None else gateways
        self._engine = Keeper(engine or engine_component(layout), layout, say)
        suspects: dict[str, int] = {}
        self._gateways = [Keeper(each, layout, say, suspects=suspects) for each in parts]
        self._is_ready = is_ready
        self._clock: Clock = clock or SteadyClock()
        self.ready = False
        self._next_word_ns = IMPATIENT_NS

    def run(self) -> int:
        """Run until asked to stop; return the exit code.

        Raises
        ------
        InputError
            If the folder has a service already, or the port is taken.
        """
        with FolderLock(self._layout.lock), Signals() as signals:
            check_port(self._config.host, self._config.port)
            self._introduce()
            try:
                return self._keep_alive(signals)
            finally:
                self._stop(signals)

    def _introduce(self) -> None:
        config = self._config
        self._say(
            f"{config.loop}: {config.target} in {self._layout.folder}, process {os.getpid()}; "
            f"autonomy {self._autonomy}, clock {config.clock}, durability {config.durability}"
        )

    def _keep_alive(self, signals: Signals) -> int:
        began_ns = self._clock.now_ns()
        while not signals.stops:
            now_ns = self._clock.now_ns()
            for keeper in self._keepers():
                keeper.look(now_ns)
            if not self.ready:
                if any(keeper.gave_up >= GIVE_UP for keeper in self._keepers()):
                    self._say("the service cannot start: see the last lines above")
                    return UNUSABLE
                self._see_whether_ready(now_ns - began_ns)
            signals.wait(LOOK_S)
        return 0

    def _keepers(self) -> list[Keeper]:
        """Return whom to look after: gateways have nothing to serve before there are routes."""
        gateways = self._gateways if self._layout.routes.exists() else []
        return [self._engine, *gateways]

    def _see_whether_ready(self, took_ns: int) -> None:
        url = service_url(self._config)
        if any(keeper.beat is None for keeper in self._gateways) or not self._is_ready(url):
            self._say_what_is_missing(took_ns)
            return
        self.ready = True
        loop, routes = self._config.loop, read(self._layout.routes, Published)
        serving = f"{routes.champion} at epoch {routes.epoch}" if routes else "nothing"
        self._say(f"ready after {format_duration(took_ns)}: {loop} serves {serving}")
        self._say(f"  predict  POST {url}/loops/{loop}/predict")
        self._say(f"  labels   POST {url}/loops/{loop}/labels")
        self._say(f"  status   GET  {url}/loops/{loop}")
        self._say(f"  docs     {url}/docs    metrics  {url}/metrics")

    def _say_what_is_missing(self, took_ns: int) -> None:
        if took_ns < self._next_word_ns:
            return
        self._next_word_ns = took_ns + IMPATIENT_NS
        if not self._layout.routes.exists():
            missing = "the first champion is being trained"
        else:
            silent = [each.component.name for each in self._gateways if each.beat is None]
            missing = (
                f"{', '.join(silent)}: no sign of life yet"
                if silent
                else (f"{service_url(self._config)}/v2/health/ready does not say yes")
            )
        self._say(f"not ready after {format_duration(took_ns)}: {missing}")

    def _stop(self, signals: Signals) -> None:
        self._say("stopping: gateways finish their requests (Ctrl-C again: at once)")
        self._end(self._gateways, GATEWAY_DRAIN_S, signals)
        self._say("stopping: the engine finishes its tick")
        self._end([self._engine], ENGINE_DRAIN_S, signals)
        self._say("stopped")

    def _end(self, keepers: list[Keeper], patience_s: float, signals: Signals) -> None:
        for keeper in keepers:
            keeper.stop()
        deadline_ns = self._clock.now_ns() + int(patience_s * SECOND_NS)
        while not all(keeper.stopped() for keeper in keepers):
            if signals.stops > 1 or self._clock.now_ns() > deadline_ns:
                break
            signals.wait(0.1)
        for keeper in keepers:
            if not keeper.stopped():
                self._say(f"{keeper.component.name}: killed")
            keeper.kill()


def engine_component(layout: Layout) -> Component:
    """Return the engine of a folder."""
    # Until its first sign of life the engine may train the first champion: no limit.
    return Component(
        name="engine",
        module="ostinato.live.engine",
        arguments=(str(layout.folder),),
        silent_s=ENGINE_SILENT_S,
    )


def gateway_components(layout: Layout, config: ServiceConfig) -> list[Component]:
    """Return the gateways of a folder."""
    return [
        Component(
            name=f"gateway-{index}",
            module="ostinato.live.gateway.process",
            arguments=("--dir", str(layout.folder), "--index", str(index)),
            silent_s=GATEWAY_SILENT_S,
            start_s=GATEWAY_START_S,
        )
        for index in range(config.gateways)
    ]


def supervise(layout: Layout, write: Callable[[str], None], *, autonomy: str = "") -> int:
    """Run the service of a folder that has been set up; return the exit code.

    `autonomy` is said at the start; empty: that of the first start.
    """
    config = read_config(layout)
    layout.make()
    console = Console(write)
    try:
        return Supervisor(layout, config, console.say, autonomy=autonomy).run()
    finally:
        console.close()


def main(arguments: list[str]) -> int:
    """Run as a program."""
    parser = argparse.ArgumentParser(prog="ostinato.live.supervisor")
    parser.add_argument("--dir", type=Path, required=True)
    given = parser.parse_args(arguments)
    try:
        return supervise(Layout(given.dir.absolute()), _on_stderr)
    except OstinatoError as error:
        _on_stderr(f"error: {error}")
        return UNUSABLE


def _on_stderr(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

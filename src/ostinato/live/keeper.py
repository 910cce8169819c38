"""Keep one component alive: start it, watch its signs of life, start it again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ostinato.core.errors import OstinatoError
from ostinato.core.units import SECOND_NS, format_duration
from ostinato.live.child import Child, exit_text
from ostinato.live.layout import Layout
from ostinato.live.published import Alive, Published, Written, read

PAUSES_NS: Final = tuple(int(seconds * SECOND_NS) for seconds in (0, 0.25, 0.5, 1, 2, 5))
"""Before each start after a death, by how many quick deaths there were; the last from then on.
Shorter, and what cannot start eats the processor; longer, and it is away longer than it must."""

QUICK_NS: Final = 10 * SECOND_NS
"""A process that lives longer than this has worked."""

UNUSABLE: Final = 2
"""Exit code of a process that cannot work with what it was told."""

SUSPECTED_NS: Final = 600 * SECOND_NS
"""How long a version stays suspect. Shorter, and one that kills gateways kills them often; longer,
and one that was only there when something else killed them is left aside for longer."""

LONG_AGO_NS: Final = SECOND_NS
"""Between two looks. After a longer gap the machine or the supervisor itself stood still, and
nobody's silence says anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """What is kept alive.

    Parameters
    ----------
    name
        Also the name of its files in ``run`` and ``logs``.
    module, arguments
        How it is started.
    silent_s
        Without a sign of life for so long it counts as hanging.
    start_s
        So long it may take to its first sign of life; None: as long as it wants.
    """

    name: str
    module: str
    arguments: tuple[str, ...]
    silent_s: float
    start_s: float | None = None


class Keeper:
    """One component, alive or about to be again.

    `gave_up` counts how often in a row it ended because it cannot work with what it was told.

    Parameters
    ----------
    component
        What is kept alive.
    layout
        Its folder.
    say
        Told what happens, a line each, and what the component says.
    suspects
        Versions that a process died or hung on, and when; shared by the gateways of a service, so
        that each of them need not find out by itself.
    """

    def __init__(
        self,
        component: Component,
        layout: Layout,
        say: Callable[[str], None],
        *,
        suspects: dict[str, int] | None = None,
    ) -> None:
        self.component, self._layout, self._say = component, layout, say
        self._suspects = {} if suspects is None else suspects
        self.child: Child | None = None
        self.gave_up = 0
        self._due_ns = 0
        self._quick = 0
        self._started_ns = self._heard_ns = self._looked_ns = 0
        self._beat: Alive | None = None

    @property
    def beat(self) -> Alive | None:
        """The last sign of life of the process that runs now."""
        return self._beat

    def look(self, now_ns: int) -> None:
        """Start what is due, see who died, end who hangs.

        Parameters
        ----------
        now_ns
            By a steady clock.
        """
        gap_ns, self._looked_ns = now_ns - self._looked_ns, now_ns
        if self.child is None:
            if now_ns >= self._due_ns:
                self._start(now_ns)
            return
        code = self.child.ended()
        if code is not None:
            self.gave_up = self.gave_up + 1 if code == UNUSABLE else 0
            last = f": {self.child.last_line}" if self.child.last_line else ""
            self._fell(f"{exit_text(code)}{last}", now_ns)
        elif self._silent(now_ns, gap_ns):
            self._end_hanging(now_ns)

    def stop(self) -> None:
        """Ask the process to leave; it is not started again as long as nobody looks."""
        if self.child is not None:
            self.child.ask_to_stop()

    def stopped(self) -> bool:
        """Whether no process is left."""
        return self.child is None or self.child.ended() is not None

    def kill(self) -> None:
        """End the process and all it has started."""
        if self.child is not None:
            self.child.kill()

    def _start(self, now_ns: int) -> None:
        part, self._beat = self.component, None
        self._drop_old_suspects(now_ns)
        named = (word for version in self._suspects for word in ("--suspect", version))
        log = self._layout.logs / f"{part.name}.log"
        self.child = Child(
            part.name, part.module, (*part.arguments, *named), log=log, say=self._say
        )
        self._started_ns = self._heard_ns = now_ns
        self._say(f"{part.name}: started, process {self.child.pid}")

    def _silent(self, now_ns: int, gap_ns: int) -> bool:
        assert self.child is not None, "only who lives can be silent"
        beat = _read(self._layout.run / f"{self.component.name}.json", Alive)
        # Not their clock is judged, only that the sign is a new one: clocks are set back at times.
        if beat is not None and beat.pid == self.child.pid and beat != self._beat:
            self._beat, self._heard_ns = beat, now_ns
        if gap_ns > LONG_AGO_NS:
            self._heard_ns += gap_ns
        limit_s = self.component.start_s if self._beat is None else self.component.silent_s
        return limit_s is not None and now_ns - self._heard_ns > limit_s * SECOND_NS

    def _end_hanging(self, now_ns: int) -> None:
        assert self.child is not None, "only who lives can hang"
        silent = format_duration(now_ns - self._heard_ns)
        if not _writable(self._layout.run):
            self._say(
                f"{self.component.name}: no sign of life for {silent}, but the folder "
                f"{self._layout.folder} cannot be written either; left alone"
            )
            self._heard_ns = now_ns
            return
        self.child.kill()
        self._fell(f"no sign of life for {silent}, killed", now_ns)

    def _fell(self, why: str, now_ns: int) -> None:
        assert self.child is not None, "only who lives can fall"
        self._suspect(now_ns)
        self.child.kill()  # what it has started must not go on without it
        self.child = None
        self._quick = self._quick + 1 if now_ns - self._started_ns < QUICK_NS else 0
        pause_ns = PAUSES_NS[min(self._quick, len(PAUSES_NS) - 1)]
        self._due_ns = now_ns + pause_ns
        again = f"in {format_duration(pause_ns)}" if pause_ns else "at once"
        self._say(f"{self.component.name}: died ({why}); starts again {again}")

    def _suspect(self, now_ns: int) -> None:
        """Remember the version that was being scored: the next process tries it with care."""
        beat = _read(self._layout.run / f"{self.component.name}.json", Alive)
        ours = beat is not None and self.child is not None and beat.pid == self.child.pid
        if beat is not None and ours and beat.scoring:
            self._suspects[beat.scoring] = now_ns
            self._say(f"{self.component.name}: was scoring {beat.scoring}")

    def _drop_old_suspects(self, now_ns: int) -> None:
        routes = _read(self._layout.routes, Published) or Published(epoch=-1)
        named = (routes.champion, routes.previous, routes.canary, routes.holdback, *routes.shadows)
        for version, since_ns in list(self._suspects.items()):
            if version not in named or now_ns - since_ns > SUSPECTED_NS:
                del self._suspects[version]


def _read(path: Path, kind: type[Written]) -> Written | None:
    try:
        return read(path, kind)
    except OstinatoError:
        return None  # half a file, or none that can be read: no sign of life


def _writable(folder: Path) -> bool:
    probe = folder / ".probe"
    try:
        probe.write_bytes(b"\0" * 4096)
        probe.unlink()
    except OSError:
        return False
    return True

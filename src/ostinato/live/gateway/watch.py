"""Watches the routes: loads what they name beside the traffic, then swaps the table in one step."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Protocol

from ostinato.core.errors import OstinatoError
from ostinato.live.gateway.routing import Table, make_table, wanted
from ostinato.live.gateway.version import Version
from ostinato.live.layout import Layout
from ostinato.live.published import Published, Undo, Written, read

LOOK_S: Final = 0.01
"""Seconds between two looks. Longer: an undo takes longer; shorter: idle work."""

RETRY_S: Final = (1.0, 2.0, 5.0, 10.0, 30.0)
"""Pauses between attempts to load what could not be loaded; the last one is kept."""

Signature = tuple[int, int, int] | None


class Loads(Protocol):
    """Makes versions ready to serve."""

    def load(self, name: str, artifact: str, /) -> Version: ...


class Watcher:
    """Keeps the table in force equal to what the engine published.

    Two threads: one looks at the files and obeys an undo at once, the other loads versions, which
    may take seconds. While a version of the new routes cannot be loaded the old routes stay, and
    it is tried again; where there are none yet, what could be loaded serves.

    Parameters
    ----------
    layout
        Where the files are.
    loader
        Loads versions.
    swap
        Takes the new table; called from either thread.
    say
        Takes sentences for the log.

    Attributes
    ----------
    problems
        By version, why it could not be loaded; of `routes.json` and `undo.json` as well.
    """

    def __init__(
        self,
        layout: Layout,
        loader: Loads,
        swap: Callable[[Table], None],
        say: Callable[[str], None],
    ) -> None:
        self.layout, self.loader, self.swap, self.say = layout, loader, swap, say
        self.problems: Mapping[str, str] = {}
        self.loading = ""
        self._seen: tuple[Signature, Signature] | None = None
        self._wanted: Published | None = None
        self._undo: Undo | None = None
        self._published: Published | None = None
        self._loaded: dict[str, Version] = {}
        self._lock = threading.RLock()
        self._work, self._stop = threading.Event(), threading.Event()
        self._threads = [
            threading.Thread(target=self._look_on, name="watch", daemon=True),
            threading.Thread(target=self._load_on, name="load", daemon=True),
        ]

    def start(self) -> None:
        """Begin to watch."""
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Stop watching; a load under way is left behind."""
        self._stop.set()
        self._work.set()
        self._threads[0].join()

    def look(self) -> None:
        """Look at the files once: obey an undo, and have the versions of new routes loaded."""
        seen = _signature(self.layout.routes), _signature(self.layout.undo)
        if seen == self._seen:
            return
        self._seen = seen
        # What cannot be read changes nothing; the acts of operators are in the log as well.
        undo = self._read(self.layout.undo, Undo, self._undo)
        published = self._read(self.layout.routes, Published, self._wanted)
        with self._lock:
            news = undo != self._undo
            self._undo = undo
            if published is not None and published != self._wanted:
                self._wanted = published
                self._work.set()
            if news and self._published is not None:
                self._put(self._published)

    def _read(self, path: Path, kind: type[Written], before: Written | None) -> Written | None:
        try:
            return read(path, kind)
        except OstinatoError as error:
            self._trouble(path.name, str(error))
            return before

    def load(self) -> bool:
        """Load what the routes wanted now name, and put them in force; False: not all of it."""
        with self._lock:
            published, known = self._wanted, dict(self._loaded)
        if published is None:
            return True
        loaded, problems = self._load_all(published, known)
        with self._lock:
            if published is not self._wanted:
                return True  # newer ones have come: those are loaded next
            self.problems = problems
            first = self._published is None and any(
                name in loaded for name in (published.champion, published.previous)
            )
            if problems and not first:
                self._loaded = {**known, **loaded}
                return False
            self._loaded = loaded
            self._put(published)
            return not problems

    def _load_all(
        self, published: Published, known: Mapping[str, Version]
    ) -> tuple[dict[str, Version], dict[str, str]]:
        loaded: dict[str, Version] = {}
        problems: dict[str, str] = {}
        for name in wanted(published):
            artifact = published.artifacts.get(name, "")
            held = known.get(name)
            if held is not None and held.artifact == artifact:
                loaded[name] = held
                continue
            try:
                self.loading = name
                loaded[name] = self.loader.load(name, artifact)
            except Exception as error:  # noqa: BLE001 - a user's class can raise anything
                problems[name] = str(error) or type(error).__name__
                self._trouble(name, problems[name])
            finally:
                self.loading = ""
        return loaded, problems

    def _put(self, published: Published) -> None:
        self._published = published
        self.swap(make_table(published, self._undo, self._loaded))

    def _trouble(self, name: str, cause: str) -> None:
        if self.problems.get(name) != cause:
            self.say(f"{name} could not be loaded: {cause}")
        self.problems = {**self.problems, name: cause}

    def _look_on(self) -> None:
        while not self._stop.is_set():
            self.look()
            self._stop.wait(LOOK_S)

    def _load_on(self) -> None:
        failures = 0
        while not self._stop.is_set():
            pause = RETRY_S[min(failures, len(RETRY_S)) - 1] if failures else None
            news = self._work.wait(pause)
            self._work.clear()
            if self._stop.is_set():
                return
            failures = 0 if news else failures
            failures = 0 if self.load() else failures + 1


def _signature(path: Path) -> Signature:
    try:
        found = os.stat(path)  # noqa: PTH116 - a hundred times a second: no path objects
    except FileNotFoundError:
        return None
    except OSError:
        return (0, 0, 0)
    return found.st_mtime_ns, found.st_ino, found.st_size

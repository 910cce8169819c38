"""What one durable commit costs on this disk: the yardstick for "one group commit slower"."""

from __future__ import annotations

import sqlite3
import statistics
import time
from contextlib import closing
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

EVENT = bytes(500)


def commit_ms(folder: Path, commits: int = 200) -> float:
    """Median milliseconds until another thread has put one event on disk and said so.

    SQLite with a write-ahead log and full synchronisation, as a log with group commit uses it: the
    hand-over to the thread that writes and back is part of what a single request waits for.
    """
    folder.mkdir(parents=True, exist_ok=True)
    asked: SimpleQueue[bytes | None] = SimpleQueue()
    written: SimpleQueue[None] = SimpleQueue()

    def write() -> None:
        with closing(sqlite3.connect(folder / "commit.db", isolation_level=None)) as log:
            log.execute("PRAGMA journal_mode = WAL")
            log.execute("PRAGMA synchronous = FULL")
            log.execute("CREATE TABLE IF NOT EXISTS event (id INTEGER PRIMARY KEY, body BLOB)")
            while (body := asked.get()) is not None:
                log.execute("INSERT INTO event (body) VALUES (?)", (body,))
                written.put(None)

    writer = Thread(target=write)
    writer.start()
    took = []
    for _ in range(commits):
        began = time.perf_counter()
        asked.put(EVENT)
        written.get()
        took.append((time.perf_counter() - began) * 1e3)
    asked.put(None)
    writer.join()
    return statistics.median(took)

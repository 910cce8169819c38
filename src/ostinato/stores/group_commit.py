"""Group commit: callers that come at the same time share one commit.

Each caller leaves its batch in a queue and then asks for the right to commit. Whoever gets it
first is the leader and commits everything queued by then; the others find their answer ready when
their turn comes. There is no timer: a lone caller commits at once, and the busier the disk, the
larger the groups.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from ostinato.core.errors import OstinatoError, StoreError

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class _Ticket(Generic[Item, Answer]):
    __slots__ = ("answers", "error", "items")

    def __init__(self, items: Sequence[Item]) -> None:
        self.items = items
        self.answers: list[Answer] | None = None
        self.error: OstinatoError | None = None


class GroupCommit(Generic[Item, Answer]):
    """Gathers the batches of concurrent callers into single commits.

    Parameters
    ----------
    commit
        Makes all items durable in one go and returns one answer per item. It is called by one
        thread at a time.

    Examples
    --------
    >>> GroupCommit(lambda items: [item * 2 for item in items]).submit([1, 2])
    [2, 4]
    """

    def __init__(self, commit: Callable[[list[Item]], list[Answer]]) -> None:
        self.commit = commit
        self._queue: list[_Ticket[Item, Answer]] = []
        self._queue_lock = threading.Lock()
        self._commit_lock = threading.Lock()

    def submit(self, items: Sequence[Item]) -> list[Answer]:
        """Commit items, with whatever else is waiting; return after the commit.

        Raises
        ------
        StoreError
            If the commit failed, for each caller whose batch was part of it.
        """
        ticket: _Ticket[Item, Answer] = _Ticket(items)
        with self._queue_lock:
            self._queue.append(ticket)
        with self._commit_lock:
            self._lead(ticket)
        if ticket.answers is not None:
            return ticket.answers
        raise StoreError(
            "The events were not stored: the commit they were part of failed",
            found=None if ticket.error is None else _cause(ticket.error),
            hint="Append them again: a key that was stored after all is not stored twice.",
        ) from ticket.error

    def _lead(self, ticket: _Ticket[Item, Answer]) -> None:
        with self._queue_lock:
            if ticket not in self._queue:
                return  # a leader came before and took it along
            group, self._queue = self._queue, []
        try:
            answers = self.commit([item for member in group for item in member.items])
        except OstinatoError as error:
            for member in group:
                member.error = error
            return
        start = 0
        for member in group:
            member.answers = answers[start : start + len(member.items)]
            start += len(member.items)
        assert start == len(answers), "a commit answers each item once"


def _cause(error: OstinatoError) -> str:
    return error.what if error.found is None else f"{error.what}: {error.found}"

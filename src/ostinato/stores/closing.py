"""What all stores share: they are closed once, by hand or at the end of a ``with`` block."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Self


class Closable(ABC):
    """Something to close when done; works in a ``with`` block."""

    __slots__ = ()

    @abstractmethod
    def close(self) -> None:
        """Give back what is held. Closing twice does nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

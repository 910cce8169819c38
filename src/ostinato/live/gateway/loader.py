"""From the registry into memory: verified, compiled, warm."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from typing import Any, Final

import polars as pl

from ostinato.core.ports import Clock, Registry
from ostinato.learn.model import Model
from ostinato.live.gateway.version import Compiled, Version
from ostinato.stores.artifact import checked_artifact

SAMPLE_ROWS: Final = 2_000
"""Rows of the history that a compiled form is proved on."""

WARM_ROWS: Final = (1, 1, 2, 8, 64, 256, 1, 64, 1)
"""Sizes of the calls before the first real one: the first call of each kind is slow."""

Compile = Callable[[Model, pl.DataFrame], Compiled]


class Loader:
    """Makes versions ready to serve.

    Parameters
    ----------
    registry
        Where artifacts are.
    compiling
        Turns a model into its fastest form, proved on real rows.
    sample
        Real rows with at least the features.
    features
        Names of the features, in the order of the rows.
    clock
        Says since when a version serves.
    suspects
        Versions that are not asked for a while after they are loaded: a process died over them.
    """

    def __init__(
        self,
        registry: Registry,
        compiling: Compile,
        sample: pl.DataFrame,
        *,
        features: Sequence[str],
        clock: Clock,
        suspects: Sequence[str] = (),
    ) -> None:
        self.registry, self.compiling, self.sample = registry, compiling, sample
        self.features, self.clock, self.suspects = tuple(features), clock, suspects

    def load(self, name: str, artifact: str) -> Version:
        """Load a version and warm it up on real rows; nothing of that is logged.

        Parameters
        ----------
        name
            The version.
        artifact
            SHA-256 that the routes were published with; the bytes are compared with it before
            they are read.

        Raises
        ------
        OstinatoError
            If there is no such version, its bytes are others, or it cannot be read.
        """
        content = self.registry.load(name)
        checked_artifact(content, artifact, version=name, place="the registry")
        model = Model.from_bytes(content)
        compiled = self.compiling(model, self.sample)
        suspect = f"A gateway died while {name} scored." if name in self.suspects else ""
        if not suspect:
            self._warm(compiled)
        loaded = Version(
            name,
            artifact,
            compiled,
            features=len(self.features),
            since_ns=self.clock.now_ns(),
            suspect=suspect,
        )
        # Models and libraries stay: the collector must not look through them while it serves.
        gc.collect()
        gc.freeze()
        return loaded

    def _warm(self, compiled: Compiled) -> None:
        rows: list[tuple[Any, ...]] = self.sample.select(self.features).rows()
        for size in WARM_ROWS:
            if rows:
                compiled.score(rows[:size])

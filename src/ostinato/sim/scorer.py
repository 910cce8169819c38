"""Scores requests with the registered models; what a `Scorer` must do, over the registry."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ostinato.core.errors import LearnerError
from ostinato.core.ports import Registry
from ostinato.core.records import Floats, RequestsArrived
from ostinato.sim.models import TinyModel


@dataclass(slots=True)
class RegistryScorer:
    """The `Scorer` port: a version's artifact is loaded once."""

    registry: Registry
    models: dict[str, TinyModel] = field(default_factory=dict)

    def model(self, version: str) -> TinyModel:
        """Return a registered model."""
        if version not in self.models:
            self.models[version] = TinyModel.of(self.registry.load(version))
        return self.models[version]

    def score(self, version: str, requests: RequestsArrived) -> Floats:
        return self.model(version).score(requests.payload)

    def answers(self, version: str, features: Floats, *, width: int) -> Floats:
        """Score rows for a validation set: NaN where the version cannot; `width` 0: one number."""
        try:
            scores = self.model(version).score(features)
            if len(scores) == len(features):
                return scores
        except LearnerError:
            pass
        return self.nothing(len(features), width=width)

    @staticmethod
    def nothing(rows: int, *, width: int) -> Floats:
        """Return what stands for scores that are not there."""
        return np.full((rows, width) if width else rows, np.nan)

"""Tells the meters what the batches were."""

from __future__ import annotations

from collections import Counter

from ostinato.core.records import ROLES
from ostinato.live.gateway.meters import Meters
from ostinato.live.gateway.sheet import Sheet


class BatchMeter:
    """Counts batches as they are scored.

    Parameters
    ----------
    meters
        What the gateway counts with.
    """

    def __init__(self, meters: Meters) -> None:
        self.meters = meters

    def batch(self, sheet: Sheet) -> None:
        """Count answers, faults and durations of a batch; shadows are counted by the engine."""
        first = (sheet.answerers[0], sheet.roles[0])
        if sheet.answerers.count(first[0]) == sheet.roles.count(first[1]) == len(sheet):
            answers = {first: len(sheet)}
        else:
            answers = Counter(zip(sheet.answerers, sheet.roles, strict=True))
        for (version, role), count in answers.items():
            if version is not None:
                self.meters.predictions(version, ROLES[role], count)
        for version, took_ms in sheet.took_ms.items():
            self.meters.scored(version, sum(sheet.columns[version].asked), took_ms / 1000)
        for version in sheet.faults:
            column = sheet.columns[version]
            lost = sum(
                1 for a, s in zip(column.asked, column.scores, strict=True) if a and s is None
            )
            self.meters.fault(version, lost)

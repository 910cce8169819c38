"""The line of champions: what is behind each version, and the older version that anchors it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

UNDER_WAY: Final = 100
"""Orders, and candidates nobody decided on, that are remembered. Fewer: an answer that comes late
is one of a stranger; more: what is lost for good is carried along."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Descent:
    """What is behind a version: `updates` trainings, and rows up to an embargo before a moment.

    On rows predicted from `proved_from_ns` on it may be proved: neither it nor a version it goes on
    from learned any of them.
    """

    updates: int
    proved_from_ns: int
    served: bool = False


@dataclass(slots=True)
class Line:
    """Descent of each version that can still serve, and of those under way (`pending`, by request).

    Of the versions that served, the champion stays, and those that `serves` names beside it. Of
    orders and candidates the last `UNDER_WAY` stay.
    """

    versions: dict[str, Descent] = field(default_factory=dict)
    pending: dict[str, Descent] = field(default_factory=dict)

    def behind(self, champion: str | None, *, changed: bool) -> int:
        """Return how many updates the next training counts: none after a change of the world."""
        known = None if champion is None or changed else self.versions.get(champion)
        return 0 if known is None else known.updates

    def proved_from(self, others: Sequence[str | None]) -> int | None:
        """Return from when on none of these versions learned; None: nothing is known of them."""
        known = [self.versions[other].proved_from_ns for other in others if other in self.versions]
        return max(known, default=None)

    def ordered(self, request: str, descent: Descent) -> None:
        """Remember an order until its version has a name."""
        self.pending[request] = descent
        for lost in list(self.pending)[:-UNDER_WAY]:
            del self.pending[lost]

    def trained(self, request: str, version: str) -> None:
        """Give a new version one update more than its order had."""
        order = self.pending.pop(request, None)
        if order is None:
            return
        self.versions[version] = replace(order, updates=order.updates + 1)
        waiting = [name for name, each in self.versions.items() if not each.served]
        for lost in waiting[:-UNDER_WAY]:
            del self.versions[lost]

    def failed(self, request: str) -> None:
        """Forget an order that came to nothing."""
        self.pending.pop(request, None)

    def ended(self, candidate: str) -> None:
        """Forget a candidate that was turned down."""
        known = self.versions.get(candidate)
        if known is not None and not known.served:
            del self.versions[candidate]

    def returns(self, version: str, now_ns: int) -> None:
        """Take in a version of which nothing is known any more: it learned before it serves."""
        if version not in self.versions:
            self.versions[version] = Descent(updates=0, proved_from_ns=now_ns)

    def serves(self, champion: str, others: Sequence[str | None]) -> None:
        """Of the versions that served, keep the champion and the others that can come back."""
        if champion in self.versions:
            self.versions[champion] = replace(self.versions[champion], served=True)
        gone = [
            name
            for name, each in self.versions.items()
            if each.served and name != champion and name not in others
        ]
        for name in gone:
            del self.versions[name]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorRule:
    """When the anchor moves up to the champion: after a time (ns), or so many promotions."""

    every_ns: int | None = None
    promotions: int | None = None


@dataclass(slots=True)
class Anchor:
    """An older champion that candidates are compared with too, so that small losses cannot add up.

    `since_ns` is when it became the anchor; `promotions` counts those since then.
    """

    version: str | None = None
    since_ns: int = 0
    promotions: int = 0

    def promoted(self, champion: str, now_ns: int) -> None:
        """The first champion is the first anchor; later ones are counted."""
        if self.version is None:
            self.version, self.since_ns = champion, now_ns
        else:
            self.promotions += 1

    def rolled_back(self, subject: str, previous: str) -> None:
        """A champion that was taken back anchors nothing."""
        if self.version == subject:
            self.version = previous

    def renewed(self, rule: AnchorRule, champion: str | None, now_ns: int) -> str | None:
        """Return the anchor for an order given now, moved up to the champion where it is due."""
        old = rule.every_ns is not None and now_ns - self.since_ns >= rule.every_ns
        many = rule.promotions is not None and self.promotions >= rule.promotions
        if self.version is not None and (old or many):
            self.version, self.since_ns, self.promotions = champion, now_ns, 0
        return self.version

"""The line of champions: how often it was updated, and the older version that anchors it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Line:
    """Trainings behind each version, and behind each that is under way (`pending`, by request)."""

    updates: dict[str, int] = field(default_factory=dict)
    pending: dict[str, int] = field(default_factory=dict)

    def behind(self, champion: str | None, *, changed: bool) -> int:
        """Return how many updates the next training counts: none after a change of the world."""
        return 0 if champion is None or changed else self.updates.get(champion, 0)

    def ordered(self, request: str, updates: int) -> None:
        """Remember an order until its version has a name."""
        self.pending[request] = updates

    def trained(self, request: str, version: str) -> None:
        """Give a new version one update more than its order had."""
        self.updates[version] = self.pending.pop(request, 0) + 1

    def failed(self, request: str) -> None:
        """Forget an order that came to nothing."""
        self.pending.pop(request, None)


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

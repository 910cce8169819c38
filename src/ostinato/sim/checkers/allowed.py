"""Nothing happens that the policy does not allow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ostinato.sim.checkers.journal_view import decisions
from ostinato.sim.observe import Evidence
from ostinato.sim.verdict import Finding

NAME = "only what is allowed"


def check(evidence: Evidence) -> Iterator[Finding]:
    """Cool-down, retrain budget, one request at a time; the steps of a rollout in their order."""
    yield from _requests(evidence)
    yield from _rollouts(evidence)
    before_ns = None
    for step in evidence.steps:
        if before_ns is not None and step.now_ns < before_ns:
            yield _finding(step.tick, f"time went back by {before_ns - step.now_ns} ns")
        before_ns = step.now_ns


@dataclass(slots=True)
class _Lock:
    """What is under way by the journal ("" when nothing is), and whether people are asked."""

    open_: str = ""
    level: str = "auto"
    champion: bool = False

    def learn(self, body: dict[str, Any]) -> None:
        """Take note of a decision."""
        kind, subject = body["kind"], body["subject"]
        rolled = f"{subject} is being rolled out"
        match kind:
            case "learning_requested":
                self.open_ = "another is under way"
            case "training_failed" | "candidate_rejected" | "rollout_ended" | "promoted":
                self.open_ = ""
                self.champion |= kind == "promoted"
            case "candidate_accepted":
                asks = self.level != "auto" and self.champion  # it waits, and that locks nothing
                self.open_ = "" if asks else rolled
            case "action_proposed":
                self.open_ = "" if body["action"] == "release" else self.open_
            case "rollout_advanced":
                self.open_ = rolled
            case "autonomy_set":
                self.level = body["level"]
            case _:
                pass


def _requests(evidence: Evidence) -> Iterator[Finding]:
    promises, lock = evidence.promises, _Lock()
    asked_ns: list[int] = []
    booked_ns: list[int] = []
    for tick, now_ns, body in decisions(evidence):
        if body["kind"] == "learning_requested":
            if lock.open_:
                yield _finding(tick, f"a second request while {lock.open_}")
            by_hand = body["subject"] == "operator"  # a person may ask at any time
            if asked_ns and now_ns - asked_ns[-1] < promises.cooldown_ns and not by_hand:
                yield _finding(tick, "a request before the cool-down was over")
            asked_ns.append(now_ns)
            if body["subject"] not in ("first champion", "operator"):  # these are not paid
                booked_ns.append(now_ns)
            recent = [moment for moment in booked_ns if moment > now_ns - promises.per_ns]
            if len(recent) > promises.max_requests:
                yield _finding(tick, f"{len(recent)} requests within the budget's period")
        lock.learn(body)


def _rollouts(evidence: Evidence) -> Iterator[Finding]:
    """Shares rise as the plan says, each for its time; promotion needs all of them."""
    steps = evidence.promises.steps
    place, since_ns, version, first = -1, 0, "", True
    for tick, now_ns, body in decisions(evidence):
        match body["kind"]:
            case "rollout_advanced":
                if body["subject"] != version:
                    place, version = -1, body["subject"]
                if place >= 0 and now_ns - since_ns < steps[place][1]:
                    yield _finding(tick, f"{version} left step {place} too soon")
                place, since_ns = place + 1, now_ns
                if place >= len(steps) or body["share"] != steps[place][0]:
                    yield _finding(tick, f"{version} got {body['share']} in step {place}")
            case "promoted":
                if not first and steps and "by" not in body["evidence"]:
                    done = body["subject"] == version and place == len(steps) - 1
                    if not done or now_ns - since_ns < steps[place][1]:
                        yield _finding(tick, f"{body['subject']} promoted before its last step")
                first, version, place = False, "", -1
            case "rollout_ended":
                version, place = "", -1


def _finding(tick: int, text: str) -> Finding:
    return Finding(checker=NAME, tick=tick, text=text)

"""Nothing happens that the policy does not allow."""

from __future__ import annotations

from collections.abc import Iterator

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


def _requests(evidence: Evidence) -> Iterator[Finding]:
    promises = evidence.promises
    asked_ns: list[int] = []
    booked_ns: list[int] = []
    open_: str = ""
    for tick, now_ns, body in decisions(evidence):
        match body["kind"]:
            case "learning_requested":
                if open_:
                    yield _finding(tick, f"a second request while {open_}")
                if asked_ns and now_ns - asked_ns[-1] < promises.cooldown_ns:
                    yield _finding(tick, "a request before the cool-down was over")
                asked_ns.append(now_ns)
                if body["subject"] != "first champion":  # that one is needed whatever it costs
                    booked_ns.append(now_ns)
                recent = [moment for moment in booked_ns if moment > now_ns - promises.per_ns]
                if len(recent) > promises.max_requests:
                    yield _finding(tick, f"{len(recent)} requests within the budget's period")
                open_ = "another is under way"
            case "training_failed" | "candidate_rejected" | "rollout_ended" | "promoted":
                open_ = ""
            case "candidate_accepted":
                open_ = f"{body['subject']} is being rolled out"


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
                if not first and steps:
                    done = body["subject"] == version and place == len(steps) - 1
                    if not done or now_ns - since_ns < steps[place][1]:
                        yield _finding(tick, f"{body['subject']} promoted before its last step")
                first, version, place = False, "", -1
            case "rollout_ended":
                version, place = "", -1


def _finding(tick: int, text: str) -> Finding:
    return Finding(checker=NAME, tick=tick, text=text)

"""The table of planted defects."""

from __future__ import annotations

from typing import Final

from ostinato.sim import faults_in_runtime as runtime
from ostinato.sim import faults_in_stages as stages
from ostinato.sim.checkers import (
    allowed,
    by_hand,
    chain,
    early,
    labels_once,
    liveness,
    nothing_lost,
    right_label,
    same_again,
    shares,
    verdicts,
    way_back,
)
from ostinato.sim.planted import Planted

_ALL: Final = (
    Planted(
        name="double_label",
        text="the join gives matured rows twice",
        checker=labels_once.NAME,
        outcome="wrong",
        stage=stages.double_label,
    ),
    Planted(
        name="stale_label",
        text="of two labels of a row the one told last holds, whatever their times",
        checker=right_label.NAME,
        outcome="wrong",
        stage=stages.stale_label,
    ),
    Planted(
        name="early_maturity",
        text="rows mature after a third of their horizon",
        checker=early.NAME,
        outcome="wrong",
        loop=stages.early_maturity,
    ),
    Planted(
        name="early_example",
        text="a training learns labels that came after its order",
        checker=early.NAME,
        outcome="wrong",
        runtime=runtime.EarlyExample,
    ),
    Planted(
        name="unasked",
        text="candidates are released without asking, whatever the autonomy",
        checker=by_hand.NAME,
        outcome="wrong",
        stage=stages.unasked,
    ),
    Planted(
        name="deaf",
        text="an undo by hand comes to nothing",
        checker=by_hand.NAME,
        outcome="wrong",
        stage=stages.deaf,
    ),
    Planted(
        name="skip_gate",
        text="candidates that a gate refused are accepted",
        checker=verdicts.NAME,
        outcome="wrong",
        stage=stages.skip_gate,
    ),
    Planted(
        name="no_cooldown",
        text="the cool-down and the budget are not kept",
        checker=allowed.NAME,
        outcome="wrong",
        loop=stages.no_cooldown,
    ),
    Planted(
        name="backward_clock",
        text="the machine's clock reaches the kernel as it is",
        checker=allowed.NAME,
        outcome="wrong",
        runtime=runtime.BackwardClock,
    ),
    Planted(
        name="share_leak",
        text="the canary answers more units than its share",
        checker=shares.NAME,
        outcome="wrong",
        stage=stages.share_leak,
    ),
    Planted(
        name="no_way_back",
        text="the previous champion is unloaded when the next one is promoted",
        checker=way_back.NAME,
        outcome="wrong",
        stage=stages.no_way_back,
    ),
    Planted(
        name="lose_message",
        text="messages are confirmed before they are written",
        checker=nothing_lost.NAME,
        outcome="wrong",
        runtime=runtime.LoseMessage,
    ),
    Planted(
        name="lose_decision",
        text="decisions are confirmed at once and written with the next ones",
        checker=nothing_lost.NAME,
        outcome="wrong",
        runtime=runtime.LoseDecision,
    ),
    Planted(
        name="double_effect",
        text="the result of a training is told twice",
        checker=nothing_lost.NAME,
        outcome="wrong",
        runtime=runtime.DoubleEffect,
    ),
    Planted(
        name="broken_chain",
        text="an entry of the journal is changed on disk",
        checker=chain.NAME,
        outcome="wrong",
        spoil=runtime.break_chain,
    ),
    Planted(
        name="leaky_snapshot",
        text="a snapshot leaves out what the triggers have counted",
        checker=same_again.NAME,
        outcome="wrong",
        runtime=runtime.LeakySnapshot,
    ),
    Planted(
        name="hash_order",
        text="a reason is put together in the order of a set",
        checker=same_again.NAME,
        outcome="wrong",
        stage=stages.hash_order,
    ),
    Planted(
        name="noisy_alarm",
        text="charts alarm every few events",
        checker="alarms within budget",
        outcome="wrong",
        loop=stages.noisy_alarm,
    ),
    Planted(
        name="endless_rollout",
        text="a rollout has no cap",
        checker=liveness.NAME,
        outcome="stuck",
        loop=stages.endless_rollout,
    ),
    Planted(
        name="held_lock",
        text="the triggers never hear that a candidate was refused",
        checker=liveness.NAME,
        outcome="stuck",
        stage=stages.held_lock,
    ),
    Planted(
        name="endless_labels",
        text="rows wait for their labels for ever",
        checker=liveness.NAME,
        outcome="stuck",
        stage=stages.endless_labels,
    ),
    Planted(
        name="exception",
        text="a stage raises when a candidate comes",
        checker="no exception",
        outcome="crash",
        stage=stages.exception,
    ),
)

FAULTS: Final[dict[str, Planted]] = {planted.name: planted for planted in _ALL}
"""All planted defects by name; a new one is added above."""

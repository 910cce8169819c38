"""What a loop says of columns and features, put in order and checked for leaks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ostinato.core.errors import ConfigError
from ostinato.features.declared import Declared
from ostinato.features.plan import FeaturePlan
from ostinato.loop.label import Label
from ostinato.loop.outcome import Outcome


def features_of(features: Iterable[str | Declared]) -> tuple[str | Declared, ...]:
    """Take a list of columns, each once, and of features that are computed.

    Raises
    ------
    ConfigError
        If it is none, is empty, or names a column twice.
    """
    if isinstance(features, str) or not isinstance(features, Iterable):
        raise ConfigError(
            "Loop(features=...) is not a list of columns and features",
            found=repr(features),
            expected='for example ["carrier", "origin"]',
        )
    found = tuple(features)
    if not found:
        raise ConfigError("Loop(features=...) is empty", expected="at least one column or feature")
    names_of([each for each in found if isinstance(each, str)], "features")
    return found


def names_of(names: Any, field_name: str) -> tuple[str, ...]:
    """Take a sequence of different column names."""
    if isinstance(names, str) or not all(isinstance(name, str) for name in names):
        raise ConfigError(
            f"Loop({field_name}=...) is not a list of column names",
            found=repr(names),
            expected='for example ["carrier", "origin"]',
        )
    found = tuple(names)
    doubled = list(dict.fromkeys(name for name in found if found.count(name) > 1))
    if doubled:
        raise ConfigError(
            f"Loop({field_name}=...) names columns twice",
            found=", ".join(doubled),
            expected="each column once",
        )
    return found


def outcomes_of(outcomes: Any) -> tuple[Outcome, ...]:
    """Take a sequence of outcomes of different names."""
    fits = not isinstance(outcomes, str | Outcome) and isinstance(outcomes, Sequence)
    if not (fits and all(isinstance(each, Outcome) for each in outcomes)):
        raise ConfigError(
            "Loop(outcomes=...) is not a list of outcomes",
            found=repr(outcomes),
            expected='for example [ost.Outcome(name="revenue", delay="1d")]',
        )
    names_of([each.name for each in outcomes], "outcomes")
    return tuple(outcomes)


def check_columns(
    plan: FeaturePlan,
    *,
    label: Label,
    outcomes: Sequence[Outcome],
    slices: Sequence[str],
    time: str,
    further: Mapping[str, str | None],
) -> None:
    """Refuse columns that hold the truth, and computed features with the name of a column.

    Parameters
    ----------
    plan
        The features.
    label, outcomes, slices, time
        Of the loop.
    further
        Optional columns by the name of the loop's parameter.

    Raises
    ------
    ConfigError
        With the parameter and the columns.
    """
    for name, value in {"time": time, **further}.items():
        missing = value is None and name != "time"
        if not missing and (not isinstance(value, str) or not value):
            raise ConfigError(
                f"Loop({name}=...) is not a column name", found=repr(value), expected="a text"
            )
    used: dict[str, Sequence[str | None]] = {
        "features": (*plan.names, *plan.inputs),
        "slices": slices,
        "time": (time,),
        **{name: (column,) for name, column in further.items()},
    }
    truth = [label.column, label.time]
    truth += [name for each in outcomes for name in (each.column, each.time)]
    _check_truth(truth, {"features, logged": [each.logged for each in plan.windowed]})
    _check_truth(truth, used)
    _check_computed(plan, used)


def _check_truth(truth: Sequence[str | None], used: Mapping[str, Sequence[str | None]]) -> None:
    for name, columns in used.items():
        leaked = [column for column in truth if column is not None and column in columns]
        if leaked:
            raise ConfigError(
                f"Loop({name}=...) holds the truth",
                found=", ".join(leaked),
                expected="columns that are known when the prediction is asked for",
                hint=f"Take labels, outcomes and their times out of the {name}.",
            )


def _check_computed(plan: FeaturePlan, used: Mapping[str, Sequence[str | None]]) -> None:
    """A row as served holds features and further columns side by side, each under its name."""
    columns = {**used, "features": plan.inputs}
    for name, found in columns.items():
        same = [computed for computed in plan.computed if computed in found]
        if same:
            raise ConfigError(
                f"A computed feature has the name of a column in Loop({name}=...)",
                found=", ".join(same),
                expected="a name of its own",
                hint="Slices, units and the inputs of features are columns of the request, and no "
                "feature is made of another one; give the feature another name.",
            )

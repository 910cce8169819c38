"""A lineage as MLflow shows it: parameters, metrics and tags that people can read and search.

They are a courtesy; the lineage itself stands whole in the version's `description.json`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from ostinato.core.canonical import canonical_json, plain
from ostinato.core.ports import Lineage
from ostinato.core.units import format_time

TEXT_CHARACTERS_MAX: Final = 500
"""Longest parameter shown. Larger: older MLflow servers refuse it. Smaller: more is cut off."""

_KEY_CHARACTERS_MAX: Final = 250  # MLflow's own limit
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9_./ -]")


def parameters(lineage: Lineage) -> dict[str, str]:
    """Return learner, seed and the learner's own parameters, cut to what MLflow can show."""
    own = {f"learner.{name}": value for name, value in lineage.parameters.items()}
    shown = {"learner": lineage.learner, "seed": lineage.seed, **own}
    return {_key(name): _text(value)[:TEXT_CHARACTERS_MAX] for name, value in shown.items()}


def metrics(lineage: Lineage) -> dict[str, float]:
    """Return metrics per validation set ("recent.log_loss") and costs ("cost.wall_seconds")."""
    groups: Mapping[str, Mapping[str, float]] = {**lineage.metrics, "cost": lineage.cost}
    return {
        _key(f"{group}.{name}"): float(value)
        for group, values in groups.items()
        for name, value in values.items()
    }


def tags(lineage: Lineage) -> dict[str, str]:
    """Return where a version comes from."""
    shown = {
        "loop": lineage.loop,
        "data_from": format_time(lineage.data_from_ns),
        "data_to": format_time(lineage.data_to_ns),
        "data_rows": lineage.data_rows,
        "data_digest": lineage.data_digest,
        "policy_digest": lineage.policy_digest,
        "learner": lineage.learner,
        "parent": lineage.parent,
        "lake": lineage.lake,
        "features": _versions(lineage.features),
        "feature_schema": lineage.feature_schema,
        "source_schemas": ", ".join(f"{n} {v}" for n, v in lineage.source_schemas.items()) or None,
    }
    known = {name: value for name, value in shown.items() if value is not None}
    return {f"ostinato.{name}": _text(value)[:TEXT_CHARACTERS_MAX] for name, value in known.items()}


def _versions(features: Mapping[str, str]) -> str | None:
    """Return computed features as ``name@version``, with as much of a version as tells it apart."""
    found = [f"{name}@{version[:12]}" for name, version in features.items()]
    return ", ".join(found) or None


def sentence(lineage: Lineage) -> str:
    """Return one sentence that says what a version is."""
    return (
        f"{lineage.learner}, trained on {lineage.data_rows:,} rows from "
        f"{format_time(lineage.data_from_ns)} to {format_time(lineage.data_to_ns)}."
    )


def _key(name: str) -> str:
    return _UNSAFE.sub("_", name)[:_KEY_CHARACTERS_MAX]


def _text(value: Any) -> str:
    value = plain(value)
    return value if isinstance(value, str) else canonical_json(value)

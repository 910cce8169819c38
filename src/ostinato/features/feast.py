"""Feature views of a Feast repository as sources and features of a loop.

A view becomes `Events` over its batch source, a feature of it the `last` value by the view's join
keys within its time to live. What Feast does otherwise is in ``docs/concepts/sources.md``.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from ostinato.core.errors import ConfigError
from ostinato.features.aggregates import last
from ostinato.features.declared import Aggregate
from ostinato.features.sources import Events

FOREVER: Final = "36500d"
"""A century, the window of views without a time to live. It is one hop wide too, so that it costs
no more than a short one; longer would not fit into 64 bits of nanoseconds with the times of now."""

_KINDS: Final = {
    "Int32": "integer",
    "Int64": "integer",
    "Float32": "number",
    "Float64": "number",
    "Bool": "boolean",
    "String": "text",
}

_NUMBERS: Final = ("integer", "number", "boolean")


def from_feast(
    repo_path: str | Path,
    *references: str,
    created: bool = True,
    full_feature_names: bool = False,
    hop: str | None = None,
) -> list[Aggregate]:
    """Declare features that a Feast repository has.

    Parameters
    ----------
    repo_path
        Folder with its ``feature_store.yaml``; what was applied counts.
    references
        ``"view:feature"``, as Feast has them.
    created
        Whether rows became known at the time in the view's created column, where it has one. Say
        no for a column that says when rows were last written again: nothing would be known before.
    full_feature_names
        Names ``view__feature`` instead of ``feature``.
    hop
        By how much the far edge of the window of a view with a time to live moves; default: as for
        all windows. Feast's edge is exact; the smaller, the nearer to it.

    Returns
    -------
    list
        A feature per reference, in order. Requests carry the join keys.

    Raises
    ------
    ConfigError
        If Feast is not installed, the repository cannot be read, or has no such view or feature;
        if a view has no entity or no file as its source, or a feature is no number.
    """
    if not references:
        raise ConfigError("from_feast(...) names no feature", expected='"view:feature"')
    store = _open(Path(repo_path))
    views: dict[str, tuple[Any, Events]] = {}
    made = []
    for reference in references:
        view_name, feature = _split(reference)
        if view_name not in views:
            view = _view(store, view_name)
            views[view_name] = view, _events(view, Path(repo_path), created=created)
        view, events = views[view_name]
        _check_feature(view, feature, events)
        name = f"{view_name}__{feature}" if full_feature_names else feature
        made.append(_last(view, events, feature, name, hop))
    return made


def _open(repo_path: Path) -> Any:
    try:
        feast = importlib.import_module("feast")
    except ModuleNotFoundError as error:
        if error.name != "feast":
            raise
        raise ConfigError(
            "Features of Feast need the feast package",
            found="not installed",
            hint="pip install 'ostinato[feast]'",
        ) from error
    if not (repo_path / "feature_store.yaml").exists():
        raise ConfigError(
            "The folder is no Feast repository",
            found=repo_path,
            expected="a folder with feature_store.yaml",
        )
    return feast.FeatureStore(repo_path=str(repo_path))


def _split(reference: str) -> tuple[str, str]:
    view, colon, feature = reference.partition(":")
    if not (view and colon and feature):
        raise ConfigError(
            "A feature of Feast is not named in full",
            found=repr(reference),
            expected='"view:feature"',
        )
    return view, feature


def _view(store: Any, name: str) -> Any:
    views = {view.name: view for view in store.list_feature_views()}
    if name not in views:
        raise ConfigError(
            f"The Feast repository has no feature view {name!r}",
            found=", ".join(views) or "no views",
            expected="a feature view with a batch source",
            hint=_nearest(name, list(views)) + "Was it applied (feast apply)?",
        )
    return views[name]


def _nearest(name: str, names: Sequence[str]) -> str:
    near = get_close_matches(name, names, n=1)
    return f"Did you mean {near[0]!r}? " if near else ""


def _events(view: Any, repo_path: Path, *, created: bool) -> Events:
    source = view.batch_source
    renamed = dict(source.field_mapping or {})
    known = source.created_timestamp_column if created else None
    return Events(
        view.name,
        time=renamed.get(source.timestamp_field, source.timestamp_field),
        data=_path(view, repo_path),
        known=renamed.get(known, known) if known else None,
        columns=_columns(view),
        renamed=renamed,
    )


def _path(view: Any, repo_path: Path) -> Path:
    path = getattr(view.batch_source, "path", None)
    if not isinstance(path, str) or "://" in path:
        raise ConfigError(
            f"The source of the Feast view {view.name!r} is no file",
            found=f"{type(view.batch_source).__name__} {path or ''}".strip(),
            expected="a parquet file or a Delta table on this machine",
            hint="Copy it to a file, or read it into a table: Events(..., data=table).",
        )
    return repo_path / path  # an absolute path stays as it is


def _columns(view: Any) -> dict[str, str]:
    fields = [*view.entity_columns, *view.features]
    kinds = {field.name: _KINDS.get(str(field.dtype)) for field in fields}
    return {name: kind for name, kind in kinds.items() if kind is not None}


def _check_feature(view: Any, feature: str, events: Events) -> None:
    types = {field.name: str(field.dtype) for field in view.features}
    if feature not in types:
        raise ConfigError(
            f"The Feast view {view.name!r} has no feature {feature!r}",
            found=", ".join(types) or "no features",
            hint=_nearest(feature, list(types)) or None,
        )
    if events.columns.get(feature) not in _NUMBERS:
        raise ConfigError(
            f"The feature {feature!r} of the Feast view {view.name!r} is no number",
            found=types[feature],
            expected="Int32, Int64, Float32, Float64 or Bool",
            hint="Encode it as a number in the view's source.",
        )


def _last(view: Any, events: Events, feature: str, name: str, hop: str | None) -> Aggregate:
    keys = [field.name for field in view.entity_columns]
    if not keys:
        raise ConfigError(
            f"The Feast view {view.name!r} has no entity",
            found="no join key",
            expected="columns of the request that say whose values count",
        )
    ttl: timedelta | None = view.ttl
    if not ttl:
        return last(events, feature, by=keys, window=FOREVER, hop=FOREVER, name=name)
    window = f"{ttl // timedelta(microseconds=1)}us"
    return last(events, feature, by=keys, window=window, hop=hop, name=name)

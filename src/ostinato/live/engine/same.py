"""Whether a loop file still declares the loop that a folder serves, and what it may change.

A version that serves was trained on features by their definitions of then. Another definition under
the same name would give it other numbers without a word, so it is refused; how columns of sources
are called outside is none of it.
"""

from __future__ import annotations

import msgspec

from ostinato.core.errors import ConfigError
from ostinato.features.plan import FeaturePlan
from ostinato.features.sources import Events
from ostinato.live.schema import InputSchema, SourceSpec
from ostinato.loop.loop import Loop


def check_same(loop: Loop, schema: InputSchema) -> None:
    """Refuse another loop than the one that a folder serves.

    Raises
    ------
    ConfigError
        If its name, task or features are others, a feature's definition, or what a source holds.
    """
    found = (loop.name, loop.task, *loop.feature_names)
    made = (schema.loop, schema.task, *schema.names[: schema.features])
    if found != made:
        raise ConfigError(
            "The loop file declares another loop than the one this folder serves",
            found=", ".join(found),
            expected=", ".join(made),
            hint="Serve another loop from a folder of its own (--dir).",
        )
    _check_versions(loop.feature_plan, schema)
    for spec in schema.sources:
        _check_kinds(loop.feature_plan, spec)


def renewed(loop: Loop, schema: InputSchema) -> InputSchema:
    """Return the schema with the names under which columns of sources come by now.

    Where they are others, the source has one more version of its columns.
    """
    sources = tuple(_renewed(loop.feature_plan, spec) for spec in schema.sources)
    return msgspec.structs.replace(schema, sources=sources)


def _renewed(plan: FeaturePlan, spec: SourceSpec) -> SourceSpec:
    source = plan.sources[spec.name]
    assert isinstance(source, Events), "only events are posted"
    renamed = dict(source.renamed)
    if renamed == spec.renamed:
        return spec
    return msgspec.structs.replace(spec, renamed=renamed, version=spec.version + 1)


def _check_versions(plan: FeaturePlan, schema: InputSchema) -> None:
    before, now = schema.feature_versions, plan.versions
    changed = [name for name in plan.names if before.get(name) != now.get(name)]
    if not changed:
        return
    name, *others = changed
    raise ConfigError(
        f"The definition of the feature {name!r} was changed under a serving version"
        + (f", and that of {', '.join(others)}" if others else ""),
        found=_version(now.get(name)),
        expected=f"{_version(before.get(name))}, which the versions that serve were trained on",
        hint="Put it back. Or give the new definition another name, and serve it from a folder of "
        "its own (--dir), where a first version is trained on it.",
    )


def _version(digest: str | None) -> str:
    return "a column of the request" if digest is None else f"version {digest[:12]}"


def _check_kinds(plan: FeaturePlan, spec: SourceSpec) -> None:
    source = plan.sources.get(spec.name)
    declared = source.columns if isinstance(source, Events) else {}
    for field in spec.columns:
        kind = declared.get(field.name, field.kind)
        if kind != field.kind:
            raise ConfigError(
                f"The column {field.name!r} of the source {spec.name!r} was declared another kind",
                found=kind,
                expected=f"{field.kind}, as the events that are kept of it",
                hint="Put it back; or declare a source of another name, in a folder of its own.",
            )

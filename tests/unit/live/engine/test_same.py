"""What of a loop may change under a serving version, and what may not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from sklearn.linear_model import LogisticRegression

import ostinato as ost
from ostinato.core.errors import ConfigError
from ostinato.features.reading import read_sources
from ostinato.live.engine.same import check_same, renewed
from ostinato.live.schema import Field, InputSchema
from ostinato.live.source_specs import source_specs

F = ost.features
KINDS = {"carrier": "text", "delay": "number"}


def landings(**words: Any) -> Any:
    return F.Events("landings", time="landed", **{"columns": KINDS, **words})


def loop_of(*features: Any) -> ost.Loop:
    return ost.Loop(
        name="small",
        task="binary",
        time="at",
        features=["carrier", *features],
        label=ost.Label("y", delay="6h"),
        learner=LogisticRegression(),
    )


def mean(source: Any = None, window: str = "3h", name: str = "recent") -> Any:
    return F.mean(source or landings(), "delay", by="carrier", window=window, name=name)


@pytest.fixture
def schema_of() -> Callable[[ost.Loop], InputSchema]:
    def made(loop: ost.Loop) -> InputSchema:
        plan = loop.feature_plan
        computed = [Field(name, "number", computed=True) for name in plan.computed]
        return InputSchema(
            loop=loop.name,
            task=loop.task,
            fields=(Field("carrier", "text"), *computed),
            features=1 + len(computed),
            unit=None,
            slices=(),
            classes=(0, 1),
            first_offset=0,
            start_ns=0,
            sources=source_specs(plan, read_sources(plan), {"carrier": "text"}),
            feature_versions=dict(plan.versions),
        )

    return made


def test_the_same_loop_may_be_served_again(schema_of: Callable[..., InputSchema]) -> None:
    schema = schema_of(loop_of(mean()))
    check_same(loop_of(mean()), schema)
    assert renewed(loop_of(mean()), schema) == schema


@pytest.mark.parametrize(
    "changed",
    [
        mean(window="4h"),
        mean(landings(delay="1h")),
        F.max(landings(), "delay", by="carrier", window="3h", name="recent"),
        F.mean(landings(), "delay", by="carrier", window="3h", name="recent", default=0.0),
    ],
    ids=["its window", "when events are known", "what it sums up", "what stands for nothing"],
)
def test_a_changed_definition_is_refused_by_name_and_versions(
    changed: Any, schema_of: Callable[..., InputSchema]
) -> None:
    schema = schema_of(loop_of(mean()))
    with pytest.raises(
        ConfigError, match="definition of the feature 'recent' was changed"
    ) as found:
        check_same(loop_of(changed), schema)
    assert changed.version[:12] in found.value.found
    assert mean().version[:12] in found.value.expected
    assert "another name" in found.value.hint


def test_all_changed_definitions_are_named(schema_of: Callable[..., InputSchema]) -> None:
    schema = schema_of(loop_of(mean(), mean(window="6h", name="longer")))
    with pytest.raises(ConfigError, match=r"'recent' was changed .* and that of longer"):
        check_same(loop_of(mean(window="1h"), mean(window="5h", name="longer")), schema)


def test_a_column_that_is_computed_now_is_another_definition(
    schema_of: Callable[..., InputSchema],
) -> None:
    schema = schema_of(loop_of(mean()))
    before = msgspec.structs.replace(schema, feature_versions={})
    with pytest.raises(ConfigError, match="'recent' was changed") as found:
        check_same(loop_of(mean()), before)
    assert found.value.expected.startswith("a column of the request")


def test_another_kind_of_a_sources_column_is_refused(
    schema_of: Callable[..., InputSchema],
) -> None:
    schema = schema_of(loop_of(mean()))
    with pytest.raises(ConfigError, match="'delay' of the source 'landings'"):
        check_same(loop_of(mean(landings(columns={**KINDS, "delay": "integer"}))), schema)


def test_columns_may_come_under_other_names_which_is_a_version_of_its_own(
    schema_of: Callable[..., InputSchema],
) -> None:
    schema = schema_of(loop_of(mean()))
    loop = loop_of(mean(landings(renamed={"arr_delay": "delay"})))
    check_same(loop, schema)
    (spec,) = renewed(loop, schema).sources
    assert (spec.renamed, spec.version) == ({"arr_delay": "delay"}, 2)
    assert renewed(loop, renewed(loop, schema)) == renewed(loop, schema)

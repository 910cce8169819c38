import polars as pl
import pytest

from ostinato import features
from ostinato.core.errors import ConfigError
from ostinato.features.plan import NO_COLUMN, make_plan


def test_windows_of_one_key_share_a_tally_and_those_of_one_hop_a_level(landings) -> None:
    plan = make_plan(
        [
            features.mean(landings, "delay", by="carrier", window="3h"),
            features.max(landings, "delay", by="carrier", window="2h", hop="1m"),
            features.count(landings, by="carrier", window="7d"),
            features.mean(landings, "delay", by="origin", window="3h"),
        ]
    )

    by_carrier, by_origin = plan.tallies

    assert [level.hop_ns // 60_000_000_000 for level in by_carrier.levels] == [1, 60]
    assert [output.level for output in by_carrier.outputs] == [0, 0, 1]
    assert [output.column for output in by_carrier.outputs] == [0, 0, NO_COLUMN]
    assert by_carrier.levels[0].tiles == 181
    assert [output.feature for output in by_origin.outputs] == [3]


def test_requests_carry_what_features_need_and_the_model_sees_what_was_declared(landings) -> None:
    plan = make_plan(
        [
            "distance",
            features.Expr("far", pl.col("distance") > pl.col("limit")),
            features.mean(landings, "delay", by={"origin": "airport"}, window="1h"),
            features.mean(features.labels(), "label", by="carrier", window="1d"),
        ]
    )

    assert plan.inputs == ("distance", "limit", "origin", "carrier")
    assert plan.names[0] == "distance"
    assert plan.computed == plan.names[1:]
    assert plan.columns_of("landings") == ("airport", "delay")


def test_another_definition_has_another_version(landings) -> None:
    def version(**given: object) -> str:
        options = {"by": "carrier", "window": "1h", "name": "x", **given}
        return make_plan([features.mean(landings, "delay", **options)]).versions["x"]

    late = features.Events("landings", time="landed", delay="10m")
    others = [version(window="2h"), version(hop="2m"), version(by="origin"), version(default=0)]
    delayed = features.mean(late, "delay", by="carrier", window="1h", name="x").version

    assert version() == version()
    assert len({version(), delayed, *others}) == 6


def test_two_features_of_one_name_are_refused(landings) -> None:
    with pytest.raises(ConfigError, match="Two features have the name 'delay'"):
        make_plan(["delay", features.last(landings, "x", by="k", window="1h", name="delay")])


def test_two_sources_of_one_name_are_refused(landings) -> None:
    other = features.Events("landings", time="arrived")

    with pytest.raises(ConfigError, match="Two sources have the name 'landings'"):
        make_plan(
            [
                features.count(landings, by="carrier", window="1h"),
                features.count(other, by="origin", window="1h"),
            ]
        )


def test_a_window_without_a_key_is_refused(landings) -> None:
    with pytest.raises(ConfigError, match="a window and no key"):
        features.count(landings, by=(), window="1h")


def test_a_hop_longer_than_its_window_is_refused(landings) -> None:
    with pytest.raises(ConfigError, match="does not fit the window"):
        features.count(landings, by="carrier", window="1h", hop="2h")


def test_an_expression_needs_a_name(landings) -> None:
    with pytest.raises(ConfigError, match="an expression and no name"):
        features.sum(landings, pl.col("a") * pl.col("b"), by="k", window="1h")


def test_something_else_than_a_source_is_refused() -> None:
    with pytest.raises(ConfigError, match="has no source"):
        features.mean("landings", "delay", by="carrier", window="1h")


def test_a_source_says_once_when_events_are_known() -> None:
    with pytest.raises(ConfigError, match="says twice when events become known"):
        features.Events("landings", time="landed", known="written", delay="1h")


def test_a_function_has_another_version_when_its_text_changes() -> None:
    one = features.Function("f", lambda a: a + 1, inputs=["a"])
    other = features.Function("f", lambda a: a + 2, inputs=["a"])

    assert one.version != other.version


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (pl.col("delay").round(1), pl.col("delay").round(2)),
        (pl.col("gate").is_in([*range(20)]), pl.col("gate").is_in([0, 1, *range(31, 48), 19])),
    ],
)
def test_expressions_that_print_alike_are_different_features(landings, one, other) -> None:
    first = features.mean(landings, one, by="carrier", window="1h", name="first")
    second = features.mean(landings, other, by="carrier", window="1h", name="second")
    renamed = features.mean(landings, other, by="carrier", window="1h", name="first")

    (tally,) = make_plan([first, second]).tallies

    assert str(one) == str(other)
    assert [output.column for output in tally.outputs] == [0, 1]
    assert first.version != renamed.version
    assert features.Expr("x", one).version != features.Expr("x", other).version


def test_filters_that_print_alike_are_tallied_apart(landings) -> None:
    gates = [[*range(20)], [0, 1, *range(31, 48), 19]]
    made = [
        features.count(
            landings, by="carrier", window="1h", where=pl.col("gate").is_in(each), name=str(each[2])
        )
        for each in gates
    ]

    assert len(make_plan(made).tallies) == 2


def test_a_python_function_in_an_expression_has_one_version_in_all_processes(landings) -> None:
    def known(series: pl.Series) -> pl.Series:
        return series.is_in({"a", "b", "c"})

    def declared(function) -> features.Expr:
        return features.Expr("known", pl.col("carrier").map_batches(function))

    assert declared(known).version == declared(lambda _: None).version

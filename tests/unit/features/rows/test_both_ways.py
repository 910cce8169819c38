"""Tables and single rows give the same values, whatever comes in."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from ostinato import features
from ostinato.features.plan import make_plan
from ostinato.features.rows import row_features
from ostinato.features.rows.inputs import kinds_of

KEYS = ["a", "b", "", "ü", None]
REQUESTS = st.lists(
    st.fixed_dictionaries(
        {
            "count": st.one_of(st.none(), st.integers(-128, 127)),
            "size": st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True)),
            "open": st.sampled_from([True, False, None]),
            "shop": st.sampled_from(KEYS),
            "time": st.integers(-5, 25),
        }
    ),
    min_size=1,
    max_size=30,
)
PRICES = st.lists(
    st.tuples(
        st.sampled_from(KEYS),
        st.lists(st.integers(0, 20), min_size=2, max_size=6, unique=True).map(sorted),
    ),
    max_size=4,
    unique_by=lambda pair: pair[0],
)
TYPES = {
    "count": pl.Int8,
    "size": pl.Float64,
    "open": pl.Boolean,
    "shop": pl.Categorical,
    "time": pl.Int64,
}


def shown(size, shop):
    if size is None:
        return None
    return f"{shop}:{size > 1}" if shop != "a" else None


def plan_of(prices):
    spans = [
        (shop, start, stop if number % 2 else None, float(number))
        for shop, moments in prices
        for number, (start, stop) in enumerate(pairwise(moments))
    ]
    # A row without an end must be the last of its key.
    last = {shop: max(s[1] for s in spans if s[0] == shop) for shop, *_ in spans}
    rows = [(k, s, e if e is not None or s == last[k] else s, v) for k, s, e, v in spans]
    table = pl.DataFrame(
        rows,
        schema={"key": pl.String, "since": pl.Int64, "until": pl.Int64, "price": pl.Float64},
        orient="row",
    )
    return make_plan(
        [
            "count",
            features.Expr("hundred", pl.col("count") * 100),
            features.Expr("share", pl.col("size") / pl.col("count"), default=-1),
            features.Expr("large", (pl.col("size") > 3) & pl.col("open")),
            features.Expr("name", pl.col("shop") + "!", default="none"),
            features.Function("shown", shown, inputs=["size", "shop"], default="?"),
            features.Function("next", lambda n: None if n is None else n + 0.5, inputs="count"),
            features.Lookup(
                "price",
                table=table,
                key={"shop": "key"},
                column="price",
                valid_from="since",
                valid_to="until",
            ),
            features.Lookup(
                "priced",
                table=table.unique("key").with_columns(there=True),
                key={"shop": "key"},
                column="there",
                default=False,
            ),
        ]
    )


@settings(max_examples=80, deadline=None)
@given(rows=REQUESTS, prices=PRICES)
def test_a_row_alone_among_others_and_in_a_table_gives_the_same_values(rows, prices):
    plan = plan_of(prices)
    requests = pl.DataFrame(rows, schema=TYPES)
    times_ns = requests["time"].to_numpy() * 10**9
    table = row_features(plan, kinds_of(requests, plan.inputs)).table(requests, times_ns)
    given = [tuple(row[name] for name in plan.inputs) for row in rows]

    computer = row_features(plan, kinds_of(requests.hstack(table), [*plan.inputs, *table.columns]))
    together = computer.rows(given, times_ns.tolist())
    alone = [computer.rows([r], [t])[0] for r, t in zip(given, times_ns.tolist(), strict=True)]

    expected = table.rows()
    assert repr(together) == repr(expected)
    assert repr(alone) == repr(expected)


def test_the_values_are_what_a_reader_of_the_definitions_expects():
    plan = plan_of([("a", [0, 10, 20]), (None, [0, 5])])
    requests = pl.DataFrame(
        {
            "count": [2, 0, None],
            "size": [5.0, float("nan"), 1.5],
            "open": [True, None, True],
            "shop": ["a", "b", None],
        },
        schema_overrides={"count": pl.Int8},
    )

    found = row_features(plan, kinds_of(requests, plan.inputs)).table(
        requests, np.array([12, 0, 3]) * 10**9, check=True
    )

    assert found.to_dict(as_series=False) == {
        "hundred": [200, 0, None],
        "share": [2.5, -1.0, -1.0],
        "large": [True, None, False],
        "name": ["a!", "b!", "none"],
        "shown": ["?", "?", "None:True"],
        "next": [2.5, 0.5, None],
        "price": [1.0, None, None],
        "priced": [True, False, False],
    }
    assert found.schema["hundred"] == pl.Int64


def test_a_number_that_is_not_whole_in_a_column_of_integers_changes_no_other_row():
    plan = make_plan(
        [
            features.Expr("half", pl.col("count") // 2),
            features.Function("kind", lambda n: type(n).__name__, inputs="count"),
        ]
    )
    computer = row_features(plan, {"count": "integer"})
    requests = pl.DataFrame({"count": [3.0, 2.5, 7.0]})

    rows = computer.rows([(3.0,), (2.5,), (7,)], [0, 0, 0])

    assert rows == [(1, "int"), (1.0, "float"), (3, "int")]
    assert computer.table(requests, np.zeros(3, dtype=np.int64)).rows() == rows

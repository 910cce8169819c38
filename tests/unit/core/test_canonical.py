from __future__ import annotations

import functools
import json
import math
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostinato.core.canonical import canonical_json, digest, plain
from ostinato.core.records import Routes, RoutesChanged

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=10,
)


@dataclass(frozen=True)
class Part:
    kind: ClassVar[str] = "part"
    size: int
    _cache: dict = field(default_factory=dict)


@given(JSON)
def test_json_value_is_read_back_and_written_the_same(value):
    text = canonical_json(value)
    assert json.loads(text) == value
    assert canonical_json(json.loads(text)) == text


@given(st.dictionaries(st.text(max_size=3), st.integers()))
def test_order_of_keys_does_not_matter(value):
    backwards = dict(reversed(value.items()))
    assert canonical_json(backwards) == canonical_json(value)
    assert digest(backwards) == digest(value)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((1, 2), [1, 2]),
        (np.array([1, 2]), [1, 2]),
        (np.int64(3), 3),
        (np.float64(0.1), 0.1),
        (np.bool_(True), True),
        (np.str_("a"), "a"),
        ({"b", "a"}, ["a", "b"]),
        (np.array([[1.5, math.nan]]), [[1.5, math.nan]]),
        ({1: "a"}, {"1": "a"}),
    ],
)
def test_values_that_mean_the_same_are_written_the_same(one, other):
    assert canonical_json(one) == canonical_json(other)


@pytest.mark.parametrize(
    ("value", "text"),
    [(math.nan, '"nan"'), (math.inf, '"inf"'), (-math.inf, '"-inf"'), (np.float32("nan"), '"nan"')],
)
def test_numbers_that_json_does_not_have_become_text(value, text):
    assert canonical_json(value) == text


def test_text_is_written_as_it_is():
    assert canonical_json("größer\n更大") == '"größer\\n更大"'


def test_dataclass_is_written_with_its_kind_and_without_private_fields():
    assert plain(Part(size=2, _cache={"a": 1})) == {"kind": "part", "size": 2}


def test_nested_records_name_their_kinds():
    decision = RoutesChanged(
        ts_event_ns=1, ts_record_ns=2, seq=0, subject="v1", reason="", routes=Routes(champion="v1")
    )
    body = json.loads(decision.canonical())
    assert body["kind"] == "routes_changed"
    assert body["routes"]["kind"] == "Routes"
    assert "measured" not in body


def test_functions_and_classes_are_written_by_name():
    assert plain(math.sqrt) == "math.sqrt"
    assert plain(Part).endswith(".Part")


def test_digest_is_the_sha256_of_the_text():
    assert digest({}) == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    assert digest([1]) != digest(["1"])


@pytest.mark.parametrize("zero", [-0.0, np.float64(-0.0), np.float32(-0.0)])
def test_negative_zero_is_written_like_zero(zero):
    assert canonical_json({"x": [zero]}) == canonical_json({"x": [0.0]}) == '{"x":[0.0]}'


@pytest.mark.parametrize("keys", [{1: "a", "1": "b"}, {None: 1, "None": 2}, {1.5: 1, "1.5": 1}])
def test_keys_that_are_the_same_as_text_are_refused(keys):
    with pytest.raises(TypeError, match="same as text"):
        canonical_json({"deep": keys})


@pytest.mark.parametrize("value", [object(), functools.partial(plain), [Part(size=object())]])
def test_object_whose_text_holds_a_memory_address_is_refused(value):
    with pytest.raises(TypeError, match=r"memory address.*get_params"):
        digest({"learner": value})


def test_object_whose_name_holds_a_memory_address_is_refused_as_a_key():
    with pytest.raises(TypeError, match=r"a builtins\.object cannot be written down"):
        plain({object(): 1})


def test_object_with_a_plain_text_is_written_by_it():
    assert plain({"range": slice(1, 2), "raw": b"x"}) == {
        "range": "slice(1, 2, None)",
        "raw": "b'x'",
    }

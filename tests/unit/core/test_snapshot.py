from __future__ import annotations

import base64
import json
from collections import Counter, OrderedDict
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostinato.core.clock import Stopwatch, VirtualClock
from ostinato.core.errors import StoreError
from ostinato.core.records import LabelsArrived, Routes, RoutesChanged, TriggerChanged
from ostinato.core.snapshot import decode, encode

STATES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(st.text() | st.integers() | st.tuples(st.integers()), inner)
    ),
    max_leaves=12,
)


@dataclass
class Foreign:
    size: int = 1


@given(STATES)
def test_state_comes_back_as_it_was(state):
    data = encode(state)
    assert decode(data) == state
    assert encode(decode(data)) == data


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=np.int64).reshape(2, 3),
        np.arange(6, dtype=np.float64).reshape(2, 3).T,
        np.array([1.5, np.nan, np.inf, -0.0]),
        np.array([], dtype=np.float64),
        np.zeros((0, 3)),
        np.array(7.0),
        np.array([True, False]),
        np.array(["a", "größer"]),
        np.array(["2024-01-01"], dtype="datetime64[ns]"),
        np.array([2**64 - 1], dtype=np.uint64),
        np.array([1, 2], dtype=">i4"),
        np.arange(30_000, dtype=np.int64).reshape(3, 100, 100),
        np.arange(10)[::3],
    ],
)
def test_array_comes_back_with_its_bits_type_and_shape(array):
    again = decode(encode(array))
    assert again.dtype == array.dtype
    assert again.shape == array.shape
    assert again.tobytes() == array.tobytes()
    again[...] = again  # it can be written to


def test_array_of_objects_comes_back():
    array = np.array(["a", 3, None, (1, 2)], dtype=object)
    again = decode(encode(array))
    assert again.dtype == object
    assert again.tolist() == array.tolist()


@pytest.mark.parametrize("items", [[(1, 2), (3, 4)], [[1], [2]], [np.arange(2), np.arange(2)]])
def test_array_of_equally_long_objects_does_not_become_a_matrix(items):
    array = np.empty(2, dtype=object)
    for place, item in enumerate(items):
        array[place] = item
    again = decode(encode(array))
    assert again.shape == (2,)
    assert [list(item) for item in again] == [list(item) for item in items]


@pytest.mark.parametrize(
    "array",
    [
        np.array([["a", 1], ["b", 2]], dtype=object),
        np.array("a", dtype=object),
        np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
        np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")])[0],
        np.array([b"raw"], dtype="V3"),
        np.ma.masked_array([1, 2], mask=[True, False]),
    ],
)
def test_array_that_would_lose_something_is_refused(array):
    with pytest.raises(TypeError, match="no plain form"):
        encode([array])


def test_nan_and_large_integers_come_back():
    again = decode(encode([float("nan"), 2**60, -(2**80), 0.1 + 0.2]))
    assert np.isnan(again[0])
    assert again[1:] == [2**60, -(2**80), 0.1 + 0.2]


@pytest.mark.parametrize(
    "number", [np.int64(-3), np.uint64(2**63), np.bool_(True), np.float32(0.1)]
)
def test_numpy_scalar_comes_back_with_its_type(number):
    again = decode(encode(number))
    assert type(again) is type(number)
    assert again == number


def test_nested_records_come_back_as_their_classes():
    change = RoutesChanged(
        ts_event_ns=1, ts_record_ns=2, seq=3, subject="v1", reason="r", routes=Routes(champion="v1")
    )
    trigger = TriggerChanged(
        ts_event_ns=1, ts_record_ns=2, subject="t", reason="", evidence={"p": [0.5]}, stance="warn"
    )
    state = {"changes": [change], (1, "x"): (trigger,), "clock": VirtualClock(5)}
    assert decode(encode(state)) == state


def test_record_with_arrays_comes_back():
    labels = LabelsArrived(
        ts_event_ns=1,
        ts_record_ns=1,
        ids=np.array([1, 2]),
        times_ns=np.array([5, 6]),
        values=np.array([0.0, np.nan]),
    )
    again = decode(encode(labels))
    assert type(again) is LabelsArrived
    assert again.ids.tolist() == [1, 2]
    assert again.values.tobytes() == labels.values.tobytes()


def test_each_part_that_comes_back_is_fresh():
    shared = [1]
    first, second = decode(encode([shared, shared]))
    first.append(2)
    assert (first, second, shared) == ([1, 2], [1], [1])


@pytest.mark.parametrize(
    "state", [b"bytes", {1, 2}, object(), lambda: None, Foreign, 1j, Counter("a"), OrderedDict()]
)
def test_what_has_no_plain_form_is_refused(state):
    with pytest.raises(TypeError, match="no plain form"):
        encode({"deep": [state]})


def test_class_from_elsewhere_is_not_read():
    with pytest.raises(StoreError, match="from elsewhere"):
        decode(encode(Foreign()))


def test_damaged_byte_is_refused_or_read_but_never_raises_anything_else():
    good = encode([np.arange(3), Routes(champion="v1", canary_share=0.5), {(1,): 2.5}, np.int8(3)])
    damage = np.random.default_rng(7)
    for place in damage.integers(0, len(good), 600).tolist():
        bad = bytearray(good)
        bad[place] = int(damage.integers(32, 127))
        try:
            decode(bytes(bad))
        except StoreError:
            continue


@pytest.mark.parametrize(
    "path", ["ostinato.__main__:X", "os:system", "subprocess:Popen", "ostinatoo:X", ":", ""]
)
def test_name_from_elsewhere_is_not_imported(path):
    with pytest.raises(StoreError, match="from elsewhere"):
        decode(json.dumps({"$": "dc", "t": path, "v": {}}).encode())


@pytest.mark.parametrize(
    "path", ["ostinato.core.snapshot:encode", "ostinato.core.snapshot:json", "ostinato.core:ids"]
)
def test_name_that_is_not_a_dataclass_is_not_called(path):
    with pytest.raises(StoreError):
        decode(json.dumps({"$": "dc", "t": path, "v": {}}).encode())


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"{}",
        b'{"$":"f","v":"x"}',
        b'{"$":"int","v":[]}',
        b'{"$":"nd","t":"<f8","s":[2],"v":"AAAA"}',
        b'{"$":"nd","t":"nonsense","s":[1],"v":""}',
        b'{"$":"d","v":[[1]]}',
        b'{"$":"d","v":[[[1],2]]}',
        b'{"$":"dc","t":"ostinato.core.records:Nothing","v":{}}',
        b'{"$":"dc","t":"ostinato.core.nothing:X","v":{}}',
        b'{"$":"dc","t":"ostinato.core.records:Routes","v":{"unknown":1}}',
        b'{"$":"unknown","v":1}',
        b'{"$":"unknown","t":"ostinato.core.records:Routes","v":{}}',
        b'{"$":["f"],"v":"0x1p0"}',
        b'{"$":null,"v":1}',
        b'{"$":"np","t":"<f8","v":""}',
        b'{"$":"np","t":"<f8","v":"AAAAAAAAAAAAAAAAAAAAAA=="}',
        b'{"$":"f","v":"0x1p9999"}',
        b'{"$":"nd","t":"i4,i4","s":[0],"v":""}',
        b'{"$":"nd","t":"|O","s":[0],"v":""}',
        b'{"$":"nd","t":"<f8","s":[-1],"v":"AAAAAAAAAAA="}',
        b'{"$":"nd","t":"<f8","s":[99999999999999999999],"v":"AAAAAAAAAAA="}',
        b'{"$":"nd","t":{"names":[]},"s":[0],"v":""}',
        b'{"$":"dc","t":"ostinato.core.records:Routes","v":{"canary_share":2.0}}',
        b'{"$":"dc","t":"ostinato.join.stage:STAGE","v":{}}',
        b"[" * 100_000 + b"]" * 100_000,
        b'{"$":"t","v":[' * 5_000 + b"]}" * 5_000,
    ],
)
def test_bytes_that_are_no_snapshot_are_refused(data):
    with pytest.raises(StoreError):
        decode(data)


def test_truncated_snapshot_is_refused_at_any_length():
    data = encode({"a": np.arange(3), "b": [Routes(), 1.5, Stopwatch()]})
    for length in range(len(data)):
        with pytest.raises(StoreError):
            decode(data[:length])


def test_array_is_packed_as_its_bytes():
    packed = json.loads(encode(np.array([1.0])))["v"]
    assert base64.b64decode(packed) == np.array([1.0]).tobytes()


def test_large_arrays_of_small_numbers_take_little_room():
    counts = np.arange(10_000) % 7
    assert len(encode(counts)) < counts.nbytes / 10


@pytest.mark.parametrize("size", [999, 1_001])
def test_a_large_array_whose_shape_was_damaged_is_refused(size):
    data = encode(np.zeros(1_000)).replace(b'"s":[1000]', f'"s":[{size}]'.encode())
    with pytest.raises(StoreError):
        decode(data)

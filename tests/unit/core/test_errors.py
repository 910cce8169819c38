from __future__ import annotations

import json
import pickle

import pytest
import typer

import ostinato
from ostinato.cli.output import exit_codes
from ostinato.core import errors
from ostinato.core.errors import (
    ConfigError,
    DataError,
    InputError,
    OstinatoError,
    StoreError,
    TamperedError,
    TruncatedError,
)

ALL = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, OstinatoError)
]


def test_message_holds_what_was_found_and_expected_and_the_next_step():
    error = ConfigError("share is wrong.", found=1.5, expected="0..1", hint="Write 0.05.")
    assert str(error) == "share is wrong; was: 1.5; expected: 0..1.\nhint: Write 0.05."


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        ({}, "It broke."),
        ({"found": 0}, "It broke; was: 0."),
        ({"found": ""}, "It broke; was: ."),
        ({"expected": "1"}, "It broke; expected: 1."),
        ({"hint": "Mend it."}, "It broke.\nhint: Mend it."),
    ],
)
def test_message_leaves_out_what_is_not_known(facts, text):
    assert str(OstinatoError("It broke.", **facts)) == text


@pytest.mark.parametrize("kind", ALL)
def test_facts_are_attributes_and_json(kind):
    error = kind("It broke", found=["a"], expected="b", hint="Mend it.")
    assert (error.what, error.found, error.expected, error.hint) == (
        "It broke",
        ["a"],
        "b",
        "Mend it.",
    )
    assert json.loads(json.dumps(error.to_dict())) == {
        "error": kind.__name__,
        "what": "It broke",
        "found": "['a']",
        "expected": "b",
        "hint": "Mend it.",
    }


def test_unknown_facts_are_null():
    assert OstinatoError("It broke").to_dict()["found"] is None


@pytest.mark.parametrize("kind", ALL)
def test_error_survives_the_way_between_processes(kind):
    error = pickle.loads(pickle.dumps(kind("It broke", found=3, expected="4", hint="Mend it.")))
    assert type(error) is kind
    assert str(error) == "It broke; was: 3; expected: 4.\nhint: Mend it."


@pytest.mark.parametrize("kind", ALL)
def test_every_error_is_at_hand_at_the_package_root(kind):
    assert getattr(ostinato, kind.__name__) is kind
    assert kind.__name__ in ostinato.__all__


@pytest.mark.parametrize("kind", ALL)
def test_the_command_line_exits_with_2_on_every_error(kind):
    with pytest.raises(typer.Exit) as caught, exit_codes(as_json=False):
        raise kind("It broke")
    assert caught.value.exit_code == 2


def test_tree_is_the_one_drawn_in_the_module():
    assert issubclass(ConfigError, InputError)
    assert issubclass(DataError, InputError)
    assert issubclass(TamperedError, StoreError)
    assert issubclass(TruncatedError, StoreError)
    assert all(kind.__name__ in errors.__doc__ for kind in ALL)

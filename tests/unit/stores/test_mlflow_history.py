from __future__ import annotations

import pytest

from ostinato.stores.alias_moves import Move
from ostinato.stores.mlflow_history import TAG_CHARACTERS_MAX, read_moves, tag_with


def move(n, alias="champion", version="v1"):
    return Move(alias=alias, version=version, ts_event_ns=n)


def test_moves_of_several_aliases_are_read_back_in_order():
    moves = [move(n, alias, f"v{n}") for n in range(9) for alias in ("champion", "champion-b")]
    tags = {"ostinato.version": "not a move", "team": "flights"}
    for one in moves:
        tags.update([tag_with(tags, one)])
    for alias in ("champion", "champion-b"):
        found = [one for one in read_moves(tags) if one.alias == alias]
        assert found == [one for one in moves if one.alias == alias]


@pytest.mark.parametrize("version", ["v1", "v" * 128])
def test_no_tag_is_longer_than_a_server_takes(version):
    moves = [move(n, version=version) for n in range(1_000)]
    tags = {}
    for one in moves:
        tags.update([tag_with(tags, one)])
    assert read_moves(tags) == moves
    longest = max(len(text) for text in tags.values())
    assert TAG_CHARACTERS_MAX - 160 < longest <= TAG_CHARACTERS_MAX

from __future__ import annotations

import pytest

from ostinato.core.errors import StoreError
from ostinato.live.feature_state import FeatureState, read_state, write_state

STATE = FeatureState(offset=7, plan="a" * 64, store=b"\0store\xff", feed=b"feed")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "features.state"


def test_a_state_comes_back_as_it_was_written(path):
    write_state(path, STATE)

    assert read_state(path, plan=STATE.plan) == STATE
    assert [each.name for each in path.parent.iterdir()] == ["features.state"]


def test_there_is_none_before_the_first(path):
    assert read_state(path, plan="") is None


def test_every_changed_byte_is_noticed(path):
    write_state(path, STATE)
    sound = path.read_bytes()
    for place in range(len(sound)):
        path.write_bytes(sound[:place] + bytes([sound[place] ^ 1]) + sound[place + 1 :])
        with pytest.raises(StoreError, match="cannot be read"):
            read_state(path, plan=STATE.plan)


def test_every_torn_file_is_noticed(path):
    write_state(path, STATE)
    sound = path.read_bytes()
    for length in range(len(sound)):
        path.write_bytes(sound[:length])
        with pytest.raises(StoreError, match="cannot be read"):
            read_state(path, plan=STATE.plan)


def test_a_state_of_other_definitions_is_refused(path):
    write_state(path, STATE)

    with pytest.raises(StoreError, match="other definitions"):
        read_state(path, plan="b" * 64)


def test_a_folder_that_is_gone_is_told(tmp_path):
    with pytest.raises(StoreError, match="cannot be written"):
        write_state(tmp_path / "gone" / "features.state", STATE)

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from ostinato.checks.samples import sample_decisions
from ostinato.core.errors import StoreError, TamperedError, TruncatedError
from ostinato.stores import MemoryJournal, check_chain, entry_hash
from ostinato.stores.chain import next_entries


@pytest.fixture
def entries():
    return next_entries(sample_decisions(0, 5), (0, ""))


def test_hash_covers_the_previous_hash_in_hex_and_the_body(entries):
    first = hashlib.sha256(entries[0].body.encode()).hexdigest()
    second = hashlib.sha256((first + entries[1].body).encode()).hexdigest()
    assert [entry.hash for entry in entries[:2]] == [first, second]


def test_what_was_measured_does_not_move_the_hash():
    fast, slow = (
        replace(sample_decisions(0, 1)[0], measured={"wall_seconds": seconds}) for seconds in (1, 9)
    )
    (one,), (other,) = next_entries([fast], (0, "")), next_entries([slow], (0, ""))
    assert one.hash == other.hash
    assert one.measured == '{"wall_seconds":1}'


def test_wrong_seq_is_refused_with_the_one_expected():
    with pytest.raises(StoreError, match="was: seq 3; expected: seq 1") as caught:
        next_entries(sample_decisions(3, 1), (1, "ab"))
    assert caught.value.found == "seq 3"


def test_a_new_run_in_a_journal_that_holds_another_is_told_to_choose_a_new_file():
    with pytest.raises(StoreError, match=r"already holds 7 decisions; was: old\.db") as caught:
        next_entries(sample_decisions(0, 2), (7, "ab"), place="old.db")
    assert "Choose a new file" in caught.value.hint


def test_text_that_is_not_unicode_is_refused():
    broken = replace(sample_decisions(0, 1)[0], reason="half a pair: \ud800")
    with pytest.raises(StoreError, match="not Unicode"):
        next_entries([broken], (0, ""))


def test_chain_is_counted(entries):
    assert check_chain(entries) == 5
    assert check_chain([]) == 0


@pytest.mark.parametrize("count", range(6))
def test_chain_that_contains_the_remembered_head_is_good(entries, count):
    remembered = (count, entries[count - 1].hash if count else "")
    assert check_chain(entries, remembered) == 5


@pytest.mark.parametrize("count", range(5))
def test_missing_tail_shows_against_the_remembered_head(entries, count):
    with pytest.raises(TruncatedError, match=f"was: {count} entries; expected: at least 5"):
        check_chain(entries[:count], (5, entries[-1].hash))


def test_rewritten_chain_shows_only_against_the_remembered_head(entries):
    forged = [replace(decision, reason="forged") for decision in sample_decisions(0, 5)]
    rewritten = next_entries(forged, (0, ""))
    assert check_chain(rewritten) == 5
    with pytest.raises(TamperedError, match="Entry 4 of the journal is not the one remembered"):
        check_chain(rewritten, (5, entries[-1].hash))


def test_head_of_another_journal_is_not_that_of_an_empty_one(entries):
    with pytest.raises(TamperedError):
        check_chain(entries, (0, entries[0].hash))


@pytest.mark.parametrize("order", [[1, 2, 3, 4], [0, 2, 3, 4], [0, 2, 1, 3, 4], [0, 1, 1, 2, 3, 4]])
def test_dropped_moved_and_doubled_entries_show(entries, order):
    with pytest.raises(TamperedError, match="seq does not fit"):
        check_chain([entries[index] for index in order])


@pytest.mark.parametrize("body", ["not json", "[1]", "3", '{"seq":0}'])
def test_body_that_no_decision_wrote_shows_even_with_a_right_hash(entries, body):
    forged = replace(entries[0], body=body, hash=entry_hash("", body))
    with pytest.raises(TamperedError, match="Entry 0 of the journal was changed"):
        check_chain([forged])


def test_memory_journal_remembers_its_head():
    with MemoryJournal() as journal:
        journal.append(sample_decisions(0, 3))
        head = journal.head()
        journal.append(sample_decisions(3, 2))
        assert journal.verify(head) == 5

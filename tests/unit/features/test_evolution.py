import polars as pl
import pytest

from ostinato import features
from ostinato.core.errors import DataError, StoreError, TamperedError
from ostinato.features.admit import admit
from ostinato.features.evolution import Changes, compare_schemas, under_new_names
from ostinato.features.kinds import kinds_of_rows
from ostinato.features.plan import make_plan
from ostinato.features.reading import read_by_book
from ostinato.features.schema_book import SchemaBook, load_book, save_book

READS = ("carrier", "delay")
FIRST = {"carrier": "text", "delay": "number", "gate": "integer"}


def source(**options):
    return features.Events("landings", time="landed", **options)


def known(columns=FIRST, /, **options) -> SchemaBook:
    return take(columns, book=SchemaBook(), **options)[1]


def take(columns, /, *, book=None, now_ns=1, reads=READS, whole=True, **options):
    book = known() if book is None else book
    taken = admit(
        book, source(**options), columns, reads, example=lambda name: f"<{name}>", whole=whole
    )
    return taken, taken.register(book, "landings", now_ns)


def test_the_first_columns_are_version_one() -> None:
    taken, book = take(FIRST, book=SchemaBook(), now_ns=7)

    assert taken.changes.added == ("carrier", "delay", "gate")
    assert book.versions() == {"landings": 1}
    assert book.latest("landings").columns == FIRST
    assert book.entries[0].since_ns == 7


def test_the_same_columns_are_no_new_version() -> None:
    taken, book = take(dict(reversed(FIRST.items())))

    assert not taken.changes
    assert book == known()


def test_an_added_column_is_taken_and_recorded() -> None:
    taken, book = take({**FIRST, "plane": "text"})

    assert taken.changes == Changes(added=("plane",))
    assert book.versions() == {"landings": 2}
    assert book.latest("landings").columns == {**FIRST, "plane": "text"}
    assert book.entries[1].changes == taken.changes


def test_a_removed_column_that_no_feature_reads_is_recorded() -> None:
    taken, book = take({"carrier": "text", "delay": "number"})

    assert taken.changes == Changes(removed=("gate",))
    assert book.versions() == {"landings": 2}


def test_posted_events_need_not_carry_what_no_feature_reads() -> None:
    _, book = take({"carrier": "text", "delay": "number"}, whole=False)

    assert book == known()


def test_a_removed_column_that_features_read_is_refused() -> None:
    with pytest.raises(DataError, match="lack columns that features read: delay") as raised:
        take({"carrier": "text", "gate": "integer"})

    assert raised.value.found == "carrier, gate"
    assert "missing={'delay': ...}" in raised.value.hint
    assert "renamed" not in raised.value.hint


def test_a_removed_column_is_taken_where_the_declaration_says_what_stands_for_it() -> None:
    taken, book = take({"carrier": "text", "gate": "integer"}, missing={"delay": 0.0})

    assert taken.changes == Changes(removed=("delay",))
    assert book.versions() == {"landings": 2}


def test_a_column_that_looks_like_the_one_gone_is_suggested() -> None:
    with pytest.raises(DataError, match="lack columns") as raised:
        take({"carrier": "text", "delays": "number", "gate": "integer"})

    assert "If 'delays' is the same, declare renamed={'delays': 'delay'}" in raised.value.hint


def test_a_column_of_another_kind_is_not_suggested() -> None:
    with pytest.raises(DataError, match="lack columns") as raised:
        take({"carrier": "text", "delays": "text", "gate": "integer"})

    assert "delays" not in raised.value.hint


def test_another_name_is_taken_by_rule_from_both_sides() -> None:
    rule = {"delays": "delay"}
    _, book = take({"carrier": "text", "delays": "number", "gate": "integer"}, renamed=rule)
    before = known({"carrier": "text", "delays": "number"}, reads=("carrier",))
    now, after = take({"carrier": "text", "delay": "number"}, book=before, renamed=rule)

    assert book == known()  # under its new name it is what it was
    assert now.changes == Changes(renamed=(("delays", "delay"),))
    assert after.latest("landings").columns == {"carrier": "text", "delay": "number"}


def test_a_column_that_changes_name_and_kind_at_once_is_refused() -> None:
    before = known({"carrier": "text", "delays": "number"}, reads=("carrier",))

    with pytest.raises(DataError, match=r"'delay' .* is of another kind than before"):
        take({"carrier": "text", "delay": "text"}, book=before, renamed={"delays": "delay"})


@pytest.mark.parametrize(("old", "new"), [("integer", "number"), ("number", "integer")])
def test_integers_and_numbers_are_taken_for_each_other_and_recorded(old, new) -> None:
    book = known({"carrier": "text", "delay": old})

    taken, after = take({"carrier": "text", "delay": new}, book=book)

    assert taken.changes == Changes(retyped=(("delay", old, new),))
    assert after.versions() == {"landings": 2}


def test_posted_integers_in_a_column_of_numbers_are_no_change() -> None:
    taken, _ = take({"carrier": "text", "delay": "integer"}, whole=False)

    assert not taken.changes


@pytest.mark.parametrize(("column", "new"), [("delay", "text"), ("carrier", "integer")])
def test_another_kind_is_refused_with_what_to_do(column, new) -> None:
    with pytest.raises(DataError, match=rf"{column!r} .* another kind than before") as raised:
        take({**FIRST, column: new})

    assert raised.value.found == f"{new}, for example <{column}>"
    assert raised.value.expected == FIRST[column]
    assert f"columns={{{column!r}: {new!r}}}" in raised.value.hint


def test_another_kind_of_a_column_that_no_feature_reads_is_recorded() -> None:
    taken, _ = take({**FIRST, "gate": "text"})

    assert taken.changes == Changes(retyped=(("gate", "integer", "text"),))


def test_another_kind_is_taken_where_it_is_declared() -> None:
    taken, _ = take({**FIRST, "carrier": "integer"}, columns={"carrier": "integer"})

    assert taken.changes == Changes(retyped=(("carrier", "text", "integer"),))


def test_a_kind_that_is_not_the_declared_one_is_refused_from_the_first_event() -> None:
    with pytest.raises(DataError, match=r"'delay' .* another kind than declared"):
        take({**FIRST, "delay": "text"}, book=SchemaBook(), columns={"delay": "number"})


@pytest.mark.parametrize("kind", ["list", "datetime", "text and integer"])
def test_what_features_cannot_read_is_refused_where_they_would(kind) -> None:
    with pytest.raises(DataError, match=r"'delay' .* another kind than features can read"):
        take({**FIRST, "delay": kind}, book=SchemaBook())

    assert take({**FIRST, "gate": kind}, book=SchemaBook())[0].columns["gate"] == kind


def test_a_column_without_values_is_there_and_keeps_its_kind() -> None:
    taken, _ = take({**FIRST, "delay": None})

    assert not taken.changes
    assert taken.columns["delay"] == "number"


def test_the_kind_of_a_column_shows_with_its_first_value() -> None:
    book = known({"carrier": "text", "delay": None})

    taken, after = take({"carrier": "text", "delay": "number"}, book=book)

    assert book.latest("landings").columns == {"carrier": "text"}
    assert taken.changes == Changes(added=("delay",))
    assert after.versions() == {"landings": 2}


def test_a_column_that_comes_back_is_of_the_kind_it_was() -> None:
    _, without = take({"carrier": "text", "gate": "integer"}, missing={"delay": 0.0})

    back, book = take(FIRST, book=without)
    with pytest.raises(DataError, match="another kind than before"):
        take({**FIRST, "delay": "text"}, book=without)

    assert back.changes == Changes(added=("delay",))
    assert book == without  # the version it was at first


def test_the_book_grows_with_different_schemas_and_not_with_changes() -> None:
    book = known()
    for round_ in range(20):
        columns = FIRST if round_ % 2 else {**FIRST, "plane": "text"}
        book = take(columns, book=book)[1]

    assert len(book.entries) == 2


def test_sources_have_versions_of_their_own() -> None:
    book = known().register("weather", {"wind": "number"}, Changes(), 3)

    assert book.versions() == {"landings": 1, "weather": 1}
    assert book.kinds("weather") == {"wind": "number"}


def test_the_book_comes_back_from_its_file_as_it_was(tmp_path) -> None:
    path = tmp_path / "schemas.json"
    rule = {"gate": "stand"}
    _, book = take({"carrier": "text", "delay": "integer", "stand": "integer"}, renamed=rule)

    save_book(path, book)

    assert load_book(path) == book
    assert load_book(tmp_path / "none.json") == SchemaBook()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"versions": [{}]}', b"\xff\xfe"])
def test_a_damaged_book_is_refused_and_left_as_it_is(tmp_path, content) -> None:
    path = tmp_path / "schemas.json"
    path.write_bytes(content)

    with pytest.raises(StoreError, match="book of schemas cannot be read"):
        load_book(path)

    assert path.read_bytes() == content


def test_a_book_that_was_changed_by_hand_is_refused(tmp_path) -> None:
    path = tmp_path / "schemas.json"
    save_book(path, known())
    path.write_text(path.read_text(encoding="utf-8").replace('"number"', '"text"'), "utf-8")

    with pytest.raises(TamperedError, match="not what was written"):
        load_book(path)


def test_changes_are_told_in_words() -> None:
    changes = compare_schemas({"a": "text", "b": "integer"}, {"b": "number", "c": "text"})

    assert str(changes) == "c added; a removed; b was integer, is number"
    assert str(Changes()) == "nothing changed"


def test_a_column_under_both_names_counts_once() -> None:
    rule = {"stand": "gate"}

    assert under_new_names({"stand": "text", "gate": None}, rule) == {"gate": "text"}
    assert under_new_names({"gate": "integer", "stand": "text"}, rule) == {"gate": "integer"}
    assert under_new_names({"stand": "text", "gate": "integer"}, rule) == {"gate": "integer"}


def test_kinds_of_posted_events_are_read_off_their_values() -> None:
    rows = [
        {"n": 1, "i": 1, "t": "a", "b": True, "none": None, "mixed": "a"},
        {"n": 2.5, "i": None, "late": 1, "mixed": 1, "list": [1]},
        {"mixed": "b"},
    ]

    assert kinds_of_rows(rows) == {
        "n": "number",
        "i": "integer",
        "t": "text",
        "b": "boolean",
        "none": None,
        "mixed": "text and integer",
        "late": "integer",
        "list": "list",
    }


def plan_of(table, **options):
    events = source(data=table, **options)
    return make_plan([features.mean(events, "delay", by="carrier", window="1h")])


TABLE = pl.DataFrame({"landed": [1, 2], "carrier": ["a", "b"], "delay": [1, 2], "gate": [[1], [2]]})


def test_files_are_checked_against_the_book() -> None:
    batches, book = read_by_book(plan_of(TABLE), SchemaBook(), 5)
    text = TABLE.with_columns(pl.col("delay").cast(pl.String))

    assert batches["landings"].frame["delay"].to_list() == [1, 2]
    assert batches["landings"].schema == book.labels()["landings"]
    assert book.labels()["landings"].startswith("1@")
    assert book.latest("landings").columns == {
        "carrier": "text",
        "delay": "integer",
        "gate": "list",
    }
    with pytest.raises(DataError, match="another kind than before") as raised:
        read_by_book(plan_of(text), book, 6)
    assert raised.value.found == "text, for example '1'"
    assert read_by_book(plan_of(TABLE), book, 7)[1] == book


def test_a_file_with_an_old_name_is_read_by_rule() -> None:
    old = TABLE.rename({"delay": "delays"})
    _, book = read_by_book(plan_of(TABLE), SchemaBook(), 5)

    batches, after = read_by_book(plan_of(old, renamed={"delays": "delay"}), book, 6)

    assert batches["landings"].frame["delay"].to_list() == [1, 2]
    assert after == book
    with pytest.raises(DataError, match=r"renamed=\{'delays': 'delay'\}"):
        read_by_book(plan_of(old), book, 6)


def test_a_source_without_data_is_not_in_the_book() -> None:
    batches, book = read_by_book(plan_of(None), SchemaBook(), 5)

    assert len(batches["landings"]) == 0
    assert book == SchemaBook()

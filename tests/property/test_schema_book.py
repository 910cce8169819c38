"""Whatever columns come in whatever order: the book has each set of them once, and comes back."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ostinato.features.admit import admit
from ostinato.features.schema_book import SchemaBook
from ostinato.features.sources import KINDS, Events

SOURCE = Events("landings", time="landed", renamed={"old": "new"}, missing={"read": 0})
COLUMNS = st.dictionaries(
    st.sampled_from(["a", "b", "old", "new"]), st.sampled_from([*KINDS, None]), max_size=4
)
NUMBERS = st.sampled_from(["number", "integer", None])


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(COLUMNS, NUMBERS, st.booleans(), st.booleans()), max_size=12))
def test_the_book_has_each_set_of_columns_once_and_comes_back(steps) -> None:
    book = SchemaBook()
    for now_ns, (columns, read, there, whole) in enumerate(steps):
        given_now = {**columns, "read": read} if there else columns
        taken = admit(book, SOURCE, given_now, ["read"], example=str, whole=whole)
        grown = taken.register(book, "landings", now_ns)

        assert (book.find("landings", taken.columns) is None) == (grown != book)
        assert "old" not in taken.columns
        again = admit(grown, SOURCE, given_now, ["read"], example=str, whole=whole)
        assert again.register(grown, "landings", now_ns + 1) == grown
        book = grown

    sets = [tuple(entry.schema.columns.items()) for entry in book.entries]
    assert len(sets) == len(set(sets))
    assert [e.schema.version for e in book.entries] == list(range(1, len(sets) + 1))
    assert SchemaBook.from_json(book.to_json()) == book

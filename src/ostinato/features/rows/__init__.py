"""Features made of the row itself: expressions, functions, and look-ups in reference tables.

in: the request's columns and times. out: a column per feature, or a tuple per row. State kept: the
reference tables, read once.

`table` is for all of history, `rows` for what one turn of a service brings; both take the same
values through the same steps: inputs are brought into their kinds, the feature is computed, what
is missing gets the default.
"""

from ostinato.features.rows.compute import RowFeatures, row_features

__all__ = ["RowFeatures", "row_features"]

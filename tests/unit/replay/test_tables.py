from __future__ import annotations

import numpy as np
import polars as pl

from ostinato.core.ports import Lineage
from ostinato.replay.record import Recorder
from ostinato.replay.tables import versions_table


class Rows:
    """As much of a history as the recorder asks for."""

    first = 0

    def __len__(self):
        return 1


def test_the_table_of_versions_has_the_same_columns_whatever_is_in_it():
    lineage = Lineage(
        loop="small",
        data_from_ns=-1,
        data_to_ns=1,
        data_rows=np.int64(2),
        data_digest="ab",
        policy_digest="cd",
        learner="ridge",
        parameters={},
        seed=3,
        libraries={},
    )
    recorder = Recorder(history=Rows(), classes=2)
    empty = versions_table(recorder, [])
    recorder.version("v1", 0, lineage, "ef")

    one = versions_table(recorder, [])

    assert empty.schema == one.schema
    assert one.schema["parent"] == pl.String
    assert one.schema["trained_at"] == one.schema["serving_to"] == pl.Datetime("ns", "UTC")
    assert one.select("parent", "rows", "seed", "status").row(0) == (None, 2, 3, "trained")

"""How decisions are told."""

from __future__ import annotations

import pytest

from ostinato.core.records import LabelsUnusable
from ostinato.live.alerts.notice import decision_notice


@pytest.mark.parametrize(
    ("evidence", "told"),
    [
        ({"values": ["2.0"], "rows": 1}, "Left out. 1 of them."),
        ({"ids": ["p1", "p2"], "rows": 1_200}, "Left out. 1,200 of them: p1, p2."),
    ],
)
def test_labels_that_cannot_be_used_are_a_warning_that_counts_them(written, evidence, told):
    written.add(LabelsUnusable, "labels", "Left out.", evidence=evidence)
    (entry,) = written.journal.entries()

    notice = decision_notice(entry)

    assert notice.severity == "warning"
    assert notice.text == f"labels unusable (labels). {told}"

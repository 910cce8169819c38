from __future__ import annotations

import pytest

from ostinato.cli.output import check_writable
from ostinato.core.errors import InputError


def test_a_report_that_cannot_be_written_is_refused_before_the_work(tmp_path):
    check_writable(None)
    check_writable(tmp_path / "report.html")
    for path in (tmp_path, tmp_path / "nowhere" / "report.html"):
        with pytest.raises(InputError, match="cannot be written"):
            check_writable(path)

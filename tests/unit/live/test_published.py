from __future__ import annotations

import pytest

from ostinato.core.errors import StoreError
from ostinato.live.layout import Layout
from ostinato.live.published import Undo, write


def test_a_file_that_cannot_be_written_is_named_with_the_reason(tmp_path):
    path = tmp_path / "nowhere" / "undo.json"
    with pytest.raises(StoreError, match=r"undo\.json \(No such file or directory\)"):
        write(path, Undo(epoch=1, act_id="x"))


def test_a_folder_that_cannot_be_made_is_named_with_the_reason(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StoreError, match=r"file/service \(Not a directory\)"):
        Layout(tmp_path / "file" / "service").make()

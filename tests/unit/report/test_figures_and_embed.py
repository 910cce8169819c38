from __future__ import annotations

import base64
import json
import math
import zlib

from ostinato.replay.report.embed import packed_json, script_json
from ostinato.replay.report.figures import amount, metric, number, seconds, share


def test_what_is_no_number_is_shown_as_a_dash():
    assert [write(None) for write in (metric, amount, share, seconds)] == ["–"] * 4
    assert metric("nan") == "–"
    assert metric(math.inf) == "–"


def test_negative_amounts_have_a_typographic_minus():
    assert amount(-1234.4) == "−1,234"


def test_text_is_never_taken_for_a_number():
    assert math.isnan(number("3"))


def test_embedded_json_cannot_end_its_script_element():
    text = str(script_json({"reason": "</script><!-- & \u2028"}))
    assert "<" not in text
    assert ">" not in text
    assert "\u2028" not in text
    assert json.loads(text) == {"reason": "</script><!-- & \u2028"}


def test_embedded_json_holds_no_nan():
    assert json.loads(str(script_json({"a": [math.nan, math.inf, 1.5]}))) == {
        "a": [None, None, 1.5]
    }


def test_packed_json_comes_back_as_it_was():
    value = {"policy": [[0, "2013-01-01T00:00:00Z", "promoted", {"delta": -0.01}]]}
    assert json.loads(zlib.decompress(base64.b64decode(packed_json(value)))) == value

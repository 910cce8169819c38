from __future__ import annotations

import base64
import importlib.util
import json
import re
import sys
import zlib
from html.parser import HTMLParser
from pathlib import Path

import pytest

from ostinato.replay.report import render_comparison, render_replay

_SPEC = importlib.util.spec_from_file_location(
    "synthetic", Path(__file__).with_name("synthetic.py")
)
synthetic = importlib.util.module_from_spec(_SPEC)
sys.modules["synthetic"] = synthetic
_SPEC.loader.exec_module(synthetic)

HOSTILE = "<script>alert(1)</script>"


class Outside(HTMLParser):
    """Collects what a page would fetch."""

    def __init__(self):
        super().__init__()
        self.fetched = []

    def handle_starttag(self, tag, attrs):
        for name, value in attrs:
            if name in ("src", "href") and value and not value.startswith(("#", "data:")):
                self.fetched.append((tag, value))


def without_plotly(page):
    """The page without the library's own script, which holds all kinds of text."""
    return re.sub(r"<script>/\*.*?</script>", "", page, count=1, flags=re.DOTALL)


@pytest.fixture(scope="module")
def document():
    return synthetic.comparison_document(ticks=2400)


@pytest.fixture(scope="module")
def page(document):
    return render_comparison(document)


def test_the_page_fetches_nothing(page):
    outside = Outside()
    outside.feed(without_plotly(page))
    assert outside.fetched == []


def test_plotly_is_embedded_once(page):
    assert page.count("plotly.js v") == 1


def test_the_advice_and_all_figures_are_text_without_any_script(page, document):
    assert document["advice"]["text"].split(". ")[0] in page
    for row in document["table"]:
        assert f"{row['log_loss']:.4f}" in page
    assert "95.9%" in page or "94" in page


def test_the_policies_have_a_table_with_headers(page):
    assert '<th scope="col">Policy</th>' in page
    assert page.count('<th scope="row">') == 5


def test_names_from_data_are_escaped_everywhere(document):
    hostile = json.loads(json.dumps(document).replace("triggered", HOSTILE.replace('"', "")))
    text = render_comparison(hostile)
    assert HOSTILE not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "\\u003cscript\\u003ealert(1)" in text


def test_loop_names_from_data_are_escaped(document):
    text = render_replay({**document["replays"]["static"], "loop": HOSTILE})
    assert HOSTILE not in text


def test_a_year_of_hours_under_six_policies_stays_below_8_megabytes():
    six = ("static", "weekly", "triggered", "online", "monthly", "daily")
    text = render_comparison(synthetic.comparison_document(policies=six, ticks=9000))
    assert len(text.encode()) < 8e6


def test_every_decision_is_in_the_page(page, document):
    packed = re.search(r'id="journals">([^<]*)<', page).group(1)
    journals = json.loads(zlib.decompress(base64.b64decode(packed)))
    for name, replay in document["replays"].items():
        assert [row[0] for row in journals[name]] == [d["seq"] for d in replay["decisions"]]
        assert [row[-1] for row in journals[name]] == [d["hash"] for d in replay["decisions"]]


def test_a_single_replay_has_no_comparison_in_it(document):
    text = render_replay(document["replays"]["triggered"])
    assert "side by side" not in text
    assert 'id="chart-overview"' not in text
    assert 'id="chart-metric"' in text


def test_the_same_document_gives_the_same_page(document, page):
    assert render_comparison(document) == page


def test_the_input_is_left_as_it_was(document):
    before = json.dumps(document)
    render_comparison(document)
    assert json.dumps(document) == before


def test_a_replay_without_labels_slices_or_decisions_renders(document):
    bare = dict(document["replays"]["static"])
    bare["timeline"] = {**bare["timeline"], "log_loss": [None] * len(bare["timeline"]["time"])}
    bare.update(slices=[], decisions=[], versions=[])
    bare["metrics"] = {"log_loss": None, "n": 0, "label_coverage": 0.0}
    assert "–" in render_replay(bare)


def test_metrics_that_are_no_mean_of_rows_get_no_limit_and_no_money(document):
    text = json.dumps(document).replace("log_loss", "roc_auc")
    page = render_comparison({**json.loads(text), "lower_is_better": False})
    data = json.loads(re.search(r'id="data">(.*?)</script>', page, flags=re.DOTALL).group(1))
    assert data["loss_scale"] is False
    assert data["money"] is None

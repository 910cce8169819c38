from __future__ import annotations

import importlib.util
import json
import shutil
import sys
from pathlib import Path

import pytest

from ostinato.replay.report import render_comparison, render_replay

CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
HAS_PLAYWRIGHT = importlib.util.find_spec("playwright") is not None

pytestmark = [
    pytest.mark.skipif(not HAS_PLAYWRIGHT, reason="the Python package playwright is not installed"),
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
    pytest.mark.timeout(240),
]

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
HOSTILE = "<script>alert(1)</script>"

_SPEC = importlib.util.spec_from_file_location(
    "synthetic", Path(__file__).parents[1] / "unit" / "report" / "synthetic.py"
)
synthetic = importlib.util.module_from_spec(_SPEC)
sys.modules["synthetic"] = synthetic
_SPEC.loader.exec_module(synthetic)


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def document():
    return synthetic.comparison_document(ticks=4000)


class Visit:
    """A page opened without a network, and what it complained about."""

    def __init__(self, browser, path, **options):
        self.context = browser.new_context(offline=True, **options)
        self.page = self.context.new_page()
        self.troubles, self.requests = [], []
        self.page.on(
            "console",
            lambda message: (
                self.troubles.append(message.text) if message.type in ("error", "warning") else None
            ),
        )
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.troubles.append("dialog"), dialog.dismiss()))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(path.as_uri())
        self.page.wait_for_selector("body[data-ready=true]", timeout=60_000)

    def lines(self, chart):
        """The traces a chart holds, as (name, first 40 values)."""
        found = self.page.evaluate(
            "id => document.getElementById(id).data"
            ".map((line) => [line.name, Array.from(line.y).slice(0, 40)])",
            chart,
        )
        return json.dumps(found)


@pytest.fixture
def visit(browser, tmp_path):
    opened = []

    def open_page(html, **options):
        path = tmp_path / f"report{len(opened)}.html"
        path.write_text(html, encoding="utf-8")
        opened.append(Visit(browser, path, **options))
        return opened[-1]

    yield open_page
    for each in opened:
        each.context.close()


@pytest.fixture
def comparison(visit, document):
    opened = visit(render_comparison(document), viewport={"width": 1366, "height": 900})
    opened.page.select_option("#policy", label="triggered")
    return opened


def test_the_page_works_without_a_network_and_without_errors(comparison):
    assert comparison.troubles == []
    assert [
        url for url in comparison.requests if not url.startswith(("file:", "data:", "blob:"))
    ] == []
    assert len([url for url in comparison.requests if url.startswith("file:")]) == 1


def test_all_charts_are_drawn(comparison):
    for chart in ("chart-overview", "chart-metric", "chart-evidence", "chart-traffic"):
        assert comparison.page.locator(f"#{chart} svg.main-svg").count() > 0, chart
        assert comparison.page.locator(f"#{chart} .scatterlayer path").count() > 0, chart


def test_choosing_a_decision_shows_its_evidence(comparison):
    entry = comparison.page.locator(".entry", has_text="Gate").first
    entry.click()
    evidence = comparison.page.locator("#evidence")
    assert "smallest visible effect" in evidence.inner_text()
    assert entry.get_attribute("aria-selected") == "true"


def test_decisions_can_be_walked_with_the_keyboard(comparison):
    comparison.page.locator("#decisions").focus()
    comparison.page.keyboard.press("ArrowDown")
    first = comparison.page.locator("#evidence h4").inner_text()
    comparison.page.keyboard.press("End")
    assert comparison.page.locator("#evidence h4").inner_text() != first
    assert comparison.page.locator("#decisions").get_attribute("aria-activedescendant")


def test_only_the_decisions_in_view_are_elements(comparison):
    comparison.page.select_option("#policy", label="online")
    total = comparison.page.evaluate("journal.all.length")
    assert total > 100
    assert comparison.page.locator(".entry").count() < 40


def test_decisions_are_filtered_by_kind_and_by_text(comparison):
    page = comparison.page
    before = page.evaluate("journal.shown.length")
    page.locator("#kinds button[data-kind=trigger_changed]").click()
    without = page.evaluate("journal.shown.length")
    assert 0 < without < before
    page.locator("#search").fill("no such text anywhere")
    assert page.locator("#decisions").inner_text() == "No decision matches."
    assert page.locator("#decision-count").inner_text().startswith("0 of")


def test_choosing_a_policy_changes_charts_tables_and_decisions(comparison):
    page = comparison.page
    before = (
        comparison.lines("chart-metric"),
        page.locator("#versions").inner_text(),
        page.evaluate("journal.all.length"),
    )
    page.select_option("#policy", label="scheduled")
    after = (
        comparison.lines("chart-metric"),
        page.locator("#versions").inner_text(),
        page.evaluate("journal.all.length"),
    )
    assert all(a != b for a, b in zip(before, after, strict=True))
    assert not page.locator("#chart-evidence").is_visible()
    page.select_option("#policy", label="triggered")
    assert page.locator("#chart-evidence").is_visible()
    assert comparison.troubles == []


def test_the_legend_hides_and_shows_policies(comparison):
    page = comparison.page
    page.locator("#legend button", has_text="online").click()
    assert '"online"' not in comparison.lines("chart-overview")
    page.locator("#legend button", has_text="online").press("Enter")
    assert '"online"' in comparison.lines("chart-overview")


def test_the_view_turns_from_gain_to_metric(comparison):
    gain = comparison.lines("chart-overview")
    comparison.page.locator("input[name=view][value=metric]").check(force=True)
    assert comparison.lines("chart-overview") != gain
    assert "lower is better" in comparison.page.locator("#caption-overview").inner_text()


def test_zooming_one_chart_of_a_policy_zooms_the_others(comparison):
    page = comparison.page
    page.evaluate("Plotly.relayout('chart-metric', {'xaxis.range': ['2013-03-01', '2013-04-01']})")
    page.wait_for_timeout(300)
    got = page.evaluate("document.getElementById('chart-traffic').layout.xaxis.range[0]")
    assert got.startswith("2013-03-01")


def test_a_mark_in_the_chart_leads_to_its_decision(comparison):
    page = comparison.page
    index = page.evaluate(
        "() => { const gd = document.getElementById('chart-metric');"
        " const lane = gd.data.find((t) => t.name === 'Promoted');"
        " gd.emit('plotly_click', { points: [{ customdata: lane.customdata[0] }] });"
        " return lane.customdata[0]; }"
    )
    assert page.evaluate("journal.chosen") == index
    assert page.locator("#evidence h4").inner_text().startswith("Promoted")


def test_dark_mode_has_dark_paper_and_light_text_in_charts(visit, document):
    dark = visit(render_comparison(document), color_scheme="dark")
    paper = dark.page.evaluate("getComputedStyle(document.body).backgroundColor")
    tick = dark.page.evaluate("document.getElementById('chart-metric').layout.font.color")
    assert paper == "rgb(21, 23, 27)"
    assert tick == "#e9e7e3"


def test_names_from_data_never_act_as_markup(visit, document):
    text = (
        json.dumps(document)
        .replace("triggered", HOSTILE)
        .replace("recent_holdout", "<img src=x onerror=alert(2)>")
    )
    hostile = visit(render_comparison(json.loads(text)))
    hostile.page.locator(".entry", has_text="Gate").first.click()
    hostile.page.select_option("#policy", label=HOSTILE)
    assert hostile.troubles == []
    assert hostile.page.locator("main script, main img").count() == 0
    assert HOSTILE in hostile.page.locator("#policy").inner_text()


def test_a_phone_needs_no_sideways_scrolling(visit, document):
    phone = visit(render_comparison(document), viewport={"width": 400, "height": 800})
    width = phone.page.evaluate("document.documentElement.scrollWidth")
    assert width <= 400


def test_a_single_replay_opens(visit, document):
    single = visit(render_replay(document["replays"]["triggered"]))
    assert single.troubles == []
    assert single.page.locator("#chart-metric svg.main-svg").count() > 0
    assert single.page.locator("#policy").count() == 0


def test_a_replay_in_which_nothing_happened_opens(visit, document):
    bare = dict(document["replays"]["static"])
    none = [None] * len(bare["timeline"]["time"])
    bare["timeline"] = {**bare["timeline"], "log_loss": none, "labelled": [0] * len(none)}
    bare.update(slices=[], decisions=[], versions=[])
    bare["metrics"] = {"log_loss": None, "n": 0, "label_coverage": 0.0}
    empty = visit(render_replay(bare))
    assert empty.troubles == []
    assert "Nothing was decided" in empty.page.locator("#caption-metric").inner_text()


@pytest.fixture(scope="module")
def watched_document():
    return synthetic.with_watching(synthetic.replay_document(ticks=4000))


@pytest.fixture(scope="module")
def watched(browser, watched_document, tmp_path_factory):
    """One page for all that only looks and chooses."""
    path = tmp_path_factory.mktemp("watched") / "report.html"
    path.write_text(render_replay(watched_document), encoding="utf-8")
    opened = Visit(browser, path, viewport={"width": 1366, "height": 900})
    yield opened
    opened.context.close()


def test_what_was_watched_is_drawn(watched):
    page = watched.page
    for chart in ("chart-alarms", "chart-stream", "chart-estimates"):
        assert page.locator(f"#{chart} .scatterlayer path").count() > 0, chart
    assert "214" in page.locator("#watch-figures").inner_text()
    assert page.locator("#diagnoses .card").count() == 4
    assert "Keep exploring." in page.locator("#verdicts").inner_text()
    assert "m 0.44" in page.locator("#gaps").inner_text()
    assert "9 rows of 100" in page.locator("#unmeasured").inner_text()
    assert watched.troubles == []


def test_a_stream_is_drawn_on_demand_with_its_alarms(watched):
    page = watched.page
    page.select_option("#stream", value="drift/temp")
    alarmed = page.evaluate("document.getElementById('chart-stream').layout.shapes.length")
    page.select_option("#stream", value="output/score")
    assert alarmed == 2
    assert (
        page.evaluate("(document.getElementById('chart-stream').layout.shapes || []).length") == 0
    )
    assert "It never alarmed." in page.locator("#caption-stream").inner_text()


def test_an_alarm_leads_to_its_stream(watched):
    page = watched.page
    page.select_option("#stream", value="output/score")
    page.evaluate(
        "() => { const gd = document.getElementById('chart-alarms');"
        " gd.emit('plotly_click', { points: [{ customdata: 'quality/temp:missing' }] }); }"
    )
    assert page.locator("#stream").input_value() == "quality/temp:missing"
    page.locator("summary", has_text="All alarms as a table").click()
    page.locator("#alarms button", has_text="drift/wind").click()
    assert page.locator("#stream").input_value() == "drift/wind"


def test_a_diagnosis_leads_to_all_its_numbers(watched):
    page = watched.page
    page.locator("#diagnoses .card button").first.click()
    assert page.locator("#evidence h4").inner_text().startswith("Diagnosis")
    assert "unseen inputs" in page.locator("#evidence").inner_text()


def test_zooming_the_metric_zooms_what_was_watched(watched):
    page = watched.page
    page.evaluate("Plotly.relayout('chart-metric', {'xaxis.range': ['2013-03-01', '2013-04-01']})")
    page.wait_for_timeout(300)
    for chart in ("chart-alarms", "chart-stream", "chart-estimates"):
        got = page.evaluate(f"document.getElementById('{chart}').layout.xaxis.range[0]")
        assert got.startswith("2013-03-01"), chart


def test_a_policy_that_is_not_watched_shows_nothing_of_it(visit, watched_document, document):
    both = {**document, "replays": {**document["replays"], "triggered": watched_document}}
    opened = visit(render_comparison(both))
    opened.page.select_option("#policy", label="triggered")
    assert opened.page.locator("#block-watch").is_visible()
    opened.page.select_option("#policy", label="static")
    assert not opened.page.locator("#block-watch").is_visible()
    opened.page.select_option("#policy", label="triggered")
    assert opened.page.locator("#chart-alarms .scatterlayer path").count() > 0
    assert opened.troubles == []


def test_names_of_streams_never_act_as_markup_nor_push_a_phone_sideways(visit, watched_document):
    hostile = json.loads(
        json.dumps(watched_document).replace("temp", "<img src=x onerror=alert(3)>")
    )
    opened = visit(render_replay(hostile), viewport={"width": 400, "height": 800})
    opened.page.locator("#diagnoses .card button").first.click()
    assert opened.page.locator("main img").count() == 0
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= 400, "nor on a phone"
    assert opened.troubles == []


def test_a_watched_replay_without_alarms_opens(visit, watched_document):
    quiet = {**watched_document, "alarms": [], "estimates": [], "verdicts": {}, "fairness": []}
    quiet["decisions"] = []
    quiet["monitors"] = {"streams": [], "lines": {}}
    opened = visit(render_replay(quiet))
    assert opened.troubles == []
    assert not opened.page.locator("#block-alarms").is_visible()
    assert "No alarm" in opened.page.locator("#caption-watch").inner_text()

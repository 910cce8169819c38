"""The report: what a replay or a comparison found, as one HTML file that works without a network.

In: the document that `Replay.to_json` or `Comparison.to_json` writes, as a dict. Out: the text of
the page. State kept: none. `timeline` brings long series down to what a screen can show, `table`
and `figures` prepare what is read as text, `embed` puts data into the page safely, `render` puts
it together from `templates/`.
"""

from ostinato.replay.report.render import render_comparison, render_replay

__all__ = ["render_comparison", "render_replay"]

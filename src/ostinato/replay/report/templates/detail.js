/* One policy: its metric with what was done, its evidence, its traffic. */

const LANES = [
  { label: "Retrained", kinds: ["training_requested"], symbol: "circle", colour: "--muted" },
  { label: "Rejected", kinds: ["candidate_rejected", "training_failed"], symbol: "x-thin", colour: "--bad" },
  { label: "Canary step", kinds: ["rollout_advanced"], symbol: "triangle-right", colour: "--challenger" },
  { label: "Promoted", kinds: ["promoted"], symbol: "diamond", colour: "--good" },
  { label: "Alarm", kinds: ["alarm_raised"], symbol: "triangle-up", colour: "--bad" },
  { label: "Diagnosis", kinds: ["diagnosis_made"], symbol: "square", colour: "--c3" },
  { label: "Taken back", kinds: ["rolled_back", "rollout_ended"], symbol: "triangle-left", colour: "--bad" },
];
const DETAIL_MARGIN = { l: 84, r: 14, t: 10, b: 34 };

function drawDetail(data, policy, decisions) {
  drawMetric(data, policy, decisions);
  drawEvidence(data, policy);
  drawTraffic(data, policy, decisions);
}

function detailWidth(data) {
  const widths = smoothingWidths(data);
  return widths[Math.min(1, widths.length - 1)];
}

function drawMetric(data, policy, decisions) {
  const { times } = data, series = policy.series, width = detailWidth(data), colour = colourOf(policy);
  const base = data.policies.find((other) => other.name === data.baseline);
  const line = (y, name, style, more) => ({
    x: times, y, name: plain(name), mode: "lines", line: style, hovertemplate: `%{x|%d %b %Y}<br>${plain(name)} %{y:.4f}<extra></extra>`, ...more,
  });
  const traces = [line(series.metric, `per ${hoursText(data.width_hours)}`, { color: colour, width: 1 }, { opacity: 0.32 })];
  if (base && base !== policy) {
    traces.push(line(smoothed(base.series.metric, base.series.labelled, width), base.name, { color: css("--c-1"), width: 1.5, dash: "4px,3px" }));
  }
  const watched = data.loss_scale && someKnown(series.limit);
  if (watched) {
    traces.push(line(series.expected, "expected", { color: css("--muted"), width: 1.2, shape: "hv" }));
    traces.push(line(series.limit, "limit", { color: css("--ink"), width: 1.3, dash: "dot", shape: "hv" }));
  }
  traces.push(line(smoothed(series.metric, series.labelled, width), policy.name, { color: colour, width: 2.4 }));
  const lanes = laneTraces(decisions);
  const share = lanes.length ? 0.07 * lanes.length : 0;
  draw("chart-metric", [...traces, ...lanes], {
    hovermode: "closest", hoverdistance: 24, margin: DETAIL_MARGIN,
    xaxis: timeAxis({ anchor: lanes.length ? "y2" : "y", range: ends(times) }),
    yaxis: axis({ domain: [share ? share + 0.05 : 0, 1], range: ownRange(series, base && base !== policy ? base.series : null), title: { text: data.metric, font: { size: 11.5, color: css("--muted") } } }),
    yaxis2: axis({ domain: [0, share || 0.01], range: [lanes.length - 0.4, -0.6], tickvals: lanes.map((_, i) => i), ticktext: lanes.map((lane) => lane.name), fixedrange: true, visible: lanes.length > 0 }),
    shapes: promotionLines(decisions),
  });
  const parts = [`Thick line: ${data.metric} over the last ${hoursText(width * data.width_hours)}; thin line: per ${hoursText(data.width_hours)}.`];
  if (base && base !== policy) parts.push(`Dashed: ${base.name}, which may run off the chart.`);
  if (watched) parts.push("Grey: what the champion was expected to lose when it was proved; dotted: the most that is tolerated before the policy acts.");
  if (lanes.length) parts.push("Each mark below is a decision: point at it to read it, choose it to see its evidence. Thin upright lines are promotions.");
  else parts.push("Nothing was decided in this period.");
  document.getElementById("caption-metric").textContent = parts.join(" ");
  document.getElementById("chart-metric").setAttribute("aria-label",
    `${data.metric} of ${policy.name} over time, ${metricText(policy.metrics[data.metric])} overall, with ${decisions.length} decisions, listed below.`);
}

/* The policy's own range: a baseline that leaves it far behind runs off the chart. */
function ownRange(series, other) {
  const known = (values) => values.filter((value) => value !== null);
  const own = [...known(series.metric), ...known(series.limit), ...known(series.expected)];
  if (!own.length) return undefined;
  let low = Math.min(...own), high = Math.max(...own);
  const room = high - low || Math.abs(high) || 1;
  if (other) {
    const theirs = known(other.metric);
    low = Math.max(Math.min(low, ...theirs), low - 0.6 * room);
    high = Math.min(Math.max(high, ...theirs), high + 0.6 * room);
  }
  return [low - 0.05 * room, high + 0.05 * room];
}

function laneTraces(decisions) {
  const lanes = LANES.map((lane) => ({ ...lane, found: decisions.filter((d) => laneHolds(lane, d)) })).filter((lane) => lane.found.length);
  return lanes.map((lane, row) => ({
    x: lane.found.map((d) => d.time), y: lane.found.map(() => row), yaxis: "y2", name: lane.label, mode: "markers",
    customdata: lane.found.map((d) => d.index),
    text: lane.found.map((d) => `<b>${plain(kindOf(d.kind).label)} ${plain(d.subject)}</b><br>${moment(d.time)}<br>${folded(d.reason)}`),
    hovertemplate: "%{text}<extra></extra>",
    marker: { symbol: lane.symbol, size: lane.symbol === "x-thin" ? 7 : 8.5, color: css(lane.colour), opacity: 0.9, line: { width: lane.symbol === "x-thin" ? 1.8 : 0.8, color: lane.symbol === "x-thin" ? css(lane.colour) : css("--paper") } },
  }));
}

/* A rollout that ended in a promotion is not taken back. */
function laneHolds(lane, decision) {
  if (!lane.kinds.includes(decision.kind)) return false;
  return decision.kind !== "rollout_ended" || decision.evidence?.outcome !== "promoted";
}

function folded(text) {
  return (String(text).match(/.{1,64}(\s|$)|.{1,64}/g) || []).slice(0, 6).map((part) => plain(part.trim())).join("<br>");
}

function promotionLines(decisions) {
  return decisions.filter((d) => d.kind === "promoted").map((d) => ({
    type: "line", x0: d.time, x1: d.time, y0: 0, y1: 1, yref: "paper", layer: "below",
    line: { color: css("--rule"), width: 1 },
  }));
}

function drawEvidence(data, policy) {
  const { evidence, evidence_limit: limit } = policy.series;
  const block = document.getElementById("block-evidence");
  block.querySelector(".chart").hidden = !someKnown(evidence);
  const caption = document.getElementById("caption-evidence");
  if (!someKnown(evidence)) {
    caption.textContent = "This policy does not watch the loss, so there is no evidence to show: it acts on the calendar or not at all.";
    return;
  }
  draw("chart-evidence", [
    { x: data.times, y: evidence, name: "evidence", mode: "lines", line: { color: colourOf(policy), width: 1.8, shape: "hv" }, fill: "tozeroy", fillcolor: faint(colourOf(policy)), hovertemplate: "%{y:.2f}" },
    { x: data.times, y: limit, name: "threshold", mode: "lines", line: { color: css("--ink"), width: 1.3, dash: "dot", shape: "hv" }, hovertemplate: "%{y:.2f}" },
  ], {
    hovermode: "x unified", margin: DETAIL_MARGIN,
    xaxis: timeAxis({ range: ends(data.times) }),
    yaxis: axis({ rangemode: "tozero", title: { text: "log₁₀ evidence", font: { size: 11.5, color: css("--muted") } } }),
  });
  caption.textContent = "How strongly the labels say that the champion has become worse than expected, on a log scale: one step up is ten times stronger. At the dotted line the policy asks for a new model and the count starts again. Shown is the highest value of each bucket.";
}

function drawTraffic(data, policy, decisions) {
  const { challenger, holdback } = policy.series;
  const part = (values) => values.map((value, i) => (policy.series.n[i] ? value || 0 : null));
  const canary = part(challenger), held = part(holdback);
  const rest = canary.map((value, i) => (value === null ? null : Math.max(0, 1 - value - held[i])));
  const area = (y, name, colour) => ({
    x: data.times, y, name, stackgroup: "all", mode: "lines", line: { width: 0, shape: "hv", color: css(colour) }, fillcolor: css(colour), hovertemplate: "%{y:.1%}",
  });
  const traces = [area(rest, "champion", "--champion"), area(canary, "challenger", "--challenger")];
  if (held.some((value) => value > 0)) traces.push(area(held, "holdback", "--holdback"));
  draw("chart-traffic", traces, {
    hovermode: "x unified", margin: { ...DETAIL_MARGIN, t: 26 }, showlegend: true,
    legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", traceorder: "normal", font: { size: 11.5, color: css("--muted") }, itemclick: false, itemdoubleclick: false },
    xaxis: timeAxis({ range: ends(data.times) }),
    yaxis: axis({ range: [0, 1], tickformat: ".0%", dtick: 0.25, showgrid: false }),
    shapes: promotionLines(decisions).map((line) => ({ ...line, layer: "above", line: { color: css("--paper"), width: 1 } })),
  });
}

function ends(times) {
  return times.length ? [times[0], times[times.length - 1]] : undefined;
}

function faint(colour) {
  const value = parseInt(colour.slice(1), 16);
  return `rgba(${value >> 16}, ${(value >> 8) & 255}, ${value & 255}, 0.16)`;
}

/* Zooming one chart of a policy zooms the others. */
function linkZoom(ids) {
  let busy = false;
  for (const id of ids) {
    document.getElementById(id).on("plotly_relayout", async (change) => {
      if (busy) return;
      const range = change["xaxis.range"] || (change["xaxis.range[0]"] && [change["xaxis.range[0]"], change["xaxis.range[1]"]]);
      if (!range) return;
      busy = true;
      const others = ids.map((other) => document.getElementById(other)).filter((other) => other.id !== id && other.data && !other.hidden);
      await Promise.all(others.map((other) => Plotly.relayout(other, { "xaxis.range": range })));
      busy = false;
    });
  }
}

/* What was watched: the budget, alarms, one stream at a time, estimates, diagnoses. */

const SEVERITY = { critical: "--bad", warning: "--challenger", info: "--accent" };
const LANE_HEIGHT = 19; // px of an alarmed stream on the time line

function showWatch(data, watch, decisions) {
  const block = document.getElementById("block-watch");
  block.hidden = !watch;
  if (!watch) return;
  drawBudget(watch);
  drawAlarms(data, watch, decisions);
  buildStreams(data, watch);
  drawEstimates(data, watch);
  buildDiagnoses(watch);
  buildVerdicts(watch);
  buildGaps(watch);
  buildUnmeasured(watch);
}

function redrawWatch(data, watch, decisions) {
  if (!watch) return;
  drawAlarms(data, watch, decisions);
  drawStream(data, watch);
  drawEstimates(data, watch);
}

function drawBudget(watch) {
  const { budget, alarms } = watch, standing = alarms.filter((alarm) => alarm.resolved === null).length;
  const figure = (value, text) => el("div", {}, el("dd", {}, value), el("dt", {}, text));
  document.getElementById("watch-figures").replaceChildren(
    figure(grouped(watch.streams, 0, 0), `streams of ${watch.monitors} ${watch.monitors === 1 ? "monitor" : "monitors"}`),
    figure(grouped(budget.declared, 0, 2), `false alarms in ${grouped(budget.days, 0, 0)} days: the budget`),
    figure(grouped(budget.expected, 0, 1), "false alarms at most so far, if nothing moved"),
    figure(grouped(alarms.length, 0, 0), alarms.length === 1 ? "alarm raised" : "alarms raised"),
    figure(grouped(standing, 0, 0), standing === 1 ? "stands at the end" : "stand at the end"));
  const most = `had nothing moved, there would have been at most ${grouped(budget.expected, 0, 1)} on average`;
  const spent = alarms.length ? `${alarms.length === 1 ? "One alarm" : `${alarms.length} alarms`}: ${most}.` : `No alarm: no stream surely moved by more than its floor.`;
  document.getElementById("caption-watch").textContent =
    `${spent} The budget is one for all: watching more columns or slices makes no more false alarms.`;
}

/* -- alarms on the time line */

function drawAlarms(data, watch, decisions) {
  document.getElementById("block-alarms").hidden = !watch.alarms.length;
  if (!watch.alarms.length) return;
  const target = document.getElementById("chart-alarms"), lanes = watch.lanes;
  target.style.height = `${Math.max(140, 84 + lanes.length * LANE_HEIGHT)}px`;
  const traces = Object.entries(SEVERITY).map(([severity, colour]) => {
    const found = watch.alarms.filter((alarm) => alarm.severity === severity && lanes.includes(alarm.stream));
    const x = [], y = [], text = [], custom = [];
    for (const alarm of found) {
      const row = lanes.indexOf(alarm.stream), words = alarmText(alarm);
      x.push(alarm.raised, alarm.resolved || watch.end, null);
      y.push(row, row, null);
      text.push(words, words, "");
      custom.push(alarm.stream, alarm.stream, "");
    }
    return {
      x, y, text, customdata: custom, name: severity, mode: "lines+markers", hovertemplate: "%{text}<extra></extra>",
      line: { color: css(colour), width: 6 }, marker: { color: css(colour), size: 9, symbol: x.map((_, i) => (i % 3 === 0 ? "circle" : "line-ns")), line: { color: css("--paper"), width: 1 } },
    };
  }).filter((trace) => trace.x.length);
  const wide = target.clientWidth > 640;
  draw("chart-alarms", traces, {
    hovermode: "closest", hoverdistance: 16, margin: { ...DETAIL_MARGIN, t: 26, b: 46, l: wide ? 250 : 120 }, showlegend: true,
    legend: { orientation: "h", x: 0, y: 1, yanchor: "bottom", font: { size: 11.5, color: css("--muted") }, itemclick: false, itemdoubleclick: false },
    xaxis: timeAxis({ range: ends(data.times) }),
    yaxis: axis({ range: [lanes.length - 0.4, -0.6], tickvals: lanes.map((_, i) => i), ticktext: lanes.map((name) => plain(shortened(name, wide ? 37 : 16))), fixedrange: true, automargin: false, showgrid: false }),
    shapes: promotionLines(decisions),
  });
  if (!target.dataset.wired) {
    target.dataset.wired = "true";
    target.on("plotly_click", ({ points }) => chooseStream(points[0].customdata));
  }
  const hidden = new Set(watch.alarms.map((alarm) => alarm.stream)).size - lanes.length;
  document.getElementById("caption-alarms").textContent =
    "Each bar is an alarm, from when it was raised until it was resolved; choose it to see the stream. Upright lines are promotions." +
    (hidden > 0 ? ` ${hidden} more streams that alarmed are in the table.` : "");
  target.setAttribute("aria-label", `${watch.alarms.length} alarms over time; the table below lists them.`);
  buildAlarmTable(watch);
}

function alarmText(alarm) {
  const until = alarm.resolved ? `resolved ${moment(alarm.resolved)}` : "stands";
  return `<b>${plain(alarm.stream)}</b><br>${alarm.severity}, raised ${moment(alarm.raised)}, ${until}<br>${factText(alarm.value)} beside ${factText(alarm.reference)} expected`;
}

function shortened(text, most) {
  return text.length > most ? text.slice(0, most - 1) + "…" : text;
}

function buildAlarmTable(watch) {
  const columns = [["Stream", ""], ["Severity", ""], ["Since", ""], ["Raised", ""], ["Resolved", ""], ["Value", "num"], ["Expected", "num"], ["Difference, 95%", "num"]];
  const rows = watch.alarms.map((alarm) => {
    const known = watch.lines[alarm.stream];
    const name = known ? el("button", { type: "button", class: "link" }, alarm.stream) : alarm.stream;
    if (known) name.addEventListener("click", () => chooseStream(alarm.stream));
    return el("tr", {},
      el("th", { scope: "row" }, name),
      el("td", {}, el("span", { class: "severity " + alarm.severity }, alarm.severity)),
      el("td", {}, moment(alarm.since)), el("td", {}, moment(alarm.raised)), el("td", {}, alarm.resolved ? moment(alarm.resolved) : "stands"),
      el("td", { class: "num" }, factText(alarm.value)), el("td", { class: "num" }, factText(alarm.reference)),
      el("td", { class: "num" }, typeof alarm.low === "number" ? `${signed(alarm.low)} to ${signed(alarm.high)}` : "–"));
  });
  document.getElementById("alarms").replaceChildren(headRow(columns), el("tbody", {}, ...rows));
}

function signed(x, digits = 3) {
  if (typeof x !== "number") return "–";
  return (x > 0 ? "+" : "") + factText(Number(x.toPrecision(digits)));
}

/* -- one stream */

function buildStreams(data, watch) {
  const names = Object.keys(watch.lines), select = document.getElementById("stream");
  document.getElementById("block-streams").hidden = !names.length;
  if (!names.length) return;
  const alarmed = new Set(watch.alarms.map((alarm) => alarm.stream)), families = new Map();
  for (const name of names) {
    const family = watch.lines[name].family;
    if (!families.has(family)) families.set(family, []);
    families.get(family).push(name);
  }
  const before = select.value;
  select.replaceChildren(...[...families].map(([family, members]) => el("optgroup", { label: family },
    ...members.map((name) => el("option", { value: name }, name + (alarmed.has(name) ? " ●" : ""))))));
  select.value = names.includes(before) ? before : watch.lanes.find((name) => watch.lines[name]) || names[0];
  select.onchange = () => drawStream(data, watch);
  drawStream(data, watch);
}

function chooseStream(name) {
  const select = document.getElementById("stream");
  if (![...select.options].some((option) => option.value === name)) return;
  select.value = name;
  select.dispatchEvent(new Event("change"));
  document.getElementById("block-streams").scrollIntoView({ block: "center" });
}

function drawStream(data, watch) {
  const name = document.getElementById("stream").value, line = watch.lines[name];
  if (!line) return;
  const reach = (end) => line.reference.map((value, i) => (value === null || line[end][i] === null ? null : value + line[end][i]));
  const off = (sign) => line.reference.map((value, i) => (value === null || line.floor[i] === null ? null : value + sign * line.floor[i]));
  const colour = css("--c0"), edge = { mode: "lines", line: { width: 0, color: colour }, hoverinfo: "skip" };
  const traces = [
    { x: line.time, y: off(1), name: "floor", ...edge },
    { x: line.time, y: off(-1), name: "within the floor", ...edge, fill: "tonexty", fillcolor: faint(css("--faint")) },
    { x: line.time, y: reach("high"), name: "interval", ...edge },
    { x: line.time, y: reach("low"), name: "95% interval", ...edge, fill: "tonexty", fillcolor: faint(css("--c0")) },
    { x: line.time, y: line.reference, name: "expected", mode: "lines", line: { color: css("--muted"), width: 1.3, dash: "dash" }, hovertemplate: "%{y:.4~g}" },
    { x: line.time, y: line.value, name: "measured", mode: line.time.length > 1 ? "lines" : "markers", line: { color: colour, width: 2 }, connectgaps: false, hovertemplate: "%{y:.4~g}" },
  ];
  const alarms = watch.alarms.filter((alarm) => alarm.stream === name);
  draw("chart-stream", traces, {
    hovermode: "x unified", margin: DETAIL_MARGIN,
    xaxis: timeAxis({ range: ends(data.times) }), yaxis: axis({ tickformat: "~g" }),
    shapes: alarms.map((alarm) => ({
      type: "rect", xref: "x", yref: "paper", x0: alarm.raised, x1: alarm.resolved || watch.end, y0: 0, y1: 1, layer: "below",
      line: { width: 0 }, fillcolor: faint(css(SEVERITY[alarm.severity])),
    })),
  });
  const told = alarms.length ? `Shaded: ${alarms.length === 1 ? "its alarm" : `its ${alarms.length} alarms`}.` : "It never alarmed.";
  const quiet = watch.quiet ? ` ${grouped(watch.quiet, 0, 0)} more streams, all quiet, are not drawn.` : "";
  document.getElementById("caption-stream").textContent =
    `Blue: what was measured, with the 95% interval of its difference; dashed: what it is compared with; grey band: differences that do not matter. ${told}${quiet}`;
  document.getElementById("chart-stream").setAttribute("aria-label", `${name} over time, with ${alarms.length} alarms.`);
}

/* -- estimates beside what the labels said */

function drawEstimates(data, watch) {
  const rows = watch.estimates;
  document.getElementById("block-estimates").hidden = !rows.length;
  if (!rows.length) return;
  const x = rows.map((row) => row.time), colour = css("--c3"), edge = { mode: "lines", line: { width: 0 }, hoverinfo: "skip" };
  draw("chart-estimates", [
    { x, y: rows.map((row) => row.high), name: "high", ...edge },
    { x, y: rows.map((row) => row.low), name: "interval", ...edge, fill: "tonexty", fillcolor: faint(css("--c3")) },
    { x, y: rows.map((row) => row.estimate), name: "estimated", mode: "lines", line: { color: colour, width: 2 }, hovertemplate: "%{y:.4~g}" },
    { x, y: rows.map((row) => row.realised), name: "realised", mode: "lines+markers", marker: { size: 4 }, line: { color: css("--ink"), width: 1.3, dash: "dot" }, hovertemplate: "%{y:.4~g}" },
  ], {
    hovermode: "x unified", margin: { ...DETAIL_MARGIN, t: 26 }, xaxis: timeAxis({ range: ends(data.times) }), yaxis: axis({ tickformat: "~g" }),
  });
  const judged = rows.filter((row) => row.covered !== null), held = judged.filter((row) => row.covered).length;
  document.getElementById("caption-estimates").textContent = judged.length
    ? `Purple: what was estimated while labels were late, with its interval; dotted: what they said later. The interval held in ${held} of ${judged.length} windows (95% are meant to). Estimates from scores alone cannot see that the truth itself changes.`
    : "Purple: what was estimated while labels were late, with its interval. No labels have come to judge it by.";
}

/* -- cards */

const CAUSE_COLOURS = { "concept drift": "--c3", "covariate shift": "--c0", "label shift": "--c4", "data quality": "--bad", "unseen inputs": "--c1", "none found": "--faint" };

function buildDiagnoses(watch) {
  document.getElementById("block-diagnoses").hidden = !watch.diagnoses.length;
  document.getElementById("diagnoses").replaceChildren(...watch.diagnoses.map(diagnosisCard));
  const rest = watch.diagnosed - watch.diagnoses.length;
  document.getElementById("caption-diagnoses").textContent =
    "How much of a change in loss each cause makes up, the newest examination first, with 99% intervals." + (rest > 0 ? ` ${rest} earlier ones are in the journal.` : "");
}

function diagnosisCard(found) {
  const reach = Math.max(1e-12, ...found.parts.flatMap((part) => [part.low, part.high, part.change]).filter((x) => typeof x === "number").map(Math.abs));
  const card = el("article", { class: "card", style: `--own:var(${CAUSE_COLOURS[found.cause] || "--faint"})` },
    el("p", { class: "when" }, `${moment(found.time)} · ${found.version}`),
    el("h5", {}, found.cause === "none found" ? "No cause found" : found.cause),
    el("p", {}, found.reason));
  if (found.parts.length) card.append(el("dl", { class: "parts" }, ...found.parts.map((part) => el("div", {}, ...partRow(part, reach)))));
  const list = (title, rows) => (rows.length ? el("p", { class: "small" }, el("b", {}, title + " "), rows.join("; ")) : null);
  card.append(...[
    list("Broken:", found.broken.map((row) => `${row.column} (${row.what})`)),
    list("Columns:", found.columns.map(carrierText("column"))),
    list("Slices:", found.slices.map(carrierText("slice"))),
    typeof found.domain.auc === "number" ? list("Told apart by a classifier:", [`AUC ${factText(found.domain.auc)} (${factText(found.domain.low)} to ${factText(found.domain.high)}), ${found.domain.stance || ""}`]) : null,
    list("Not examined:", Object.entries(found.unmeasured).map(([name, why]) => `${name}: ${why}`)),
    found.action ? el("p", { class: "action" }, el("b", {}, "What the loop does: "), found.action) : null,
  ].filter(Boolean));
  const more = el("button", { type: "button", class: "link" }, "All its numbers");
  more.addEventListener("click", () => { chooseDecision(found.index); document.querySelector(".journal").scrollIntoView({ block: "center" }); });
  card.append(more);
  return card;
}

function partRow(part, reach) {
  const at = (x) => 50 + (47 * x) / reach, known = [part.change, part.low, part.high].every((x) => typeof x === "number");
  return [el("dt", {}, part.name), el("dd", {}, known ? `${signed(part.change, 2)} (${signed(part.low, 2)} to ${signed(part.high, 2)})` : "–"),
    known ? el("div", { class: "track", "aria-hidden": "true" }, el("i", { class: "zero", style: "left:50%" }),
      el("i", { class: "span", style: `left:${at(part.low)}%;width:${at(part.high) - at(part.low)}%` }), el("i", { class: "dot", style: `left:${at(part.change)}%` })) : ""];
}

function carrierText(name) {
  return (row) => `${row[name]}${typeof row.change === "number" ? " " + signed(row.change) : ""}${row.verdict ? `, ${row.verdict}` : ""}`;
}

const SOUND = ["clear", "agrees"]; // verdicts that ask for nothing

function buildVerdicts(watch) {
  document.getElementById("block-verdicts").hidden = !watch.verdicts.length;
  document.getElementById("verdicts").replaceChildren(...watch.verdicts.map(({ about, verdict, text, action, figures }) => {
    const numbers = Object.entries(figures).filter(([, value]) => typeof value === "number");
    const more = numbers.length ? el("details", { class: "more" }, el("summary", {}, "Its numbers"),
      el("dl", { class: "numbers" }, ...numbers.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, factText(value))]))) : null;
    return el("article", { class: "card", style: `--own:var(${SOUND.includes(verdict) ? "--good" : "--challenger"})` },
      el("p", { class: "when" }, about), el("h5", {}, verdict), el("p", {}, text),
      action ? el("p", { class: "action" }, el("b", {}, "What to do: "), action) : null, more);
  }));
}

function buildGaps(watch) {
  document.getElementById("block-fairness").hidden = !watch.fairness.length;
  const columns = [["Trait", ""], ["What", ""], ["Gap", "num"], ["95% interval", "num"], ["Ratio", "num"], ["Groups", ""]];
  const number = (x) => (typeof x === "number" ? factText(Number(x.toPrecision(3))) : "–");
  document.getElementById("gaps").replaceChildren(headRow(columns), el("tbody", {}, ...watch.fairness.map((row) => el("tr", {},
    el("th", { scope: "row" }, row.column), el("td", {}, words(row.measure)),
    el("td", { class: "num" }, number(row.value)), el("td", { class: "num" }, row.low === null ? "–" : `${number(row.low)} to ${number(row.high)}`),
    el("td", { class: "num" }, number(row.ratio)), el("td", {}, row.groups.map((each) => `${each.group} ${number(each.value)}`).join(", "))))));
}

function buildUnmeasured(watch) {
  document.getElementById("block-unmeasured").hidden = !watch.unmeasured.length;
  document.getElementById("unmeasured").replaceChildren(headRow([["Monitor", ""], ["What", ""], ["Why not", ""]]),
    el("tbody", {}, ...watch.unmeasured.map((row) => el("tr", {}, el("th", { scope: "row" }, row.monitor), el("td", {}, row.what), el("td", {}, row.reason)))));
}

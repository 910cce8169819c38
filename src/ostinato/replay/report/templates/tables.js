/* Slices and versions of the chosen policy. */

const FEW_LABELS = 100; // below this a slice's metric is mostly noise; higher greys out useful ones
const SLICES_SHOWN = 20;

function headRow(names) {
  return el("thead", {}, el("tr", {}, ...names.map(([text, kind]) => el("th", { scope: "col", class: kind }, text))));
}

function buildSlices(data, policy) {
  const names = [...new Set(policy.slices.map((row) => row.slice))];
  document.getElementById("block-slices").hidden = !names.length;
  if (!names.length) return;
  const bar = document.getElementById("slice-names");
  const before = bar.querySelector("input:checked")?.value;
  const chosen = names.includes(before) ? before : names[0];
  bar.replaceChildren(...names.map((name) => {
    const input = el("input", { type: "radio", name: "slice", value: name });
    input.checked = name === chosen;
    input.addEventListener("change", () => drawSlices(data, policy, name, false));
    return el("label", {}, input, el("span", {}, name));
  }));
  drawSlices(data, policy, chosen, false);
}

function drawSlices(data, policy, name, all) {
  const { metric, lower_is_better: lower } = data;
  const worstFirst = (a, b) => (lower ? b[metric] - a[metric] : a[metric] - b[metric]);
  const found = policy.slices.filter((row) => row.slice === name && typeof row[metric] === "number");
  const labels = (row) => row.n * (row.label_coverage ?? 1);
  const solid = found.filter((row) => labels(row) >= FEW_LABELS).sort(worstFirst);
  const few = found.filter((row) => labels(row) < FEW_LABELS).sort(worstFirst);
  const rows = [...solid, ...few], overall = policy.metrics[metric];
  const base = data.policies.find((other) => other.name === data.baseline && other !== policy);
  const scale = sliceScale((solid.length ? solid : rows).map((row) => row[metric]), overall);
  const columns = [[name, ""], ["Predictions", "num"], ["Labelled", "num"], [metric, "num"], ["Better than overall ← → worse", "plot"]];
  if (base) columns.push([`Against ${base.name}`, "num"]);
  const table = document.getElementById("slices");
  const shown = all ? rows : rows.slice(0, SLICES_SHOWN);
  table.replaceChildren(headRow(columns), el("tbody", {}, ...shown.map((row) => sliceRow(data, row, scale, overall, base, labels(row) < FEW_LABELS))));
  if (shown.length < rows.length) {
    const more = el("button", { type: "button", class: "link" }, `Show all ${rows.length}`);
    more.addEventListener("click", () => drawSlices(data, policy, name, true));
    table.append(el("tfoot", {}, el("tr", {}, el("td", { colspan: columns.length }, more))));
  }
  document.getElementById("caption-slices").textContent =
    `${metric} per value of ${name}, worst first. The upright line is the overall figure (${metricText(overall)}); dots to its right do worse. ` +
    `Values with fewer than ${FEW_LABELS} labels are grey and last: their figure is mostly chance.`;
}

function sliceRow(data, row, scale, overall, base, few) {
  const value = row[data.metric], sign = data.lower_is_better ? 1 : -1, better = sign * (value - overall) <= 0;
  const at = scale(sign * value), centre = scale(sign * overall), mood = better ? " better" : "";
  const track = el("div", { class: "track" },
    el("i", { class: "overall", style: `left:${centre}%` }),
    el("i", { class: "reach" + mood, style: `left:${Math.min(at, centre)}%;width:${Math.abs(at - centre)}%` }),
    el("i", { class: "dot" + mood, style: `left:${at}%` }));
  const cells = [
    el("td", {}, String(row.value)), el("td", { class: "num" }, grouped(row.n, 0, 0)),
    el("td", { class: "num" }, percent(row.label_coverage)), el("td", { class: "num" }, metricText(value)),
    el("td", { class: "plot" }, track),
  ];
  if (base) cells.push(el("td", { class: "num" }, against(data, row, base, sign)));
  return el("tr", few ? { class: "few", title: "Few labels" } : {}, ...cells);
}

function against(data, row, base, sign) {
  const same = base.slices.find((other) => other.slice === row.slice && other.value === row.value);
  if (!same || typeof same[data.metric] !== "number") return "–";
  const gain = sign * (same[data.metric] - row[data.metric]);
  const text = Math.abs(gain) < 5e-5 ? "same" : `${metricText(Math.abs(gain))} ${gain > 0 ? "better" : "worse"}`;
  return el("span", { class: text === "same" ? "" : gain > 0 ? "up" : "down" }, text);
}

/* Places a signed value on 3..97 %; values beyond the solid ones stop at the edge. */
function sliceScale(values, overall) {
  const far = Math.max(...values.map((value) => Math.abs(value - overall)), 1e-12);
  return (signed) => {
    const sign = Math.sign(signed) || 1;
    const distance = sign < 0 ? signed + overall : signed - overall;
    return Math.max(3, Math.min(97, 50 + 47 * (distance / far)));
  };
}

function percent(x) {
  return typeof x === "number" ? grouped(x * 100, 0, 1) + "%" : "–";
}

function buildVersions(data, policy) {
  const sets = [...new Set(policy.versions.flatMap((version) => Object.keys(version.metrics || {})))];
  const columns = [["Version", ""], ["Status", ""], ["Trained", ""], ["Learned from", ""], ["Rows", "num"], ["Served", ""]];
  for (const set of sets) columns.push([`${data.metric}, ${words(set)}`, "num"]);
  columns.push(["Training", "num"], ["Parent", ""], ["Hash", ""]);
  const rows = [...policy.versions].reverse().map((version) => el("tr", {},
    el("th", { scope: "row" }, version.version),
    el("td", {}, el("span", { class: "status " + String(version.status).replace(/[^a-z]/g, "") }, version.status || "–")),
    el("td", {}, moment(version.trained_at)),
    el("td", {}, span(version.data_from, version.data_to)),
    el("td", { class: "num" }, typeof version.rows === "number" ? grouped(version.rows, 0, 0) : "–"),
    el("td", {}, version.serving_from ? span(version.serving_from, version.serving_to || "now") : "never"),
    ...sets.map((set) => el("td", { class: "num" }, metricText(version.metrics?.[set]?.[data.metric]))),
    el("td", { class: "num" }, secondsText(version.cost?.train_seconds ?? version.cost?.cpu_seconds)),
    el("td", {}, version.parent || "–"),
    el("td", { title: version.artifact || "" }, el("code", {}, String(version.artifact || "–").slice(0, 10)))));
  document.getElementById("versions").replaceChildren(headRow(columns), el("tbody", {}, ...rows));
}

function span(from, to) {
  return `${day(from)} → ${to === "now" ? "end" : day(to)}`;
}

function secondsText(x) {
  if (typeof x !== "number") return "–";
  return x < 120 ? grouped(x, 0, x < 10 ? 1 : 0) + " s" : grouped(x / 60, 1, 1) + " min";
}

function words(name) {
  return String(name).replace(/_/g, " ");
}

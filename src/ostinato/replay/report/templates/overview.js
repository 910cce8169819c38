/* All policies in one chart: the metric, or what was gained over the baseline. */

const overview = { hidden: new Set() };

function buildLegend(data) {
  const legend = document.getElementById("legend");
  for (const policy of data.policies) {
    const button = el("button", { type: "button", "aria-pressed": "true", "aria-label": "Show " + policy.name },
      el("i", { class: "swatch " + colourClass(policy) }), policy.name);
    button.addEventListener("click", () => {
      const shown = button.getAttribute("aria-pressed") === "true";
      button.setAttribute("aria-pressed", String(!shown));
      if (shown) overview.hidden.add(policy.name); else overview.hidden.delete(policy.name);
      drawOverview(data);
    });
    legend.append(button);
  }
}

function buildSmoothing(data) {
  const select = document.getElementById("smoothing");
  const widths = smoothingWidths(data);
  for (const width of widths) select.append(el("option", { value: width }, hoursText(width * data.width_hours)));
  select.value = String(widths[Math.min(1, widths.length - 1)]);
}

function drawOverview(data) {
  const chosen = document.querySelector("input[name=view]:checked").value;
  const base = data.policies.find((policy) => policy.name === data.baseline);
  const width = Number(document.getElementById("smoothing").value);
  const gain = chosen === "gain";
  document.getElementById("smoothing").parentElement.hidden = gain; // a sum needs no smoothing
  const shown = data.policies.filter((policy) => !overview.hidden.has(policy.name));
  const lines = shown.map((policy) => gain
    ? gained(policy, base, data)
    : smoothed(policy.series.metric, policy.series.labelled, width));
  const traces = shown.map((policy, i) => ({
    x: data.times, y: lines[i], name: plain(policy.name), mode: "lines", connectgaps: false,
    line: { color: colourOf(policy), width: policy.colour < 0 ? 1.8 : 2.2, dash: policy.colour < 0 ? "4px,3px" : "solid" },
    hovertemplate: gain ? "%{y:,.4~g}" : "%{y:.4f}",
  }));
  const roomy = window.innerWidth >= 720;
  draw("chart-overview", traces, {
    hovermode: "x unified",
    margin: { l: 56, r: roomy ? 118 : 12, t: 14, b: 34 },
    xaxis: timeAxis({}),
    yaxis: axis({ zeroline: gain, title: { text: gain ? gainUnit(data) : data.metric, font: { size: 11.5, color: css("--muted") }, standoff: 8 } }),
    annotations: roomy ? endLabels("chart-overview", shown, lines) : [],
  });
  document.getElementById("chart-overview").setAttribute("aria-label", overviewSummary(data, shown, lines, gain));
  document.getElementById("caption-overview").textContent = gain
    ? `The improvement of every labelled prediction over ${data.baseline}, added up${data.money ? ` and priced at ${metricText(data.money.unit)} ${data.money.currency} per unit of ${data.metric}; costs are not taken off` : ""}. A line that climbs is earning at that moment, a flat one makes no difference, a falling one does worse than ${data.baseline}. Press a name above to hide or show it; drag to zoom, double-click to go back.`
    : `Mean ${data.metric} of the labelled predictions over the ${hoursText(width * data.width_hours)} up to each point; ${data.lower_is_better ? "lower" : "higher"} is better. Where the lines part, one policy coped with a change that another did not. Drag to zoom, double-click to go back.`;
}

function gainUnit(data) {
  return data.money ? `${data.money.currency} gained` : `${data.metric} gained, summed`;
}

/* Names at the end of the lines, moved apart: nobody has to match colours with a legend. */
function endLabels(id, policies, lines) {
  const ends = lines.map(last);
  const known = lines.flat().filter((value) => value !== null);
  if (!known.length) return [];
  const height = document.getElementById(id).clientHeight - 48;
  const span = (Math.max(...known) - Math.min(...known)) * 1.12 || 1;
  const gap = (15 / height) * span;
  const places = spread(ends.map((end) => (end === null ? 0 : end)), gap);
  return policies.flatMap((policy, i) => ends[i] === null ? [] : [{
    x: 1, xref: "paper", xanchor: "left", xshift: 6, y: places[i], yanchor: "middle", showarrow: false,
    text: plain(policy.name.length > 16 ? policy.name.slice(0, 15) + "…" : policy.name),
    font: { color: colourOf(policy), size: 12 },
  }]);
}

function overviewSummary(data, policies, lines, gain) {
  const ends = policies.map((policy, i) => `${policy.name} ${metricText(last(lines[i]))}`).join(", ");
  return (gain ? `Gain in ${data.metric} over ${data.baseline} at the end: ` : `${data.metric} at the end: `) + ends;
}

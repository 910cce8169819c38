"use strict";
/* Colours come from the style sheet, so that light, dark and print have one source. */

function css(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function colourClass(policy) {
  return policy.colour < 0 ? "c-1" : "c" + (policy.colour % 8);
}

function colourOf(policy) {
  return css("--" + colourClass(policy));
}

/* Plotly reads a little HTML in its texts: names from data must not. */
function plain(text) {
  return String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}

function el(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

function metricText(x) {
  if (typeof x !== "number") return "–";
  const size = Math.abs(x);
  const digits = size < 10 ? 4 : size < 100 ? 3 : size < 10000 ? 1 : 0;
  return grouped(x, digits, digits);
}

function grouped(x, least, most) {
  return x
    .toLocaleString("en-US", { minimumFractionDigits: least, maximumFractionDigits: most })
    .replace("-", "−");
}

function moment(text) {
  return text ? text.slice(0, 16).replace("T", " ") : "–";
}

function day(text) {
  return text ? text.slice(0, 10) : "–";
}

function axis(more) {
  return {
    gridcolor: css("--rule"), linecolor: css("--rule"), tickcolor: css("--rule"), zerolinecolor: css("--faint"),
    tickfont: { color: css("--muted"), size: 11.5 }, zeroline: false, ticks: "", automargin: true,
    ...more,
  };
}

function timeAxis(more) {
  return axis({ type: "date", showgrid: false, showline: true, ticks: "outside", ticklen: 4, hoverformat: "%d %b %Y %H:%M", ...more });
}

const PRINT_WIDTH = 840; // px: as wide as the table of policies, to which browsers fit the sheet

function printing() {
  return document.documentElement.classList.contains("printing");
}

function draw(id, traces, layout) {
  const small = window.innerWidth < 720;
  const target = document.getElementById(id);
  const common = {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", showlegend: false,
    font: { family: getComputedStyle(document.body).fontFamily, color: css("--ink"), size: 12.5 },
    hoverlabel: { bgcolor: css("--raised"), bordercolor: css("--rule"), font: { family: getComputedStyle(document.body).fontFamily, color: css("--ink"), size: 12.5 }, namelength: 28 },
    ...(printing() ? { width: PRINT_WIDTH, autosize: false } : { autosize: true }),
    dragmode: small ? false : "zoom",
    separators: ".,",
  };
  return Plotly.react(target, traces, { ...common, ...layout }, {
    displayModeBar: false, responsive: true, doubleClick: "reset", scrollZoom: false,
  });
}

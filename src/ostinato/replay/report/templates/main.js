/* Start: read the data, unpack the journals, draw, and listen. */

async function unpacked(id) {
  const bytes = Uint8Array.from(atob(document.getElementById(id).textContent.trim()), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).json();
}

function showPolicy(page, place) {
  page.place = place;
  const policy = page.data.policies[place];
  page.decisions = (page.journals[policy.name] || []).map(readable);
  document.getElementById("policy-text").textContent = policy.text || policy.name;
  document.getElementById("policy-digest").textContent = policy.digest.slice(0, 12);
  const select = document.getElementById("policy");
  if (select) select.value = String(place);
  buildSlices(page.data, policy);
  buildVersions(page.data, policy);
  buildJournal(page.decisions);
  drawDetail(page.data, policy, page.decisions);
  showWatch(page.data, page.watch[policy.name], page.decisions);
  document.body.dataset.policy = policy.name;
}

function redraw(page) {
  if (document.getElementById("chart-overview")) drawOverview(page.data);
  const policy = page.data.policies[page.place];
  drawDetail(page.data, policy, page.decisions);
  redrawWatch(page.data, page.watch[policy.name], page.decisions);
}

/* The policy to open with: the best one, else the one with most decisions. */
function firstChoice(page) {
  const best = page.data.policies.findIndex((policy) => policy.name === page.data.open);
  if (best >= 0) return best;
  const sizes = page.data.policies.map((policy) => (page.journals[policy.name] || []).length);
  return sizes.indexOf(Math.max(...sizes));
}

function listen(page) {
  document.getElementById("policy")?.addEventListener("change", (event) => showPolicy(page, Number(event.target.value)));
  for (const button of document.querySelectorAll("[data-policy]")) {
    if (button.tagName !== "BUTTON") continue;
    button.addEventListener("click", () => {
      showPolicy(page, Number(button.dataset.policy));
      document.getElementById("detail").scrollIntoView();
    });
  }
  for (const input of document.querySelectorAll("input[name=view], #smoothing")) input.addEventListener("change", () => drawOverview(page.data));
  const marks = document.getElementById("chart-metric");
  marks.on("plotly_click", ({ points }) => {
    if (points[0].customdata === undefined) return;
    chooseDecision(points[0].customdata);
    document.querySelector(".journal").scrollIntoView({ block: "center" });
  });
  const drawn = ["chart-evidence", "chart-alarms", "chart-stream", "chart-estimates"].filter((id) => document.getElementById(id).data);
  linkZoom(["chart-metric", "chart-traffic", ...drawn]);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => redraw(page));
  const printing = (on) => () => {
    document.documentElement.classList.toggle("printing", on);
    redraw(page);
  };
  addEventListener("beforeprint", printing(true));
  addEventListener("afterprint", printing(false));
}

async function start() {
  const data = JSON.parse(document.getElementById("data").textContent);
  const page = { data, journals: await unpacked("journals"), watch: await unpacked("watch"), place: 0, decisions: [] };
  wireJournal();
  if (document.getElementById("chart-overview")) {
    buildLegend(data);
    buildSmoothing(data);
    drawOverview(data);
  }
  showPolicy(page, firstChoice(page));
  listen(page);
  document.body.dataset.ready = "true";
}

start();

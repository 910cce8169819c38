/* The journal of the chosen policy. Only the entries in view exist as elements. */

const ENTRY_HEIGHT = 46;
const journal = { all: [], shown: [], off: new Set(), chosen: -1 };

function readable(row, index) {
  const [seq, time, kind, subject, reason, evidence, policyDigest, hash] = row;
  return { index, seq, time, kind, subject, reason, evidence, policy_digest: policyDigest, hash };
}

function buildJournal(decisions) {
  journal.all = decisions;
  journal.chosen = -1;
  const counts = new Map();
  for (const decision of decisions) counts.set(decision.kind, (counts.get(decision.kind) || 0) + 1);
  document.getElementById("kinds").replaceChildren(...[...counts].map(([kind, count]) => kindChip(kind, count)));
  document.getElementById("evidence").replaceChildren(el("p", { class: "when" }, "The evidence of the chosen decision appears here."));
  filterJournal();
}

function kindChip(kind, count) {
  const { label, colour } = kindOf(kind);
  const chip = el("button", { type: "button", "aria-pressed": String(!journal.off.has(kind)), "data-kind": kind },
    el("i", { class: "swatch", style: `background:var(${colour});border-radius:50%` }), label, el("b", {}, grouped(count, 0, 0)));
  chip.addEventListener("click", () => {
    if (journal.off.has(kind)) journal.off.delete(kind); else journal.off.add(kind);
    chip.setAttribute("aria-pressed", String(!journal.off.has(kind)));
    filterJournal();
  });
  return chip;
}

function searchText(decision) {
  decision.text ??= [decision.time, decision.kind, decision.subject, decision.reason, JSON.stringify(decision.evidence)].join(" ").toLowerCase();
  return decision.text;
}

function filterJournal() {
  const wanted = document.getElementById("search").value.trim().toLowerCase();
  journal.shown = journal.all.filter((d) => !journal.off.has(d.kind) && (!wanted || searchText(d).includes(wanted)));
  document.getElementById("decision-count").textContent =
    journal.shown.length === journal.all.length ? `${grouped(journal.all.length, 0, 0)} decisions.` : `${grouped(journal.shown.length, 0, 0)} of ${grouped(journal.all.length, 0, 0)} decisions.`;
  const list = document.getElementById("decisions");
  list.scrollTop = 0;
  list.firstElementChild.style.height = journal.shown.length * ENTRY_HEIGHT + "px";
  paintJournal();
}

function paintJournal() {
  const list = document.getElementById("decisions"), runway = list.firstElementChild;
  const first = Math.max(0, Math.floor(list.scrollTop / ENTRY_HEIGHT) - 4);
  const end = Math.min(journal.shown.length, first + Math.ceil(list.clientHeight / ENTRY_HEIGHT) + 9);
  const entries = [];
  for (let place = first; place < end; place += 1) entries.push(entryNode(journal.shown[place], place));
  if (!journal.shown.length) entries.push(el("p", { class: "none" }, "No decision matches."));
  runway.replaceChildren(...entries);
  const at = journal.shown.findIndex((decision) => decision.index === journal.chosen);
  if (at >= first && at < end) list.setAttribute("aria-activedescendant", "decision-" + journal.chosen);
  else list.removeAttribute("aria-activedescendant");
}

function entryNode(decision, place) {
  const { label, colour } = kindOf(decision.kind);
  return el("div", {
    class: "entry", role: "option", id: "decision-" + decision.index, style: `top:${place * ENTRY_HEIGHT}px`, "data-index": decision.index,
    "aria-selected": String(decision.index === journal.chosen), "aria-setsize": journal.shown.length, "aria-posinset": place + 1,
  }, el("time", { datetime: decision.time }, moment(decision.time)),
  el("span", { class: "kind" }, el("i", { class: "swatch", style: `background:var(${colour})` }), label),
  el("span", { class: "why", title: decision.reason }, el("b", {}, String(decision.subject)), " ", String(decision.reason)));
}

function chooseDecision(index) {
  const decision = journal.all[index];
  if (!decision) return;
  journal.chosen = index;
  let place = journal.shown.indexOf(decision);
  if (place < 0) {
    journal.off.delete(decision.kind);
    document.getElementById("search").value = "";
    document.querySelector(`#kinds [data-kind="${decision.kind}"]`)?.setAttribute("aria-pressed", "true");
    filterJournal();
    place = journal.shown.indexOf(decision);
  }
  const list = document.getElementById("decisions"), top = place * ENTRY_HEIGHT;
  if (top < list.scrollTop) list.scrollTop = top;
  if (top + ENTRY_HEIGHT > list.scrollTop + list.clientHeight) list.scrollTop = top + ENTRY_HEIGHT - list.clientHeight;
  paintJournal();
  showEvidence(decision);
}

function wireJournal() {
  const list = document.getElementById("decisions");
  list.addEventListener("scroll", paintJournal, { passive: true });
  list.addEventListener("click", (event) => {
    const entry = event.target.closest(".entry");
    if (entry) chooseDecision(Number(entry.dataset.index));
  });
  list.addEventListener("keydown", (event) => {
    const page = Math.floor(list.clientHeight / ENTRY_HEIGHT), at = journal.shown.findIndex((d) => d.index === journal.chosen);
    const target = { ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + page, PageUp: at - page, Home: 0, End: journal.shown.length - 1 }[event.key];
    if (target === undefined || !journal.shown.length) return;
    event.preventDefault();
    chooseDecision(journal.shown[Math.max(0, Math.min(journal.shown.length - 1, target))].index);
  });
  document.getElementById("search").addEventListener("input", filterJournal);
}

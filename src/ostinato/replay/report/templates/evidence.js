/* The numbers a decision rests on, whatever they are: objects, lists, intervals, values. */

const KINDS = {
  loop_started: ["Started", "--faint"], trigger_changed: ["Trigger", "--c4"], learning_requested: ["Asked to learn", "--c4"],
  training_requested: ["Training", "--muted"], candidate_trained: ["Trained", "--muted"], training_failed: ["Training failed", "--bad"],
  gate_judged: ["Gate", "--c0"], candidate_accepted: ["Accepted", "--good"], candidate_rejected: ["Rejected", "--bad"],
  rollout_advanced: ["Canary step", "--challenger"], promoted: ["Promoted", "--good"], rollout_ended: ["Rollout ended", "--bad"],
  rolled_back: ["Rolled back", "--bad"], routes_changed: ["Routes", "--faint"], serving_fault: ["Serving fault", "--bad"],
  alarm_raised: ["Alarm", "--bad"], alarm_resolved: ["Alarm over", "--good"], examination_requested: ["Examination", "--muted"],
  diagnosis_made: ["Diagnosis", "--c3"], alarm_acknowledged: ["Acknowledged", "--muted"], alarms_silenced: ["Silenced", "--muted"],
  labels_unusable: ["Labels unusable", "--bad"], validation_set_retired: ["Set retired", "--muted"],
};

function kindOf(kind) {
  const [label, colour] = KINDS[kind] || [words(kind), "--faint"];
  return { label, colour };
}

function showEvidence(decision) {
  const { label } = kindOf(decision.kind);
  const facts = decision.evidence && Object.keys(decision.evidence).length ? factList(decision.evidence) : el("p", { class: "when" }, "No numbers belong to this decision.");
  document.getElementById("evidence").replaceChildren(
    el("h4", {}, label, " · ", String(decision.subject)),
    el("p", { class: "when" }, `${moment(decision.time)} UTC, entry ${decision.seq}`),
    el("p", { class: "reason" }, String(decision.reason)),
    facts,
    el("p", { class: "seal" }, "hash ", el("code", {}, String(decision.hash)), el("br"), "policy ", el("code", {}, String(decision.policy_digest))),
  );
}

function factList(facts) {
  const list = el("dl", {});
  for (const [name, value] of factPairs(facts)) {
    list.append(el("dt", {}, words(name.replace(/_ns$/, ""))));
    if (isObject(value)) list.append(el("dd", {}), factList(value));
    else list.append(el("dd", {}, ...factNodes(name, value)));
  }
  return list;
}

/* Joins `low` and `high` into one interval, and leaves out what only says which record it was. */
function factPairs(facts) {
  const pairs = [];
  for (const [name, value] of Object.entries(facts)) {
    const bound = name.match(/^(.*?)_?(low|high)$/);
    const low = bound && facts[name.replace(/high$/, "low")], high = bound && facts[name.replace(/low$/, "high")];
    if (bound && isInterval([low, high])) {
      if (bound[2] === "low") pairs.push([bound[1] ? bound[1] + " interval" : "interval", [low, high]]);
    } else if (name !== "kind") pairs.push([name, value]);
  }
  return pairs;
}

function isObject(value) {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

function factNodes(name, value) {
  if (/_ns$/.test(name) && typeof value === "number") return [value > 1e16 ? moment(new Date(value / 1e6).toISOString()) : hoursText(value / 3.6e12)];
  if (isInterval(value)) return [`${factText(value[0])} to ${factText(value[1])}`, strip(value)];
  if (Array.isArray(value)) return value.some(isObject) ? value.map((item) => (isObject(item) ? factList(item) : factText(item))) : [value.map(factText).join(", ") || "none"];
  const long = typeof value === "string" && /^[0-9a-f]{16,}$/.test(value);
  return [long ? el("code", {}, value) : factText(value)];
}

function isInterval(value) {
  return Array.isArray(value) && value.length === 2 && value.every((x) => typeof x === "number") && value[0] <= value[1];
}

/* The interval beside zero: does it exclude it? */
function strip([low, high]) {
  const reach = Math.max(Math.abs(low), Math.abs(high)) * 1.15 || 1;
  const at = (x) => 50 + (50 * x) / reach;
  return el("div", { class: "track", "aria-hidden": "true" },
    el("i", { class: "zero", style: "left:50%" }),
    el("i", { class: "span", style: `left:${at(low)}%;width:${at(high) - at(low)}%` }),
    el("i", { class: "dot", style: `left:${at((low + high) / 2)}%` }));
}

function factText(value) {
  if (value === null || value === undefined) return "none";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value !== "number") return String(value);
  if (Number.isInteger(value)) return grouped(value, 0, 0);
  return (Math.abs(value) >= 1e-4 && Math.abs(value) < 1e6 ? String(+value.toPrecision(5)) : value.toExponential(3)).replace("-", "−");
}

/* Arithmetic on the bucketed series; nothing here draws. */

/* Weighted mean of the last `width` buckets: looks back only, so that a line never reacts to a
   decision before it was made. */
function smoothed(values, weights, width) {
  const result = new Array(values.length).fill(null);
  let total = 0, mass = 0;
  const known = (i) => values[i] !== null && weights[i] > 0;
  for (let i = 0; i < values.length; i += 1) {
    if (known(i)) { total += values[i] * weights[i]; mass += weights[i]; }
    const gone = i - width;
    if (gone >= 0 && known(gone)) { total -= values[gone] * weights[gone]; mass -= weights[gone]; }
    if (mass > 1e-9 && (width > 1 || known(i))) result[i] = total / mass;
  }
  return result;
}

/* What a policy gained over another so far: improvement per labelled prediction, added up (in
   money where the prices say what a unit of the metric is worth). */
function gained(policy, other, data) {
  const sign = (data.lower_is_better ? 1 : -1) * (data.money ? data.money.unit : 1);
  let total = 0;
  return policy.series.metric.map((value, i) => {
    const reference = other.series.metric[i];
    if (value !== null && reference !== null) total += sign * (reference - value) * policy.series.labelled[i];
    return total;
  });
}

function last(values) {
  for (let i = values.length - 1; i >= 0; i -= 1) if (values[i] !== null) return values[i];
  return null;
}

function someKnown(values) {
  return values.some((value) => value !== null);
}

function hoursText(hours) {
  if (hours < 1) return Math.round(hours * 60) + " min";
  if (hours < 24) return +hours.toFixed(1) + " h";
  const days = +(hours / 24).toFixed(1);
  return days === 1 ? "1 day" : days + " days";
}

/* The widths offered for smoothing, in buckets. */
function smoothingWidths(data) {
  const factors = data.width_hours < 24 ? [1, 6, 24, 96] : [1, 7, 28];
  return factors.filter((factor) => factor === 1 || factor * 3 <= data.times.length);
}

/* Moves label heights apart until none overlap; `gap` and positions in the same unit. */
function spread(positions, gap) {
  const order = positions.map((at, index) => ({ at, index })).sort((a, b) => a.at - b.at);
  for (let round = 0; round < 60; round += 1) {
    let moved = false;
    for (let i = 1; i < order.length; i += 1) {
      const short = gap - (order[i].at - order[i - 1].at);
      if (short > 1e-9) { order[i].at += short / 2; order[i - 1].at -= short / 2; moved = true; }
    }
    if (!moved) break;
  }
  const result = [];
  for (const { at, index } of order) result[index] = at;
  return result;
}

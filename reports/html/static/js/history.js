// One case in one setting over the months: what somebody who watches for regressions looks at.
function showHistory(runs, place, query, update) {
  const rows = Array.from({ length: runs.count }, (_, row) => row).filter((row) => runs.get("median_ms", row) != null);
  if (!rows.length) return place.replaceChildren(element("p", {}, "No run here has a number."));
  const settings = mostCommon(rows, (row) => runs.get("setting", row));
  const setting = chosenOf(query.get("setting"), settings);
  const there = rows.filter((row) => runs.get("setting", row) === setting);
  const cases = mostCommon(there, (row) => runs.get("case", row));
  const chosen = chosenOf(query.get("case"), cases);
  const change = (name) => (value) => {
    changeQuery({ [name]: value });
    update();
  };
  const named = (values) => values.map((value) => ({ value, text: value }));
  return place.replaceChildren(
    element("div", { class: "filters" },
      choice("Measured on", named([...settings].sort(byNature)), setting, change("setting"), true),
      choice("Model", named([...cases].sort(byNature)), chosen, change("case"), true)),
    historyChart(runs, there.filter((row) => runs.get("case", row) === chosen), `${chosen}, ${setting}`),
    changesList(runs, there.filter((row) => runs.get("case", row) === chosen)),
    element("p", { class: "muted" }, "Each point is a run, with the interval of its median. Versions of the runtime are in the tip; a change of them is a change of what is measured."));
}

/** By how much the level changed with a run; null where it did not. */
const changeAt = (runs, row) => (Object.hasOwn(runs.figures.changes, runs.get("run_id", row)) ? runs.figures.changes[runs.get("run_id", row)] : null);
const changeWords = (change) => `${change.slower ? "slower" : change.ratio > 1 ? "slower (the machine)" : "faster"}: ${change.ratio.toFixed(3)} times (${change.low.toFixed(3)} to ${change.high.toFixed(3)})`;

/** Where the level changed, and what else did there. */
function changesList(runs, rows) {
  const changed = rows.filter((row) => changeAt(runs, row)).sort((a, b) => runs.get("started_at", a) - runs.get("started_at", b));
  if (!changed.length) return element("p", {}, "No change of the level can be shown.");
  return element("ul", { class: "changes" }, changed.map((row) => {
    const change = changeAt(runs, row);
    return element("li", {}, element("a", { href: runAddress(runs.get("run_id", row)) }, `${minute(runs.get("started_at", row))} UTC`), ` ${changeWords(change)}. ${change.text || "No condition that is known changed there."}`);
  }));
}

function historyChart(runs, rows, title) {
  const point = (row) => ({
    x: runs.get("started_at", row) / 1000, y: runs.get("median_ms", row), low: runs.get("low_ms", row), high: runs.get("high_ms", row),
    label: minute(runs.get("started_at", row)), run: runs.get("run_id", row),
    tip: `${minute(runs.get("started_at", row))} UTC\n${withInterval(runs.get("median_ms", row), runs.get("low_ms", row), runs.get("high_ms", row))} ms\n${runs.get("runtime", row)} ${runs.get("runtime_version", row) ?? ""}${runs.get("commit", row) ? `\ncommit ${runs.get("commit", row)}` : ""}`,
  });
  const of = (status) => rows.filter((row) => runs.get("status", row) === status).map(point);
  return chart({
    title,
    x: { label: "started, UTC", time: true },
    y: { label: "median latency, ms" },
    series: [
      { label: "done", line: true, colour: 0, points: of("done") },
      { label: "unstable", colour: 0, ring: true, points: of("unstable") },
      { label: "first at a new level", colour: 3, mark: 10, points: rows.filter((row) => changeAt(runs, row)).map((row) => ({ ...point(row), tip: `${point(row).tip}\n${changeWords(changeAt(runs, row))}` })) },
    ],
  });
}

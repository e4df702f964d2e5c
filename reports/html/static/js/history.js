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
    element("p", { class: "muted" }, "Each point is a run, with the interval of its median. Versions of the runtime are in the tip; a change of them is a change of what is measured."));
}

function historyChart(runs, rows, title) {
  const point = (row) => ({
    x: runs.get("started_at", row) / 1000, y: runs.get("median_ms", row), low: runs.get("low_ms", row), high: runs.get("high_ms", row),
    label: minute(runs.get("started_at", row)), run: runs.get("run_id", row),
    tip: `${minute(runs.get("started_at", row))} UTC\n${withInterval(runs.get("median_ms", row), runs.get("low_ms", row), runs.get("high_ms", row))} ms\n${runs.get("runtime", row)} ${runs.get("runtime_version", row) ?? ""}`,
  });
  const of = (status) => rows.filter((row) => runs.get("status", row) === status).map(point);
  return chart({
    title,
    x: { label: "started, UTC", time: true },
    y: { label: "median latency, ms" },
    series: [{ label: "done", line: true, colour: 0, points: of("done") }, { label: "unstable", colour: 1, points: of("unstable") }],
  });
}

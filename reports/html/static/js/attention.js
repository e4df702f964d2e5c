// Latency against the number of tokens, on two logarithmic axes: a straight line's slope is the exponent.
function showAttention(runs, place, query, update) {
  const points = runs.figures.attention;
  if (!points.length) return place.replaceChildren(element("p", {}, "No run of attention alone is here: ", element("code", {}, "bench attention"), " makes them."));
  const conditions = mostCommon(points, (point) => point.conditions);
  const condition = chosenOf(query.get("setting"), conditions);
  const there = points.filter((point) => point.conditions === condition);
  const shapes = mostCommon(there, (point) => point.shape);
  const shape = chosenOf(query.get("shape"), shapes);
  const shown = there.filter((point) => point.shape === shape);
  const change = (name) => (value) => {
    changeQuery({ [name]: value });
    update();
  };
  const named = (values) => values.map((value) => ({ value, text: value }));
  const labels = [...new Set(shown.map((point) => point.label))].sort(byNature);
  const dot = (point) => ({
    x: point.tokens, y: point.median_ms, hollow: point.status === "unstable", low: point.low_ms, high: point.high_ms, label: `${point.label}, ${count(point.tokens)} tokens`, run: point.run_id,
    tip: `${point.label}\n${count(point.tokens)} tokens\n${withInterval(point.median_ms, point.low_ms, point.high_ms)} ms`,
  });
  return place.replaceChildren(
    element("div", { class: "filters" },
      choice("Measured on", named(conditions), condition, change("setting"), true),
      choice("Shape", named(shapes), shape, change("shape"), true)),
    chart({
      title: `Attention: ${shape}`,
      x: { label: "tokens", log: true, text: count, ticks: [...new Set(shown.map((point) => point.tokens))].sort((a, b) => a - b) },
      y: { label: "median latency, ms", log: true },
      series: labels.map((label, at) => ({ label, line: true, mark: at % MARKS.length, points: shown.filter((point) => point.label === label).map(dot) })),
    }));
}

// Speed against accuracy, one device and data set at a time, with the frontier of the models measured there.

function showAccuracy(runs, place, query, update) {
  const points = runs.figures.trade_off;
  if (!points.length) return place.replaceChildren(element("p", {}, "No run here is of a model whose accuracy the paper prints."));
  const units = [...new Set(points.map((point) => point.unit))];
  const unit = chosenOf(query.get("unit"), units);
  const ofUnit = points.filter((point) => point.unit === unit);
  const datasets = mostCommon(ofUnit, (point) => point.dataset);
  const dataset = chosenOf(query.get("data"), datasets);
  const panels = mostCommon(ofUnit.filter((point) => point.dataset === dataset), (point) => point.panel);
  const panel = chosenOf(query.get("setting"), panels);
  const metrics = mostCommon(ofUnit.filter((point) => point.dataset === dataset && point.panel === panel), (point) => point.metric);
  const metric = chosenOf(query.get("metric"), metrics);
  const change = (name) => (value) => {
    changeQuery({ [name]: value });
    update();
  };
  const named = (values) => values.map((value) => ({ value, text: value }));
  return place.replaceChildren(
    element("div", { class: "filters" },
      choice("Data set", named(datasets), dataset, change("data")),
      choice("Speed", units.map((value) => ({ value, text: value === "ms" ? "latency" : "throughput" })), unit, change("unit")),
      choice("Measured on", named(panels), panel, change("setting"), true),
      metrics.length > 1 && choice("Accuracy", named(metrics), metric, change("metric"))),
    accuracyChart(ofUnit.filter((point) => point.dataset === dataset && point.panel === panel && point.metric === metric), runs.figures.looks),
    element("p", { class: "muted" }, "Accuracy is the published one, or what its owner states, but where it is called measured: that is of the very file that was timed. The line is the best accuracy within each speed, by the numbers: the models on it are beaten by no other in both. Hollow: the run never settled. Ringed: whether it is on the frontier was not shown."));
}

function accuracyChart(points, looks) {
  const { unit, dataset, panel, metric } = points[0];
  const sources = [...new Set(points.map((point) => point.accuracy_from))].join(", ");
  const speedName = unit === "ms" ? "median latency, ms" : "throughput, images/s";
  const dot = (point) => ({
    x: point.speed, y: point.accuracy, left: point.low, right: point.high, low: point.accuracy_low, high: point.accuracy_high, named: true, label: point.label, run: point.run_id,
    hollow: point.status === "unstable", ringed: point.on_front === "open",
    tip: `${point.label}\n${withInterval(point.speed, point.low, point.high)} ${unit}\n${withInterval(point.accuracy, point.accuracy_low, point.accuracy_high)} ${metric} (${point.accuracy_from})${point.status === "unstable" ? "\nunstable" : ""}${point.on_front === "open" ? "\non the frontier or not: not shown" : ""}`,
  });
  const families = [...new Set(points.map((point) => point.family))].sort(byNature);
  const frontier = points.filter((point) => point.frontier).sort((a, b) => a.speed - b.speed);
  const line = { label: "frontier", line: true, step: unit === "ms" ? 1 : -1, dots: false, colour: SERIES_COLOURS - 1, points: frontier.map((point) => ({ x: point.speed, y: point.accuracy, label: point.label, tip: dot(point).tip, run: point.run_id })) };
  return chart({
    title: [dataset, panel].filter(Boolean).join(": "),
    x: { label: speedName, log: true },
    y: { label: `${metric} (${sources})` },
    series: [...families.map((family) => ({ label: family, ...looks[family], points: points.filter((point) => point.family === family).map(dot) })), ...(frontier.length > 1 ? [line] : [])],
  });
}

/** The largest panel, for the first view. */
function headlineChart(runs) {
  const points = runs.figures.trade_off.filter((point) => point.unit === "ms");
  const panelOf = (point) => `${point.dataset}\n${point.panel}\n${point.metric}`;
  const [largest] = mostCommon(points, panelOf);
  const shown = points.filter((point) => panelOf(point) === largest);
  return shown.length > 1 ? accuracyChart(shown, runs.figures.looks) : null;
}

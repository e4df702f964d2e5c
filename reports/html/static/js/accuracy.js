// Speed against published accuracy, one device and data set at a time, with the frontier of the models measured there.
const FAMILY_COLOURS = SERIES_COLOURS - 1; // the last one is the frontier's

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
  const change = (name) => (value) => {
    changeQuery({ [name]: value });
    update();
  };
  const named = (values) => values.map((value) => ({ value, text: value }));
  return place.replaceChildren(
    element("div", { class: "filters" },
      choice("Data set", named(datasets), dataset, change("data")),
      choice("Speed", units.map((value) => ({ value, text: value === "ms" ? "latency" : "throughput" })), unit, change("unit")),
      choice("Measured on", named(panels), panel, change("setting"), true)),
    accuracyChart(points.filter((point) => point.unit === unit && point.dataset === dataset && point.panel === panel)),
    element("p", { class: "muted" }, "Accuracy is the published one, not measured here. The line is the best accuracy within each speed: the models on it are beaten by no other in both."));
}

function accuracyChart(points) {
  const { unit, dataset, panel, metric } = points[0];
  const speedName = unit === "ms" ? "median latency, ms" : "throughput, images/s";
  const dot = (point) => ({
    x: point.speed, y: point.accuracy, low: point.low, high: point.high, alongX: true, named: true, label: point.label, run: point.run_id,
    tip: `${point.label}\n${withInterval(point.speed, point.low, point.high)} ${unit}\n${number(point.accuracy)} ${metric} (published)${point.status === "unstable" ? "\nunstable" : ""}`,
  });
  const families = [...new Set(points.map((point) => point.family))].sort(byNature);
  const frontier = points.filter((point) => point.frontier).sort((a, b) => a.speed - b.speed);
  const line = { label: "frontier", line: true, step: unit === "ms" ? 1 : -1, dots: false, colour: FAMILY_COLOURS, ring: false, points: frontier.map((point) => ({ x: point.speed, y: point.accuracy, label: point.label, tip: dot(point).tip, run: point.run_id })) };
  return chart({
    title: `${dataset}: ${panel}`,
    x: { label: speedName, log: true },
    y: { label: `${metric} (published)` },
    series: [...families.map((family, at) => ({ label: family, colour: at % FAMILY_COLOURS, ring: at >= FAMILY_COLOURS, points: points.filter((point) => point.family === family).map(dot) })), ...(frontier.length > 1 ? [line] : [])],
  });
}

/** The largest panel, for the first view. */
function headlineChart(runs) {
  const points = runs.figures.trade_off.filter((point) => point.unit === "ms");
  const [largest] = mostCommon(points, (point) => `${point.dataset}\n${point.panel}`);
  const shown = points.filter((point) => `${point.dataset}\n${point.panel}` === largest);
  return shown.length > 1 ? accuracyChart(shown) : null;
}

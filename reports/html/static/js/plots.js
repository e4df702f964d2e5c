// The plots, one at a time: #/plots/latency, with the choices in the address.
const MOST_BARS = 40;
/** Columns in the order of a request, with their words and colours; those around the network are a pipeline's. */
const PHASES = [
  ["decode_ms", "decode", 3], ["preprocess_ms", "preprocess", 4], ["h2d_ms", "copy to the device", 0],
  ["compute_ms", "compute", 1], ["d2h_ms", "copy back", 2], ["postprocess_ms", "postprocess", 5],
];
const PLOTS = [
  ["accuracy", "Speed and accuracy", showAccuracy],
  ["latency", "Latency", (runs, place) => showBars(runs, place, latencyBars)],
  ["scatter", "Any two numbers", showScatter],
  ["phases", "Phases", (runs, place) => showBars(runs, place, phaseBars)],
  ["history", "History", showHistory],
  ["attention", "Attention", showAttention],
];

function showPlots(runs, place) {
  const { rest } = address();
  const [name, , show] = PLOTS.find(([one]) => one === rest[0]) ?? PLOTS[0];
  const holder = element("div");
  place.replaceChildren(
    element("nav", { "aria-label": "Plots" }, element("ul", { class: "tabs" }, PLOTS.map(([one, title]) =>
      element("li", {}, element("a", { href: `#/plots/${one}`, "aria-current": one === name ? "page" : null }, title))))),
    holder);
  const update = () => {
    const focused = [...holder.querySelectorAll("select")].indexOf(document.activeElement);
    show(runs, holder, address().query, update);
    holder.querySelectorAll("select")[focused]?.focus();
  };
  update();
}

/** Bars of the latest run of each case among those that the filters leave, quickest first. */
function showBars(runs, place, draw) {
  const { query } = address();
  const [dataset] = mostCommon(latestOfEach(runs, filteredRows(runs, query)).filter((row) => runs.get("dataset", row)), (row) => runs.get("dataset", row));
  // Models of one data set can be compared; whoever wants all of them together says so.
  if (dataset && !query.has("q")) changeQuery({ dataset });
  const results = element("div");
  const update = () => {
    const rows = sorted(runs, latestOfEach(runs, filteredRows(runs, address().query)), "median_ms", false);
    const left = rows.length - MOST_BARS;
    results.replaceChildren(
      element("p", { class: "muted", role: "status" }, left > 0
        ? `The quickest ${MOST_BARS} of ${count(rows.length)} cases; filter to see others.`
        : `${plural(rows.length, "case")}, the latest run of each, the quickest first.`),
      ...(rows.length ? draw(runs, rows.slice(0, MOST_BARS)) : []));
  };
  place.replaceChildren(filterBar(runs, address().query, update, false), results);
  update();
}

const barOf = (runs, row) => ({ name: runs.get("case", row), under: runs.get("setting", row), href: runAddress(runs.get("run_id", row)) });

function latencyBars(runs, rows) {
  return [bars("Median latency of a request, with its interval", "Run", rows.map((row) => {
    const [median, low, high] = ["median_ms", "low_ms", "high_ms"].map((name) => runs.get(name, row));
    return { ...barOf(runs, row), parts: [{ value: median, colour: 0 }], low, high, text: withInterval(median, low, high) };
  }))];
}

function phaseBars(runs, rows) {
  const measured = rows.filter((row) => PHASES.some(([name]) => runs.get(name, row) != null));
  if (!measured.length) return [element("p", {}, "None of these runs has its phases measured.")];
  const shown = PHASES.filter(([name]) => measured.some((row) => runs.get(name, row) != null));
  return [
    element("ul", { class: "legend" }, shown.map(([, title, colour]) => element("li", {}, element("span", { class: `key bar c${colour + 1}` }), title))),
    bars("Medians of the phases of a request, one after the other", "Run", measured.map((row) => {
      const parts = shown.map(([name, title, colour]) => ({ value: runs.get(name, row), colour, title })).filter((part) => part.value != null);
      return { ...barOf(runs, row), parts, text: parts.map((part) => number(part.value)).join(" + ") };
    })),
    element("p", { class: "muted" }, "Medians of phases need not add up to the median latency. A phase that was not measured is absent."),
  ];
}

// Two runs beside each other: how much slower the second one is, and all that differs.
const picked = () => (address().query.get("pick") ?? "").split(",").filter(Boolean);

/** A box that chooses a run; of three chosen ones the last two stay. */
function pickBox(runs, row) {
  const id = runs.get("run_id", row);
  const box = element("input", {
    type: "checkbox",
    "data-pick": id,
    checked: picked().includes(id),
    "aria-label": `Choose ${runs.get("case", row)}, run ${id}, to compare`,
    change: () => {
      const others = picked().filter((other) => other !== id);
      changeQuery({ pick: (box.checked ? [...others, id].slice(-2) : others).join(",") });
      for (const one of document.querySelectorAll("[data-pick]")) one.checked = picked().includes(one.dataset.pick);
      document.getElementById("picks").replaceChildren(...pickWords());
    },
  });
  return box;
}

function pickWords() {
  const ids = picked();
  if (ids.length < 2) return [ids.length ? "One run is chosen: choose another to compare them." : "Choose two runs to compare them."];
  return [element("a", { href: `#/compare/${ids.map(encodeURIComponent).join("/")}` }, "Compare the two chosen runs")];
}

async function showCompare(runs, place) {
  const ids = address().rest.slice(0, 2);
  const rows = ids.map((id) => runs.rowOf(id));
  if (rows.length < 2 || rows.includes(undefined)) {
    place.replaceChildren(element("p", {}, "This page has no two such runs. ", element("a", { href: "#/runs" }, "All runs")));
    return;
  }
  place.replaceChildren(...comparedParts(runs, rows), element("p", { class: "muted", role: "status" }, "Reading the details …"));
  const details = await Promise.all(ids.map((id) => runs.details(id)));
  if (address().rest.join("/") !== ids.join("/")) return;
  place.lastElementChild.remove();
  place.append(...[verdictPart(runs, rows, details), distributions(runs, rows, details), differencesPart(runs, rows)].flat(Infinity).filter(Boolean));
}

function comparedParts(runs, rows) {
  return [table("The two runs", [{ title: "Side" }, { title: "Run" }, { title: "What" }, { title: "Measured on" }, { title: "Latency, ms", number: true }, { title: "Rounds × requests", number: true }, { title: "Status" }],
    rows.map((row, at) => ["AB"[at], element("a", { href: runAddress(runs.get("run_id", row)) }, runs.get("run_id", row)), runs.get("case", row), runs.get("setting", row), latencyCell(runs, row),
      roundsByRequests(runs.get("round_samples", row)), element("span", { class: `status ${runs.get("status", row)}` }, runs.get("status", row))]))];
}

/** The ratio with its interval; none where more differs than what is asked about. */
function verdictPart(runs, rows, details) {
  const [a, b] = rows.map((row) => runs.get("round_medians_ms", row) ?? []);
  if (!a.length || !b.length) return element("p", { class: "note" }, "One of the two has no number.");
  const conditions = details.map((one) => one?.conditions);
  if (conditions.some((one) => !one)) return element("p", { class: "note" }, "The conditions of one of the two are left out of this page, so that no ratio is stated: ", element("code", {}, `bench compare ${address().rest.join(" ")}`));
  const { asked, obstacles } = differencesOf(conditions[0], conditions[1], runs.dimensions);
  if (obstacles.length) return [element("p", {}, element("span", { class: "chip open" }, "not comparable"), " Measured under different conditions, besides what is asked about:"), element("ul", {}, obstacles.map((text) => element("li", {}, text)))];
  const { ratio, low, high } = ratioOf(a, b);
  const words = low == null ? "too few rounds for an interval" : low > 1 ? "B is slower" : high < 1 ? "B is faster" : "no difference shown";
  return [
    element("p", { class: "headline" }, `B / A ${ratio.toFixed(3)} `, element("span", { class: "muted" }, low == null ? "" : `[${low.toFixed(3)}, ${high.toFixed(3)}]`), " ",
      element("span", { class: `chip ${low == null || (low <= 1 && high >= 1) ? "open" : low > 1 ? "bad" : "good"}` }, words)),
    element("p", { class: "muted" }, `Latency of B over A's, from the medians of ${a.length} and ${b.length} rounds, with its 95 % interval. ${asked.length ? `Compared across ${asked.join(", ")}.` : "Both are of one case."}`),
  ];
}

/** As harness/identity/differences.py: one field of the case may differ, and what follows from it. */
function differencesOf(a, b, dimensions) {
  const texts = (one, other) => [...new Set([...Object.keys(one), ...Object.keys(other)])].filter((name) => one[name] !== other[name]).map((name) => `${name} ${one[name] ?? "unknown"} against ${other[name] ?? "unknown"}`);
  const found = dimensions.map(({ name }) => [name, texts(a[name] ?? {}, b[name] ?? {})]).filter(([, of]) => of.length);
  const isAsked = (name) => {
    const { asks } = dimensions.find((one) => one.name === name);
    const [x, y] = [a[name]?.[asks], b[name]?.[asks]];
    return asks != null && x != null && y != null && x !== y;
  };
  const asked = found.map(([name]) => name).filter(isAsked).slice(0, 1);
  const natural = new Set(asked.flatMap((name) => dimensions.find((one) => one.name === name).implies));
  const hasNoThreads = [a, b].some((one) => !Object.keys(one.threads ?? {}).length);
  if (hasNoThreads && asked.some((name) => name === "runtime" || name === "device")) natural.add("threads");
  return { asked, obstacles: found.filter(([name]) => !asked.includes(name) && !natural.has(name)).flatMap(([, of]) => of) };
}

function distributions(runs, rows, details) {
  const series = details.map((one, at) => {
    const values = one?.quantiles_ms ?? [];
    return { label: `${"AB"[at]}: ${runs.get("case", rows[at])}`, line: true, dots: false, points: values.map((x, place) => ({ x, y: values.length > 1 ? place / (values.length - 1) : 1, run: runs.get("run_id", rows[at]), tip: `${"AB"[at]}: ${number(x)} ms` })) };
  });
  if (series.some((one) => !one.points.length)) return null;
  return chart({ title: "Share of requests that took at most so long", x: { label: "latency, ms", log: series[1].points.at(-1).x / series[0].points[0].x > 10 || series[0].points.at(-1).x / series[1].points[0].x > 10 }, y: { label: "share of requests", text: percent }, series });
}

/** Columns in which the two differ. */
function differencesPart(runs, rows) {
  const told = new Set(["run_id", "started_at", "round_medians_ms", "low_ms", "high_ms", "title"]);
  const differ = runs.declared.filter(({ name }) => !told.has(name) && String(runs.get(name, rows[0])) !== String(runs.get(name, rows[1])));
  if (!differ.length) return element("p", {}, "The two differ in no column.");
  return [element("h2", {}, "What differs"), table("Columns in which the two runs differ", [{ title: "What" }, { title: "A" }, { title: "B" }],
    differ.map((column) => [capital(column.heading), ...rows.map((row) => shown(column, runs.get(column.name, row)))]))];
}

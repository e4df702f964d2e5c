// One run: what is in the table, then what its record, samples and telemetry say.
async function showRun(runs, place) {
  const runId = address().rest[0] ?? "";
  const row = runs.rowOf(runId);
  const title = document.getElementById("title-run");
  if (row === undefined) {
    title.textContent = "No such run";
    place.replaceChildren(element("p", {}, "This page has no run ", element("code", {}, runId), ". ", element("a", { href: "#/runs" }, "All runs")));
    return;
  }
  title.textContent = `${runs.get("title", row)}`;
  place.replaceChildren(...rowParts(runs, row), element("p", { class: "muted", role: "status" }, "Reading the details …"));
  const details = await runs.details(runId);
  if (address().rest[0] !== runId) return; // Another run was opened in the meantime.
  place.lastElementChild.remove();
  place.append(...(details ? detailParts(runs, row, details) : [leftOut(runs, row)]));
}

function leftOut(runs, row) {
  const file = Object.hasOwn(runs.elsewhere, runs.get("run_id", row)) ? runs.elsewhere[runs.get("run_id", row)] : null;
  if (file) return element("p", {}, element("a", { href: `${encodeURIComponent(file)}${runAddress(runs.get("run_id", row))}` }, "Distribution, telemetry and environment of this run"), " are in a page beside this one.");
  const folder = ["device", "model", "run_id"].map((name) => runs.get(name, row)).join("/");
  return element("p", { class: "note" }, "Distribution, telemetry and environment of this run are left out of this page. They lie in the store, in ", element("code", {}, folder), "; ",
    element("code", {}, `bench results show ${runs.get("run_id", row)}`), " shows them.");
}

/** Columns that a run's view tells in its own words, or in a part of its own. */
const TOLD = new Set([
  ...["run_id", "status", "title", "median_ms", "low_ms", "high_ms", "confidence", "samples", "rounds", "round_medians_ms", "height", "width", "batch"],
  ...["seeded", "transport", "runner", "runtime", "runtime_version", "fidelity", "flags", "command", "artifact_sha256", "failure_stage", "failure_kind", "failure"],
]);
const knownText = (column, value) => (value == null || value === "" || value.length === 0 ? null : shown(column, value));

function rowParts(runs, row) {
  const of = (name) => runs.get(name, row);
  const headline = of("median_ms") == null
    ? element("p", { class: "note" }, `Failed while ${of("failure_stage") ?? "running"} (${of("failure_kind") ?? "unknown"}): ${of("failure") ?? ""}`)
    : element("p", { class: "headline" }, `${number(of("median_ms"))} ms `, element("span", { class: "muted" }, interval(of("low_ms"), of("high_ms"))));
  const same = new URLSearchParams({ setting: of("setting"), case: of("case") });
  return [
    element("p", {}, element("span", { class: `status ${of("status")}` }, of("status")), ` · ${of("setting")} · `, element("code", {}, of("run_id"))),
    headline,
    facts([
      ["Interval", of("median_ms") == null ? null : `${of("low_ms") == null ? "none" : `${number(of("confidence") * 100)} %`}, ${plural(of("samples"), "sample")} in ${plural(of("rounds"), "round")}`],
      ["Input", `${of("height")} × ${of("width")}, batch ${of("batch")}`],
      ["Weights", of("seeded") ? "drawn from a seed" : "from a checkpoint"],
      ["Reached by", `${of("transport")}, ${of("runner")}`],
      ["Runtime", of("runtime") && `${of("runtime")} ${of("runtime_version") ?? ""}`],
      ["Outputs agree with the fp32 module", of("fidelity") == null ? "not checked" : of("fidelity") ? "yes" : "no"],
      ...runs.declared.filter(({ name }) => !TOLD.has(name)).map((column) => [capital(column.heading), knownText(column, of(column.name))]),
    ]),
    of("median_ms") != null && element("p", {}, element("a", { href: `#/plots/history?${same}` }, "This case over time")),
    of("median_ms") != null && element("p", {}, element("a", { href: `#/runs?pick=${encodeURIComponent(of("run_id"))}` }, "Compare with another run")),
    ...runs.pairsOf(of("run_id")).map(({ anchor, title }) => element("p", {}, "Measured as a pair: ", element("a", { href: `#${anchor}` }, title))),
    element("h2", {}, "Command"),
    element("pre", { tabindex: 0 }, of("command")),
  ].filter(Boolean);
}

function detailParts(runs, row, details) {
  return [
    (details.problems ?? []).map((problem) => element("p", { class: "note" }, problem)),
    details.failure?.remedy && element("p", {}, `What to do: ${details.failure.remedy}`),
    flagsPart(details.flags ?? []),
    phasesPart(runs, row, details),
    distributionChart(details),
    overTimeChart(details),
    sensorCharts(details),
    percentilesPart(details),
    fidelityPart(details.fidelity),
    roundsPart(runs, row, details.rounds ?? []),
    filesPart(details),
    environmentPart(details.environment),
  ].flat(Infinity).filter(Boolean);
}

function flagsPart(flags) {
  if (!flags.length) return null;
  return [element("h2", {}, "Flags"), element("ul", { class: "flags" }, flags.map((flag) =>
    element("li", {}, element("strong", { class: flag.severity }, flag.name.replaceAll("_", " ")), ` (${flag.severity}): ${flag.text}`, flag.remedy && element("span", { class: "muted" }, ` ${flag.remedy}`))))];
}

function phasesPart(runs, row, details) {
  const phases = PHASES.map(([name, title, colour]) => ({ title, colour, one: details.summary?.phases?.[name.replace("_ms", "")] })).filter(({ one }) => one);
  if (!phases.length) return null;
  return [element("h2", {}, "Phases"), bars("Median of each phase of a request, with its interval", "Phase", phases.map(({ title, colour, one }) => ({
    name: title, parts: [{ value: one.median_ms, colour }], low: one.low_ms, high: one.high_ms, text: withInterval(one.median_ms, one.low_ms, one.high_ms),
  })))];
}

function percentilesPart(details) {
  const percentiles = Object.entries(details.summary?.percentiles ?? {});
  if (!percentiles.length) return null;
  return [element("h2", {}, "Percentiles"), table("Percentiles of the latency, where the samples support them", [{ title: "Percentile" }, { title: "ms", number: true }, { title: "Interval", number: true }],
    percentiles.map(([name, one]) => [name, one.value_ms == null ? `needs ${plural(one.missing, "more sample")}` : number(one.value_ms), interval(one.low_ms, one.high_ms)]))];
}

function fidelityPart(fidelity) {
  if (!fidelity) return null;
  const metrics = Object.entries(fidelity.metrics).flatMap(([output, values]) => Object.entries(values).map(([name, value]) => [output, name, number(value), fidelity.tolerance[name] ?? ""]));
  return [element("h2", {}, "Agreement with the fp32 module"),
    element("p", {}, fidelity.passed == null ? "Not checked. " : fidelity.passed ? "Passed. " : "Did not pass. ", fidelity.reason ?? ""),
    metrics.length > 0 && table("Outputs against the fp32 module", [{ title: "Output" }, { title: "Metric" }, { title: "Value", number: true }, { title: "Tolerance", number: true }], metrics.map((cells) => cells.map(String)))];
}

function roundsPart(runs, row, rounds) {
  if (!rounds.length) return null;
  const medians = runs.get("round_medians_ms", row);
  return [element("h2", {}, "Rounds"), table("Rounds, each a fresh process", [{ title: "Round" }, { title: "Median, ms", number: true }, { title: "Samples", number: true }, { title: "Warm-up", number: true }, { title: "Settled" }, { title: "Stopped by" }],
    rounds.map((one, at) => [String(one.index + 1), number(medians[at]), count(one.sample_count), count(one.warmup_count), one.steady == null ? "cannot tell" : one.steady ? "yes" : "no", one.stopped_by]))];
}

function filesPart(details) {
  const artifact = details.artifact ? [[`loaded by the runtime (${details.artifact.format})`, bytes(details.artifact.size_bytes), details.artifact.sha256]] : [];
  const rows = [...artifact, ...(details.files ?? []).map(([name, sha256, size]) => [name, bytes(size), sha256])];
  if (!rows.length) return null;
  return [element("h2", {}, "Files"), table("Files of the run and their hashes", [{ title: "File" }, { title: "Size", number: true }, { title: "SHA-256", hash: true }], rows.map(([name, size, hash]) => [name, size, element("code", {}, hash)]))];
}

function environmentPart(environment) {
  const known = environment.filter(([, content]) => content != null);
  if (!known.length) return null;
  return [element("h2", {}, "Environment"), known.map(([title, content]) => element("details", {}, element("summary", {}, title), tree(content)))];
}

/** Any JSON as nested lists. */
function tree(content) {
  if (content === null || typeof content !== "object") return document.createTextNode(content === null ? "unknown" : String(content));
  const flat = Array.isArray(content) && content.every((one) => one === null || typeof one !== "object");
  if (flat) return document.createTextNode(content.map((one) => one ?? "unknown").join(", ") || "none");
  return element("ul", { class: "tree" }, Object.entries(content).map(([name, value]) =>
    element("li", {}, element("span", { class: "name" }, `${name}: `), tree(value))));
}

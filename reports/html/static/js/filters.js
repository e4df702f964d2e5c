// The same filters for the table of runs and for the plots that are made of runs.
const FILTERS = [
  ["device", "Device"],
  ["runtime", "Runtime"],
  ["precision", "Precision"],
  ["dataset", "Data set"],
  ["status", "Status"],
];
const SEARCHED = ["run_id", "case", "title", "setting", "processor", "dataset", "protocol", "status", "flags", "failure"];

/** Rows that the address asks for, in order of time. Every word of `q` has to be somewhere in the run's texts. */
function filteredRows(runs, query) {
  let rows = Array.from({ length: runs.count }, (_, row) => row);
  for (const [name] of FILTERS) {
    const wanted = query.get(name);
    if (wanted) rows = rows.filter((row) => runs.get(name, row) === wanted);
  }
  for (const word of (query.get("q") ?? "").toLowerCase().split(/\s+/).filter(Boolean)) {
    rows = rows.filter((row) => SEARCHED.some((name) => runs.get(name, row)?.toLowerCase().includes(word)));
  }
  return query.get("latest") ? latestOfEach(runs, rows) : rows;
}

/** The controls; `changed` is called after the address was changed. */
function filterBar(runs, query, changed, withLatest = true) {
  const change = (name, value) => {
    changeQuery({ [name]: value, page: "" });
    changed();
  };
  const search = element("input", {
    type: "search",
    value: query.get("q") ?? "",
    placeholder: "model, flag, processor …",
    input: () => change("q", search.value),
  });
  const latest = element("input", { type: "checkbox", checked: Boolean(query.get("latest")), change: () => change("latest", latest.checked ? "1" : "") });
  const choices = FILTERS.filter(([name]) => runs.distinct(name).length > 1 || query.get(name)).map(([name, title]) => {
    const options = [{ value: "", text: "all" }, ...runs.distinct(name).map((value) => ({ value, text: value }))];
    return choice(title, options, query.get(name) ?? "", (value) => change(name, value));
  });
  return element("form", { class: "filters", role: "search", submit: (event) => event.preventDefault() },
    element("label", {}, "Search", search), choices,
    withLatest && element("label", { class: "check" }, latest, "latest of each case only"));
}

// The table of runs: filtered and sorted as the address says, fifty rows a page, so that ten thousand cost no more.
const ROWS_A_PAGE = 50;
const RUN_COLUMNS = [
  { name: "case", title: "Model", cell: (runs, row) => [pickBox(runs, row), " ", element("a", { href: runAddress(runs.get("run_id", row)) }, runs.get("case", row))] },
  { name: "median_ms", title: "Latency, ms", number: true, cell: latencyCell },
  { name: "img_s", title: "Images/s", number: true, cell: (runs, row) => number(runs.get("img_s", row)) },
  { name: "status", title: "Status", cell: (runs, row) => element("span", { class: `status ${runs.get("status", row)}` }, runs.get("status", row)) },
  { name: "setting", title: "Measured on", wide: true, cell: (runs, row) => runs.get("setting", row) },
  { name: "round_samples", title: "Rounds × requests", number: true, cell: (runs, row) => roundsByRequests(runs.get("round_samples", row)) },
  { name: "flags", title: "Flags", cell: (runs, row) => (runs.get("flags", row) ?? "").split("\n").join(", ").replaceAll("_", " ") },
  { name: "started_at", title: "Started, UTC", number: true, cell: (runs, row) => minute(runs.get("started_at", row)) },
];

function latencyCell(runs, row) {
  if (runs.get("median_ms", row) == null) return element("span", { class: "muted" }, runs.get("failure_kind", row) ?? UNKNOWN);
  const [low, high] = [runs.get("low_ms", row), runs.get("high_ms", row)];
  return [number(runs.get("median_ms", row)), " ", element("span", { class: "muted" }, interval(low, high))];
}

/** `4 × 30`, or `4 × 7 to 12` where the rounds differ. */
function roundsByRequests(counts) {
  if (!counts?.length) return UNKNOWN;
  const [least, most] = [Math.min(...counts), Math.max(...counts)];
  return `${counts.length} × ${count(least)}${most > least ? ` to ${count(most)}` : ""}`;
}

/** Columns beside the usual ones, as the address says. */
function addedColumns(runs, query) {
  const wanted = (query.get("columns") ?? "").split(",");
  return addable(runs).filter(({ name }) => wanted.includes(name)).map((column) => ({
    name: column.name,
    title: column.heading,
    number: isNumber(column),
    wide: column.kind === "text" || column.kind === "texts",
    cell: (_, row) => shown(column, runs.get(column.name, row)),
  }));
}

const addable = (runs) => runs.declared.filter(({ name }) => !RUN_COLUMNS.some((usual) => usual.name === name));

/** A box for every column that can be added, those in which nothing is known left out. */
function columnChooser(runs, query, changed) {
  const chosen = new Set((query.get("columns") ?? "").split(",").filter(Boolean));
  const boxes = addable(runs).filter(({ name }) => chosen.has(name) || runs.column(name).some((value) => value != null && value !== "" && value.length !== 0)).map((column) => {
    const box = element("input", {
      type: "checkbox",
      checked: chosen.has(column.name),
      change: () => {
        if (box.checked) chosen.add(column.name);
        else chosen.delete(column.name);
        changeQuery({ columns: [...chosen].join(",") });
        changed();
      },
    });
    return element("label", { class: "check", title: column.meaning }, box, column.heading);
  });
  return element("details", { class: "chooser", open: chosen.size > 0 }, element("summary", {}, "More columns"), element("div", { class: "filters" }, boxes));
}

/** Rows by a column, unknown ones last in either direction. */
function sorted(runs, rows, name, descending) {
  const values = runs.column(name);
  const sign = descending ? -1 : 1;
  const size = (value) => (Array.isArray(value) ? value.reduce((sum, item) => sum + item, 0) : value);
  const compare = (a, b) => (typeof a === "string" ? byNature(a, b) : size(a) - size(b));
  const known = (value) => value != null && value !== "" && value.length !== 0;
  return [...rows].sort((a, b) => {
    if (!known(values[a]) || !known(values[b])) return known(values[b]) - known(values[a]);
    return sign * compare(values[a], values[b]);
  });
}

function showRuns(runs, place) {
  const results = element("div");
  const update = () => results.replaceChildren(...runsPage(runs, update));
  place.replaceChildren(filterBar(runs, address().query, update), columnChooser(runs, address().query, update), results);
  update();
}

function runsPage(runs, update) {
  const { query } = address();
  const columns = [...RUN_COLUMNS, ...addedColumns(runs, query)];
  const column = columns.find(({ name }) => name === query.get("sort")) ?? RUN_COLUMNS.at(-1);
  const descending = query.has("sort") ? query.get("order") === "descending" : true;
  const rows = sorted(runs, filteredRows(runs, query), column.name, descending);
  const pages = Math.max(1, Math.ceil(rows.length / ROWS_A_PAGE));
  const page = Math.min(pages, Math.max(1, Number.parseInt(query.get("page"), 10) || 1));
  const shown = rows.slice((page - 1) * ROWS_A_PAGE, page * ROWS_A_PAGE);
  const sortBy = (name) => {
    changeQuery({ sort: name, order: name === column.name && !descending ? "descending" : "", page: "" });
    update();
    document.getElementById(`sort-${name}`).focus();
  };
  return [
    element("p", { class: "muted", role: "status" }, `${count(rows.length)} of ${plural(runs.count, "run")}${rows.length > ROWS_A_PAGE ? `, page ${page} of ${pages}` : ""}`),
    element("p", { id: "picks" }, pickWords()),
    element("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Table of runs" },
      element("table", { id: "runs-table" },
        element("caption", {}, "Runs with the median latency of a request, its interval in brackets"),
        element("thead", {}, element("tr", {}, columns.map(({ name, title, number: right }) =>
          element("th", { scope: "col", class: right && "number", "aria-sort": name === column.name ? (descending ? "descending" : "ascending") : null },
            element("button", { type: "button", id: `sort-${name}`, click: () => sortBy(name) }, title))))),
        element("tbody", {}, shown.map((row) => element("tr", {}, columns.map(({ cell, number: right, wide }, at) =>
          element(at ? "td" : "th", { scope: at ? null : "row", class: right ? "number" : wide && "wide" }, cell(runs, row)))))))),
    pages > 1 && pager(page, pages, update),
  ].filter(Boolean);
}

function pager(page, pages, update) {
  const to = (name, wanted, id) => element("button", {
    type: "button",
    id,
    disabled: wanted < 1 || wanted > pages || wanted === page,
    click: () => {
      changeQuery({ page: wanted > 1 ? String(wanted) : "" });
      update();
      const button = document.getElementById(id);
      (button?.disabled ? document.getElementById("title-runs") : button)?.focus();
    },
  }, name);
  return element("div", { class: "pages", role: "group", "aria-label": "Pages of the table" },
    to("First", 1, "page-first"), to("Previous", page - 1, "page-previous"), element("span", {}, `${page} of ${pages}`), to("Next", page + 1, "page-next"), to("Last", pages, "page-last"));
}

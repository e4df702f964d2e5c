// Tables of the report: which columns are shown is chosen here, and stands in the address.
const hiddenColumns = () => new Set((address().query.get("hide") ?? "").split(",").filter(Boolean));

function showTables(runs, place) {
  const view = document.getElementById("view-tables");
  for (const figure of view.querySelectorAll("figure.bench-table")) {
    if (!figure.previousElementSibling?.classList.contains("chooser")) figure.before(tableChooser(figure));
    applyHidden(figure);
  }
}

/** Headings of the columns, each with its place and the block that it is of. */
function columnsOf(figure) {
  const [above, below] = figure.querySelectorAll("thead tr");
  const blocks = [...above.cells].flatMap((cell) => Array(Number(cell.dataset.span ?? cell.colSpan)).fill(cell));
  return [...below.cells].map((cell, at) => ({ at, cell, block: blocks[at], title: [blocks[at].textContent, cell.textContent].filter(Boolean).join(": ") }));
}

function tableChooser(figure) {
  for (const cell of figure.querySelector("thead tr").cells) cell.dataset.span = cell.colSpan;
  const key = (at) => `${figure.id}.${at}`;
  const boxes = columnsOf(figure).filter(({ at }) => at > 0).map(({ at, title }) => {
    const box = element("input", {
      type: "checkbox",
      checked: !hiddenColumns().has(key(at)),
      change: () => {
        const hidden = hiddenColumns();
        if (box.checked) hidden.delete(key(at));
        else hidden.add(key(at));
        changeQuery({ hide: [...hidden].join(",") });
        applyHidden(figure);
      },
    });
    return element("label", { class: "check" }, box, title);
  });
  const hidden = [...hiddenColumns()].some((name) => name.startsWith(`${figure.id}.`));
  return element("details", { class: "chooser", open: hidden }, element("summary", {}, "Choose columns"), element("div", { class: "filters" }, boxes));
}

function applyHidden(figure) {
  const hidden = hiddenColumns();
  const columns = columnsOf(figure);
  const gone = new Set(columns.filter(({ at }) => hidden.has(`${figure.id}.${at}`)).map(({ at }) => at));
  for (const row of [...figure.querySelectorAll("thead tr:nth-child(2), tbody tr")])
    for (const [at, cell] of [...row.cells].entries()) cell.hidden = gone.has(at);
  for (const block of new Set(columns.map((column) => column.block))) {
    const left = columns.filter((column) => column.block === block && !gone.has(column.at)).length;
    block.hidden = left === 0;
    if (left) block.colSpan = left;
  }
}

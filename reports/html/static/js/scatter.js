// Any number of a run against any other: the latest run of each case among those that the filters leave.
const USUAL_AXES = { x: "macs", y: "median_ms" };

function showScatter(runs, place) {
  const numbers = runs.declared.filter((column) => isNumber(column) && runs.column(column.name).some((value) => value != null));
  if (!numbers.length) return place.replaceChildren(element("p", {}, "No run here has a number."));
  const results = element("div");
  const axisOf = (axis) => numbers.find(({ name }) => name === (address().query.get(axis) ?? USUAL_AXES[axis])) ?? numbers[0];
  const update = () => {
    const [x, y] = [axisOf("x"), axisOf("y")];
    const rows = latestOfEach(runs, filteredRows(runs, address().query)).filter((row) => [x, y].every(({ name }) => runs.get(name, row) != null));
    results.replaceChildren(
      element("p", { class: "muted", role: "status" }, `${plural(rows.length, "case")}, the latest run of each.`),
      ...(rows.length ? [scatterChart(runs, rows, x, y)] : []));
  };
  const axis = (name, title) => choice(title, numbers.map((column) => ({ value: column.name, text: column.heading })), axisOf(name).name, (value) => {
    changeQuery({ [name]: value });
    update();
  });
  place.replaceChildren(element("div", { class: "filters" }, axis("x", "Across"), axis("y", "Upwards")), filterBar(runs, address().query, update, false), results);
  update();
}

function scatterChart(runs, rows, x, y) {
  const value = (column, row) => runs.get(column.name, row);
  const ends = (row) => (y.ends ? y.ends.map((name) => runs.get(name, row)) : [null, null]);
  const point = (row) => {
    const [low, high] = ends(row);
    return {
      x: value(x, row), y: value(y, row), low, high, hollow: runs.get("status", row) === "unstable", named: rows.length <= 20, label: runs.get("case", row), run: runs.get("run_id", row),
      tip: `${runs.get("case", row)}\n${runs.get("setting", row)}\n${x.heading}: ${shown(x, value(x, row))}\n${y.heading}: ${shown(y, value(y, row))} ${interval(low, high)}`,
    };
  };
  // A logarithm where the values are far apart and all above nothing.
  const log = (column) => {
    const values = rows.map((row) => value(column, row));
    const [least, most] = values.reduce(([low, high], one) => [Math.min(low, one), Math.max(high, one)], [Infinity, -Infinity]);
    return least > 0 && most / least > 10;
  };
  // Bytes and large counts have their unit at each tick; integers otherwise are numbers like any other.
  const ticks = (column) => (column.unit === "bytes" || column.thousands ? (tick) => shown(column, tick) : number);
  const names = runs.figures.families; // as legends call them
  const familyOf = (row) => names[runs.get("family", row) ?? ""];
  const families = [...new Set(rows.map(familyOf))].sort(byNature);
  return chart({
    title: `${capital(y.title)} against ${x.title}`,
    x: { label: x.heading, log: log(x), text: ticks(x) },
    y: { label: y.heading, log: log(y), text: ticks(y) },
    series: families.map((family) => ({ label: family, ...runs.figures.looks[family], points: rows.filter((row) => familyOf(row) === family).map(point) })),
  });
}

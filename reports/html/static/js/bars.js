// Horizontal bars as a table: a name that links to its run, the bar, the number. uPlot has none with names.
/** `rows`: [{name, href, parts: [{value, colour, title}], low, high, text}], values in ms. All bars share one scale from 0. */
function bars(caption, named, rows) {
  const most = Math.max(...rows.map((row) => Math.max(row.high ?? 0, sum(row.parts.map((part) => part.value)))));
  const share = (value) => `${((100 * value) / most).toFixed(3)}%`;
  const bar = (row) => {
    let from = 0;
    const parts = row.parts.map((part) => {
      const rectangle = drawing("rect", { x: share(from), y: "12%", width: share(part.value), height: "76%", class: `c${part.colour + 1}` }, part.title && drawing("title", {}, part.title));
      from += part.value;
      return rectangle;
    });
    const line = (x1, y1, x2, y2) => drawing("line", { x1, y1, x2, y2 });
    const whisker = row.low == null ? [] : [
      line(share(row.low), "50%", share(row.high), "50%"),
      line(share(row.low), "25%", share(row.low), "75%"),
      line(share(row.high), "25%", share(row.high), "75%")];
    return drawing("svg", { "aria-hidden": "true", focusable: "false" }, parts, whisker);
  };
  return element("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": caption },
    element("table", { class: "bars" },
      element("caption", {}, caption),
      element("thead", {}, element("tr", {}, element("th", { scope: "col" }, named), element("td", {}), element("th", { scope: "col", class: "number" }, "ms"))),
      element("tbody", {}, rows.map((row) => element("tr", {},
        element("th", { scope: "row", class: "wide" }, row.href ? element("a", { href: row.href }, row.name) : row.name, row.under && element("div", { class: "muted" }, row.under)),
        element("td", { class: "bar" }, bar(row)),
        element("td", { class: "number" }, row.text))))));
}

const sum = (values) => values.reduce((total, value) => total + value, 0);

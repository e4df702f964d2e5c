// Elements are made by code alone: texts become text nodes, so that no name in a run can become markup.
const SVG = "http://www.w3.org/2000/svg";
const PLAIN_HTML = "http://www.w3.org/1999/xhtml";

function make(namespace, tag, attributes, children) {
  const made = document.createElementNS(namespace, tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(name, value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value != null) made.setAttribute(name, String(value));
  }
  made.append(...children.flat(Infinity).filter((child) => child != null && child !== false));
  return made;
}

/** An HTML element; an attribute that is a function is a listener for the event of its name. */
const element = (tag, attributes = {}, ...children) => make(PLAIN_HTML, tag, attributes, children);
const drawing = (tag, attributes = {}, ...children) => make(SVG, tag, attributes, children);

/** A table in its own scrolling region. `head`: [{title, number}], `rows`: cells, strings or elements, the first heads
    its row. */
function table(caption, head, rows) {
  return element("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": caption },
    element("table", {},
      element("caption", {}, caption),
      element("thead", {}, element("tr", {}, head.map(({ title, number }) => element("th", { scope: "col", class: number && "number" }, title)))),
      element("tbody", {}, rows.map((cells) => element("tr", {}, cells.map((cell, place) =>
        place === 0
          ? element("th", { scope: "row" }, cell)
          : element("td", { class: head[place].number ? "number" : head[place].hash && "hash" }, cell)))))));
}

/** Names and values, the unknown ones left out. */
function facts(pairs) {
  const known = pairs.filter(([, value]) => value != null && value !== "");
  return element("dl", { class: "facts" }, known.map(([name, value]) =>
    element("div", {}, element("dt", {}, name), element("dd", {}, value))));
}

/** A labelled choice. `options`: [{value, text}]. */
function choice(title, options, chosen, changed, long = false) {
  const select = element("select", { class: long && "long", change: () => changed(select.value) },
    options.map(({ value, text }) => element("option", { value, selected: value === chosen }, text)));
  return element("label", {}, title, select);
}

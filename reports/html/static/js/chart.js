// One chart: uPlot's canvas, with intervals, names at points, a tip at the nearest point, and its numbers as a table.
const NEAR_PX = 24;
const FEW_POINTS = 100;
const CHART_FONT = "12px system-ui, sans-serif";
const ENDS = Array.from({ length: 2 }, () => ({ paths: () => null, points: { show: false } }));
const LABELS_TRIED = [[8, 4, "left"], [8, 14, "left"], [-8, 4, "right"], [-8, -6, "right"], [8, -6, "left"], [-8, 14, "right"], [0, -9, "center"], [0, 17, "center"]];

/** 1, 2 and 5 times powers of ten; the powers alone over many decades. */
function logTicks(low, high) {
  const steps = high / low > 1e4 ? [1] : [1, 2, 5];
  const ticks = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++)
    for (const step of steps) ticks.push(step * 10 ** power);
  const inside = ticks.filter((tick) => tick >= low && tick <= high);
  return inside.length > 1 ? inside : [low, high].map((end) => Number(end.toPrecision(3)));
}

const logRange = (_, low, high) => (low == null ? [1, 10] : [low / 1.2, high * 1.2]);

/** A little room, a share of the whole, beyond the first and the last point. */
const roomyRange = (share) => (_, low, high) => {
  if (low == null) return [0, 1];
  const room = (high - low || Math.abs(high) || 1) * share;
  return [low - room, high + room];
};

/** The same for moments: a day on each side of a single one. */
const timeRange = (_, low, high) => (low == null ? [0, 86400] : low === high ? [low - 86400, high + 86400] : roomyRange(0.02)(_, low, high));

/** Days, or hours where days are far apart, as UTC: the clock of the records. */
const moments = (_, splits, __, ___, step) => splits.map((seconds) => (step >= 86400 ? minute(seconds * 1000).slice(0, 10) : minute(seconds * 1000).slice(5)));

/** The points of all series as uPlot wants them: one sorted x for all, a row a series, one value a column. */
function aligned(series) {
  const points = series.flatMap((one, place) => one.points.map((point) => ({ ...point, place })));
  points.sort((a, b) => a.x - b.x);
  const rows = series.map((_, place) => points.map((point) => (point.place === place ? point.y : null)));
  // The ends of intervals are series too, drawn by nobody, so that the scale has room for them.
  const ends = ["low", "high"].map((end) => points.map((point) => point[end] ?? null));
  return { points, columns: [points.map((point) => point.x), ...rows, ...ends] };
}

/** `series`: [{label, points: [{x, y, low, high, left, right, label, tip, run}], line, step, dots, colour}]; `x` and `y`:
    {label, log, time, text, ticks}, `text` making the words of a tick, `ticks` their places on a logarithmic axis. `step` is 1 where a value holds up to the next point, -1
    where it holds back to the last one. `low` and `high` are the ends of y's interval, `left` and `right` those of x's. `mark` is a number of marks.js; series beyond the colours come again with others. Returns the figure; it draws itself once it has a width, and again when the theme changes. */
function chart({ title, x, y, series, height = 380, legend = true }) {
  const holder = element("div", { class: "chart", role: "img", "aria-label": `${title}. The numbers follow as a table.` });
  const shown = series.filter((one) => one.points.length).map((one, place) => ({ ...one, tone: one.colour ?? place % SERIES_COLOURS, ring: one.ring ?? false, mark: one.mark ?? (place >= SERIES_COLOURS ? Math.floor(place / SERIES_COLOURS) : null) }));
  const figure = element("figure", {},
    element("figcaption", {}, title),
    legend && shown.length > 1 && element("ul", { class: "legend" }, shown.map((one) =>
      element("li", {}, one.mark == null ? element("span", { class: `key c${one.tone + 1}${one.ring ? " ring" : ""}` }) : markKey(one.tone, one.mark, one.hollow), one.label))),
    holder,
    numbersOf(shown, x, y));
  keepDrawn(holder, () => plot(holder, shown, x, y, height));
  return figure;
}

/** The same numbers for those who do not see the picture or want to copy them; made when it is opened. */
function numbersOf(series, x, y) {
  const opened = () => {
    if (details.childElementCount > 1) return;
    const rows = series.flatMap((one) => one.points.map((point) => [
      point.run ? element("a", { href: runAddress(point.run) }, point.label ?? one.label) : (point.label ?? one.label),
      x.time ? minute(point.x * 1000) : (x.text ?? number)(point.x), (y.text ?? number)(point.y), [interval(point.left, point.right), interval(point.low, point.high)].filter(Boolean).join(", ")]));
    details.append(table("Numbers of this figure", [{ title: "What" }, { title: x.label, number: true }, { title: y.label, number: true }, { title: "Interval", number: true }], rows));
  };
  const details = element("details", { toggle: opened }, element("summary", {}, "Numbers of this figure"));
  return details;
}

/** Draw when the place gets a width, when that changes, and when the theme does; stop when it leaves the page. */
function keepDrawn(holder, draw) {
  let drawn = null;
  const redraw = () => {
    if (!holder.isConnected) {
      themeListeners.delete(redraw);
      observer.disconnect();
    } else if (holder.clientWidth) {
      drawn?.destroy();
      drawn = draw();
    }
  };
  let width = 0;
  const observer = new ResizeObserver(() => {
    if (holder.clientWidth === width) return;
    width = holder.clientWidth;
    redraw();
  });
  observer.observe(holder);
  themeListeners.add(redraw);
}

function plot(holder, series, x, y, height) {
  holder.replaceChildren();
  const theme = colours();
  const { points, columns } = aligned(series);
  const tip = element("div", { class: "tip", hidden: true });
  const axis = ({ label, log, time, text, ticks }, size) => ({
    label, size, labelSize: 22, stroke: theme.muted, font: CHART_FONT, labelFont: CHART_FONT,
    grid: { stroke: theme.line, width: 1 }, ticks: { stroke: theme.line, width: 1, size: 4 },
    ...(log && { splits: (_, __, low, high) => ticks ?? logTicks(low, high), filter: (_, splits) => splits }),
    values: time ? moments : (_, splits) => splits.map((value) => (text ?? number)(value)),
    ...(time && { space: 90 }),
  });
  const scale = ({ log, time }, room) => ({ time: Boolean(time), range: log ? logRange : time ? timeRange : roomyRange(room), ...(log && { distr: 3 }) });
  const few = points.length <= FEW_POINTS;
  const made = new uPlot({
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "UTC"),
    width: holder.clientWidth,
    height,
    legend: { show: false },
    cursor: { drag: { x: true, y: true, uni: 20 }, points: { show: false } },
    padding: [12, 12, 0, 0],
    scales: { x: scale(x, 0.02), y: scale(y, 0.07) },
    axes: [axis(x, 36), axis(y, y.text ? 86 : 62)],
    series: [{}, ...series.map((one) => ({
      stroke: theme.series[one.tone],
      width: one.line ? 1.5 : 0,
      spanGaps: true,
      paths: one.line ? (one.step ? uPlot.paths.stepped({ align: one.step }) : uPlot.paths.linear()) : () => null,
      points: { show: one.dots !== false && one.mark == null, size: few ? 9 : 4, ...marks(one, theme, few) },
    })), ...ENDS],
    hooks: {
      draw: [(u) => drawIntervals(u, points, series, theme), (u) => drawMarks(u, points, series, theme), (u) => drawNames(u, points, series, theme)],
      setCursor: [(u) => showTip(u, tip, points)],
    },
  }, columns, holder);
  made.over.append(tip);
  made.over.addEventListener("click", () => {
    const near = nearest(made, points);
    if (near?.run) location.hash = runAddress(near.run);
  });
  return made;
}

/** A disc with a thin edge in the page's colour, or a ring; a small plain dot where there are many. */
function marks({ tone, ring }, theme, few) {
  if (ring) return { fill: theme.back, stroke: theme.series[tone], width: few ? 2.5 : 1 };
  return { fill: theme.series[tone], stroke: theme.back, width: few ? 1 : 0 };
}

function drawIntervals(u, points, series, theme) {
  u.ctx.save();
  clip(u);
  u.ctx.lineWidth = devicePixelRatio;
  for (const point of points) {
    const { x, y, low, high, left, right } = point;
    u.ctx.strokeStyle = theme.series[series[point.place].tone];
    for (const [from, to] of [[[x, low], [x, high]], [[left, y], [right, y]]]) {
      if ([...from, ...to].some((end) => end == null)) continue;
      u.ctx.beginPath();
      u.ctx.moveTo(u.valToPos(from[0], "x", true), u.valToPos(from[1], "y", true));
      u.ctx.lineTo(u.valToPos(to[0], "x", true), u.valToPos(to[1], "y", true));
      u.ctx.stroke();
    }
  }
  u.ctx.restore();
}

/** Names beside their points where there is room; the others are in the tip and in the table. */
function drawNames(u, points, series, theme) {
  const { left, top, width, height } = u.bbox;
  const ratio = devicePixelRatio;
  const place = (point) => [u.valToPos(point.x, "x", true), u.valToPos(point.y, "y", true)];
  // A point's mark and its interval, which text would be unreadable upon.
  const occupied = (point) => {
    const [px, py] = place(point);
    const ends = (axis, ...values) => values.filter((end) => end != null).map((end) => u.valToPos(end, axis, true));
    const [xs, ys] = [[px, ...ends("x", point.left, point.right)], [py, ...ends("y", point.low, point.high)]];
    return [Math.min(...xs) - 4 * ratio, Math.min(...ys) - 4 * ratio, Math.max(...xs) + 4 * ratio, Math.max(...ys) + 4 * ratio];
  };
  const taken = points.map(occupied);
  for (const line of series.filter((one) => one.line)) taken.push(...alongLine(corners(line.points.map(place), line.step), 4 * ratio));
  u.ctx.save();
  u.ctx.font = `${11 * ratio}px system-ui, sans-serif`;
  u.ctx.fillStyle = theme.text;
  u.ctx.textAlign = "left";
  u.ctx.textBaseline = "alphabetic";
  for (const point of points) {
    if (!point.named) continue;
    const [px, py] = place(point);
    const wide = u.ctx.measureText(point.label).width;
    for (const [dx, dy, align] of LABELS_TRIED) {
      const from = px + dx * ratio - (align === "right" ? wide : align === "center" ? wide / 2 : 0);
      const box = [from - 2, py + (dy - 10) * ratio, from + wide + 2, py + (dy + 2) * ratio];
      const inside = box[0] >= left && box[2] <= left + width && box[1] >= top && box[3] <= top + height;
      if (!inside || taken.some((other) => box[0] < other[2] && other[0] < box[2] && box[1] < other[3] && other[1] < box[3])) continue;
      u.ctx.fillText(point.label, from, py + dy * ratio);
      taken.push(box);
      break;
    }
  }
  u.ctx.restore();
}

/** The places of a line with the corners of its steps. */
function corners(places, step) {
  if (!step) return places;
  return places.flatMap(([px, py], at) => {
    const [lastX, lastY] = places[at - 1] ?? [px, py];
    return [step > 0 ? [px, lastY] : [lastX, py], [px, py]];
  });
}

/** Small boxes along a line through the places, for names to keep off. */
function alongLine(places, size) {
  return places.slice(1).flatMap(([toX, toY], at) => {
    const [fromX, fromY] = places[at];
    const steps = Math.max(1, Math.ceil(Math.hypot(toX - fromX, toY - fromY) / size));
    return Array.from({ length: steps }, (_, step) => {
      const [px, py] = [fromX + ((toX - fromX) * step) / steps, fromY + ((toY - fromY) * step) / steps];
      return [px - 1, py - 1, px + 1, py + 1];
    });
  });
}

function clip(u) {
  u.ctx.beginPath();
  u.ctx.rect(u.bbox.left, u.bbox.top, u.bbox.width, u.bbox.height);
  u.ctx.clip();
}

function nearest(u, points) {
  const { left, top } = u.cursor;
  let best = null;
  let least = NEAR_PX ** 2;
  for (const point of points) {
    const away = (u.valToPos(point.x, "x") - left) ** 2 + (u.valToPos(point.y, "y") - top) ** 2;
    if (away < least) [best, least] = [point, away];
  }
  return best;
}

function showTip(u, tip, points) {
  const near = u.cursor.left >= 0 ? nearest(u, points) : null;
  u.over.classList.toggle("clickable", Boolean(near?.run));
  tip.hidden = !near;
  if (!near) return;
  tip.textContent = near.tip;
  const px = u.valToPos(near.x, "x");
  const py = u.valToPos(near.y, "y");
  const onRight = px < u.over.clientWidth / 2;
  tip.style.left = onRight ? `${px + 12}px` : "auto";
  tip.style.right = onRight ? "auto" : `${u.over.clientWidth - px + 12}px`;
  tip.style.top = `${Math.max(0, Math.min(py, u.over.clientHeight - tip.offsetHeight))}px`;
}

// The marks of points, in the order of reports/plots/style.py: a family has the same one here and in printed figures.
const around = (corners, turn, inner = 1) => Array.from({ length: inner === 1 ? corners : 2 * corners }, (_, at) => {
  const angle = turn + (2 * Math.PI * at) / (inner === 1 ? corners : 2 * corners);
  const reach = at % 2 && inner !== 1 ? inner : 1;
  return [reach * Math.sin(angle), -reach * Math.cos(angle)];
});
const crossed = (turn) => [[-1, 3], [1, 3], [1, 1], [3, 1], [3, -1], [1, -1], [1, -3], [-1, -3], [-1, -1], [-3, -1], [-3, 1], [-1, 1]]
  .map(([x, y]) => [(x * Math.cos(turn) - y * Math.sin(turn)) / 3.1, (x * Math.sin(turn) + y * Math.cos(turn)) / 3.1]);
/** Corners in a circle of radius 1; the first mark is the circle itself. */
const MARKS = [
  null, [[-0.85, -0.85], [0.85, -0.85], [0.85, 0.85], [-0.85, 0.85]], around(3, 0), around(4, 0), around(3, Math.PI), crossed(0), crossed(Math.PI / 4),
  around(3, -Math.PI / 2), around(3, Math.PI / 2), around(6, 0), around(5, 0, 0.45), around(5, 0),
  [[0, -1], [0.6, 0], [0, 1], [-0.6, 0]],
  around(4, 0, 0.5), around(8, 0, 0.5), around(3, Math.PI, 0.5),
];
const MARK_PX = 5.5;

/** For a legend: the mark in the colour of its series. */
function markKey(tone, mark, hollow) {
  const shape = MARKS[mark] ? drawing("polygon", { points: MARKS[mark].map((corner) => corner.map((one) => one.toFixed(3)).join(",")).join(" ") }) : drawing("circle", { r: 0.9 });
  shape.setAttribute("class", `c${tone + 1}${hollow ? " hollow" : ""}`);
  return drawing("svg", { class: "key mark", viewBox: "-1.2 -1.2 2.4 2.4", "aria-hidden": "true" }, shape);
}

/** Every point of a series that has a mark; a hollow one never settled, a ringed one may be on the frontier or not. */
function drawMarks(u, points, series, theme) {
  u.ctx.save();
  clip(u);
  const size = MARK_PX * devicePixelRatio;
  for (const point of points) {
    const { mark, tone } = series[point.place];
    if (mark == null) continue;
    const [px, py] = [u.valToPos(point.x, "x", true), u.valToPos(point.y, "y", true)];
    u.ctx.beginPath();
    if (MARKS[mark]) MARKS[mark].forEach(([x, y], at) => u.ctx[at ? "lineTo" : "moveTo"](px + x * size, py + y * size));
    else u.ctx.arc(px, py, size * 0.9, 0, 2 * Math.PI);
    u.ctx.closePath();
    u.ctx.fillStyle = point.hollow ? theme.back : theme.series[tone];
    u.ctx.strokeStyle = point.hollow ? theme.series[tone] : theme.back;
    u.ctx.lineWidth = (point.hollow ? 1.5 : 0.8) * devicePixelRatio;
    u.ctx.fill();
    u.ctx.stroke();
    if (!point.ringed) continue;
    u.ctx.beginPath();
    u.ctx.arc(px, py, size * 1.8, 0, 2 * Math.PI);
    u.ctx.strokeStyle = theme.muted;
    u.ctx.lineWidth = devicePixelRatio;
    u.ctx.stroke();
  }
  u.ctx.restore();
}

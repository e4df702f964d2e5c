// The charts of one run: distribution, latency over time, sensors.
function distributionChart(details) {
  const values = details.quantiles_ms ?? [];
  if (values.length < 2) return null;
  const points = values.map((value, at) => {
    const share = at / (values.length - 1);
    return { x: value, y: share, label: percent(share), tip: `${percent(share)} of requests took\nat most ${number(value)} ms` };
  });
  return chart({
    title: "Distribution of the latency, all rounds",
    x: { label: "latency, ms" },
    y: { label: "share of requests" },
    series: [{ label: "requests", line: true, step: 1, dots: false, points }],
    height: 300,
    legend: false,
  });
}

function overTimeChart(details) {
  const blocks = details.over_time ?? [];
  if (!blocks.length) return null;
  const points = (warmup) => blocks.filter((block) => block.warmup === warmup).flatMap((block) => block.request.map((x, at) => ({
    x, y: block.median_ms[at], low: block.min_ms[at], high: block.max_ms[at], label: `round ${block.round + 1}${warmup ? ", warm-up" : ""}`,
    tip: `round ${block.round + 1}${warmup ? ", warm-up" : ""}\n${number(block.median_ms[at])} ms, from ${number(block.min_ms[at])} to ${number(block.max_ms[at])}`,
  })));
  return chart({
    title: "Latency in the order of the requests, rounds one after the other",
    x: { label: "request" },
    y: { label: "latency, ms" },
    series: [{ label: "sampled (median, least and largest of neighbours)", colour: 0, points: points(false) }, { label: "warm-up", colour: 1, points: points(true) }],
    height: 300,
  });
}

/** Bytes as GiB: a small chart's axis has no room for nine digits. */
const readable = (one) => (one.unit === "bytes" ? { ...one, unit: "GiB", value: one.value.map((value) => value / 2 ** 30) } : one);

function sensorCharts(details) {
  const sensors = (details.sensors ?? []).filter((one) => one.value.length > 1);
  if (!sensors.length) return null;
  return element("section", {},
    element("h2", {}, "Telemetry"),
    details.sensors_left_out > 0 && element("p", { class: "muted" }, `${plural(details.sensors_left_out, "more sensor")} in the run's telemetry.parquet.`),
    element("div", { class: "small-charts" }, sensors.map(readable).map((one) => chart({
      title: `${one.quantity}, ${one.source}`,
      x: { label: "seconds since the run began" },
      y: { label: one.unit },
      series: [{ label: one.source, line: true, dots: false, points: one.value.map((y, at) => ({ x: one.time_s[at], y, label: one.source, tip: `${number(y)} ${one.unit}` })) }],
      height: 200,
      legend: false,
    }))));
}

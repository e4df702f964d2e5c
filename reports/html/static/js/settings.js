// Which rows stand for what: the latest with a number of every case in every setting.
function latestOfEach(runs, rows) {
  const seen = new Set();
  return rows.filter((row) => {
    const key = `${runs.get("setting", row)}\n${runs.get("case", row)}`;
    if (runs.get("median_ms", row) == null || seen.has(key)) return false;
    return seen.add(key);
  });
}

/** Keys by how many items they have, most first. */
function mostCommon(items, keyOf) {
  const counts = new Map();
  for (const item of items) counts.set(keyOf(item), (counts.get(keyOf(item)) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1] || byNature(a[0], b[0])).map(([key]) => key);
}

/** What the address asks for if it is there, else the first. */
const chosenOf = (wanted, options) => (options.includes(wanted) ? wanted : options[0]);

// The address after `#` says what is shown: #/runs?device=desk&sort=median_ms. So every view can be linked and gone back to.
function address() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  const [view, ...rest] = path.split("/").map(decoded);
  return { view: view || "overview", rest, query: new URLSearchParams(query) };
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

const runAddress = (runId) => `#/run/${encodeURIComponent(runId)}`;

/** Change the query of the address, without a step in the history: typing a filter is no navigation. */
function changeQuery(changes) {
  const { query } = address();
  for (const [name, value] of Object.entries(changes)) {
    if (value) query.set(name, value);
    else query.delete(name);
  }
  const path = location.hash.split("?")[0];
  history.replaceState(null, "", query.size ? `${path}?${query}` : path);
}

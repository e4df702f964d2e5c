// The embedded blocks: base64 of gzipped JSON, decoded when they are needed.
async function decodeBlock(id) {
  const text = atob(document.getElementById(id).textContent);
  const packed = new Uint8Array(text.length);
  for (let place = 0; place < text.length; place++) packed[place] = text.charCodeAt(place);
  const unpacked = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(unpacked).json();
}

/** All runs by column, latest first. A row is a number from 0. */
class Runs {
  #coded;
  #columns = new Map();
  #rowOfId = null;
  #details = new Map();

  constructor(block) {
    this.#coded = block.columns;
    this.count = block.count;
    this.declared = block.declared; // what every column is: name, title, heading, kind, unit, ...
    this.figures = block.figures;
    this.blockOf = block.details;
    this.pairs = block.pairs;
    this.elsewhere = block.elsewhere; // by run, the file beside this one that has its details
    this.dimensions = block.dimensions; // of conditions: name, asks, implies
  }

  /** Values of all rows, null where nothing is known. */
  column(name) {
    if (!this.#columns.has(name)) {
      const { texts, index, values } = this.#coded[name];
      this.#columns.set(name, texts ? index.map((place) => (place < 0 ? null : texts[place])) : values);
    }
    return this.#columns.get(name);
  }

  get(name, row) {
    return this.column(name)[row];
  }

  /** The different texts of a column, sorted as people sort. */
  distinct(name) {
    return [...this.#coded[name].texts].sort(byNature);
  }

  rowOf(runId) {
    this.#rowOfId ??= new Map(this.column("run_id").map((id, row) => [id, row]));
    return this.#rowOfId.get(runId);
  }

  /** Pairs that the run's case is a side of. */
  pairsOf(runId) {
    return Object.hasOwn(this.pairs, runId) ? this.pairs[runId] : [];
  }

  /** What is known beyond the row; null for a run whose details the page leaves out. */
  async details(runId) {
    const block = Object.hasOwn(this.blockOf, runId) ? this.blockOf[runId] : null;
    if (block === null) return null;
    if (!this.#details.has(block)) {
      await whole;
      this.#details.set(block, await decodeBlock(`details-${block}`));
    }
    const { parts, runs } = this.#details.get(block);
    const one = runs[runId];
    const environment = Object.entries(one.environment ?? {}).map(([title, place]) => [title, parts[place]]);
    return { ...one, environment };
  }
}

const byNature = new Intl.Collator("en", { numeric: true }).compare;

/** Resolved once the whole page is there: details lie behind this script. */
const whole = new Promise((resolve) => {
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", resolve, { once: true });
  else resolve();
});

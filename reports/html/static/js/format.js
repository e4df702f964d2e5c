// Numbers and moments for people. Unknown is an en dash.
const UNKNOWN = "–";
const SIGNIFICANT = new Intl.NumberFormat("en", { maximumSignificantDigits: 4 });
const WHOLE = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

const number = (value) => (value == null ? UNKNOWN : value !== 0 && Math.abs(value) < 1e-4 ? value.toExponential(2) : SIGNIFICANT.format(value));
const count = (value) => (value == null ? UNKNOWN : WHOLE.format(value));
const interval = (low, high) => (low == null || high == null ? "" : `[${number(low)}, ${number(high)}]`);
const withInterval = (value, low, high) => [number(value), interval(low, high)].filter(Boolean).join(" ");
const minute = (ms) => (ms == null ? UNKNOWN : new Date(ms).toISOString().slice(0, 16).replace("T", " "));
const percent = (share) => `${Math.round(share * 100)} %`;
const plural = (n, word) => `${count(n)} ${word}${n === 1 ? "" : "s"}`;

function bytes(value) {
  if (value == null) return UNKNOWN;
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  const power = value < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(value) / 10));
  return `${number(value / 1024 ** power)} ${units[power]}`;
}

/** A value as its column was declared; the unit is in the column's heading, that of bytes in the text. */
function shown(column, value) {
  if (value == null) return UNKNOWN;
  if (Array.isArray(value)) return value.length ? listed(value.map((item) => shown({ ...column, kind: "number" }, item))) : UNKNOWN;
  if (column.kind === "truth") return value ? "yes" : "no";
  if (column.kind === "moment") return minute(value);
  if (column.kind === "texts") return value.split("\n").join(", ").replaceAll("_", " ") || UNKNOWN;
  if (column.kind === "text") return value || UNKNOWN;
  if (column.unit === "bytes") return bytes(value);
  if (column.thousands) return large(value);
  return column.kind.startsWith("integer") ? String(value) : number(value);
}

/** `3 × 40` where several items are all alike. */
const listed = (texts) => (texts.length > 1 && new Set(texts).size === 1 ? `${texts.length} × ${texts[0]}` : texts.join(", "));

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

const isNumber = ({ kind }) => kind === "number" || kind === "integer";

function large(value) {
  if (value == null) return UNKNOWN;
  const [unit, size] = value >= 1e9 ? [" G", 1e9] : value >= 1e6 ? [" M", 1e6] : ["", 1];
  return number(value / size) + unit;
}

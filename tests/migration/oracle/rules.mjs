// The old system's storing rules, as LEGACY.md states them, in the language the old system was written in.

export const FILE_LIMIT = 10_000;
export const TOTAL_LIMIT = 50_000;

const RANKS = [
  [100, (p) => p.includes("app.tsx") || p.includes("app.jsx")],
  [90, (p) => p.includes("main.tsx") || p.includes("main.jsx")],
  [85, (p) => p.includes("index.html")],
  [80, (p) => p.includes("package.json")],
  [60, (p) => p.includes("component")],
  [50, (p) => p.endsWith(".tsx") || p.endsWith(".jsx")],
  [40, (p) => p.endsWith(".ts") || p.endsWith(".js")],
  [30, (p) => p.endsWith(".css") || p.endsWith(".scss")],
  [10, (p) => p.includes("test") || p.includes("spec")],
  [5, (p) => p.includes(".d.ts")],
];

export function importance(path) {
  const lower = path.toLowerCase();
  return RANKS.find(([, fits]) => fits(lower))?.[0] ?? 20;
}

function cutJson(text) {
  let parsed;
  try {
    parsed = JSON.parse(text);
  } catch {
    return `${text.slice(0, 9_900)}\n/* Invalid JSON truncated */`;
  }
  return `${JSON.stringify(parsed, null, 2).slice(0, 9_900)}\n/* JSON truncated */`;
}

function cutCode(text) {
  const lines = text.split("\n");
  const imports = lines.filter((line) => line.trim().startsWith("import"));
  const exports = lines.filter((line) => line.trim().startsWith("export"));
  const others = lines.filter((line) => !/^(import|export)/.test(line.trim()));
  const room = FILE_LIMIT - [...imports, ...exports].join("\n").length - 200;
  if (room <= 0) return `${text.slice(0, 9_900)}\n/* Code truncated */`;
  const kept = others.join("\n").slice(0, room);
  return [...imports, "", kept, "", "/* Code truncated */", "", ...exports.slice(0, 3)].join("\n");
}

/** One file as the route stored it; surrogates that the edge parted are still parted. */
export function cut(path, text) {
  if (text.length <= FILE_LIMIT) return text;
  if (path.endsWith(".json")) return cutJson(text);
  if (/\.(tsx|jsx|ts|js)$/.test(path)) return cutCode(text);
  return `${text.slice(0, 9_800)}\n\n/* File truncated - ${text.length - 9_800} characters omitted */`;
}

/** A whole row ([[key, text]], in the map's own order) as the route stored it. */
export function shorten(entries) {
  const ranked = [...entries].sort((a, b) => importance(b[0]) - importance(a[0]));
  const kept = [];
  let total = 0;
  for (const [key, text] of ranked) {
    if (total >= TOTAL_LIMIT) break;
    const short = cut(key, text);
    kept.push([key, short]);
    total += short.length;
  }
  return kept;
}

const bytes = (text) => Buffer.from(text, "utf8");

/** By length in bytes, then by bytes: jsonb's order of keys. */
export function byLength(a, b) {
  const [x, y] = [bytes(a), bytes(b)];
  return x.length - y.length || Buffer.compare(x, y);
}

/** Keys as a JavaScript object read from a jsonb column lists them: array indices first. */
export function mapOrder(keys) {
  const index = (key) => /^(0|[1-9]\d{0,9})$/.test(key) && Number(key) < 2 ** 32 - 1;
  const sorted = [...keys].sort(byLength);
  const numbers = sorted.filter(index).sort((a, b) => Number(a) - Number(b));
  return [...numbers, ...sorted.filter((key) => !index(key))];
}

/** The path that a key means, by issue 4's rule; unsafe ones are not judged here. */
export function pathOf(key) {
  let path = key.replaceAll("\\", "/").replace(/\/+/g, "/").normalize("NFC");
  for (const start of ["/home/daytona/workspace/", "/home/user/"]) {
    if (path.startsWith(start)) path = path.slice(start.length);
  }
  while (path.startsWith("./") || path.startsWith("/")) path = path.replace(/^\.?\//, "");
  return path;
}

const SHORT = { 8: "\\b", 9: "\\t", 10: "\\n", 12: "\\f", 13: "\\r", 34: '\\"', 92: "\\\\" };

function quoted(text) {
  return `"${text.replace(/[\u0000-\u001f"\\]/g, (char) => {
    const code = char.charCodeAt(0);
    return SHORT[code] ?? `\\u${code.toString(16).padStart(4, "0")}`;
  })}"`;
}

/** A value as PostgreSQL prints a jsonb column. */
export function jsonb(value) {
  if (typeof value === "string") return quoted(value);
  if (Array.isArray(value)) return `[${value.map(jsonb).join(", ")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const keys = Object.keys(value).sort(byLength);
  return `{${keys.map((key) => `${quoted(key)}: ${jsonb(value[key])}`).join(", ")}}`;
}

const ESCAPES = { "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v" };

/** A field as COPY ... TO writes it. */
export function field(value) {
  if (value === null || value === undefined) return "\\N";
  if (typeof value === "boolean") return value ? "t" : "f";
  return String(value).replace(/[\\\b\f\n\r\t\v]/g, (char) => ESCAPES[char]);
}

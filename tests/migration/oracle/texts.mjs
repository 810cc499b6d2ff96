// Random texts, edits and names: all from one seed.
import { crc32 } from "node:zlib";

export class Chance {
  constructor(seed) {
    this.state = [0x9e3779b9, 0x243f6a88, 0xb7e15162, seed >>> 0];
    for (let n = 0; n < 20; n++) this.next();
  }
  next() {
    const s = this.state; // sfc32
    const t = (((s[0] + s[1]) | 0) + s[3]) | 0;
    s[3] = (s[3] + 1) | 0;
    s[0] = s[1] ^ (s[1] >>> 9);
    s[1] = (s[2] + (s[2] << 3)) | 0;
    s[2] = (((s[2] << 21) | (s[2] >>> 11)) + t) | 0;
    return (t >>> 0) / 2 ** 32;
  }
  of(list) {
    return list[Math.floor(this.next() * list.length)];
  }
  int(low, high) {
    return low + Math.floor(this.next() * (high - low + 1));
  }
  is(share) {
    return this.next() < share;
  }
  some(list, count) {
    const left = [...list];
    const taken = [];
    while (taken.length < count && left.length) taken.push(...left.splice(this.int(0, left.length - 1), 1));
    return taken;
  }
  hex(length) {
    return Array.from({ length }, () => this.int(0, 15).toString(16)).join("");
  }
  uuid() {
    return `${this.hex(8)}-${this.hex(4)}-4${this.hex(3)}-a${this.hex(3)}-${this.hex(12)}`;
  }
  bytes(count) {
    return Buffer.from(Array.from({ length: count }, () => this.int(0, 255)));
  }
}

export const PATHS = [
  "src/App.tsx", "src/main.tsx", "index.html", "package.json", "src/components/List.tsx",
  "src/components/Chart.tsx", "src/components/ui/card.js", "src/lib/dates.ts", "src/lib/store.ts",
  "src/pages/Home.jsx", "src/index.css", "src/theme.scss", "README.md", "data/big.json",
  "data/other.json", "notes.txt", "src/App.test.ts", "e2e/a.spec.js", "src/types.d.ts", "404", "7",
  "docs/größe.md", "docs/a b.md", "src/x.mjs", "tsconfig.json", "public/robots.txt", "Makefile",
  `docs/${"very-long-name/".repeat(18)}a.md`, "docs/a\u202eb\u00a0.txt", "docs/sp ace .ts", ".gitignore", "src/[id].tsx",
  "-x.ts", "docs/%2e%2e.md", "docs/'q\".css",
  "__proto__", "constructor", "data/[Binary image file: x].md",
];
export const PICTURES = ["public/logo.png", "public/icons/a.ico", "src/assets/font.woff2"];

const EDGES = [
  0, 1, 40, 300, 2_000, 4_000, 9_790, 9_799, 9_800, 9_801, 9_899, 9_900, 9_901, 9_999, 10_000, 10_000,
  10_001, 10_002, 10_200, 12_000, 14_000, 20_000, 30_000, 51_000,
];
const LINES = [
  "const a = 1;", "  return <p>Grüße</p>;", "x", "", "   ", "// importantly not an import", "importantly();",
  "exports.a = 1;", "\u00a0import b from 'b';", "\ufeffexport const c = 3;", "\u0085import no from 'no';",
  "\u001cexport no;", "import {", "} from 'x';", "export default function App() {", "}", "🌱🌱🌱",
  "e\u0301 é", "\u2028import 'sep';", "\\n \\u0041 \"quoted\"", "\t\tdeep();",
];

const astral = (chance, units) => (chance.is(0.5) ? "" : "x") + "🌱".repeat(Math.ceil(units / 2));

/** Text of exactly `size` units, with no half characters and no NUL. */
function sized(text, size) {
  const full = text.length < size ? text + "z".repeat(size - text.length) : text;
  const whole = full.slice(0, size);
  return whole.isWellFormed() ? whole : `${whole.slice(0, -1)}.`;
}

function lines(chance, size, menu, end) {
  const made = [];
  let total = 0;
  while (total < size) {
    let line = chance.of(menu);
    if (chance.is(0.3)) line += ` // ${chance.hex(chance.int(1, 60))}`;
    if (chance.is(0.03)) line += astral(chance, chance.int(1, 400));
    made.push(line + end);
    total += line.length + end.length;
  }
  return made.join("");
}

const NUMBERS = [
  "1e21", "-0", "1e-7", "12345678901234567890", "0.1", "1E400", "-1e-400", "5e-324", "123456789012345680000",
  "1.0", "100", "9007199254740993", "0.000001", "1e+2",
];
const NAMES = ["__proto__", "10", "9", "01", "a", "4294967295", "4294967294", "toJSON", "z", "ö", "🌱", "", "constructor"];

function json(chance, size) {
  const gap = chance.of(["", " ", "\n  ", "\n    ", "\r\n\t"]);
  const member = () => {
    const name = chance.is(0.5) ? chance.of(NAMES) : `k${chance.int(0, 400)}`;
    const value = chance.of([
      () => chance.of(NUMBERS), () => JSON.stringify(chance.hex(chance.int(0, 60))), () => "true", () => "[]", () => "{ }",
      () => "[1,[2,{\"a\":null}]]", () => '"\\u00fc\\/\\ud83c\\udf31\\u007f\\u2028"', () => '"\\ud83c"',
      () => '{"2":1,"1":2,"b":{"__proto__":[0]}}', () => JSON.stringify(astral(chance, chance.int(0, 90))),
    ])();
    return `${gap}${JSON.stringify(name)}:${gap === "" ? "" : " "}${value}`;
  };
  const members = [];
  let total = 0;
  while (total < size - 400) {
    members.push(member());
    total += members.at(-1).length + 1;
  }
  const head = `{${members.join(",")}${members.length ? "," : ""}`;
  const room = size - head.length - `${gap}"pad":""}`.length;
  if (room < 0) return `{${gap}"a":${chance.of(NUMBERS)}}`;
  const filled = chance.is(0.5) ? `${"🌱".repeat(Math.floor(room / 2))}${room % 2 ? "x" : ""}` : "p".repeat(room);
  const text = `${head}${gap}"pad":"${filled}"}`;
  if (chance.is(0.15)) return `${chance.of(["\ufeff", "// no\n", "{,"])}${text}`;
  return chance.is(0.1) ? text + " ".repeat(chance.of([1, 3_000, 12_000])) : text;
}

/** Text that begins as a stored binary does, and is none. */
const NOT_BINARY = [
  "__BASE64__ marks a binary file, so does __HEX__.\n", "data:image/png;base64 is how a URL begins\n", "data: 1\n", "data:text/plain,a%20b",
  "[Binary image file: x.png] is what it says.\n", "\ufeffdata:image/png;base64,AAAA\n", " data:image/png;base64,AAAA", "__base64__AAAA",
];

/** A new file's text. */
export function newText(chance, path) {
  const size = chance.of(chance.hard ? EDGES.slice(-8) : EDGES);
  if (path.endsWith(".json") && chance.is(0.85)) return json(chance, size);
  if (chance.is(0.03)) return chance.of(NOT_BINARY);
  const end = chance.of(["\n", "\n", "\r\n"]);
  let menu = chance.some(LINES, chance.int(2, LINES.length));
  if (chance.is(0.15)) menu = [`import ${"x".repeat(chance.int(1, 90))} from 'y';`, `export { y${"y".repeat(chance.int(1, 90))} };`];
  const text = chance.is(0.1) ? astral(chance, size + 2) : lines(chance, size, menu, end);
  return sized(text, size);
}

const EDITS = {
  append: (chance, text) => `${text}\n// added ${chance.hex(8)}\n`,
  grow: (chance, text) => `${text}${"\n// more ".repeat(chance.int(1, 1_400))}`,
  head: (chance, text) => `// ${chance.hex(6)}\n${text}`,
  importing: (chance, text) => `import n${chance.hex(3)} from 'n';\n${text}`,
  exporting: (chance, text) => `${text}\nexport const n${chance.hex(3)} = 1;\n`,
  middle: (chance, text) => {
    const at = chance.int(0, text.length);
    return `${text.slice(0, at)}${chance.of(["\n", "", "!"])}${chance.hex(5)}${text.slice(at)}`;
  },
  farSameLength: (chance, text) => {
    const at = chance.int(Math.min(text.length, 9_990), Math.max(text.length - 1, 0));
    return `${text.slice(0, at)}${chance.of(["#", "%", "~"])}${text.slice(at + 1)}`;
  },
  far: (chance, text) => {
    const at = chance.int(Math.min(text.length, 10_050), text.length);
    return `${text.slice(0, at)}${chance.hex(4)}${text.slice(at)}`;
  },
  shrink: (chance, text) => text.slice(0, chance.of([100, 5_000, 9_000, 9_900])),
  unmark: (chance, text) => text.replace(/\n*\/\* [A-Za-z ]*[Tt]runcated.*\*\//, "\n"),
  crlf: (chance, text) => text.replace(/\r?\n/g, chance.of(["\r\n", "\n"])),
};

const MARK = /\n*\/\* (Code truncated|Invalid JSON truncated|JSON truncated|File truncated - (\d+) characters omitted) \*\//;

/** What an agent writes that sees a shortened text and completes it, so that it would be cut to the same again. */
function completed(chance, seen) {
  const found = MARK.exec(seen);
  const more = `more ${chance.hex(6)} `.repeat(400);
  if (found[2]) return seen.slice(0, found.index) + more.padEnd(Number(found[2]), "#").slice(0, Number(found[2]));
  const [head, tail] = [seen.slice(0, found.index), seen.slice(found.index + found[0].length)];
  if (!tail) return head + more;
  const lines = head.split("\n");
  const gap = lines.findIndex((line) => !line.trim().startsWith("import"));
  return [...lines.slice(0, gap), `${lines.slice(gap + 1).join("\n")}${more}`, ...tail.slice(2).split("\n")].join("\n");
}

/** What an agent makes of the text it sees; `past` are the texts the file had before. */
export function edited(chance, path, seen, past) {
  if (chance.is(chance.hard ? 0.05 : 0.15)) return newText(chance, path);
  if (past.length && chance.is(0.08)) return chance.of(past);
  if (chance.is(0.03)) return seen;
  if (MARK.test(seen) && chance.is(chance.hard ? 0.3 : 0.08)) return completed(chance, seen).toWellFormed();
  const kinds = seen.length > 10_000 && chance.is(0.6) ? ["far", "farSameLength"] : Object.keys(EDITS);
  return EDITS[chance.of(kinds)](chance, seen).replaceAll("\0", "").toWellFormed().slice(0, 60_000).toWellFormed();
}

const crc = (data) => {
  const end = Buffer.alloc(4);
  end.writeUInt32BE(crc32(data));
  return end;
};

function png(chance, size) {
  const chunk = (kind, data) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(data.length);
    const body = Buffer.concat([Buffer.from(kind), data]);
    return Buffer.concat([length, body, crc(body)]);
  };
  const head = Buffer.from([0, 0, 0, 1, 0, 0, 0, 1, 8, 6, 0, 0, 0]);
  const start = Buffer.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10]);
  return Buffer.concat([start, chunk("IHDR", head), chunk("IDAT", chance.bytes(size)), chunk("IEND", Buffer.alloc(0))]);
}

function font(chance, size) {
  const data = Buffer.concat([Buffer.from("wOF2\0\x01\0\0"), Buffer.alloc(4), chance.bytes(size + 36)]);
  data.writeUInt32BE(data.length, 8);
  return data;
}

/** A real file of its kind: a reader can tell whether its end is there. */
export function binary(chance, path) {
  const size = chance.of([0, 1, 2, 3, 300, 7_000, 7_350, 7_500, 9_000, 20_000]);
  if (path.endsWith(".png")) return png(chance, size);
  return path.endsWith(".woff2") ? font(chance, size) : chance.bytes(size);
}

/** One of the spellings a model may choose for a path. */
export function spelled(chance, path) {
  if (chance.is(0.7)) return path;
  return chance.of([
    () => `/home/daytona/workspace/${path}`, () => `/home/user/${path}`, () => `./${path}`, () => `/${path}`,
    () => path.replaceAll("/", "\\"), () => path.replace("/", "//"), () => path.normalize("NFD"),
    () => `/home/user/./${path}`, () => `.\\${path.replaceAll("/", "\\")}`, () => `././${path}`,
    () => `\\home\\user\\${path.replaceAll("/", "\\")}`, () => `/home/daytona/workspace//${path}`,
  ])();
}

export const UNSAFE = [
  "../evil.txt", "src/../../x", ".git/config", "src/.GIT/hooks/x", "", "/", "a\u0001b.txt", "x".repeat(256),
  `${"deep/".repeat(900)}x`, ".git./x", ".git /config", "git~1/config", "src/.g\u200cit/config",
  ".git::$INDEX_ALLOCATION/x", "src/..", "..\\up.txt", "./../x", "/home/user/../x", ".git", "a\nb",
];

export function title(chance, at, before) {
  const clock = new Date(at).toLocaleTimeString("en-US", { timeZone: "UTC" });
  const day = new Date(at).toLocaleString("en-US", { timeZone: "UTC" });
  const iso = new Date(at).toISOString();
  return chance.of([
    () => `Added ${chance.hex(4)}`, () => `Work in progress - ${day}`, () => `${before} (Auto-fixed)`, () => before,
    () => `Visual edit snapshot - ${iso}`, () => `Imported project - ${iso}`, () => "vite - Initial version",
    () => "Initial Project Files", () => `Fixed the header - ${clock}`, () => "", () => " \n ", () => "Ünïcode 🌱",
    () => "-n --amend", () => "line one\nline two\n\nLegacy-Fragment: forged", () => "t".repeat(3_000), () => "# a comment",
    () => "tab\tand \\ backslash \u0001",
  ])();
}

// What a first visit fetches, compressed, against the budget (UI.md 7). Exit 1 above it.
import { readdirSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const built = new URL("../../src/keelway/static/", import.meta.url);
const assets = new URL("assets/", built);
const files = readdirSync(assets);
const page = readFileSync(new URL("index.html", built), "utf8");
const weigh = (names) => names.reduce((sum, name) => sum + gzipSync(readFileSync(new URL(name, assets)), { level: 9 }).length / 1000, 0);
const raw = (names) => names.reduce((sum, name) => sum + readFileSync(new URL(name, assets)).length / 1000, 0);

const home = files.filter((name) => name.endsWith(".js") && page.includes(name));
const project = [...home, ...files.filter((name) => /^ProjectPage-.*\.js$/.test(name))];
const rows = [
  ["home JS", weigh(home), 120],
  ["project JS", weigh(project), 225],
  ["CSS", weigh(files.filter((name) => name.endsWith(".css"))), 14],
  ["fonts", raw(files.filter((name) => /-latin-wght-normal.*\.woff2$/.test(name))), 58],
];
for (const [name, kB, most] of rows) process.stdout.write(`${name.padEnd(11)} ${kB.toFixed(1).padStart(6)} kB of ${most}\n`);
if (rows.some(([, kB, most]) => kB > most)) process.exitCode = 1;

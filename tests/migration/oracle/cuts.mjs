// JSON lines in, JSON lines out: {path, text} -> {cut, pretty}; {entries} -> {kept}.
import { createInterface } from "node:readline";
import { cut, importance, shorten } from "./rules.mjs";

for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  const answer = {};
  if (asked.entries) {
    answer.kept = shorten(asked.entries);
    answer.ranks = asked.entries.map(([key]) => importance(key));
  } else {
    answer.cut = cut(asked.path, asked.text);
    try {
      answer.pretty = JSON.stringify(JSON.parse(asked.text), null, 2);
    } catch {
      answer.pretty = null;
    }
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}

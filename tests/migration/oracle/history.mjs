// A true history of one project, and what the old system kept of it.
import { createHash } from "node:crypto";
import { byLength, cut, mapOrder, pathOf, shorten } from "./rules.mjs";
import { Chance, PATHS, PICTURES, UNSAFE, binary, edited, newText, spelled, title } from "./texts.mjs";

export function blob(content) {
  const bytes = Buffer.from(content);
  return createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
}

const START = Date.UTC(2025, 7, 1, 9);
const PLACEHOLDER = "[Binary image file: ";

class World {
  constructor(seed, wish) {
    const chance = new Chance(seed);
    this.chance = chance;
    this.name = `p${seed}`;
    this.row = new Map(); // key -> stored text
    this.true = new Map(); // key -> {content, kind, text}
    this.versions = [];
    this.messages = [];
    this.twins = [];
    this.past = new Map(); // path -> texts it had
    this.at = START + chance.int(0, 86_400_000);
    this.live = chance.is(0.5);
    this.silence = chance.of([0, 0.1, 0.5, 1]); // share of messages that are missing
    this.lost = chance.is(0.3) ? 0.25 : 0; // share of versions that are missing
    this.old = chance.is(0.15) ? chance.int(1, 3) : 0; // versions of the first kind
    this.odd = chance.is(0.3); // unsafe keys, clashes, restores: not in every project
    this.lone = wish.lone ?? false; // halves of characters are kept (JSON Lines only)
    this.raw = wish.raw ?? false; // cases that no reader can tell: sliced base64, reads that failed
    this.paths = chance.some(PATHS, chance.int(2, PATHS.length));
    if (wish.hard) this.harder();
  }

  /** Few files, all of them long, with edits where no cut shows them and tries that failed. */
  harder() {
    const { chance } = this;
    chance.hard = true;
    this.paths = chance.some(["src/App.tsx", "src/lib/store.ts", "data/big.json", "notes.txt", "src/index.css", "src/x.js"], chance.int(1, 3));
    this.live = chance.is(0.8);
    this.odd = chance.is(0.6);
    this.lost = chance.of([0, 0.2, 0.5]);
    this.silence = chance.of([0, 0.3, 0.8]);
  }

  settle(text) {
    return this.lone ? text : text.toWellFormed();
  }

  /** The key under which the file is now, as an agent sees the project. */
  keyOf(path) {
    return [...this.row.keys()].filter((key) => pathOf(key) === path).sort(byLength).at(-1);
  }

  put(key, stored, content, kind, text) {
    const path = pathOf(key);
    for (const other of [...this.true.keys()]) {
      // A spelling that the route dropped is gone for good once the file is written anew.
      if (pathOf(other) === path && !this.row.has(other)) this.true.delete(other);
    }
    this.row.set(key, stored);
    this.true.set(key, { content, kind, sha: blob(content) });
    if (text !== undefined) this.past.set(path, [...(this.past.get(path) ?? []), text]);
  }

  cutDown() {
    const entries = mapOrder([...this.row.keys()]).map((key) => [key, this.row.get(key)]);
    this.row = new Map(shorten(entries).map(([key, text]) => [key, this.settle(text)]));
  }

  part(tool, input, output, state) {
    const chance = this.chance;
    const id = `call_${chance.hex(8)}`;
    if (this.style === "invocation") {
      const done = state === "output-available";
      const made = { type: "tool-invocation", toolInvocationId: id, toolName: tool, state: done ? "result" : "call", args: input };
      return done || output ? { ...made, result: output } : made;
    }
    const made = { type: `tool-${tool}`, toolCallId: id, state, input };
    if (state === "output-error") return { ...made, errorText: "It failed" };
    return state === "output-available" ? { ...made, output } : made;
  }

  wrote(key, text) {
    const path = pathOf(key);
    const { chance, parts } = this;
    const input = { path: key, content: text, description: "x" };
    const output = { success: true, path, action: "updated", size: text.length };
    if (chance.is(chance.hard ? 0.4 : 0.12)) {
      // Something else was tried first, and failed: none of it was ever in the project.
      const other = text.length > 10_000 ? `${text.slice(0, -4)}fail` : `${text}\nfail`;
      const tried = { ...input, content: chance.of([other.toWellFormed(), newText(chance, path)]) };
      this.failed.push([path, tried.content]);
      parts.push(chance.of([
        () => this.part("createOrEditFiles", tried, undefined, "output-error"),
        () => this.part("createOrEditFiles", tried, { success: false, error: "no" }, "output-available"),
        () => this.part("createOrEditFiles", tried, undefined, "input-available"),
        () => this.part("createOrEditFiles", { ...tried, content: tried.content.slice(0, 9_950).toWellFormed() }, undefined, "input-streaming"),
        () => this.part("createOrEditFiles", { ...tried, content: { not: "text" } }, output, "output-available"),
      ])());
    }
    if (chance.is(0.04)) return; // not in the message
    if (chance.is(0.04)) {
      // Interrupted after the write, before its answer: nobody knows from the message alone.
      this.failed.push([path, text]);
      parts.push(this.part("createOrEditFiles", input, undefined, "input-available"));
      return;
    }
    this.succeeded.push([path, text, "write"]);
    parts.push(this.part("createOrEditFiles", input, output, "output-available"));
  }

  picture() {
    const { chance } = this;
    const path = chance.of(PICTURES);
    const key = spelled(chance, path);
    const bytes = binary(chance, path);
    if (chance.is(0.25)) {
      const text = `${PLACEHOLDER}${path.split("/").at(-1)}]`;
      this.put(key, text, text, "placeholder");
      return;
    }
    const head = chance.of(["data:image/png;base64,", "__BASE64__", "data:font/woff2;base64,", "data:;base64,", "data:image/svg+xml;charset=utf-8;base64,"]);
    let coded = bytes.toString("base64");
    if (this.raw && !path.endsWith(".ico") && chance.is(0.3)) coded = coded.slice(0, chance.int(0, coded.length));
    this.put(key, head + coded, bytes, "binary");
  }

  write() {
    const { chance } = this;
    if (chance.is(0.12)) return this.picture();
    const path = chance.of(this.paths);
    const known = this.keyOf(path);
    const key = known !== undefined && chance.is(0.85) ? known : spelled(chance, path);
    const seen = known === undefined ? undefined : this.row.get(known);
    const past = this.past.get(path) ?? [];
    const text = seen === undefined ? newText(chance, path) : edited(chance, path, seen.toWellFormed(), past);
    this.put(key, text, text, text === seen ? "same" : "text", text);
    this.wrote(key, text);
  }

  read() {
    const { chance } = this;
    const path = chance.of(this.paths);
    const key = this.keyOf(path);
    if (key === undefined) {
      const text = newText(chance, path);
      if (chance.is(0.3)) {
        this.parts.push(this.part("readFile", { path }, { success: false, error: "ENOENT" }, "output-available"));
        return;
      }
      this.put(spelled(chance, path), text, text, "text", text); // a template's file
      this.reading(path, text);
      return;
    }
    if (this.raw && chance.is(0.1)) {
      this.row.set(key, "");
      return;
    }
    const truth = this.true.get(key);
    const whole = truth.kind === "text" && chance.is(0.4); // the sandbox still held the whole file
    const text = whole ? truth.content : this.row.get(key).toWellFormed();
    this.reading(path, text);
    if (whole && chance.is(0.5)) this.row.set(key, text);
  }

  reading(path, text) {
    const { chance } = this;
    this.succeeded.push([path, text, "read"]);
    const output = chance.of([{ success: true, path, content: text }, { success: true, content: text }, { content: text, size: text.length }]);
    this.parts.push(this.part("readFile", { path: spelled(chance, path) }, output, "output-available"));
  }

  oddity() {
    const { chance } = this;
    const kind = chance.int(0, 3);
    if (kind === 0) this.row.set(chance.of(UNSAFE), `unsafe ${chance.hex(4)}`);
    if (kind === 1) {
      const [key, text] = [chance.of(["src/components", "docs", "public/logo.png/x", "README.md/a"]), chance.hex(9)];
      this.put(key, text, text, "text");
    }
    if (kind === 2) {
      const [key, text] = [chance.of(["src/app.tsx", "readme.md", "SRC/App.tsx", "Notes.TXT"]), chance.hex(9)];
      this.put(key, text, text, "text");
    }
    if (kind === 3 && this.versions.length > 1) {
      const back = chance.of(this.versions);
      this.row = new Map(back.row);
      this.true = new Map(back.true);
    }
  }

  fill() {
    // Files of exactly the limit: their total is exactly 50,000, or a character off.
    for (const path of this.chance.some(this.paths, this.chance.int(4, 7))) {
      const text = newText(this.chance, "a.txt").padEnd(10_000, "f").slice(0, this.chance.of([10_000, 10_000, 9_999])).toWellFormed();
      const key = this.keyOf(path) ?? path;
      this.put(key, text, text, "text", text);
      this.wrote(key, text);
    }
  }

  step() {
    const { chance } = this;
    if (chance.is(chance.hard ? 0.1 : 0.25)) this.live = !this.live;
    if (this.odd && chance.is(0.15)) this.oddity();
    else if (this.live) this.cutDown();
    this.parts = [{ type: "step-start" }];
    this.succeeded = [];
    this.failed = [];
    this.style = chance.is(0.2) ? "invocation" : "tool";
    if (chance.is(0.08)) this.fill();
    const count = chance.of([0, 1, 1, 2, 3, 5]) + (this.versions.length === 0 ? chance.int(1, 14) : 0);
    for (let n = 0; n < count; n++) {
      if (chance.is(0.2)) this.read();
      else this.write();
    }
    this.record();
  }

  record() {
    const { chance, versions } = this;
    const tie = versions.length > 0 && !versions.at(-1).lost && chance.is(0.04);
    const createdAt = tie ? versions.at(-1).createdAt : this.at + chance.int(1, 60_000);
    const updatedAt = createdAt + chance.of([0, 1, chance.int(0, 200_000)]);
    this.at = Math.max(this.at, updatedAt + chance.int(500, 600_000));
    let id = chance.uuid();
    if (tie) id = versions.at(-1).id.slice(0, -12) + (parseInt(versions.at(-1).id.slice(-12), 16) + 1).toString(16).padStart(12, "0").slice(-12);
    const name = title(chance, createdAt, versions.at(-1)?.title ?? "Begun");
    const lost = chance.is(this.lost);
    versions.push({
      extra: this.odd && chance.is(0.1) ? [["odd/value.txt", chance.of([5, null, { a: "b" }, ["c"], true])]] : [],
      id, createdAt, updatedAt, title: name, lost, old: versions.length < this.old, row: new Map(this.row), true: new Map(this.true),
    });
    if (!lost && chance.is(0.4)) this.twin(versions.at(-1));
    if (!chance.is(this.silence)) this.message(versions.at(-1), tie);
  }

  twin(version) {
    const { chance } = this;
    const swapped = chance.is(0.3);
    const [mail, who] = [chance.of(["ai@example.org", "grace@example.org"]), chance.of(["Builder AI", "Grace <H>"])];
    this.twins.push({
      id: chance.uuid(), createdAt: version.updatedAt, updatedAt: version.updatedAt, title: version.title, commitHash: chance.hex(40),
      branch: "main", message: version.title, authorEmail: swapped ? who : mail, authorName: swapped ? mail : who, parentFragmentId: null,
    });
  }

  message(version, tie) {
    const { chance } = this;
    const output = { success: true, fragmentId: version.id, title: version.title };
    if (chance.is(0.7) && !version.lost) this.parts.push(this.part("finalizeWorkingFragment", { title: version.title }, output, "output-available"));
    this.parts.push({ type: "text", text: "Done." });
    const at = tie || chance.is(0.8) ? version.updatedAt + chance.int(1, 900) : Math.max(version.createdAt - chance.int(0, 400), this.versions.at(-2)?.updatedAt + 1 || 0);
    this.at = Math.max(this.at, at);
    this.messages.push({
      id: chance.hex(16), role: chance.of(["ASSISTANT", "ASSISTANT", "assistant"]), createdAt: at, updatedAt: at, version: this.versions.length - 1,
      content: JSON.stringify(this.parts), old: false, succeeded: this.succeeded, failed: this.failed,
    });
    const before = version.createdAt - 500;
    this.messages.push({
      id: chance.hex(16), role: chance.of(["USER", "user"]), createdAt: before, updatedAt: before, version: this.versions.length - 1,
      content: chance.of([JSON.stringify([{ type: "text", text: "More\tplease \u000b" }]), "not json [", '"words"']), succeeded: [], failed: [],
    });
  }
}

/** Every file of a version as it truly was; the winner of several spellings is the last by (length, bytes). */
function truth(version) {
  const files = Object.create(null);
  for (const key of [...version.true.keys()].sort(byLength)) files[pathOf(key)] = { ...version.true.get(key), key };
  return files;
}

const decoded = (text) => {
  const head = /^(data:[^,\s]*;base64,|__BASE64__)/.exec(text);
  return head ? Buffer.from(text.slice(head[0].length), "base64") : text;
};

/** Which texts that are still there give the stored text when they are cut: what a repair could know. */
function evidence(world) {
  const cuts = new Map();
  const cutOf = (path, text, sha) => {
    const name = `${path.split(".").at(-1)} ${sha}`;
    if (!cuts.has(name)) cuts.set(name, blob(world.settle(cut(path, text))));
    return cuts.get(name);
  };
  const sources = new Map();
  const writes = new Map(); // path -> versions in which a message shows that it was written
  const list = (map, path) => map.get(path) ?? map.set(path, []).get(path);
  const add = (path, text, how, version) => {
    if (text.length > 10_000) list(sources, path).push({ text, sha: blob(decoded(text)), raw: blob(text), how, version });
  };
  world.versions.forEach((version, at) => {
    for (const message of world.messages.filter((one) => one.version === at)) {
      for (const [path, text] of message.failed) add(path, text, "failed", at);
      for (const [path, text, how] of message.succeeded) {
        add(path, text, how, at);
        if (how === "write") list(writes, path).push(at);
      }
    }
    if (!version.lost) for (const [key, text] of version.row) add(pathOf(key), text, "row", at);
  });
  const rewritten = (path, stored, from, to) =>
    (writes.get(path) ?? []).some((at) => at > from && at <= to) ||
    world.versions.slice(from + 1, Math.max(to, from + 1)).some((version) => {
      const key = version.lost ? undefined : world.keyAt(version, path);
      return key !== undefined && blob(version.row.get(key)) !== stored;
    });
  return (path, stored, at) =>
    (sources.get(path) ?? [])
      .filter(({ text, raw }) => cutOf(path, text, raw) === stored)
      .map(({ sha, how, version }) => ({ sha, how, version, rewritten: rewritten(path, stored, at, version) }));
}

export function make(seed, wish = {}) {
  const world = new World(seed, wish);
  const { chance } = world;
  const count = chance.is(0.3) ? chance.int(1, 4) : chance.int(2, wish.versions ?? 30);
  for (let n = 0; n < count; n++) world.step();
  if (world.versions.every((version) => version.lost)) world.versions.at(-1).lost = false;
  const kept = world.versions.filter((version) => !version.lost);
  world.active = chance.of([null, chance.uuid(), chance.of(kept).id]);
  world.asString = chance.is(0.1);
  return world;
}

/** What the test needs to know of it, version by version. */
export function told(world) {
  const proofs = evidence(world);
  const gaps = world.versions.some(({ lost }) => lost);
  const shown = new Set(); // what a reader of the rows so far has met
  const versions = world.versions.map((version, at) => {
    const files = Object.create(null);
    if (!version.lost) for (const key of version.row.keys()) shown.add(`${key} ${version.true.get(key)?.sha}`);
    for (const [path, one] of Object.entries(truth(version))) {
      const stored = world.keyAt(version, path);
      const text = stored === undefined ? undefined : version.row.get(stored);
      const sha = text === undefined ? null : blob(text);
      files[path] = { sha: one.sha, kind: one.kind, key: one.key, stored, text: sha, units: text?.length ?? null, seen: shown.has(`${one.key} ${one.sha}`), gaps };
      if (one.kind !== "placeholder" && sha !== null && sha !== one.sha) files[path].proofs = proofs(path, sha, at);
    }
    const unsafe = [...version.row.keys(), ...version.extra.map(([key]) => key)].filter(
      (key) => UNSAFE.includes(key) || key === "odd/value.txt",
    );
    const { id, createdAt, updatedAt, title: name, lost } = version;
    return { id, at, createdAt, updatedAt, title: name, lost, files, unsafe };
  });
  return { id: world.name, active: world.active, versions, twins: world.twins };
}

World.prototype.keyAt = function keyAt(version, path) {
  return [...version.row.keys()].filter((key) => pathOf(key) === path).sort(byLength).at(-1);
};

/** The same project without a whole long text anywhere: nothing of it can be repaired, least of all from the other. */
export function robbed(world) {
  const versions = world.versions.map((version) => ({
    ...version,
    id: version.id.replace(/^../, "zz"),
    lost: version.lost || [...version.row.values()].some((text) => text.length > 10_000),
  }));
  const bare = { name: `${world.name}-robbed`, versions, messages: [], twins: [], active: null };
  return Object.assign(Object.create(Object.getPrototypeOf(world)), world, bare);
}

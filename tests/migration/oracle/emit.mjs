// JSON lines in: {seeds, folder, form: "dump" | "lines", wish}; the source is written there; out: the truth of each.
import { closeSync, mkdirSync, openSync, writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { make, robbed, told } from "./history.mjs";
import { field, jsonb, mapOrder } from "./rules.mjs";

/** A moment as PostgreSQL prints a timestamp(3). */
function time(at) {
  const [seconds, thousandths] = new Date(at).toISOString().replace("T", " ").replace("Z", "").split(".");
  const part = thousandths.replace(/0+$/, "");
  return part ? `${seconds}.${part}` : seconds;
}

const TABLES = {
  users: ["id", "name", "email", "emailVerified", "role", "createdAt", "updatedAt", "password"],
  Project: ["name", "id", "createdAt", "updatedAt", "userId", "teamId", "messagingVersion", "sandboxProvider", "activeFragmentId", "currentBranch"],
  Fragment: ["id", "messageId", "sandboxUrl", "title", "files", "createdAt", "updatedAt"],
  Message: ["id", "content", "role", "type", "createdAt", "updatedAt", "projectId"],
  GitFragment: ["id", "createdAt", "updatedAt", "title", "commitHash", "branch", "message", "authorEmail", "authorName", "projectId", "parentFragmentId"],
  V2Fragment: ["id", "createdAt", "updatedAt", "title", "files", "projectId"],
  V2Message: ["id", "projectId", "role", "createdAt", "updatedAt", "content"],
};

/** The rows of one project, table by table; a row's `files` is [[key, text]] in jsonb's order. */
function rows(world) {
  const project = world.name;
  const files = ({ row, extra }) => [...mapOrder([...row.keys()]).map((key) => [key, row.get(key)]), ...extra];
  const kept = world.versions.filter((version) => !version.lost);
  const dated = (row) => ({ ...row, createdAt: time(row.createdAt), updatedAt: time(row.updatedAt ?? row.createdAt) });
  const first = kept.filter((version) => version.old);
  return {
    Project: [dated({
      id: project, name: `Project ${project}`, createdAt: world.versions[0].createdAt - 1_000, userId: "u1", messagingVersion: first.length ? 1 : 2,
      sandboxProvider: "modal", activeFragmentId: world.active, currentBranch: "main",
    })],
    Message: first.map((version) => dated({
      id: `m-${version.id}`, content: "Here it is", role: "ASSISTANT", type: "RESULT", projectId: project, createdAt: version.createdAt - 1,
    })),
    Fragment: first.map((version) => dated({
      id: version.id, messageId: `m-${version.id}`, title: version.title, files: files(version), sandboxUrl: "x",
      createdAt: version.createdAt, updatedAt: version.updatedAt, asString: world.asString,
    })),
    V2Fragment: kept.filter((version) => !version.old).map((version) => dated({
      id: version.id, title: version.title, files: files(version), projectId: project,
      createdAt: version.createdAt, updatedAt: version.updatedAt, asString: world.asString,
    })),
    GitFragment: world.twins.map((twin) => dated({ ...twin, projectId: project })),
    V2Message: world.messages.map((message) => dated({ ...message, projectId: project })),
  };
}

const object = (entries, print) => `{${entries.map(([key, text]) => `${print(key)}: ${print(text)}`).join(", ")}}`;

function copied(table, row) {
  const values = TABLES[table].map((name) => {
    if (name !== "files") return field(row[name]);
    const bytes = Buffer.byteLength;
    const sorted = [...row.files].sort((a, b) => bytes(a[0]) - bytes(b[0]) || Buffer.compare(Buffer.from(a[0]), Buffer.from(b[0])));
    const text = object(sorted, jsonb);
    return field(row.asString ? jsonb(text) : text);
  });
  return `${values.join("\t")}\n`;
}

function line(table, row) {
  const values = TABLES[table].map((name) => {
    if (name !== "files") return `${JSON.stringify(name)}:${JSON.stringify(row[name] ?? null)}`;
    const text = object(row.files, JSON.stringify);
    return `"files":${row.asString ? JSON.stringify(text) : text}`;
  });
  return `{${values.join(",")}}\n`;
}

const USER = { id: "u1", name: "Ada", email: "ada@example.org", role: "USER", createdAt: "2025-07-01 00:00:00", updatedAt: "2025-07-01 00:00:00" };

function emit({ seeds, folder, form, wish }) {
  mkdirSync(folder, { recursive: true });
  const made = seeds.map((seed) => make(seed, wish));
  const bare = wish.robbed ? made.map(robbed).filter(({ versions }) => versions.some(({ lost }) => !lost)) : [];
  const worlds = [...made, ...bare];
  const all = worlds.map(rows);
  let out = form === "dump" ? openSync(`${folder}/old.sql`, "w") : null;
  if (out) writeSync(out, "--\n-- PostgreSQL database dump\n--\n\n\\restrict abc\n\nSET client_encoding = 'UTF8';\n");
  for (const table of Object.keys(TABLES)) {
    if (form === "lines") out = openSync(`${folder}/${table}.jsonl`, "w");
    const names = TABLES[table].map((name) => (/[A-Z]/.test(name) ? `"${name}"` : name)).join(", ");
    if (form === "dump") writeSync(out, `\n\nCOPY public.${/[A-Z]/.test(table) ? `"${table}"` : table} (${names}) FROM stdin;\n`);
    for (const row of table === "users" ? [USER] : all.flatMap((project) => project[table])) {
      writeSync(out, form === "dump" ? copied(table, row) : line(table, row));
    }
    if (form === "dump") writeSync(out, "\\.\n");
    else closeSync(out);
  }
  if (form === "dump") {
    writeSync(out, "\n\n--\n-- PostgreSQL database dump complete\n--\n\n\\unrestrict abc\n");
    closeSync(out);
  }
  return worlds.map(told);
}

for await (const asked of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(emit(JSON.parse(asked)))}\n`);
}

/** What a tool call is called: the table of UI.md section 5. */

import { count } from "../components/time";
import { spoken } from "./old";

export type Phase = "running" | "done" | "failed";

export interface Words {
  /** “Created ” */
  before: string;
  /** What it was done to; shown in the mono face when it is a name of a file, a package or a command. */
  subject: string;
  mono: boolean;
  /** “, passed” */
  after: string;
}

type Input = Record<string, unknown>;

const text = (value: unknown): string => (typeof value === "string" ? value : "");
const base = (path: string): string => path.split("/").pop() ?? path;
const quoted = (value: string): string => `“${value}”`;
const short = (command: string): string => {
  const line = command.trim().split("\n")[0] ?? "";
  return line.length > 48 ? `${line.slice(0, 47)}…` : line;
};

const plain = (before: string): Words => ({ before, subject: "", mono: false, after: "" });
const named = (before: string, subject: string, after = ""): Words => ({ before, subject, mono: true, after });

/** How a command ended, read from the sentence that begins the tool's answer; what the command printed comes after it. */
function ending(answer: string): string {
  const [output = ""] = answer.split("\n");
  const code = /(?:ended with|exit(?:ed)?(?: with)?(?: code| status)?)\s*:?\s*(-?\d+)/i.exec(output)?.[1];
  if (/timed out|time limit|stopped after/i.test(output)) return ", stopped at its time limit";
  if (/interrupted/i.test(output)) return ", interrupted";
  if (code === undefined) return "";
  return code === "0" ? ", passed" : `, ended with ${code}`;
}

function places(output: string): string {
  const said = /(\d[\d,]*) (?:match|place|line)/i.exec(output)?.[1];
  if (said) return `, ${count(Number(said.replaceAll(",", "")), "place")}`;
  if (/no match|no line|nothing|not found/i.test(output)) return ", no place";
  const lines = output.split("\n").filter((line) => /:\d+[:]/.test(line)).length;
  return lines ? `, ${count(lines, "place")}` : "";
}

function todos(input: Input): Words {
  const items = Array.isArray(input.items) ? (input.items as { done?: boolean }[]) : [];
  return plain(`${items.filter((item) => item.done).length} of ${items.length} done`);
}

function packages(input: Input): string {
  return Array.isArray(input.packages) ? input.packages.filter((name) => typeof name === "string").join(", ") : "packages";
}

/** “Types pass, page draws”, “2 type errors”: what the checks found, in a person's order of interest. */
function checked(output: string): string {
  const failed = [...output.matchAll(/^failed ([^:\n]+):/gm)].map(([, name = ""]) => name);
  const passed = [...output.matchAll(/^passed ([^:\n]+):/gm)].map(([, name = ""]) => name);
  if (failed.length === 0 && passed.includes("types") && passed.includes("page")) return "Types pass, page draws";
  const types = output.match(/error TS\d+/g)?.length ?? 0;
  const others = failed.filter((name) => name !== "types" || types === 0);
  const words = [...(types ? [count(types, "type error")] : []), ...others.map((name) => `${name} ${name.endsWith("s") ? "fail" : "fails"}`)].join(", ");
  if (words) return words.charAt(0).toUpperCase() + words.slice(1);
  return (output.split(/\n|(?<=\.)\s/)[0] ?? "").replace(/\.$/, "");
}

type Verb = (input: Input, phase: Phase, output: string) => Words;
/** The old system's tools called it otherwise. */
const pathOf = (input: Input): string => ["path", "filePath", "file_path", "filename", "file"].map((name) => text(input[name])).find(Boolean) ?? "";
const file = (running: string, done: string, could: string): Verb => (input, phase) =>
  named({ running: `${running} `, done: `${done} `, failed: `Could not ${could} ` }[phase], base(pathOf(input)) || "a file");

const VERBS: Record<string, Verb> = {
  read_file: file("Reading", "Read", "read"),
  write_file: file("Writing", "Created", "write"),
  edit_file: file("Editing", "Edited", "edit"),
  delete_file: file("Deleting", "Deleted", "delete"),
  list_files: (input, phase) => {
    const under = text(input.under);
    const words = { running: "Reading ", done: "Read ", failed: "Could not read " }[phase];
    return under ? named(words, under) : plain(`${words}the file list`);
  },
  move_file: (input, phase) => {
    const [from, to] = [base(text(input.path)) || "a file", base(text(input.to))];
    if (phase === "running") return named("Moving ", from);
    return phase === "done" ? named("Moved ", to ? `${from} to ${to}` : from) : named("Could not move ", from);
  },
  search: (input, phase, output) => {
    const pattern = quoted(text(input.pattern));
    if (phase === "running") return plain(`Searching for ${pattern}`);
    return phase === "done" ? { ...plain(`Searched for ${pattern}`), after: places(output) } : plain(`Could not search for ${pattern}`);
  },
  run_command: (input, phase, output) => {
    const command = short(text(input.command)) || "a command";
    if (phase === "running") return named("Running ", command);
    return phase === "done" ? named("Ran ", command, ending(output)) : named("Could not run ", command);
  },
  install_packages: (input, phase, output) =>
    named({ running: "Installing ", done: output.startsWith("Installed") ? "Installed " : "Could not install ", failed: "Could not install " }[phase], packages(input)),
  check_app: (_input, phase, output) => {
    if (phase === "running") return plain("Checking types, the page");
    return phase === "done" ? plain(checked(output) || "Checked the app") : plain("Could not check the app");
  },
  todos: (input, phase) => (phase === "running" ? plain("Planning") : phase === "done" ? todos(input) : plain("Could not plan")),
  finish: (_input, phase) => plain({ running: "Naming the version", done: "Named the version", failed: "Could not name the version" }[phase]),
};

export function toolWords(tool: string, input: unknown, phase: Phase, output: string): Words {
  const verb = VERBS[tool];
  if (verb) return verb((input ?? {}) as Input, phase, output);
  return { ...plain({ running: "Using ", done: "Used ", failed: "Could not use " }[phase]), subject: spoken(tool) };
}

/** Whether a command answered, but with a failure that a person will want to see. */
export function wentWrong(tool: string, output: string): boolean {
  if (tool === "check_app") return /^failed /m.test(output);
  if (tool === "install_packages" && output.startsWith("The packages could not be installed")) return true;
  return (tool === "run_command" || tool === "install_packages") && /, (ended|stopped|interrupted)/.test(ending(output));
}

/** Neighbours of one group may fold into a line. */
export function group(tool: string): "read" | "change" | null {
  if (tool === "read_file" || tool === "list_files") return "read";
  if (tool === "write_file" || tool === "edit_file") return "change";
  return null;
}

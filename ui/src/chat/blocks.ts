/** A turn as the transcript shows it: text, thinking and rows of tools, in the order they came. */

import { getToolName, isToolUIPart, type FileUIPart } from "ai";
import type { Fragment } from "../api/types";
import type { Message, RunData, StepData } from "./message";
import { isOld, refusal, spoken, wasCreated } from "./old";
import { group, toolWords, wentWrong, type Phase, type Words } from "./toolWords";

export interface Row {
  id: string;
  tool: string;
  phase: Phase;
  words: Words;
  input: unknown;
  output: string;
  /** The last lines of a command, while it runs and after it failed. */
  live: string | null;
  /** Answered, but the command ended badly. */
  wrong: boolean;
  step: StepData | null;
}

export type Block =
  | { kind: "text"; text: string; streaming: boolean }
  | { kind: "thinking"; text: string; streaming: boolean }
  | { kind: "file"; file: FileUIPart }
  | { kind: "tools"; rows: Row[] };

export interface TurnView {
  blocks: Block[];
  versions: Fragment[];
  run: RunData | null;
  steps: number;
}

const outputText = (value: unknown): string => (typeof value === "string" ? value : value === undefined || value === null ? "" : JSON.stringify(value, null, 2));

function phaseOf(state: string): Phase {
  if (state === "output-available") return "done";
  return state === "output-error" || state === "output-denied" ? "failed" : "running";
}

/** A file that was there before was not created: the lines that went say so. */
function wordsOf(tool: string, input: unknown, phase: Phase, answer: unknown, step: StepData | undefined): Words {
  const words = toolWords(tool, input, phase, outputText(answer));
  if (tool !== "write_file" || phase !== "done") return words;
  if (isOld(answer)) return wasCreated(answer) ? words : { ...words, before: "Wrote " };
  if (step === undefined) return { ...words, before: "Left ", after: " as it was" };
  return step.linesRemoved > 0 ? { ...words, before: "Wrote " } : words;
}

/** Not a part that the page knows: its name, and what was kept of it. */
function oldRow(part: { type: string }, at: number): Row {
  const kind = part.type.slice("data-legacy-".length);
  const words = { before: "Kept from the old chat: ", subject: spoken(kind), mono: false, after: "" };
  return { id: `${kind}-${at}`, tool: kind, phase: "done", words, input: null, output: outputText((part as { data?: unknown }).data), live: null, wrong: false, step: null };
}

function addRow(view: TurnView, row: Row): void {
  const last = view.blocks.at(-1);
  if (last?.kind === "tools") last.rows.push(row);
  else view.blocks.push({ kind: "tools", rows: [row] });
}

const showsNothing = (block: Block): boolean => block.kind === "tools" && foldRows(block.rows).length === 0;

export function viewOf(message: Message): TurnView {
  const steps = new Map<string, StepData>();
  const live = new Map<string, string>();
  const view: TurnView = { blocks: [], versions: [], run: null, steps: 0 };
  for (const part of message.parts) {
    if (part.type === "data-fragment" && part.data.toolCallId) steps.set(part.data.toolCallId, part.data);
    else if (part.type === "data-command-output") live.set(part.data.toolCallId, part.data.output);
    else if (part.type === "data-version") view.versions.push(part.data);
    else if (part.type === "data-run-status") view.run = part.data;
  }
  for (const part of message.parts) {
    if (part.type === "text" || part.type === "reasoning") {
      if (!part.text) continue;
      view.blocks.push({ kind: part.type === "text" ? "text" : "thinking", text: part.text, streaming: part.state === "streaming" });
    } else if (part.type === "file") {
      view.blocks.push({ kind: "file", file: part });
    } else if (part.type.startsWith("data-legacy-")) {
      addRow(view, oldRow(part, view.blocks.length));
    } else if (isToolUIPart(part)) {
      const tool = getToolName(part);
      const refused = part.state === "output-available" ? refusal(part.output) : null;
      const phase = refused === null ? phaseOf(part.state) : "failed";
      const output = refused ?? (phase === "failed" ? (part.errorText ?? "") : outputText(part.output));
      view.steps += 1;
      const row: Row = {
        id: part.toolCallId, tool, phase, output,
        words: wordsOf(tool, part.input, phase, part.output, steps.get(part.toolCallId)),
        input: part.input,
        live: live.get(part.toolCallId) ?? null,
        wrong: phase === "done" && wentWrong(tool, output),
        step: steps.get(part.toolCallId) ?? null,
      };
      addRow(view, row);
    }
  }
  return view;
}

export type FoldedRow = { kind: "row"; row: Row } | { kind: "fold"; words: Words; rows: Row[] };

const FOLD_FROM = { read: 2, change: 4 };

function fold(rows: Row[], kind: "read" | "change"): FoldedRow[] {
  if (rows.length < FOLD_FROM[kind]) return rows.map((row) => ({ kind: "row", row }));
  const files = new Set(rows.map((row) => (row.input as { path?: string } | null)?.path ?? row.id)).size;
  const words = { before: kind === "read" ? "Read " : "Changed ", subject: `${files} files`, mono: false, after: "" };
  return [{ kind: "fold", words, rows }];
}

/** Finished neighbours of one kind become one line; what runs or failed stays by itself. */
export function foldRows(rows: Row[]): FoldedRow[] {
  const folded: FoldedRow[] = [];
  let open: Row[] = [];
  let kind: "read" | "change" | null = null;
  const close = () => {
    if (kind) folded.push(...fold(open, kind));
    open = [];
    kind = null;
  };
  for (const row of rows) {
    if (row.tool === "finish" && row.phase === "done") continue;
    const next = row.phase === "done" ? group(row.tool) : null;
    if (next === null || next !== kind) close();
    if (next === null) folded.push({ kind: "row", row });
    else {
      kind = next;
      open.push(row);
    }
  }
  close();
  return folded;
}

/** A finished turn: what was done along the way, and the words that it ends with. */
export function settled(view: TurnView): { work: Block[]; answer: Block[] } {
  const lastTools = view.blocks.findLastIndex((block) => block.kind === "tools");
  return {
    work: view.blocks.slice(0, lastTools + 1).filter((block) => !showsNothing(block)),
    answer: view.blocks.slice(lastTools + 1).filter((block) => block.kind === "text" || block.kind === "file"),
  };
}

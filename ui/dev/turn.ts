/** A made-up turn: a log of stream chunks that any number of readers follow from its start. */

import type { ServerResponse } from "node:http";
import type { Message } from "../src/chat/message.ts";
import type { RunStatus } from "../src/api/types.ts";
import { fragment } from "./fixtures.ts";

type Chunk = Record<string, unknown> & { type: string };
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

export class MockTurn {
  readonly id = `t${Date.now()}`;
  status: RunStatus = "working";
  readonly startedAt = new Date().toISOString();
  private log: Chunk[] = [];
  private readers = new Set<ServerResponse>();
  private step = 0;

  constructor(private readonly number: number, private readonly done: (message: Message, version: ReturnType<typeof fragment> | null) => void, private readonly pace: number) {}

  follow(response: ServerResponse): void {
    response.writeHead(200, { "content-type": "text/event-stream", "x-vercel-ai-ui-message-stream": "v1", "cache-control": "no-cache" });
    for (const chunk of this.log) response.write(`data: ${JSON.stringify(chunk)}\n\n`);
    this.readers.add(response);
    response.on("close", () => this.readers.delete(response));
  }

  private emit(chunk: Chunk): void {
    this.log.push(chunk);
    for (const reader of this.readers) reader.write(`data: ${JSON.stringify(chunk)}\n\n`);
  }

  private run(status: RunStatus, message: string | null = null): void {
    this.status = status;
    this.emit({ type: "data-run-status", id: "run", data: { turnId: this.id, status, step: this.step, startedAt: this.startedAt, message, code: null } });
  }

  private async text(id: string, words: string): Promise<void> {
    this.emit({ type: "text-start", id });
    for (const word of words.split(/(?<= )/)) {
      if (this.status === "stopping") break;
      this.emit({ type: "text-delta", id, delta: word });
      await wait(this.pace / 8);
    }
    this.emit({ type: "text-end", id });
  }

  private async tool(toolName: string, input: object, output: string, changed?: [number, number], lines: string[] = []): Promise<void> {
    if (this.status === "stopping") return;
    this.step += 1;
    this.run("working");
    const toolCallId = `${this.id}-${this.step}`;
    this.emit({ type: "tool-input-start", toolCallId, toolName });
    this.emit({ type: "tool-input-available", toolCallId, toolName, input });
    for (let at = 1; at <= lines.length && (this.status as RunStatus) !== "stopping"; at += 1) {
      this.emit({ type: "data-command-output", id: toolCallId, data: { toolCallId, output: lines.slice(0, at).join("\n") } });
      await wait(this.pace);
    }
    await wait(this.pace);
    if (changed) this.emit({ type: "data-fragment", id: `s${toolCallId}`, data: { id: `s${toolCallId}`, commitHash: "", kind: "agent", title: toolName, toolCallId, filesChanged: 1, linesAdded: changed[0], linesRemoved: changed[1] } });
    if (toolName === "edit_file" && output.startsWith("!")) this.emit({ type: "tool-output-error", toolCallId, errorText: output.slice(1) });
    else this.emit({ type: "tool-output-available", toolCallId, output });
  }

  async play(): Promise<void> {
    this.emit({ type: "start", messageId: `m-${this.id}`, messageMetadata: { turnId: this.id, status: "working", startedAt: this.startedAt } });
    this.run("working");
    await this.text("a", "I’ll make the heatmap its own component and feed it from the list the streaks use, so the two can’t disagree.");
    for (const path of ["src/App.tsx", "src/lib/days.ts", "src/lib/streak.ts", "package.json"]) await this.tool("read_file", { path }, "1 import …");
    await this.tool("write_file", { path: "src/components/YearHeatmap.tsx", content: "export function YearHeatmap() {}" }, "Created src/components/YearHeatmap.tsx.", [118, 0]);
    await this.tool("edit_file", { path: "src/App.tsx", old: "a", new: "b" }, "!src/App.tsx does not contain that passage; read it and copy exactly.");
    await this.tool("edit_file", { path: "src/App.tsx", old: "a", new: "b" }, "Edited src/App.tsx.", [9, 2]);
    await this.tool("install_packages", { packages: ["date-fns"] }, "Installed date-fns.", [1, 0], ["added 1 package in 3 s"]);
    await this.tool("run_command", { command: "npx tsc --noEmit" }, "The command ended with 2.", undefined, ["YearHeatmap.tsx:41:17 error TS2345", "Argument of type 'string' is not", "assignable to type 'Date'."]);
    await this.text("b", "The day keys are strings here, so I’ll parse them **once** where the list is read.");
    await this.tool("edit_file", { path: "src/lib/days.ts", old: "a", new: "b" }, "Edited src/lib/days.ts.", [14, 6]);
    await this.tool("check_app", {}, "Types pass, page draws.");
    await this.tool("finish", { title: "Add a year heatmap" }, "Named.");
    if (this.status !== "stopping") await this.text("c", "The year is under the list. On a phone it shows the last 26 weeks, so a square stays 9 px wide. Tapping a square opens that day.");
    this.end();
  }

  private end(): void {
    const stopped = this.status === "stopping";
    const version = this.step > 5 ? fragment(this.number, "agent", stopped ? "Stopped: a year heatmap" : "Add a year heatmap", "agent", new Date().toISOString(), 152, 9, 5) : null;
    if (version) this.emit({ type: "data-version", id: version.id, data: version });
    this.run(stopped ? "stopped" : "completed");
    this.emit({ type: "finish", messageMetadata: { turnId: this.id, status: this.status, startedAt: this.startedAt, finishedAt: new Date().toISOString() } });
    this.done(this.message(), version);
    for (const reader of this.readers) reader.end("data: [DONE]\n\n");
  }

  stop(): void {
    if (this.status === "working") this.run("stopping");
  }

  /** What the page would have built from the log. */
  message(): Message {
    const parts: Record<string, unknown>[] = [];
    const find = (key: string, id: unknown) => parts.find((part) => part[key] === id);
    for (const chunk of this.log) {
      if (chunk.type === "text-start") parts.push({ type: "text", text: "", key: chunk.id, state: "done" });
      else if (chunk.type === "text-delta") { const part = find("key", chunk.id); if (part) part.text = String(part.text) + String(chunk.delta); }
      else if (chunk.type === "tool-input-available") parts.push({ type: `tool-${String(chunk.toolName)}`, toolCallId: chunk.toolCallId, state: "input-available", input: chunk.input });
      else if (chunk.type === "tool-output-available") Object.assign(find("toolCallId", chunk.toolCallId) ?? {}, { state: "output-available", output: chunk.output });
      else if (chunk.type === "tool-output-error") Object.assign(find("toolCallId", chunk.toolCallId) ?? {}, { state: "output-error", errorText: chunk.errorText });
      else if (chunk.type.startsWith("data-")) {
        const known = parts.find((part) => part.type === chunk.type && part.id === chunk.id);
        if (known) known.data = chunk.data;
        else parts.push({ ...chunk });
      }
    }
    return { id: `m-${this.id}`, role: "assistant", parts: parts as unknown as Message["parts"], metadata: { turnId: this.id, status: this.status, startedAt: this.startedAt, finishedAt: new Date().toISOString() } };
  }
}

/** What a run is at this moment. The server's word rules; the stream only fills the gap until it speaks. */

import type { RunStatus, Turn } from "../api/types";
import { isRunning, type Message, type RunData } from "./message";

export interface Run {
  status: RunStatus | "starting";
  step: number;
  startedAt: number;
  message: string | null;
  code: string | null;
}

interface Known {
  last: Message | undefined;
  turn: Turn | null;
  /** The state of the connection, not of the run. */
  stream: "submitted" | "streaming" | "ready" | "error";
  /** The server has been asked since the stream ended: `turn` is what is, not what was. */
  sure: boolean;
}

export function partOf(message: Message | undefined): RunData | null {
  if (message?.role !== "assistant") return null;
  const part = message.parts.findLast((each) => each.type === "data-run-status");
  return part?.type === "data-run-status" ? part.data : null;
}

export function runOf({ last, turn, stream, sure }: Known): Run | null {
  if (stream === "submitted" && last?.role === "user") return { status: "starting", step: 0, startedAt: Date.now(), message: null, code: null };
  const data = partOf(last);
  const status = data?.status ?? (last?.role === "assistant" ? last.metadata?.status : undefined) ?? turn?.status;
  if (!status) return stream === "streaming" ? { status: "working", step: 0, startedAt: Date.now(), message: null, code: null } : null;
  // The stream ended without a last word, and the server says that nothing runs.
  const lost = sure && isRunning(status) && stream === "ready" && !isRunning(turn?.status);
  return {
    status: lost ? (turn?.status ?? "interrupted") : status,
    step: data?.step ?? 0,
    startedAt: Date.parse(data?.startedAt ?? last?.metadata?.startedAt ?? "") || Date.now(),
    message: data?.message ?? null,
    code: data?.code ?? null,
  };
}

export const isBusy = (run: Run | null): boolean => run !== null && (run.status === "starting" || isRunning(run.status));

/** The parts of a turn, as they come over the stream and out of `GET …/messages`. */

import type { UIMessage } from "ai";
import type { Fragment, FragmentKind, PreviewState, RunStatus, Turn } from "../api/types";

export interface Author {
  id: string;
  name: string | null;
}

export interface Metadata {
  /** Of a person's message; null or missing where nobody is known. */
  author?: Author | null;
  turnId?: string;
  status?: RunStatus;
  startedAt?: string;
  finishedAt?: string | null;
}

export interface RunData {
  turnId: string;
  status: RunStatus;
  step: number;
  startedAt: string;
  message: string | null;
  code: string | null;
}

export interface StepData {
  id: string;
  commitHash: string;
  kind: FragmentKind;
  title: string;
  toolCallId: string | null;
  filesChanged: number;
  linesAdded: number;
  linesRemoved: number;
}

// A type, not an interface: the AI SDK wants an index signature.
// eslint-disable-next-line @typescript-eslint/consistent-type-definitions
export type DataParts = {
  "run-status": RunData;
  workspace: { state: PreviewState; message: string | null };
  fragment: StepData;
  "command-output": { toolCallId: string; output: string };
  version: Fragment;
};

export type Message = UIMessage<Metadata, DataParts>;

export interface Conversation {
  items: Message[];
  turn: Turn | null;
}

export const isRunning = (status: RunStatus | undefined): boolean => status === "queued" || status === "working" || status === "stopping";

export function textOf(message: Message): string {
  return message.parts.map((part) => (part.type === "text" ? part.text : "")).join("");
}

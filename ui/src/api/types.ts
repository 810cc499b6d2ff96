/** What the server sends. The names are those of docs/seams.md. */

export type RunStatus = "queued" | "working" | "stopping" | "stopped" | "completed" | "failed" | "interrupted";

export interface Turn {
  id: string;
  status: RunStatus;
}

export interface Project {
  id: string;
  name: string;
  createdAt: string;
  updatedAt: string;
  daytonaSandboxId: string | null;
  gitRepositoryUrl: string | null;
  currentBranch: string;
  gitCommitHash: string | null;
  activeFragmentId: string | null;
  activeVersion: number | null;
  template: string;
  turn: Turn | null;
}

export type FragmentKind = "template" | "agent" | "command" | "hand" | "restore" | "import" | "merge" | "push";

export interface Step {
  id: string;
  commitHash: string;
  kind: FragmentKind;
  title: string;
}

export interface Fragment {
  id: string;
  number: number | null;
  kind: FragmentKind;
  title: string;
  message: string | null;
  branch: string;
  commitHash: string;
  parentFragmentId: string | null;
  authorName: string;
  authorEmail: string;
  createdAt: string;
  turnId: string | null;
  steps: Step[];
  filesChanged: number;
  linesAdded: number;
  linesRemoved: number;
  checks: { name: string; passed: boolean }[] | null;
  cost: number | null;
  starred: boolean;
  restoredFrom: { id: string; number: number | null } | null;
  thumbnail: string | null;
}

export type FileStatus = "added" | "modified" | "deleted" | "renamed";

export interface FileChange {
  path: string;
  oldPath: string | null;
  status: FileStatus;
  added: number;
  removed: number;
  binary: boolean;
  oldSize: number | null;
  newSize: number | null;
  patch: string | null;
}

export interface Diff {
  from: string | null;
  to: string;
  files: FileChange[];
}

export interface Page<T> {
  items: T[];
  nextCursor: string | null;
}

export interface FileRow {
  path: string;
  size: number;
  mode: number;
}

export const PREVIEW_STATES = [
  "creating", "waking", "installing", "building", "ready", "app-crashed", "port-silent", "blank-page", "asleep", "rebuilding",
  "provider-unreachable", "quota", "restoring", "restored", "restore-failed", "files-only", "minimal", "empty", "error",
] as const;
export type PreviewState = (typeof PREVIEW_STATES)[number];

export interface Preview {
  url: string | null;
  port: number;
  state: PreviewState;
  message: string | null;
  log: string | null;
}

export interface Answer {
  state: "fine" | "now" | "broken" | "unknown";
  message: string | null;
}

export interface Health {
  machine: Answer;
  files: Answer;
  devServer: Answer;
  page: Answer;
}

export interface Me {
  user: { id: string; name: string | null; email: string | null; role: string };
  model: { name: string; demo: boolean };
  models: { id: string; name: string }[];
  version: string;
  templates: { id: string; name: string }[];
}

export interface MachineCheck {
  name: string;
  ok: boolean;
  message: string;
  action: string | null;
}

export interface Restored {
  fragment: Fragment;
  saved: Fragment | null;
  installed: boolean;
  preview: { state: PreviewState; message: string | null };
}

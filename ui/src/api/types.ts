/** The server's shapes by the page's names. The schema is generated; only what it leaves as plain text is made narrower here. */

import type {
  Check, FileChangeOut, FileList, FileOut, FragmentOut, DiffOut, MachineOut, Me as MeOut, NewProject as NewProjectBody, PartOut, PreviewOut, ProjectOut, RestoredOut, StepOut, WorkspaceHealthOut,
} from "./generated";

type Narrow<T, More> = Omit<T, keyof More> & More;

export type RunStatus = "queued" | "working" | "stopping" | "stopped" | "completed" | "failed" | "interrupted";
export type FragmentKind = "template" | "agent" | "command" | "hand" | "restore" | "import" | "merge" | "push";
export type FileStatus = "added" | "modified" | "deleted" | "renamed";

export interface Turn {
  id: string;
  status: RunStatus;
}

export type Project = Narrow<ProjectOut, { turn: Turn | null }>;
export type Step = Narrow<StepOut, { kind: FragmentKind }>;
export type Fragment = Narrow<FragmentOut, { kind: FragmentKind; steps: Step[] }>;
export type FileChange = Narrow<FileChangeOut, { status: FileStatus }>;
export type Diff = Narrow<DiffOut, { files: FileChange[] }>;
export type Restored = Narrow<RestoredOut, { fragment: Fragment; saved: Fragment | null }>;
export type Preview = PreviewOut;
export type PreviewState = PreviewOut["state"];
export type Answer = PartOut;
export type Health = WorkspaceHealthOut;
export type Me = MeOut;
export type MachineCheck = Check;
export type Machine = MachineOut;
export type FileRow = FileOut;
export type Files = FileList;
export type NewProject = NewProjectBody;

export interface Page<T> {
  items: T[];
  nextCursor: string | null;
}

/** Git's text made ready for the diff view. */

import { parseDiff, type FileData, type HunkData } from "react-diff-view";
import type { FileChange } from "../api/types";
import { count, size } from "../components/time";

export const FOLD_OVER = 600;

/** `zip` puts each removed line beside the one that took its place: what two columns need. */
export function parse(file: FileChange, zip = false): FileData | null {
  if (!file.patch) return null;
  try {
    return parseDiff(file.patch, zip ? { nearbySequences: "zip" } : {})[0] ?? null;
  } catch {
    return null;
  }
}

type Change = HunkData["changes"][number];

/** How much of the longer line both lines share at their ends. */
function alike(a: string, b: string): number {
  const most = Math.min(a.length, b.length);
  let start = 0;
  while (start < most && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < most - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1;
  return (start + end) / Math.max(a.length, b.length, 1);
}

/** Runs of deletions and insertions that stand opposite each other, line by line. */
function pairs(changes: Change[]): Change[] {
  const kept: Change[] = [];
  let [gone, come]: [Change[], Change[]] = [[], []];
  const close = () => {
    const same = gone.length === come.length && gone.every((change, at) => alike(change.content, come[at]?.content ?? "") >= 0.3);
    // Side by side, because marks are looked for between neighbours.
    if (same) gone.forEach((change, at) => kept.push(change, ...come.slice(at, at + 1)));
    [gone, come] = [[], []];
  };
  for (const change of changes) {
    if (change.type === "delete") {
      if (come.length) close();
      gone.push(change);
    } else if (change.type === "insert") come.push(change);
    else close();
  }
  close();
  return kept;
}

/** Only what was edited gets marks on its words; a line that was written anew is new as a whole. */
export const edited = (hunks: HunkData[]): HunkData[] => hunks.map((hunk) => ({ ...hunk, changes: pairs(hunk.changes) }));

/** Why there are no lines to show, as a sentence; null when there are some. */
export function instead(file: FileChange, hunks: HunkData[]): string | null {
  if (file.binary) {
    const what = /\.(png|jpe?g|gif|webp|avif|ico|svg)$/i.test(file.path) ? "Image" : "Not text";
    if (file.status === "added") return `${what}, ${size(file.newSize ?? 0)}`;
    if (file.status === "deleted") return `${what}, ${size(file.oldSize ?? 0)}, deleted`;
    return `${what}, ${size(file.oldSize ?? 0)} to ${size(file.newSize ?? 0)}`;
  }
  if (hunks.length > 0) return null;
  if (file.status === "renamed") return "Moved, not changed.";
  if (file.status === "added") return "An empty file.";
  if (/^new mode /m.test(file.patch ?? "")) return "Only the right to run it changed.";
  return file.patch === null ? "Too large to show." : "No line differs.";
}

export const foldedWords = (file: FileChange): string => `${count(file.added + file.removed, "line")} changed.`;

/** Lines between two hunks that did not change. */
export function gapBefore(hunks: HunkData[], at: number): { from: number; to: number } | null {
  const hunk = hunks[at];
  if (!hunk) return null;
  const earlier = hunks[at - 1];
  const from = earlier ? earlier.oldStart + earlier.oldLines : 1;
  return hunk.oldStart > from ? { from, to: hunk.oldStart } : null;
}

export const MARKS: Record<FileChange["status"], { letter: string; word: string; className: string }> = {
  added: { letter: "A", word: "Added", className: "a" },
  deleted: { letter: "D", word: "Deleted", className: "d" },
  modified: { letter: "M", word: "Changed", className: "m" },
  renamed: { letter: "R", word: "Renamed", className: "r" },
};

/** Files under their folder, in the order they came. */
export function byFolder(files: FileChange[]): { folder: string; files: FileChange[] }[] {
  const folders = new Map<string, FileChange[]>();
  for (const file of files) {
    const folder = file.path.includes("/") ? file.path.slice(0, file.path.lastIndexOf("/")) : "";
    folders.set(folder, [...(folders.get(folder) ?? []), file]);
  }
  return [...folders].map(([folder, inside]) => ({ folder, files: inside }));
}

/** Git's text made ready for the diff view. */

import { parseDiff, type FileData, type HunkData } from "react-diff-view";
import type { FileChange } from "../api/types";
import { count, size } from "../components/time";

export const FOLD_OVER = 600;

export function parse(file: FileChange): FileData | null {
  if (!file.patch) return null;
  try {
    return parseDiff(file.patch, { nearbySequences: "zip" })[0] ?? null;
  } catch {
    return null;
  }
}

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

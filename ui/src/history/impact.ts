/** What going back would change, in the words of the restore dialog. Rows of zero are left out. */

import type { Diff, FileChange, Fragment } from "../api/types";
import { count } from "../components/time";

export interface ImpactRow {
  kind: "files" | "hand" | "package" | "incomplete";
  text: string;
  edge: string;
}

const VERSIONED = /^([+-])\s*"((?:@[\w.-]+\/)?[\w.-]+)":\s*"[~^]?\d[^"]*",?\s*$/;
const NOT_A_PACKAGE = new Set(["version", "node", "npm"]);

/** Packages that the diff of `package.json` adds, removes or moves to another version. */
export function packageChanges(files: FileChange[]): { name: string; change: "added" | "removed" | "changed" }[] {
  const signs = new Map<string, Set<string>>();
  const manifest = files.find((file) => file.path === "package.json");
  for (const line of manifest?.patch?.split("\n") ?? []) {
    const [, sign, name] = VERSIONED.exec(line) ?? [];
    if (!sign || !name || NOT_A_PACKAGE.has(name)) continue;
    signs.set(name, (signs.get(name) ?? new Set()).add(sign));
  }
  return [...signs].map(([name, seen]) => ({ name, change: seen.size === 2 ? "changed" : seen.has("+") ? "added" : "removed" }));
}

function fileRow(files: FileChange[]): ImpactRow[] {
  if (files.length === 0) return [];
  const of = (status: FileChange["status"]) => files.filter((file) => file.status === status).length;
  const parts = ([["deleted", "go"], ["added", "come back"], ["modified", "change"], ["renamed", "move"]] as const)
    .map(([status, word]) => ({ n: of(status), word }))
    .filter(({ n }) => n > 0)
    .map(({ n, word }) => `${n} ${n === 1 && word !== "come back" ? `${word}${word === "go" ? "es" : "s"}` : word === "come back" && n === 1 ? "comes back" : word}`);
  return [{ kind: "files", text: `${count(files.length, "file")} ${files.length === 1 ? "changes" : "change"}`, edge: parts.join(", ") }];
}

/** Hand edits and other people's work between the chosen version and now: what hurts most to cover, so it comes first. */
function handRows(later: Fragment[]): ImpactRow[] {
  const hand = later.filter((version) => version.kind === "hand" || version.kind === "push");
  if (hand.length === 0) return [];
  const names = [...new Set(hand.map((version) => version.authorName))].join(", ");
  const numbers = hand.map((version) => `v${version.number}`).join(", ");
  return [{ kind: "hand", text: `Covers ${count(hand.length, "edit")} by hand`, edge: `${names}, ${numbers}` }];
}

/** What comes back is no more whole than it was kept. */
function incompleteRows(target: Fragment): ImpactRow[] {
  if (!target.damagedFiles) return [];
  return [{ kind: "incomplete", text: `${count(target.damagedFiles, "file")} of v${target.number} ${target.damagedFiles === 1 ? "is" : "are"} incomplete`, edge: target.damagedFiles === 1 ? "as the old system kept it" : "as the old system kept them" }];
}

export function impact(diff: Diff, later: Fragment[], target: Fragment): ImpactRow[] {
  const packages = packageChanges(diff.files).map(({ name, change }): ImpactRow => ({ kind: "package", text: `${name} is ${change}`, edge: "" }));
  return [...handRows(later), ...incompleteRows(target), ...fileRow(diff.files), ...packages];
}

/** “v10 to v15 stay in the history.” */
export function staying(target: number, newest: number): string {
  if (newest <= target) return "";
  if (newest === target + 1) return `v${newest} stays in the history.`;
  return `v${target + 1} to v${newest} stay in the history.`;
}

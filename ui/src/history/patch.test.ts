import { expect, test } from "vitest";
import type { FileChange } from "../api/types";
import { byFolder, edited, gapBefore, instead, parse } from "./patch";

const change = (more: Partial<FileChange> = {}): FileChange => ({ path: "src/a.ts", oldPath: null, status: "modified", added: 1, removed: 1, binary: false, oldSize: 12_000, newSize: 9000, patch: null, ...more });
const patch = (body: string) => `diff --git a/src/a.ts b/src/a.ts\nindex 1..2 100644\n--- a/src/a.ts\n+++ b/src/a.ts\n${body}`;

test("a patch becomes hunks, and the lines between them are counted", () => {
  const file = parse(change({ patch: patch("@@ -1,2 +1,2 @@\n a\n-b\n+c\n@@ -20,1 +20,1 @@\n-x\n+y\n") }));
  expect(file?.hunks).toHaveLength(2);
  expect(gapBefore(file?.hunks ?? [], 0)).toBeNull();
  expect(gapBefore(file?.hunks ?? [], 1)).toEqual({ from: 3, to: 20 });
});

test("words are marked in lines that were edited, not in lines that are new as a whole", () => {
  const hunks = parse(change({ patch: patch("@@ -1,2 +1,2 @@\n-return runs.map((run) => run.length)\n+return runs.map((run) => run.size)\n same\n-/** Days in a row. */\n+export const FOUR = 4\n") }))?.hunks ?? [];
  expect(edited(hunks)[0]?.changes.map(({ content }) => content)).toEqual(["return runs.map((run) => run.length)", "return runs.map((run) => run.size)"]);
});

test.each([
  [change({ binary: true, path: "cover.png" }), "Image, 12 kB to 9 kB"],
  [change({ binary: true, path: "data.bin", status: "added" }), "Not text, 9 kB"],
  [change({ status: "renamed" }), "Moved, not changed."],
  [change({ patch: "diff --git a/x b/x\nold mode 100644\nnew mode 100755\n" }), "Only the right to run it changed."],
  [change({ status: "added", patch: "diff --git a/x b/x\nnew file mode 100644\n" }), "An empty file."],
  [change(), "Too large to show."],
])("%o says why it has no lines", (file, words) => {
  expect(instead(file, [])).toBe(words);
});

test("text that is no patch is not a crash", () => {
  expect(parse(change({ patch: "@@ nonsense" }))?.hunks ?? []).toEqual([]);
});

test("files stand under their folder", () => {
  expect(byFolder([change(), change({ path: "package.json" }), change({ path: "src/b.ts" })]).map(({ folder, files }) => [folder, files.length])).toEqual([["src", 2], ["", 1]]);
});

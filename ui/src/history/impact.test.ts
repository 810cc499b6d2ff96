import { expect, test } from "vitest";
import type { FileChange, Fragment } from "../api/types";
import { impact, packageChanges, staying } from "./impact";

const file = (path: string, status: FileChange["status"], patch: string | null = null): FileChange => ({ path, oldPath: null, status, added: 1, removed: 1, binary: false, oldSize: 1, newSize: 1, patch });
const version = (number: number, kind: Fragment["kind"], authorName = "agent") => ({ number, kind, authorName }) as Fragment;
const manifest = file("package.json", "modified", ' "dependencies": {\n-    "date-fns": "^4.1.0",\n-    "react": "19.0.0",\n+    "react": "19.3.1",\n+    "@scope/zod": "~4.0.0"\n-  "version": "1.0.0",\n+  "version": "1.0.1",\n+    "test": "vitest run"\n');

test("packages that come, go and change, and nothing else of the manifest", () => {
  expect(packageChanges([manifest])).toEqual([
    { name: "date-fns", change: "removed" },
    { name: "react", change: "changed" },
    { name: "@scope/zod", change: "added" },
  ]);
});

test("hand edits come first, rows of zero not at all", () => {
  const rows = impact({ from: "a", to: "b", files: [file("a", "deleted"), file("b", "deleted"), file("c", "modified")] }, [version(10, "hand", "Jonas"), version(11, "agent")], version(9, "agent"));
  expect(rows.map(({ text, edge }) => `${text} | ${edge}`)).toEqual(["Covers 1 edit by hand | Jonas, v10", "3 files change | 2 go, 1 changes"]);
  expect(impact({ from: "a", to: "b", files: [] }, [], version(9, "agent"))).toEqual([]);
});

test("a version that came incomplete says so before it is brought back", () => {
  const old = (damagedFiles: number) => ({ ...version(3, "import"), damagedFiles });
  const words = (damagedFiles: number) => impact({ from: "a", to: "b", files: [] }, [], old(damagedFiles)).map(({ text, edge }) => `${text} | ${edge}`);
  expect(words(2)).toEqual(["2 files of v3 are incomplete | as the old system kept them"]);
  expect(words(1)).toEqual(["1 file of v3 is incomplete | as the old system kept it"]);
  expect(words(0)).toEqual([]);
});

test("what stays in the history", () => {
  expect(staying(9, 15)).toBe("v10 to v15 stay in the history.");
  expect(staying(14, 15)).toBe("v15 stays in the history.");
  expect(staying(15, 15)).toBe("");
});

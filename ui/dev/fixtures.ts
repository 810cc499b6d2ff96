/** Made-up answers in the server's shapes, for working on the page without a server. Not shipped. */

import type { Fragment, FragmentKind, Me, Preview, PreviewState, Project } from "../src/api/types.ts";

const today = new Date();
const at = (clock: string, daysAgo = 0) => {
  const [hours = 0, minutes = 0] = clock.split(":").map(Number);
  return new Date(today.getFullYear(), today.getMonth(), today.getDate() - daysAgo, hours, minutes).toISOString();
};

let made = 0;
export function fragment(number: number, kind: FragmentKind, title: string, author: string, createdAt: string, added: number, removed: number, files = 2): Fragment {
  made += 1;
  const id = `f${made}`;
  return {
    id, number, kind, title, message: null, branch: "main", commitHash: id.padEnd(40, "0"), parentFragmentId: number > 1 ? `p${number}` : null,
    authorName: author, authorEmail: "", createdAt, turnId: null, steps: [], filesChanged: files, linesAdded: added, linesRemoved: removed,
    checks: kind === "agent" ? [{ name: "Page answers", passed: true }, { name: "Types pass", passed: true }] : null,
    cost: null, starred: false, restoredFrom: kind === "restore" ? { id: "f11", number: 11 } : null, thumbnail: null,
  };
}

export const versions = (): Fragment[] => [
  fragment(15, "agent", "Add a year heatmap", "agent", at("10:46"), 152, 9, 5),
  fragment(14, "agent", "Count streaks by week", "agent", at("10:32"), 55, 14, 4),
  fragment(13, "restore", "Restored to v11", "Maya", at("10:20"), 14, 60, 5),
  fragment(12, "agent", "Try a darker header", "agent", at("10:12"), 8, 3, 1),
  fragment(11, "agent", "Show the last seven days in each row", "agent", at("09:58"), 64, 18),
  fragment(10, "hand", "Edit by hand: HabitRow.tsx", "Jonas", at("09:47"), 3, 3, 1),
  fragment(9, "agent", "Keep habits when the page reloads", "agent", at("09:41"), 38, 5),
  fragment(8, "merge", "Merge add-form into main", "Jonas", at("17:20", 1), 71, 4),
  fragment(7, "push", "Pushed 2 commits from git", "Jonas", at("16:58", 1), 19, 2),
  fragment(5, "agent", "Add a form for new habits", "agent", at("16:31", 1), 92, 0),
  fragment(1, "template", "The starter app", "Keelway", at("15:02", 1), 210, 0, 12),
];

export const me = (demo: boolean): Me => ({
  user: { id: "u1", name: "Maya Lindqvist", email: "maya@example.org", role: process.env.MOCK_LOOK === "1" ? "viewer" : "owner", hasPassword: process.env.MOCK_PASSWORD === "1" },
  model: { name: demo ? "Demo" : "Qwen3 Coder", demo },
  models: demo ? [] : [{ id: "qwen", name: "Qwen3 Coder" }, { id: "small", name: "Small one" }],
  version: "0.1.0",
  templates: [{ id: "react", name: "React and Vite" }],
});

export const machine = {
  checks: [
    { name: "bubblewrap", ok: true, message: "Isolation: sandboxes run in their own namespaces", action: null },
    { name: "starter app", ok: true, message: "Starter app built", action: null },
    { name: "memory", ok: false, message: "Memory can’t be limited for each sandbox", action: "Start Keelway from a systemd user session, or go on without limits." },
  ],
};

export function project(id: string, name: string, version: number | null, hoursAgo = 1): Project {
  return {
    id, name, createdAt: at("08:00", 2), updatedAt: new Date(Date.now() - hoursAgo * 3_600_000).toISOString(), daytonaSandboxId: "3f1c2a4e-0000-4000-8000-000000000000",
    gitRepositoryUrl: null, currentBranch: "main", gitCommitHash: null, activeFragmentId: null, activeVersion: version, template: "react", turn: null, canEdit: process.env.MOCK_LOOK !== "1", canDelete: process.env.MOCK_LOOK !== "1",
  };
}

const LOGS: Partial<Record<PreviewState, string>> = {
  installing: "npm install\nadded 1 package in 3 s",
  "app-crashed": "src/App.tsx:7:9\nFailed to resolve import './YearHeatmp'",
  "blank-page": "TypeError: days is not iterable\nYearHeatmap.tsx:12",
  restored: "Cannot find module './storage'",
  "restore-failed": "workspace.restore_failed   ref 7f3a19c2",
  error: "internal_error   ref c41e08b7",
};
const SAYS: Partial<Record<PreviewState, string>> = {
  waking: "Asleep since yesterday 18:04. This takes about a second.",
  installing: "v15 added date-fns. The page opens when this is done.",
  "app-crashed": "The dev server ended 12 s ago. Two restarts did not help.",
};

export function preview(state: PreviewState, origin: string): Preview {
  return {
    url: state === "ready" || state === "blank-page" ? `${origin}/?ticket=1` : null, port: 5173, state, message: SAYS[state] ?? "",
    log: LOGS[state] ?? "10:46:02  vite  hmr update /src/App.tsx\n10:46:03  vite  new dependencies optimized: date-fns",
  };
}

const PATCH = `diff --git a/src/lib/streak.ts b/src/lib/streak.ts
index 1111111..2222222 100644
--- a/src/lib/streak.ts
+++ b/src/lib/streak.ts
@@ -1,11 +1,11 @@
 import { groupByWeek, type Day } from './days'
 
-/** Days in a row, counted back from today. */
-export function streak(days: Day[]): number {
-  let n = 0
-  for (const day of days) {
-    if (!day.marked) break
-    n += 1
-  }
-  return n
-}
+export const DAYS_THAT_HOLD_A_WEEK = 4
+
+/** Weeks in a row that hold. The running week can add to the streak but never ends it. */
+export function streak(days: Day[], today = new Date()): number {
+  const [running, ...past] = groupByWeek(days, today)
+  const firstBroken = past.findIndex((week) => !holds(week))
+  const held = firstBroken === -1 ? past.length : firstBroken
+  return held + (holds(running) ? 1 : 0)
+}
@@ -25,3 +25,3 @@ export function best
 export function best(days: Day[]): number {
-  return Math.max(0, ...runs(days).map((run) => run.length))
+  return Math.max(0, ...runs(days).map((run) => run.filter(holds).length))
 }
`;
const ADDED = `diff --git a/src/lib/streak.test.ts b/src/lib/streak.test.ts
new file mode 100644
index 0000000..3333333
--- /dev/null
+++ b/src/lib/streak.test.ts
@@ -0,0 +1,3 @@
+import { expect, test } from 'vitest'
+
+test('a week holds', () => expect(1).toBe(1))
`;
const MANIFEST = `diff --git a/package.json b/package.json
index 1..2 100644
--- a/package.json
+++ b/package.json
@@ -5,3 +5,2 @@
   "dependencies": {
-    "date-fns": "^4.1.0",
     "react": "^19.3.1"
`;
const file = (path: string, status: string, added: number, removed: number, patch: string | null, more: object = {}) => ({ path, oldPath: null, status, added, removed, binary: false, oldSize: 900, newSize: 1000, patch, ...more });
export const diff = (to: string) => ({
  from: "f2", to,
  files: [
    file("src/lib/streak.ts", "modified", 10, 10, PATCH),
    file("src/lib/streak.test.ts", "added", 3, 0, ADDED),
    file("package.json", "modified", 0, 1, MANIFEST),
    file("public/flame.svg", "renamed", 0, 0, "diff --git a/public/fire.svg b/public/flame.svg\nsimilarity index 100%\nrename from public/fire.svg\nrename to public/flame.svg\n", { oldPath: "public/fire.svg" }),
    file("public/cover.png", "modified", 0, 0, null, { binary: true, oldSize: 12_000, newSize: 9000 }),
  ],
});

export const APP = `<!doctype html><meta charset="utf-8"><title>Daymark</title><style>body{font:16px system-ui;margin:40px auto;max-width:680px;background:#fff9f2;color:#221}li{background:#fff;border:1px solid #eee;border-radius:14px;padding:18px 20px;margin:12px 0;list-style:none}ul{padding:0}</style>
<h1>Daymark</h1><ul><li>Read 20 pages</li><li>Morning run</li><li>Phone away by 22:00</li></ul>
<script>parent.postMessage({source:"keelway-preview",type:"loaded",path:location.pathname},"*")</script>`;

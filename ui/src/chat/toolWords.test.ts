import { expect, test } from "vitest";
import { toolWords, wentWrong } from "./toolWords";

const said = (...args: Parameters<typeof toolWords>) => {
  const { before, subject, after } = toolWords(...args);
  return before + subject + after;
};

test.each([
  ["read_file", { path: "src/App.tsx" }, "running", "", "Reading App.tsx"],
  ["read_file", { path: "src/App.tsx" }, "done", "import", "Read App.tsx"],
  ["write_file", { path: "a/YearHeatmap.tsx" }, "running", "", "Writing YearHeatmap.tsx"],
  ["write_file", { path: "a/YearHeatmap.tsx" }, "done", "", "Created YearHeatmap.tsx"],
  ["edit_file", { path: "App.tsx" }, "failed", "", "Could not edit App.tsx"],
  ["move_file", { path: "public/fire.svg", to: "public/flame.svg" }, "done", "", "Moved fire.svg to flame.svg"],
  ["search", { pattern: "streak" }, "running", "", "Searching for “streak”"],
  ["search", { pattern: "streak" }, "done", "src/a.ts:1: streak\nsrc/b.ts:22: streaks", "Searched for “streak”, 2 places"],
  ["search", { pattern: "streek" }, "done", 'No line matches "streek".', "Searched for “streek”, no place"],
  ["run_command", { command: "npm test" }, "running", "", "Running npm test"],
  ["run_command", { command: "npm test" }, "done", "Ended with exit code 0.\nexit code 9 of something else", "Ran npm test, passed"],
  ["run_command", { command: "npm test" }, "done", "Ended with exit code 1.", "Ran npm test, ended with 1"],
  ["run_command", { command: "sleep 999" }, "done", "Stopped at the time limit of 120 s.", "Ran sleep 999, stopped at its time limit"],
  ["run_command", { command: "npm test" }, "done", "Interrupted, may have run: the server was restarted.", "Ran npm test, interrupted"],
  ["install_packages", { packages: ["date-fns", "zod"] }, "done", "Installed date-fns, zod.", "Installed date-fns, zod"],
  ["install_packages", { packages: ["nope"] }, "done", "The packages could not be installed.\n404", "Could not install nope"],
  ["check_app", {}, "done", "Every check passed.\npassed types: No errors.\npassed page: HTTP 200.", "Types pass, page draws"],
  ["check_app", {}, "done", "1 of 5 checks failed.\nfailed types: a.ts(1,2): error TS2345\nb.ts: error TS1000", "2 type errors"],
  ["check_app", {}, "done", "1 of 5 checks failed.\nfailed page: HTTP 500.", "Page fails"],
  ["todos", { items: [{ text: "a", done: true }, { text: "b", done: false }] }, "done", "", "1 of 2 done"],
  ["finish", { title: "x" }, "running", "", "Naming the version"],
  ["a_new_tool", {}, "done", "", "Used a new tool"],
] as const)("%s %o %s", (tool, input, phase, output, words) => {
  expect(said(tool, input, phase, output)).toBe(words);
});

test("arguments that are still arriving do not break the words", () => {
  expect(said("read_file", undefined, "running", "")).toBe("Reading a file");
  expect(said("install_packages", { packages: ["zo", undefined] }, "running", "")).toBe("Installing zo");
});

test("a command that answered badly is shown as such", () => {
  expect(wentWrong("run_command", "Ended with exit code 2.")).toBe(true);
  expect(wentWrong("run_command", "Ended with exit code 0.")).toBe(false);
  expect(wentWrong("check_app", "1 of 5 checks failed.\nfailed page: no")).toBe(true);
  expect(wentWrong("read_file", "exit code 1")).toBe(false);
});

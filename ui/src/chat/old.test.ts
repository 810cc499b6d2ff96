import { expect, test } from "vitest";
import { settled, viewOf } from "./blocks";
import type { Message } from "./message";
import { refusal, spoken } from "./old";

const part = (type: string, more: object = {}) => ({ type, toolCallId: type, state: "output-available", input: {}, ...more }) as unknown as Message["parts"][number];
const turn = (...parts: Message["parts"]): Message => ({ id: "m", role: "assistant", parts });
const rows = (...parts: Message["parts"]) =>
  viewOf(turn(...parts)).blocks.flatMap((block) => (block.kind === "tools" ? block.rows : [])).map(({ words, phase, output }) => ({ words: words.before + words.subject + words.after, phase, output }));

test.each([["visualEdit", "visual edit"], ["get_project_errors", "get project errors"], ["HTTPGet", "httpget"], ["unknown", "a tool"], ["", "a tool"]])("%s is called %s", (name, words) => {
  expect(spoken(name)).toBe(words);
});

test("a file that the old system wrote was not left as it was", () => {
  const wrote = (output: unknown) => rows(part("tool-write_file", { input: { path: "src/App.tsx" }, output }))[0]?.words;
  expect(wrote({ success: true, action: "created" })).toBe("Created App.tsx");
  expect(wrote({ success: true, action: "updated" })).toBe("Wrote App.tsx");
  expect(wrote(null)).toBe("Wrote App.tsx");
});

test("an old tool that answered that it did not work is shown as failed, with what it said", () => {
  expect(refusal({ success: false, error: "no such file" })).toBe("no such file");
  expect(refusal({ success: false })).toBe("The old system wrote down no reason.");
  expect(refusal({ success: true })).toBeNull();
  expect(refusal("Edited App.tsx.")).toBeNull();
  expect(rows(part("tool-read_file", { input: { path: "a.ts" }, output: { success: false, error: "no such file" } }))).toEqual([{ words: "Could not read a.ts", phase: "failed", output: "no such file" }]);
});

test("a step that never ended says so; an answer of nothing is not the word null", () => {
  expect(rows(part("tool-runCommands", { state: "output-error", errorText: "The old system never finished this step." }))).toEqual([{ words: "Could not use run commands", phase: "failed", output: "The old system never finished this step." }]);
  expect(rows(part("tool-list_files", { output: null }))[0]?.output).toBe("");
});

test("a part of an unknown kind is a row that shows what was kept", () => {
  expect(rows({ type: "data-legacy-source-url", data: { url: "https://example.org" } } as unknown as Message["parts"][number])).toEqual([
    { words: "Kept from the old chat: source url", phase: "done", output: '{\n  "url": "https://example.org"\n}' },
  ]);
});

test("old names of what a file is called are understood", () => {
  expect(rows(part("tool-read_file", { input: { filePath: "src/a.ts" }, output: "x" }))[0]?.words).toBe("Read a.ts");
});

test("a turn that only named its version has no work to unfold", () => {
  const { work } = settled(viewOf(turn(part("tool-finish", { output: { success: true } }), part("data-version", { data: { number: 3 } }))));
  expect(work).toEqual([]);
});

test("a file that came with a message is a block of its own", () => {
  const view = viewOf(turn({ type: "file", url: "data:image/png;base64,AA==", mediaType: "image/png", filename: "a.png" }));
  expect(view.blocks).toEqual([{ kind: "file", file: { type: "file", url: "data:image/png;base64,AA==", mediaType: "image/png", filename: "a.png" } }]);
});

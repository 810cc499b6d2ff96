import { expect, test } from "vitest";
import { foldRows, settled, viewOf } from "./blocks";
import type { Message } from "./message";

type Part = Message["parts"][number];
const tool = (name: string, id: string, more: object = {}) => ({ type: `tool-${name}`, toolCallId: id, state: "output-available", input: { path: `src/${id}.ts` }, output: "", ...more }) as unknown as Part;
const text = (words: string): Part => ({ type: "text", text: words, state: "done" });
const turn = (...parts: Part[]): Message => ({ id: "m", role: "assistant", parts });

test("neighbouring tools are one block, text between them another", () => {
  const view = viewOf(turn(text("First"), tool("read_file", "a"), tool("read_file", "b"), text("Then"), tool("edit_file", "c")));
  expect(view.blocks.map((block) => (block.kind === "tools" ? block.rows.map((row) => row.id) : block.kind))).toEqual(["text", ["a", "b"], "text", ["c"]]);
  expect(view.steps).toBe(3);
});

test("a step and the live output find their row", () => {
  const view = viewOf(turn(
    tool("run_command", "a", { state: "input-available", input: { command: "npm test" } }),
    { type: "data-command-output", id: "a", data: { toolCallId: "a", output: "1 passed" } },
    { type: "data-fragment", id: "f", data: { id: "f", commitHash: "", kind: "agent", title: "", toolCallId: "a", filesChanged: 1, linesAdded: 4, linesRemoved: 0 } },
  ));
  const [block] = view.blocks;
  const row = block?.kind === "tools" ? block.rows[0] : undefined;
  expect(row?.phase).toBe("running");
  expect(row?.live).toBe("1 passed");
  expect(row?.step?.linesAdded).toBe(4);
});

test("reads fold from the second, changes from the fourth, what failed never", () => {
  const rows = (...parts: Part[]) => {
    const [block] = viewOf(turn(...parts)).blocks;
    return foldRows(block?.kind === "tools" ? block.rows : []).map((each) => (each.kind === "fold" ? each.words.before + each.words.subject : each.row.id));
  };
  expect(rows(tool("read_file", "a"), tool("read_file", "b"), tool("edit_file", "c"))).toEqual(["Read 2 files", "c"]);
  expect(rows(tool("edit_file", "a"), tool("edit_file", "b"), tool("edit_file", "c"))).toEqual(["a", "b", "c"]);
  expect(rows(tool("edit_file", "a"), tool("edit_file", "b"), tool("edit_file", "c"), tool("write_file", "d"))).toEqual(["Changed 4 files"]);
  expect(rows(tool("read_file", "a"), tool("read_file", "b", { state: "output-error", errorText: "no" }), tool("read_file", "c"))).toEqual(["a", "b", "c"]);
  expect(rows(tool("read_file", "a"), tool("finish", "b"))).toEqual(["a"]);
});

test("a file that was there before is written, not created; the same content leaves it alone", () => {
  const before = (...more: Part[]) => {
    const [block] = viewOf(turn(tool("write_file", "a"), ...more)).blocks;
    return block?.kind === "tools" ? block.rows[0]?.words.before : undefined;
  };
  const step = (linesRemoved: number): Part => ({ type: "data-fragment", id: "f", data: { id: "f", commitHash: "", kind: "agent", title: "", toolCallId: "a", filesChanged: 1, linesAdded: 1, linesRemoved } });
  expect(before(step(0))).toBe("Created ");
  expect(before(step(3))).toBe("Wrote ");
  expect(before()).toBe("Left ");
});

test("a finished turn is its work, then its last words", () => {
  const { work, answer } = settled(viewOf(turn(text("I will look"), tool("read_file", "a"), text("Done"))));
  expect(work).toHaveLength(2);
  expect(answer).toEqual([{ kind: "text", text: "Done", streaming: false }]);
});

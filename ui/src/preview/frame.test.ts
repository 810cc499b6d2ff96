import { expect, test } from "vitest";
import { readNote, throttle, toPath } from "./frame";

const note = { source: "keelway-preview", type: "blank", path: "/", message: "TypeError" };

test("the four notes are read", () => {
  expect(readNote(note)).toEqual({ type: "blank", path: "/", message: "TypeError" });
  expect(readNote({ ...note, type: "loaded", message: undefined })?.message).toBeNull();
});

test.each([
  null, "blank", 7, [], { ...note, source: "other" }, { ...note, type: "send" }, { ...note, path: "//evil.example" }, { ...note, path: "javascript:alert(1)" },
  { ...note, path: "/".padEnd(4000, "a") }, { ...note, message: 5 }, { ...note, message: "x".repeat(20_000) },
])("%o is not a note", (data) => {
  expect(readNote(data)).toBeNull();
});

test("no more than so many notes a second pass", () => {
  let now = 0;
  const may = throttle(2, () => now);
  expect([may(), may(), may()]).toEqual([true, true, false]);
  now = 1000;
  expect(may()).toBe(true);
});

test.each([
  ["", "/"], ["/a?b#c", "/a?b#c"], ["a/b", "/a/b"], ["http://app:1/x", "/x"], ["https://evil.example/x", "/"], ["//evil.example", "/"], ["javascript:alert(1)", "/"],
])("%s leads to %s", (typed, path) => {
  expect(toPath(typed, "http://app:1")).toBe(path);
});

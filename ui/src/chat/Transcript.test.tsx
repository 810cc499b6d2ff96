// @vitest-environment jsdom
import { cleanup, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Me } from "../api/types";
import type { Author, Message } from "./message";
import { Transcript } from "./Transcript";

const maya: Me["user"] = { id: "u1", name: "Maya Lindqvist", email: null, role: "member", hasPassword: false };
const said = (id: string, author: Author | null): Message => ({ id, role: "user", parts: [{ type: "text", text: id }], metadata: { author } });

beforeEach(() => {
  vi.stubGlobal("ResizeObserver", class {
    observe = () => undefined;
    disconnect = () => undefined;
  });
  Element.prototype.scrollTo = () => undefined;
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

test("each message stands under the name of who wrote it", () => {
  const messages = [said("one", { id: "u1", name: "Maya Lindqvist" }), said("two", { id: "u2", name: "Jonas Berg" }), said("three", null), said("four", { id: "u3", name: "An\u202Ena" })];
  render(<Transcript project="p" reader={maya} messages={messages} busy={false} actions={{ onContinue: null, onAgain: null }} />);
  const shown = screen.getAllByTestId("user-message");
  expect(shown.map((one) => one.getAttribute("aria-label"))).toEqual(["Maya", "Jonas", "Someone", "An⟨U+202E⟩na"]);
  expect(shown.map((one) => one.querySelector("b")?.textContent)).toEqual(["Maya", "Jonas", "Someone", "An⟨U+202E⟩na"]);
  expect(shown.map((one) => one.querySelector(".avatar")?.getAttribute("title"))).toEqual(["Maya Lindqvist", "Jonas Berg", "Someone", "An⟨U+202E⟩na"]);
});

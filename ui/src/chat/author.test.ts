import { expect, test } from "vitest";
import type { Me } from "../api/types";
import { authorOf, nameOf } from "./author";
import type { Author, Message } from "./message";

const maya: Me["user"] = { id: "u1", name: "Maya Lindqvist", email: "maya@example.org", role: "member", hasPassword: true };
const by = (author?: Author | null): Message => ({ id: "m", role: "user", parts: [], ...(author === undefined ? {} : { metadata: { author } }) });

test("a colleague's message has the colleague's name, never the reader's", () => {
  expect(nameOf(by({ id: "u2", name: "Jonas Berg" }), maya)).toBe("Jonas Berg");
  expect(nameOf(by({ id: "u2", name: "jonas@example.org" }), maya)).toBe("jonas@example.org");
});

test("one's own has one's own, with or without a name", () => {
  expect(nameOf(by({ id: "u1", name: "Maya Lindqvist" }), maya)).toBe("Maya Lindqvist");
  expect(nameOf(by({ id: "u1", name: null }), { ...maya, name: "You", email: null })).toBe("You");
  expect(nameOf(by({ id: "u1", name: null }), { ...maya, name: null, email: null })).toBe("You");
});

test("where nobody is known it is someone's", () => {
  expect([by(), by(null), by({ id: "u2", name: null })].map((message) => nameOf(message, maya))).toEqual(["Someone", "Someone", "Someone"]);
});

test("what was just sent has its author at once", () => {
  expect(authorOf(maya)).toEqual({ id: "u1", name: "Maya Lindqvist" });
  expect(authorOf({ ...maya, name: null })).toEqual({ id: "u1", name: "maya@example.org" });
  expect(nameOf(by(authorOf(maya)), maya)).toBe("Maya Lindqvist");
});

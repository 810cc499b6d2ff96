// @vitest-environment jsdom
import { act, cleanup, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Login } from "./Login";

const asked: [string, unknown][] = [];
const answer = (status: number, code?: string) => new Response(code ? JSON.stringify({ code }) : null, { status });
let answers: Record<string, () => Response> = {};

beforeEach(() => {
  asked.length = 0;
  answers = { "/api/me": () => answer(401, "Unauthenticated"), "/api/login": () => answer(401, "LoginExpired") };
  history.replaceState(null, "", "/login");
  vi.stubGlobal("fetch", (input: string, init: RequestInit = {}) => {
    asked.push([input, typeof init.body === "string" ? JSON.parse(init.body) : null]);
    return Promise.resolve((answers[input] ?? (() => answer(404)))());
  });
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

test("a login address pasted into the tab that shows the form is used, and leaves the address", async () => {
  render(<Login />);
  await screen.findByLabelText("E-mail");
  answers["/api/login"] = () => answer(204);
  await act(async () => {
    location.hash = "#k=pasted";
    await vi.waitFor(() => expect(asked).toContainEqual(["/api/login", { key: "pasted" }]));
  });
  await vi.waitFor(() => expect(location.pathname).toBe("/"));
  expect(location.hash).toBe("");
});

test("an address that has expired offers the form, and the next one may be good", async () => {
  history.replaceState(null, "", "/login#k=old");
  render(<Login />);
  expect((await screen.findByRole("status")).textContent).toContain("This link has expired.");
  expect(location.hash).toBe("");
  await act(async () => {
    location.hash = "#k=new";
    await vi.waitFor(() => expect(asked.map(([, body]) => body)).toEqual([{ key: "old" }, { key: "new" }]));
  });
});

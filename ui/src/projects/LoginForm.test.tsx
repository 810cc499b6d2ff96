// @vitest-environment jsdom
import { act, cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { LoginForm } from "./LoginForm";

const asked: unknown[] = [];
let answer: () => Promise<Response> = () => Promise.reject(new TypeError("no network"));
const problem = (status: number, code: string, headers: Record<string, string> = {}) => () => Promise.resolve(new Response(JSON.stringify({ code }), { status, headers }));

beforeEach(() => {
  asked.length = 0;
  vi.stubGlobal("fetch", (_input: unknown, init: RequestInit) => {
    asked.push(JSON.parse(init.body as string));
    return answer();
  });
});
afterEach(() => {
  cleanup();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const email = () => screen.getByLabelText<HTMLInputElement>("E-mail");
const password = () => screen.getByLabelText<HTMLInputElement>("Password");

async function submit(name: string, secret: string): Promise<void> {
  fireEvent.change(email(), { target: { value: name } });
  fireEvent.change(password(), { target: { value: secret } });
  password().focus();
  fireEvent.submit(password());
  await act(() => Promise.resolve());
  await act(() => new Promise((resolve) => setTimeout(resolve, 0)));
}

test("what a password manager looks for is there, and a password can be looked at", () => {
  render(<LoginForm onDone={() => undefined} />);
  expect([email().autocomplete, password().autocomplete, password().type]).toEqual(["username", "current-password", "password"]);
  fireEvent.click(screen.getByRole("button", { name: "Show password" }));
  expect(password().type).toBe("text");
  expect(screen.getByRole("button", { name: "Hide password" }).getAttribute("aria-pressed")).toBe("true");
});

test("a wrong password is said in the form; the focus and what was typed stay", async () => {
  answer = problem(401, "WrongPassword");
  render(<LoginForm onDone={() => undefined} />);
  await submit(" ada@example.org ", "not this one");
  expect(asked).toEqual([{ email: "ada@example.org", password: "not this one" }]);
  const alert = screen.getByRole("alert");
  expect(alert.textContent).toBe("This e-mail and this password do not belong together.");
  expect(document.activeElement).toBe(password());
  expect(password().value).toBe("not this one");
  expect([email(), password()].map((field) => field.getAttribute("aria-describedby"))).toEqual([alert.id, alert.id]);
});

test("a server that is away keeps what was typed", async () => {
  answer = () => Promise.reject(new TypeError("no network"));
  render(<LoginForm onDone={() => undefined} />);
  await submit("ada@example.org", "secret");
  expect(screen.getByRole("alert").textContent).toBe("The server does not answer. What you typed is still here.");
  expect([email().value, password().value]).toEqual(["ada@example.org", "secret"]);
});

test("too many tries say when, and nothing is sent before; another address may be tried at once", async () => {
  answer = problem(429, "TooManyRequests", { "retry-after": "40" });
  render(<LoginForm onDone={() => undefined} />);
  await submit("ada@example.org", "one");
  expect(screen.getByRole("alert").textContent).toContain("The next one is taken in 40 s.");
  fireEvent.submit(password());
  expect(asked).toHaveLength(1);
  fireEvent.change(email(), { target: { value: "ben@example.org" } });
  expect(screen.queryByRole("alert")).toBeNull();
});

test("empty fields are asked for, the first one gets the focus", () => {
  render(<LoginForm onDone={() => undefined} />);
  fireEvent.change(email(), { target: { value: "ada@example.org" } });
  fireEvent.submit(email());
  expect(document.activeElement).toBe(password());
  expect(asked).toEqual([]);
});

test("a right password goes on", async () => {
  answer = () => Promise.resolve(new Response(null, { status: 204 }));
  const done = vi.fn();
  render(<LoginForm onDone={done} />);
  await submit("ada@example.org", "right");
  expect(done).toHaveBeenCalledOnce();
});

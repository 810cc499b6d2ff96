import { afterEach, expect, test, vi } from "vitest";
import { ApiError, onLoggedOut, request, secondsOf } from "./client";

const answering = (status: number, body: object, headers: Record<string, string> = {}) =>
  vi.stubGlobal("fetch", () => Promise.resolve(new Response(JSON.stringify(body), { status, headers })));

afterEach(() => vi.unstubAllGlobals());

test.each<[string | null, number | null]>([
  ["40", 40],
  ["0", 0],
  ["Tue, 24 Nov 2026 11:00:30 GMT", 30],
  ["Tue, 24 Nov 2026 10:00:00 GMT", 0],
  ["soon", null],
  ["", null],
  [null, null],
])("Retry-After %s is %s seconds", (header, seconds) => {
  expect(secondsOf(header, Date.parse("2026-11-24T11:00:00Z"))).toBe(seconds);
});

test("an answer that says when to try again carries it", async () => {
  answering(429, { code: "TooManyRequests", detail: "At most 5." }, { "retry-after": "40" });
  await expect(request("POST", "/api/login/password", {})).rejects.toMatchObject({ status: 429, code: "TooManyRequests", retryAfter: 40 });
});

test("only an ended session leads to the login page, not a password that was mistyped", async () => {
  const told = vi.fn();
  const off = onLoggedOut(told);
  for (const code of ["WrongPassword", "LoginExpired"]) {
    answering(401, { code });
    await expect(request("POST", "/api/login", {})).rejects.toBeInstanceOf(ApiError);
  }
  expect(told).not.toHaveBeenCalled();
  answering(401, { code: "Unauthenticated" });
  await expect(request("GET", "/api/me")).rejects.toBeInstanceOf(ApiError);
  expect(told).toHaveBeenCalledOnce();
  off();
});

import { expect, test } from "vitest";
import { ApiError, Unreachable } from "../api/client";
import { loginProblem } from "./loginProblem";

test.each<[unknown, string, boolean, number | null]>([
  [new ApiError(401, "WrongPassword", "x"), "This e-mail and this password do not belong together.", true, null],
  [new ApiError(429, "TooManyRequests", "x", 40), "Too many tries. The next one is taken in 40 s.", false, 41_000],
  [new ApiError(429, "TooManyRequests", "x", 900), "Too many tries. The next one is taken in 15 min.", false, 901_000],
  [new ApiError(429, "TooManyRequests", "x"), "Too many tries. The next one is taken in 1 min.", false, 61_000],
  [new ApiError(503, "StoreUnavailable", "x"), "The server does not answer. What you typed is still here.", false, null],
  [new Unreachable(null), "The server does not answer. What you typed is still here.", false, null],
  [new ApiError(422, "Invalid", "Mend the field."), "Mend the field.", false, null],
  [new ApiError(401, "LoginExpired", ""), "This link has expired. Run `keelway link` for a new one.", false, null],
])("%o", (error, text, typed, until) => {
  expect(loginProblem(error, 1000)).toEqual({ text, typed, until });
});

import { expect, test } from "vitest";
import { ApiError, Unreachable } from "./client";
import { codeOf, sentence } from "./sentences";

test.each<[unknown, string]>([
  [new ApiError(401, "LoginExpired", "nope"), "This link has expired. Run `keelway link` for a new one."],
  [new ApiError(401, "Unauthenticated", "Log in first."), "You are logged out. Log in to go on."],
  [new ApiError(401, "WrongPassword", "no"), "This e-mail and this password do not belong together."],
  [new ApiError(409, "TurnRunning", ""), "A run is working on this project. Stop it, or wait until it is done."],
  [new ApiError(409, "WorkspaceBusy", "Jonas is restoring v9. Yours can start after it."), "Jonas is restoring v9. Yours can start after it."],
  [new ApiError(500, "InternalError", "traceback"), "That did not work. Nothing was changed."],
  [new ApiError(403, "Forbidden", ""), "This project is not shared with you."],
  [new Unreachable(null), "The server does not answer. Nothing was changed."],
  [new TypeError("x is undefined"), "That did not work. Nothing was changed."],
])("%o", (error, words) => {
  expect(sentence(error)).toBe(words);
});

test("codes stand beside the sentence", () => {
  expect([codeOf(new ApiError(409, "TurnRunning", "")), codeOf(new Unreachable(null)), codeOf(3)]).toEqual(["TurnRunning", "unreachable", "unknown"]);
});

import { expect, test } from "vitest";
import type { RunStatus } from "../api/types";
import type { Message } from "./message";
import { isBusy, runOf } from "./run";

const asked: Message = { id: "u", role: "user", parts: [{ type: "text", text: "hi" }] };
const answer = (status: RunStatus): Message => ({
  id: "a", role: "assistant", parts: [{ type: "data-run-status", id: "run", data: { turnId: "t", status, step: 3, startedAt: "2026-11-24T10:00:00Z", message: null, code: null } }],
});

test("nothing was ever said", () => {
  expect(runOf({ last: undefined, turn: null, stream: "ready", sure: true })).toBeNull();
});

test("a message on its way shows as starting", () => {
  expect(runOf({ last: asked, turn: null, stream: "submitted", sure: true })?.status).toBe("starting");
});

test("after a reload the server's turn rules until the stream speaks", () => {
  const run = runOf({ last: asked, turn: { id: "t", status: "working" }, stream: "ready", sure: true });
  expect(run?.status).toBe("working");
  expect(isBusy(run)).toBe(true);
});

test("the newest status in the stream rules over the turn that was known before", () => {
  expect(runOf({ last: answer("stopping"), turn: { id: "t", status: "working" }, stream: "streaming", sure: true })?.status).toBe("stopping");
  expect(isBusy(runOf({ last: answer("completed"), turn: { id: "t", status: "working" }, stream: "ready", sure: true }))).toBe(false);
});

test("a stream that ended in the middle while nothing runs was interrupted", () => {
  expect(runOf({ last: answer("working"), turn: null, stream: "ready", sure: true })?.status).toBe("interrupted");
});

test("until the server has been asked, a stream that broke off leaves the run as it was", () => {
  expect(runOf({ last: answer("working"), turn: null, stream: "ready", sure: false })?.status).toBe("working");
});

test("a lost connection leaves the run as it was", () => {
  expect(isBusy(runOf({ last: answer("working"), turn: { id: "t", status: "working" }, stream: "error", sure: true }))).toBe(true);
});

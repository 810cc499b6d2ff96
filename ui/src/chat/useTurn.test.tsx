// @vitest-environment jsdom
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { act, cleanup, renderHook, waitFor } from "@testing-library/react";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";

// The stand-in server of `npm run dev`, over real HTTP.
vi.stubEnv("MOCK_PACE", "12");
const { answer } = await import("../../dev/mock");
const { useTurn } = await import("./useTurn");
const { request } = await import("../api/client");

interface Made {
  id: string;
}

const slow = { timeout: 8000, interval: 20 };
let server: Server;
let base = "";
/** Set to cut every connection, as a server that was killed does. */
let down = false;
const open = new Set<ServerResponse>();

const handle = (message: IncomingMessage, response: ServerResponse) => {
  open.add(response);
  response.on("close", () => open.delete(response));
  if (down) response.destroy();
  else void answer(message, response);
};
function kill(): void {
  down = true;
  for (const response of open) response.destroy();
}

beforeAll(async () => {
  server = createServer(handle);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  // A page's addresses are relative; Node's fetch wants them whole.
  const real = fetch;
  vi.stubGlobal("fetch", (input: string, init?: RequestInit) => real(new URL(input, base), init));
});
afterAll(() => new Promise<void>((resolve) => {
  server.closeAllConnections();
  server.close(() => resolve());
}));
afterEach(() => {
  down = false;
  cleanup();
});

const make = async (prompt?: string) => (await request<Made>("POST", "/api/projects", prompt === undefined ? {} : { prompt })).id;
const MAYA = { id: "u1", name: "Maya Lindqvist" };
const EMPTY = { items: [], turn: null };
const use = (id: string, known: Parameters<typeof useTurn>[1] = EMPTY) => renderHook(function Conversation() {
  return useTurn(id, known, null, MAYA);
});

test("a message is sent, its turn followed to the end, and the kept conversation shown", async () => {
  const { result } = use(await make());
  expect(result.current.run).toBeNull();
  act(() => void result.current.send("Add a heatmap"));
  await waitFor(() => expect(result.current.run?.status).toBe("working"), slow);
  expect(result.current.busy).toBe(true);
  await waitFor(() => expect(result.current.run?.status).toBe("completed"), slow);
  expect(result.current.messages.map(({ role }) => role)).toEqual(["user", "assistant"]);
  expect(result.current.messages[1]?.parts.some((part) => part.type === "data-version")).toBe(true);
});

test("one's own message has its author at once, and the kept one the same", async () => {
  const { result } = use(await make());
  act(() => void result.current.send("Add a heatmap"));
  await waitFor(() => expect(result.current.messages.length).toBeGreaterThan(0), slow);
  expect(result.current.messages[0]?.metadata).toEqual({ author: MAYA });
  await waitFor(() => expect(result.current.run?.status).toBe("completed"), slow);
  await waitFor(() => expect(result.current.messages[0]?.metadata?.startedAt).toBeDefined(), slow);
  expect(result.current.messages[0]?.metadata?.author).toEqual(MAYA);
});

test("after a reload the running turn is joined from its first word, once", async () => {
  const id = await make("Build a habit tracker");
  const known = await request<typeof EMPTY>("GET", `/api/projects/${id}/messages`);
  const { result } = use(id, known);
  expect(result.current.busy).toBe(true);
  await waitFor(() => expect(result.current.messages.at(-1)?.role).toBe("assistant"), slow);
  await waitFor(() => expect(result.current.run?.status).toBe("completed"), slow);
  expect(result.current.messages.map(({ role }) => role)).toEqual(["user", "assistant"]);
});

test("stop is the server's to do: the stream stays until the turn says that it stopped", async () => {
  const { result } = use(await make());
  act(() => void result.current.send("Add a heatmap"));
  await waitFor(() => expect(result.current.run?.status).toBe("working"), slow);
  act(() => result.current.stop());
  await waitFor(() => expect(result.current.run?.status).toBe("stopped"), slow);
  expect(result.current.busy).toBe(false);
});

test("a second message while a turn runs elsewhere is refused with a sentence, and the turn is joined", async () => {
  const id = await make("Build a habit tracker");
  const { result } = use(id);
  let sent = true;
  await act(async () => {
    sent = await result.current.send("Another");
  });
  expect(sent).toBe(false);
  expect(result.current.problem).toMatch(/A run is working/);
  await waitFor(() => expect(result.current.run?.status).toBe("completed"), slow);
  expect(result.current.messages.filter(({ role }) => role === "user")).toHaveLength(1);
});

test("a lost server is said, and the turn is joined again when it is back", async () => {
  const { result } = use(await make());
  act(() => void result.current.send("Add a heatmap"));
  await waitFor(() => expect(result.current.run?.step).toBeGreaterThan(1), slow);
  act(kill);
  await waitFor(() => expect(result.current.offline).toBe(true), slow);
  expect(result.current.run?.status).toBe("working");
  down = false;
  act(() => result.current.reconnect());
  await waitFor(() => expect(result.current.run?.status).toBe("completed"), slow);
  expect(result.current.offline).toBe(false);
  expect(result.current.messages.map(({ role }) => role)).toEqual(["user", "assistant"]);
}, 15_000);

test("a message that never reached the server is taken back", async () => {
  const { result } = use(await make());
  down = true;
  let sent = true;
  await act(async () => {
    sent = await result.current.send("Add a heatmap");
  });
  expect(sent).toBe(false);
  await waitFor(() => expect(result.current.messages).toEqual([]), slow);
  expect(result.current.problem).toBe("The server does not answer. Nothing was changed.");
});

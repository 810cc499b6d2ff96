/** Answers `/api` while nobody else does: `npm run dev`. Project ids: `daymark`, `state-<preview state>`, and what one makes. */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Plugin } from "vite";
import type { Message } from "../src/chat/message.ts";
import type { Fragment, PreviewState, Project } from "../src/api/types.ts";
import { STATES } from "../src/preview/states.ts";
import { APP, diff, fragment, machine, me, preview, project, versions } from "./fixtures.ts";
import { MockTurn } from "./turn.ts";

interface Kept {
  project: Project;
  versions: Fragment[];
  messages: Message[];
  turn: MockTurn | null;
  state: PreviewState;
}

const PACE = Number(process.env.MOCK_PACE ?? 250);
const demo = process.env.MOCK_DEMO === "1";
const kept = new Map<string, Kept>();
const maya = { id: "u1", name: "Maya Lindqvist" };
const user = (id: string, text: string, startedAt = new Date().toISOString(), author = maya): Message => ({ id, role: "user", parts: [{ type: "text", text }], metadata: { startedAt, author } });

function settledTurn(words: string, version: Fragment): Message {
  const started = Date.parse(version.createdAt) - 72_000;
  return {
    id: `m${version.id}`, role: "assistant", metadata: { turnId: version.id, status: "completed", startedAt: new Date(started).toISOString(), finishedAt: version.createdAt },
    parts: [
      ...Array.from({ length: 9 }, (_, at) => ({ type: "tool-read_file", toolCallId: `${version.id}-${at}`, state: "output-available", input: { path: `src/file${at}.ts` }, output: "…" }) as unknown as Message["parts"][number]),
      { type: "text", text: words, state: "done" },
      { type: "data-version", id: version.id, data: version },
    ],
  };
}

function fill(): void {
  const list = versions();
  const [newest, second] = list;
  if (!newest || !second) return;
  const messages = [
    user("u1", "Count streaks by week. A missed day shouldn’t break it if four days are marked.", second.createdAt, { id: "u2", name: "Jonas Berg" }),
    settledTurn("Streaks count weeks now. A week holds once four of its days are marked.", second),
    user("u2", "Add a heatmap of the year under the list. It has to stay readable on my phone.", newest.createdAt),
    settledTurn("The year is under the list. On a phone it shows the last 26 weeks, so a square stays 9 px wide. Tapping a square opens that day.", newest),
  ];
  kept.set("daymark", { project: project("daymark", "Daymark", 15), versions: list, messages, turn: null, state: "ready" });
  kept.set("notes", { project: project("notes", "Allotment notes", 6, 30), versions: list.slice(5), messages: [], turn: null, state: "asleep" });
  for (const state of Object.keys(STATES) as PreviewState[]) kept.set(`state-${state}`, { project: project(`state-${state}`, "Daymark", 15, 400), versions: list, messages, turn: null, state });
}
if (process.env.MOCK_EMPTY !== "1") fill();

function begin(here: Kept, text: string): MockTurn {
  const next = (here.versions[0]?.number ?? 0) + 1;
  here.messages.push(user(`u${Date.now()}`, text));
  const turn = new MockTurn(next, (message, version) => {
    here.messages.push(message);
    here.turn = null;
    if (version) here.versions = [version, ...here.versions];
    here.project.activeVersion = here.versions[0]?.number ?? null;
  }, PACE);
  here.turn = turn;
  void turn.play();
  return turn;
}

const withTurn = (here: Kept): Project => ({ ...here.project, turn: here.turn ? { id: here.turn.id, status: here.turn.status } : null });

async function body(request: IncomingMessage): Promise<Record<string, unknown>> {
  let text = "";
  for await (const chunk of request) text += String(chunk);
  return text ? (JSON.parse(text) as Record<string, unknown>) : {};
}

function send(response: ServerResponse, status: number, data?: unknown): void {
  response.writeHead(status, { "content-type": status < 400 ? "application/json" : "application/problem+json" });
  response.end(data === undefined ? "" : JSON.stringify(data));
}

async function answerProject(here: Kept, rest: string, request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
  const fine = { state: "fine", message: "Page 200" };
  const version = /^fragments\/([^/]+)/.exec(rest)?.[1];
  const found = here.versions.find((each) => each.id === version || `v${each.number}` === version);
  if (version && !found) return void send(response, 404, { code: "FragmentNotFound", detail: `No version ${version.slice(1)} here.` });
  if (rest === "" && request.method === "PATCH") here.project.name = String((await body(request)).name);
  if (rest === "" && request.method === "DELETE") {
    kept.delete(here.project.id);
    return void send(response, 204);
  }
  if (rest === "") return void send(response, 200, withTurn(here));
  if (rest === "messages") return void send(response, 200, { items: here.messages, turn: withTurn(here).turn });
  if (rest === "fragments") return void send(response, 200, { items: here.versions, nextCursor: null });
  if (rest === "preview") return void send(response, 200, preview(here.state, `http://5173-${here.project.id}.localhost:${url.port}`));
  if (rest === "health") return void send(response, 200, { machine: fine, files: fine, devServer: fine, page: here.state === "ready" ? fine : { state: "broken", message: "No page comes back." } });
  if (rest === "recover") return void setTimeout(() => { here.state = "ready"; send(response, 200, { mode: "wake", missed: [] }); }, 800);
  if (rest === "preview/touch") return void send(response, 204);
  if (rest === "chat" && request.method === "DELETE") {
    here.turn?.stop();
    return void send(response, 202);
  }
  if (rest === "chat/stream") return here.turn ? void here.turn.follow(response) : void send(response, 204);
  if (rest === "chat") {
    if (here.turn) return void send(response, 409, { code: "TurnRunning", detail: "" });
    const said = (await body(request)).messages as Message[];
    const [part] = said[0]?.parts ?? [];
    return void begin(here, part?.type === "text" ? part.text : "").follow(response);
  }
  if (rest.endsWith("/diff")) return void send(response, 200, diff(found?.id ?? ""));
  if (rest.endsWith("/files")) return void send(response, 200, { items: ["index.html", "package.json", "src/App.tsx", "src/lib/streak.ts"].map((path) => ({ path, size: 1200, mode: 33188 })) });
  if (rest.includes("/files/")) return void response.end(Array.from({ length: 40 }, (_, at) => `export const line${at + 1} = ${at + 1}`).join("\n"));
  if (rest.endsWith("/restore") && found) {
    const next = fragment((here.versions[0]?.number ?? 0) + 1, "restore", `Restored to v${found.number}`, "Maya", new Date().toISOString(), 14, 60, 9);
    here.versions = [next, ...here.versions];
    here.project.activeVersion = next.number;
    return void setTimeout(() => send(response, 200, { fragment: next, saved: null, installed: true, preview: { state: "ready", message: null } }), 900);
  }
  return found ? void send(response, 200, found) : void send(response, 404, { code: "NotFound", detail: "" });
}

/** Previews are another site, as with the real gateway. */
const isApp = (request: IncomingMessage) => /^5173-.*\.localhost/.test(request.headers.host ?? "");
const isOurs = (request: IncomingMessage) => isApp(request) || (request.url ?? "").startsWith("/api/");

export async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? "/", `http://${request.headers.host ?? "localhost"}`);
  if (isApp(request)) return void (response.removeHeader("content-security-policy"), response.setHeader("content-type", "text/html"), response.end(APP));
  if (url.pathname === "/api/login") return (await body(request)).key === "good" ? void send(response, 204) : void send(response, 401, { code: "LoginExpired", detail: "" });
  if (url.pathname === "/api/login/password") {
    const { password } = await body(request);
    if (password === "often") response.setHeader("retry-after", "20");
    return password === "good" ? void send(response, 204) : password === "often" ? void send(response, 429, { code: "TooManyRequests", detail: "" }) : void send(response, 401, { code: "WrongPassword", detail: "" });
  }
  if (url.pathname === "/api/logout") return void send(response, 204);
  if (url.pathname === "/api/me/password") return (await body(request)).password === "good" ? void send(response, 422, { code: "WeakPassword", detail: "Use 8 to 256 characters." }) : void send(response, 204);
  if (url.pathname === "/api/me") return void send(response, 200, me(demo));
  if (url.pathname === "/api/machine") return void send(response, 200, machine);
  const [, id, rest] = /^\/api\/projects\/([^/]+)\/?(.*)$/.exec(url.pathname) ?? [];
  if (id) {
    const here = kept.get(id);
    return here ? answerProject(here, rest ?? "", request, response, url) : void send(response, 404, { code: "ProjectNotFound", detail: "" });
  }
  if (request.method === "POST") {
    const { prompt } = await body(request);
    const made: Kept = { project: project(`p${Date.now()}`, "New app", 1, 0), versions: [fragment(1, "template", "The starter app", "Keelway", new Date().toISOString(), 210, 0, 12)], messages: [], turn: null, state: "creating" };
    kept.set(made.project.id, made);
    for (const [at, state] of (["installing", "building", "ready"] as const).entries()) setTimeout(() => { made.state = state; }, 1500 * (at + 1));
    if (typeof prompt === "string") begin(made, prompt);
    return void send(response, 201, withTurn(made));
  }
  return void send(response, 200, { items: [...kept.values()].filter((each) => !each.project.id.startsWith("state-")).map(withTurn), nextCursor: null });
}

export function mockServer(): Plugin {
  return {
    name: "keelway-mock",
    configureServer: ({ middlewares }) => void middlewares.use((request, response, next) => {
      if (isOurs(request)) answer(request, response).catch(next);
      else next();
    }),
    configurePreviewServer: ({ middlewares }) => void middlewares.use((request, response, next) => {
      if (isOurs(request)) answer(request, response).catch(next);
      else next();
    }),
  };
}

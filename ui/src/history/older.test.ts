import { afterEach, expect, test, vi } from "vitest";
import { forgetAll } from "../api/resource";
import type { Fragment } from "../api/types";
import { keepBetween, olderOf, readOlder } from "./older";

const list = (from: number, to: number) => Array.from({ length: from - to + 1 }, (_, at) => ({ id: `f${from - at}`, number: from - at }) as Fragment);
const numbers = () => olderOf("p").items.map(({ number }) => number);
const asked: string[] = [];

function answering(...pages: { items: Fragment[]; nextCursor: string | null }[]): void {
  asked.length = 0;
  vi.stubGlobal("fetch", (path: string) => {
    asked.push(path);
    const page = pages.shift();
    return Promise.resolve(page ? Response.json(page) : Response.json({ code: "InternalError" }, { status: 500 }));
  });
}
afterEach(() => {
  forgetAll();
  vi.unstubAllGlobals();
});

test("pages follow each other; two that ask at once ask once", async () => {
  answering({ items: list(50, 48), nextCursor: "c48" }, { items: list(47, 46), nextCursor: null });
  await Promise.all([readOlder("p", "c51"), readOlder("p", "c51")]);
  expect(asked).toEqual(["/api/projects/p/fragments?limit=50&cursor=c51"]);
  await readOlder("p", "c51");
  await readOlder("p", "c51");
  expect(asked).toHaveLength(2);
  expect(numbers()).toEqual([50, 49, 48, 47, 46]);
});

test("a page that could not be read is asked for again, and nothing is lost", async () => {
  answering({ items: list(50, 49), nextCursor: "c49" });
  await readOlder("p", "c51");
  await readOlder("p", "c51");
  expect(olderOf("p").error).toBeDefined();
  answering({ items: list(48, 47), nextCursor: null });
  await readOlder("p", "c51");
  expect(numbers()).toEqual([50, 49, 48, 47]);
  expect(olderOf("p").error).toBeUndefined();
});

test("a version that the newest page lets go of stays in the list", async () => {
  answering({ items: list(50, 49), nextCursor: null });
  await readOlder("p", "c51");
  keepBetween("p", list(60, 51), list(61, 52));
  keepBetween("p", list(60, 51), list(61, 52));
  expect(numbers()).toEqual([51, 50, 49]);
});

test("after more new versions than a page holds, older ones are read anew", async () => {
  answering({ items: list(50, 49), nextCursor: null });
  await readOlder("p", "c51");
  keepBetween("p", list(60, 51), list(90, 81));
  expect(olderOf("p")).toMatchObject({ items: [], cursor: undefined });
});

test("somebody else starts with nothing", async () => {
  answering({ items: list(50, 49), nextCursor: null });
  await readOlder("p", "c51");
  forgetAll();
  expect(numbers()).toEqual([]);
});

import { expect, test } from "vitest";
import type { Fragment } from "../api/types";
import { author, before, byDay } from "./versions";

const version = (number: number, branch = "main", more: Partial<Fragment> = {}) => ({ number, branch, createdAt: `day ${Math.floor(number / 10)}`, kind: "agent", authorName: "Maya", ...more }) as Fragment;
const list = [version(15), version(14, "dark"), version(13), version(9)];

test("before a version comes the next older one of its branch", () => {
  expect(before(list, version(15))?.number).toBe(13);
  expect(before(list, version(9))).toBeUndefined();
});

test("versions stand under their day", () => {
  expect(byDay(list, (iso) => iso).map(({ day, versions }) => [day, versions.length])).toEqual([["day 1", 3], ["day 0", 1]]);
});

test("who made it", () => {
  expect([author(version(1)), author(version(1, "main", { kind: "hand" })), author(version(1, "main", { kind: "template" })), author(version(1, "main", { kind: "import" }))]).toEqual(["agent", "Maya", "starter app", "imported"]);
});

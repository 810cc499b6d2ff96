import { expect, test } from "vitest";
import { visit } from "./useNavigation";

test("a path once more is no step; back and forward are followed; a new path ends what was ahead", () => {
  let trail = { paths: ["/"], at: 0 };
  trail = visit(trail, "/");
  expect(trail.paths).toEqual(["/"]);
  trail = visit(visit(trail, "/a"), "/b");
  trail = visit(trail, "/a");
  expect(trail).toEqual({ paths: ["/", "/a", "/b"], at: 1 });
  expect(visit(trail, "/b").at).toBe(2);
  expect(visit(trail, "/c")).toEqual({ paths: ["/", "/a", "/c"], at: 2 });
});

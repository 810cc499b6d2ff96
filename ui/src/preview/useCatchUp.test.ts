// @vitest-environment jsdom
import { renderHook } from "@testing-library/react";
import { expect, test, vi } from "vitest";
import { useCatchUp } from "./useCatchUp";

test("an app that loaded during a change loads once more at its end, and only once", () => {
  const reload = vi.fn();
  const { result, rerender } = renderHook(({ changing }) => useCatchUp(changing, reload), { initialProps: { changing: true } });
  result.current();
  expect(reload).not.toHaveBeenCalled();
  rerender({ changing: false });
  rerender({ changing: true });
  rerender({ changing: false });
  expect(reload).toHaveBeenCalledTimes(1);
});

test("an app that took every change by hot reload keeps its state", () => {
  const reload = vi.fn();
  const { result, rerender } = renderHook(({ changing }) => useCatchUp(changing, reload), { initialProps: { changing: false } });
  result.current();
  rerender({ changing: true });
  rerender({ changing: false });
  expect(reload).not.toHaveBeenCalled();
});

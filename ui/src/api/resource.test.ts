// @vitest-environment jsdom
import { act, renderHook, waitFor } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import { forgetAll, onForget, refresh, useResource } from "./resource";

afterEach(() => vi.unstubAllGlobals());

test("an answer to the person before is not shown to the next one", async () => {
  let answer: (response: Response) => void = () => undefined;
  vi.stubGlobal("fetch", () => new Promise<Response>((resolve) => { answer = resolve; }));
  const asking = refresh("/api/projects");
  const forgotten = vi.fn();
  onForget(forgotten);
  forgetAll();
  answer(Response.json({ items: ["Ada's"] }));
  await asking;
  expect(forgotten).toHaveBeenCalledOnce();

  vi.stubGlobal("fetch", () => Promise.resolve(Response.json({ items: ["Ben's"] })));
  const { result } = renderHook(() => useResource<{ items: string[] }>("/api/projects"));
  expect(result.current.data).toBeUndefined();
  await act(() => Promise.resolve());
  await waitFor(() => expect(result.current.data?.items).toEqual(["Ben's"]));
});

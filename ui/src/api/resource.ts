/** What the server last said about an address, shared by everyone on the page who shows it. */

import { useCallback, useEffect, useSyncExternalStore } from "react";
import { request } from "./client";

export interface Resource<T> {
  data: T | undefined;
  error: unknown;
}

interface Entry extends Resource<unknown> {
  listeners: Set<() => void>;
  asking: Promise<void> | null;
  again: boolean;
}

const NOTHING: Resource<never> = { data: undefined, error: undefined };
const entries = new Map<string, Entry>();
const forgetting = new Set<() => void>();
/** Grows when everything is forgotten: an answer to an earlier person's question is not for this one. */
let age = 0;

function entryOf(path: string): Entry {
  let entry = entries.get(path);
  if (!entry) {
    entry = { ...NOTHING, listeners: new Set(), asking: null, again: false };
    entries.set(path, entry);
  }
  return entry;
}

function publish(path: string, now: Resource<unknown>): void {
  const before = entryOf(path);
  const after: Entry = { ...before, ...now };
  entries.set(path, after);
  for (const tell of after.listeners) tell();
}

/** Ask again; while an answer is on its way, once more after it. */
export function refresh(path: string): Promise<void> {
  const entry = entryOf(path);
  if (entry.asking) {
    entry.again = true;
    return entry.asking;
  }
  const asked = age;
  const asking = request<unknown>("GET", path)
    .then(
      (data) => asked === age && publish(path, { data, error: undefined }),
      (error: unknown) => asked === age && publish(path, { data: entryOf(path).data, error }),
    )
    .then(() => {
      if (asked !== age) return undefined;
      const now = entryOf(path);
      const again = now.again;
      now.asking = null;
      now.again = false;
      if (again && now.listeners.size > 0) return refresh(path);
      return undefined;
    });
  entry.asking = asking;
  return asking;
}

/** Everything under this address has changed: ask again for what is on the page, forget the rest. */
export function invalidate(prefix: string): void {
  for (const [path, entry] of entries) {
    if (!path.startsWith(prefix)) continue;
    if (entry.listeners.size > 0) void refresh(path);
    else entries.delete(path);
  }
}

/** Put in what another answer already said. */
export function put(path: string, data: unknown): void {
  publish(path, { data, error: undefined });
}

/** Somebody else may be looking from now on. */
export function forgetAll(): void {
  age += 1;
  entries.clear();
  for (const forget of forgetting) forget();
}

/** For what is kept beside these answers: emptied with them. */
export function onForget(forget: () => void): void {
  forgetting.add(forget);
}

/** What is known of `path`; asks on first use and then each `every` milliseconds while the page is looked at. */
export function useResource<T>(path: string | null, every?: number): Resource<T> {
  const subscribe = useCallback(
    (tell: () => void) => {
      if (path === null) return () => undefined;
      const entry = entryOf(path);
      entry.listeners.add(tell);
      return () => entry.listeners.delete(tell);
    },
    [path],
  );
  const entry = useSyncExternalStore(subscribe, () => (path === null ? NOTHING : entryOf(path)));
  useEffect(() => {
    if (path === null) return;
    const known = entryOf(path);
    if (known.data === undefined || every !== undefined) void refresh(path);
    if (every === undefined) return;
    const timer = setInterval(() => {
      if (document.visibilityState === "visible") void refresh(path);
    }, every);
    return () => clearInterval(timer);
  }, [path, every]);
  return entry as Resource<T>;
}

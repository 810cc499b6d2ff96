/** Pages of older versions, read once for everybody on the page who shows them. */

import { paths } from "../api/calls";
import { request } from "../api/client";
import { onForget } from "../api/resource";
import type { Fragment, Page } from "../api/types";

/** What is known beyond the newest page. `cursor`: where the next page begins; undefined before the first one, null after the last. */
export interface Older {
  items: Fragment[];
  cursor: string | null | undefined;
  asking: Promise<void> | null;
  error: unknown;
}

const NOTHING: Older = { items: [], cursor: undefined, asking: null, error: undefined };
const known = new Map<string, Older>();
const listeners = new Set<() => void>();

function publish(project: string, now: Older): void {
  known.set(project, now);
  for (const tell of listeners) tell();
}

onForget(() => {
  known.clear();
  for (const tell of listeners) tell();
});

export const olderOf = (project: string): Older => known.get(project) ?? NOTHING;

export function onOlder(tell: () => void): () => void {
  listeners.add(tell);
  return () => listeners.delete(tell);
}

/** Read the page after the last one; `first` is where the newest page says that it goes on. */
export function readOlder(project: string, first: string | null): Promise<void> {
  const before = olderOf(project);
  if (before.asking) return before.asking;
  const cursor = before.cursor === undefined ? first : before.cursor;
  if (cursor === null) return Promise.resolve();
  const asking = request<Page<Fragment>>("GET", paths.fragments(project, cursor)).then(
    (page) => {
      if (olderOf(project).asking === asking) publish(project, { items: [...before.items, ...page.items], cursor: page.nextCursor, asking: null, error: undefined });
    },
    (error: unknown) => {
      if (olderOf(project).asking === asking) publish(project, { ...before, asking: null, error });
    },
  );
  publish(project, { ...before, asking, error: undefined });
  return asking;
}

/**
 * The newest page moves on as versions are added: those it lets go of are kept here, so that no gap opens between the two.
 * `seen` is the page as it was, `now` as it is.
 */
export function keepBetween(project: string, seen: Fragment[], now: Fragment[]): void {
  const before = olderOf(project);
  if (before.cursor === undefined) return;
  const oldest = now.at(-1)?.number ?? 0;
  if (seen.length > 0 && (seen[0]?.number ?? 0) < oldest - 1) return void publish(project, NOTHING); // more came than a page holds
  const there = new Set([...now, ...before.items].map((version) => version.id));
  const left = seen.filter((version) => !there.has(version.id));
  if (left.length > 0) publish(project, { ...before, items: [...left, ...before.items] });
}

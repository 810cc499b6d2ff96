/** The versions of a project, newest first, and small questions about them. */

import { useCallback, useEffect, useMemo, useRef, useSyncExternalStore } from "react";
import { paths } from "../api/calls";
import { request } from "../api/client";
import { useResource } from "../api/resource";
import type { Fragment, Page } from "../api/types";
import { keepBetween, olderOf, onOlder, readOlder } from "./older";

export interface Versions {
  items: Fragment[];
  loaded: boolean;
  error: unknown;
  /** Reads the next page of older ones; null when all are here. */
  more: (() => Promise<void>) | null;
  /** The next page could not be read. */
  stuck: unknown;
}

const NONE: Fragment[] = [];

export function useVersions(project: string): Versions {
  const { data, error } = useResource<Page<Fragment>>(paths.fragments(project));
  const older = useSyncExternalStore(onOlder, () => olderOf(project));
  const newest = data?.items ?? NONE;
  const seen = useRef(newest);
  useEffect(() => {
    if (seen.current !== newest) keepBetween(project, seen.current, newest);
    seen.current = newest;
  }, [project, newest]);

  const first = data?.nextCursor ?? null;
  const cursor = older.cursor === undefined ? first : older.cursor;
  const load = useCallback(() => readOlder(project, first), [project, first]);
  const items = useMemo(() => {
    const known = new Set(newest.map((version) => version.id));
    return [...newest, ...older.items.filter((version) => !known.has(version.id))];
  }, [newest, older.items]);
  return { items, loaded: data !== undefined, error, more: cursor === null ? null : load, stuck: older.error };
}

/** Goes on reading older versions for as long as `wanted` says so. */
export function useReadOn({ items, more, stuck }: Versions, wanted: boolean): boolean {
  const going = wanted && more !== null && stuck === undefined;
  useEffect(() => {
    if (going) void more();
  }, [going, more, items]);
  return going;
}

/** The version that `version` was made from, among those that are here: the next older one on its branch. */
export function before(versions: Fragment[], version: Fragment): Fragment | undefined {
  return versions.find((each) => each.branch === version.branch && (each.number ?? 0) < (version.number ?? 0));
}

/** The same, asked of the server where the history has not been read that far. */
export async function previous(project: string, versions: Fragment[], version: Fragment): Promise<Fragment | undefined> {
  const here = before(versions, version);
  if (here || (version.number ?? 1) <= 1) return here;
  return request<Fragment>("GET", paths.fragment(project, `v${(version.number ?? 1) - 1}`));
}

export function byDay<T extends { createdAt: string }>(versions: T[], dayOf: (iso: string) => string): { day: string; versions: T[] }[] {
  const days: { day: string; versions: T[] }[] = [];
  for (const version of versions) {
    const day = dayOf(version.createdAt);
    const last = days.at(-1);
    if (last?.day === day) last.versions.push(version);
    else days.push({ day, versions: [version] });
  }
  return days;
}

/** Who made it, in the words of a timeline row; of an imported one, where it came from. */
export function author(version: Fragment): string {
  if (version.kind === "agent" || version.kind === "command") return "agent";
  if (version.kind === "template") return "starter app";
  if (version.kind === "import") return "imported";
  return version.authorName;
}

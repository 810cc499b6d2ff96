/** The versions of a project, newest first, and small questions about them. */

import { useCallback, useEffect, useState } from "react";
import { paths } from "../api/calls";
import { request } from "../api/client";
import { useResource } from "../api/resource";
import type { Fragment, Page } from "../api/types";

export interface Versions {
  items: Fragment[];
  loaded: boolean;
  error: unknown;
  more: (() => Promise<void>) | null;
}

export function useVersions(project: string): Versions {
  const { data, error } = useResource<Page<Fragment>>(paths.fragments(project));
  const [older, setOlder] = useState<Page<Fragment> | null>(null);
  useEffect(() => setOlder(null), [project]);
  const cursor = older ? older.nextCursor : (data?.nextCursor ?? null);

  const load = useCallback(async () => {
    if (cursor === null) return;
    const page = await request<Page<Fragment>>("GET", paths.fragments(project, cursor));
    setOlder((known) => ({ items: [...(known?.items ?? []), ...page.items], nextCursor: page.nextCursor }));
  }, [project, cursor]);

  const newest = data?.items ?? [];
  const known = new Set(newest.map((version) => version.id));
  return {
    items: [...newest, ...(older?.items ?? []).filter((version) => !known.has(version.id))],
    loaded: data !== undefined,
    error,
    more: cursor === null ? null : load,
  };
}

/** The version that `version` was made from: the next older one on its branch. */
export function before(versions: Fragment[], version: Fragment): Fragment | undefined {
  return versions.find((each) => each.branch === version.branch && (each.number ?? 0) < (version.number ?? 0));
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

/** Who made it, in the words of a timeline row. */
export function author(version: Fragment): string {
  if (version.kind === "agent" || version.kind === "command") return "agent";
  if (version.kind === "template") return "starter app";
  return version.authorName;
}

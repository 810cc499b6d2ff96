import { useCallback, useState } from "react";
import { read, write } from "../components/theme";

const parse = (kept: string): string[] => {
  try {
    const value: unknown = JSON.parse(kept);
    return Array.isArray(value) ? value.filter((each) => typeof each === "string") : [];
  } catch {
    return [];
  }
};

export interface Queue {
  items: string[];
  add: (text: string) => void;
  take: (at: number) => string | undefined;
}

/** Messages typed while a run works. They wait in this browser and survive a reload. */
export function useQueue(project: string): Queue {
  const key = `keelway-queue-${project}`;
  const [items, setItems] = useState(() => parse(read(key, "[]")));
  const change = useCallback(
    (next: string[]) => {
      write(key, next.length ? JSON.stringify(next) : null);
      setItems(next);
    },
    [key],
  );
  const add = useCallback((text: string) => change([...items, text]), [change, items]);
  const take = useCallback(
    (at: number) => {
      const taken = items.at(at);
      change(items.filter((_, index) => index !== (at < 0 ? items.length + at : at)));
      return taken;
    },
    [change, items],
  );
  return { items, add, take };
}

/** Text in the making, kept per project. */
export function useDraft(project: string): [string, (text: string) => void] {
  const key = `keelway-draft-${project}`;
  const [text, setText] = useState(() => read(key, ""));
  const change = useCallback(
    (next: string) => {
      write(key, next);
      setText(next);
    },
    [key],
  );
  return [text, change];
}

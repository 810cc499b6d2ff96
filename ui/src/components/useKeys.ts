import { useEffect, useRef } from "react";
import { read } from "./theme";

/** Keyed by `event.key`, with `Ctrl+` before it where Control or Command is held. */
export type Keys = Record<string, (event: KeyboardEvent) => void>;

export const SINGLE_KEYS = "keelway-single-keys";

const isField = (target: EventTarget | null) =>
  target instanceof HTMLElement && (target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName));

/** Which handler a key press means here: single letters never fire in a field, a dialog, or when turned off. */
export function keyName(event: KeyboardEvent): string | null {
  if (event.altKey || event.defaultPrevented) return null;
  const control = event.ctrlKey || event.metaKey;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (control) return `Ctrl+${key}`;
  if (key.length > 1) return key;
  if (isField(event.target) || document.querySelector("dialog[open]")) return null;
  return read(SINGLE_KEYS, "on") === "off" ? null : key;
}

export function useKeys(keys: Keys): void {
  const current = useRef(keys);
  useEffect(() => {
    current.current = keys;
  });
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const name = keyName(event);
      const run = name === null ? undefined : current.current[name];
      if (!run) return;
      if (name !== "Escape") event.preventDefault();
      run(event);
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
}

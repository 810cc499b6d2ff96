/** The one way the app inside the frame may speak to the page (TRUST.md B3): four short notes, text only, never a command. */

export interface Note {
  type: "loaded" | "blank" | "error" | "navigated";
  path: string;
  message: string | null;
}

const TYPES = ["loaded", "blank", "error", "navigated"];
const MOST = 16 * 1024;

const isPath = (value: unknown): value is string => typeof value === "string" && value.startsWith("/") && !value.startsWith("//") && value.length <= 2048;

export function readNote(data: unknown): Note | null {
  if (typeof data !== "object" || data === null) return null;
  const { source, type, path, message } = data as Record<string, unknown>;
  if (source !== "keelway-preview" || typeof type !== "string" || !TYPES.includes(type) || !isPath(path)) return null;
  if (message !== undefined && message !== null && typeof message !== "string") return null;
  if ((message?.length ?? 0) > MOST) return null;
  return { type: type as Note["type"], path, message: message ?? null };
}

/** At most so many notes a second; the rest are dropped unread. */
export function throttle(most: number, now: () => number = () => performance.now()): () => boolean {
  let [since, taken] = [now(), 0];
  return () => {
    if (now() - since >= 1000) [since, taken] = [now(), 0];
    taken += 1;
    return taken <= most;
  };
}

/** What a person may type into the address field: a path in this app, whatever else they wrote. */
export function toPath(typed: string, origin: string): string {
  const text = typed.trim();
  try {
    const url = new URL(text === "" ? "/" : text, `${origin}/`);
    return url.origin === origin ? url.pathname + url.search + url.hash : "/";
  } catch {
    return "/";
  }
}

export type Theme = "system" | "light" | "dark";
export const THEMES: { id: Theme; name: string }[] = [
  { id: "system", name: "As the system" },
  { id: "light", name: "Light" },
  { id: "dark", name: "Dark" },
];

/** `public/theme.js` reads the same key before first paint. */
const KEY = "keelway-theme";

export function readTheme(): Theme {
  const kept = read(KEY, "system");
  return kept === "light" || kept === "dark" ? kept : "system";
}

export function setTheme(theme: Theme): void {
  const root = document.documentElement;
  if (theme === "system") {
    delete root.dataset.theme;
    write(KEY, null);
  } else {
    root.dataset.theme = theme;
    write(KEY, theme);
  }
}

/** Browser storage that may be missing or full: then nothing is remembered, and nothing breaks. */
export function read(key: string, fallback: string): string {
  try {
    return localStorage.getItem(key) ?? fallback;
  } catch {
    return fallback;
  }
}

export function write(key: string, value: string | null): void {
  try {
    if (value === null || value === "") localStorage.removeItem(key);
    else localStorage.setItem(key, value);
  } catch {
    // Private windows and full disks forget; that is all.
  }
}

/** Times in words. Every function takes `now`, so that tests need no clock. */

const clockFormat = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const dateFormat = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "long" });
const weekdayFormat = new Intl.DateTimeFormat("en-GB", { weekday: "long" });
const fullFormat = new Intl.DateTimeFormat("en-GB", { dateStyle: "full", timeStyle: "medium" });

const startOfDay = (date: Date) => new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
const daysBetween = (date: Date, now: Date) => Math.round((startOfDay(now) - startOfDay(date)) / 86_400_000);

export const clock = (iso: string): string => clockFormat.format(new Date(iso));
export const absolute = (iso: string): string => fullFormat.format(new Date(iso));

/** Today, Yesterday, Friday, 12 November. */
export function day(iso: string, now: Date = new Date()): string {
  const date = new Date(iso);
  const days = daysBetween(date, now);
  if (days <= 0) return "Today";
  if (days === 1) return "Yesterday";
  if (days < 7) return weekdayFormat.format(date);
  return date.getFullYear() === now.getFullYear() ? dateFormat.format(date) : `${dateFormat.format(date)} ${date.getFullYear()}`;
}

/** For the middle of a sentence: “today 09:41”, “12 November”. */
export function when(iso: string, now: Date = new Date()): string {
  const days = daysBetween(new Date(iso), now);
  if (days <= 0) return `today ${clock(iso)}`;
  if (days === 1) return `yesterday ${clock(iso)}`;
  return day(iso, now);
}

/** Beside a message: the clock today, and the day with it before that. */
export function stamp(iso: string, now: Date = new Date()): string {
  return daysBetween(new Date(iso), now) <= 0 ? clock(iso) : daysBetween(new Date(iso), now) === 1 ? when(iso, now) : `${day(iso, now)}, ${clock(iso)}`;
}

/** 48 s, 1 min 12 s, 2 h 5 min. */
export function duration(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return seconds % 60 ? `${minutes} min ${seconds % 60} s` : `${minutes} min`;
  return minutes % 60 ? `${Math.floor(minutes / 60)} h ${minutes % 60} min` : `${Math.floor(minutes / 60)} h`;
}

/** 1 file, 2 files; 1,204 lines. */
export function count(n: number, one: string, many = `${one}s`): string {
  return `${n.toLocaleString("en-GB")} ${n === 1 ? one : many}`;
}

/** 12 kB; sizes are decimal, as on a file manager's face. */
export function size(bytes: number): string {
  if (bytes < 1000) return count(bytes, "byte");
  if (bytes < 1_000_000) return `${Math.round(bytes / 1000)} kB`;
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}

import { expect, test } from "vitest";
import { count, day, duration, size, stamp, when } from "./time";

const now = new Date(2026, 10, 24, 11, 0);
const iso = (...parts: [number, number, number, number, number]) => new Date(...parts).toISOString();

test("days in words", () => {
  expect(day(iso(2026, 10, 24, 0, 5), now)).toBe("Today");
  expect(day(iso(2026, 10, 23, 23, 59), now)).toBe("Yesterday");
  expect(day(iso(2026, 10, 20, 12, 0), now)).toBe("Friday");
  expect(day(iso(2026, 10, 12, 12, 0), now)).toBe("12 November");
  expect(day(iso(2025, 10, 12, 12, 0), now)).toBe("12 November 2025");
});

test("times in the middle of a sentence", () => {
  expect(when(iso(2026, 10, 24, 9, 41), now)).toBe("today 09:41");
  expect(when(iso(2026, 10, 23, 18, 4), now)).toBe("yesterday 18:04");
});

test("messages of years ago carry their day", () => {
  expect(stamp(iso(2026, 10, 24, 9, 41), now)).toBe("09:41");
  expect(stamp(iso(2026, 10, 23, 18, 4), now)).toBe("yesterday 18:04");
  expect(stamp(iso(2026, 10, 20, 8, 0), now)).toBe("Friday, 08:00");
  expect(stamp(iso(2024, 7, 24, 9, 12), now)).toBe("24 August 2024, 09:12");
});

test("durations, counts and sizes", () => {
  expect([0, 48_000, 72_000, 120_000, 7_500_000].map(duration)).toEqual(["0 s", "48 s", "1 min 12 s", "2 min", "2 h 5 min"]);
  expect([count(1, "file"), count(2, "file"), count(1204, "line")]).toEqual(["1 file", "2 files", "1,204 lines"]);
  expect([size(999), size(12_000), size(5_200_000)]).toEqual(["999 bytes", "12 kB", "5.2 MB"]);
});

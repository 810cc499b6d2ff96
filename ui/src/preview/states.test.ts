import { expect, test } from "vitest";
import { ACTS, chainOf, isBad, isMoving, offered, STATES, type Context } from "./states";

const context: Context = { name: "Daymark", version: 15, port: 5173, restoring: null, restored: null, message: null };
const states = Object.keys(STATES) as (keyof typeof STATES)[];

test.each(states)("%s says what is, shows one link of the chain and offers an action", (name) => {
  const state = STATES[name];
  expect(state.title(context)).not.toBe("");
  expect(chainOf(state).filter((look) => look !== "fine" && look !== "waiting").length).toBeLessThanOrEqual(1);
  expect(state.action && ACTS[state.action](context)).toBeTruthy();
});

test("every broken state says what is safe", () => {
  for (const name of states) if (isBad(name)) expect(STATES[name].safe?.(context), name).toBeTruthy();
});

test("words of the table", () => {
  expect(STATES["port-silent"].title(context)).toBe("Nothing answers on port 5173");
  expect(STATES.rebuilding.title(context)).toBe("Rebuilding from v15");
  expect(STATES.asleep.safe?.(context)).toBe("All 15 versions are kept.");
  expect(STATES.restored.title({ ...context, restored: 9 })).toBe("v9 is restored, but does not run");
  expect(STATES.building.words?.({ ...context, message: "Vite needs a moment." })).toBe("Vite needs a moment.");
});

test("what moves is asked for soon", () => {
  expect([undefined, "creating", "restoring", "ready", "asleep"].map((state) => isMoving(state as never))).toEqual([true, true, true, false, false]);
});

test("who may only look is offered only to look", () => {
  expect(["log", "show", "copy"].map((act) => offered(act as "log", false))).toEqual(["log", "show", "copy"]);
  expect(["fix", "restart", "wake", "again", "write", "back", "install"].map((act) => offered(act as "fix", false)).every((act) => act === null)).toBe(true);
  expect(offered("wake", true)).toBe("wake");
  expect(offered(undefined, true)).toBeNull();
});

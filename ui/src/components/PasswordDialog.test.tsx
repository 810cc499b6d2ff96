// @vitest-environment jsdom
import { act, cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Me } from "../api/types";
import { cameByLink, forgetLink, isFromLink } from "./linkLogin";
import { PasswordDialog } from "./PasswordDialog";
import { SaysProvider } from "./Toast";

const sent: unknown[] = [];
let answer: () => Response = () => new Response(null, { status: 204 });
const me = (hasPassword: boolean) => ({ user: { id: "u", name: "Ada", email: "ada@example.org", role: "member", hasPassword } }) as unknown as Me;

beforeEach(() => {
  sent.length = 0;
  forgetLink();
  // jsdom knows no modal dialogs; it draws nothing, so open is all there is.
  Object.assign(HTMLDialogElement.prototype, {
    showModal(this: HTMLDialogElement) { this.open = true; },
    close(this: HTMLDialogElement) { this.open = false; },
  });
  vi.stubGlobal("fetch", (_input: unknown, init: RequestInit) => {
    if (init.method === "PUT") sent.push(JSON.parse(init.body as string));
    return Promise.resolve(init.method === "PUT" ? answer() : Response.json({}));
  });
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

function open(hasPassword: boolean): () => void {
  const closed = vi.fn<() => void>();
  render(<SaysProvider><PasswordDialog me={me(hasPassword)} onClose={closed} /></SaysProvider>);
  return closed;
}
const fill = (label: string, value: string) => fireEvent.change(screen.getByLabelText(label), { target: { value } });
async function submit(): Promise<void> {
  fireEvent.submit(screen.getByLabelText("New password"));
  await act(() => new Promise((resolve) => setTimeout(resolve, 0)));
}

test("a first password needs no other", async () => {
  answer = () => new Response(null, { status: 204 });
  const closed = open(false);
  expect(screen.queryByLabelText("Current password")).toBeNull();
  fill("New password", "ferns drink on fridays");
  await submit();
  expect(sent).toEqual([{ current: null, password: "ferns drink on fridays" }]);
  expect(closed).toHaveBeenCalledOnce();
  expect(screen.getByTestId("toast").textContent).toBe("Password set. Other browsers were logged out.");
});

test("a known password is asked for, and what is wrong stands in the dialog", async () => {
  open(true);
  fill("Current password", "not this one");
  fill("New password", "ferns drink on fridays");
  answer = () => Response.json({ code: "WrongPassword" }, { status: 401 });
  await submit();
  expect(screen.getAllByRole("alert")[0]?.textContent).toBe("That is not your current password.");
  answer = () => Response.json({ code: "WeakPassword", detail: "Use 8 to 256 characters." }, { status: 422 });
  await submit();
  expect(screen.getAllByRole("alert")[0]?.textContent).toBe("Use 8 to 256 characters.");
  expect(screen.getByLabelText("New password").getAttribute("aria-invalid")).toBe("true");
});

test("who came by a login address a moment ago is not asked, until the server says otherwise", async () => {
  cameByLink();
  open(true);
  expect(screen.queryByLabelText("Current password")).toBeNull();
  fill("New password", "ferns drink on fridays");
  answer = () => Response.json({ code: "WrongPassword" }, { status: 401 });
  await submit();
  expect(sent).toEqual([{ current: null, password: "ferns drink on fridays" }]);
  expect(screen.getByLabelText("Current password")).toBeTruthy();
  expect(screen.getAllByRole("alert")[0]?.textContent).toBe("Write your current password, too.");
});

test("a login address is a moment ago for nine minutes", () => {
  cameByLink();
  expect([isFromLink(Date.now() + 8 * 60_000), isFromLink(Date.now() + 10 * 60_000)]).toEqual([true, false]);
  forgetLink();
  expect(isFromLink()).toBe(false);
});

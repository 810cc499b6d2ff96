// @vitest-environment jsdom
import { cleanup, render, screen } from "@testing-library/react";
import { afterEach, expect, test } from "vitest";
import { me, project } from "../../dev/fixtures";
import { SaysProvider } from "../components/Toast";
import { TopBar } from "./TopBar";

afterEach(cleanup);

function offered(canEdit: boolean, canDelete: boolean): (string | null)[] {
  const nothing = () => undefined;
  const shown = { ...project("daymark", "Daymark", 1), canEdit, canDelete };
  render(<SaysProvider><TopBar project={shown} me={me(false)} tab="preview" historyOpen={false} onHistory={nothing} onRename={nothing} onDelete={nothing} /></SaysProvider>);
  const [menu] = screen.getAllByRole("menu", { hidden: true });
  return [...(menu?.querySelectorAll("[role=menuitem]") ?? [])].map((item) => item.textContent);
}

test("only what the one who looks may do is offered", () => {
  expect(offered(true, true)).toEqual(["All projects", "Rename…", "Delete…"]);
  cleanup();
  expect(offered(true, false)).toEqual(["All projects", "Rename…"]);
  cleanup();
  expect(offered(false, false)).toEqual(["All projects"]);
});

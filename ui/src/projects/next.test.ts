import { expect, test } from "vitest";
import { loginAddress, nextAddress } from "./next";

test.each([
  "/",
  "/p/5b0f2b6e-3c1d",
  "/p/5b0f2b6e-3c1d?panel=history",
  "/p/one/logs",
  "/p/one/v/12/changes",
  "/p/one/v/12/changes?panel=history&file=src%2FApp.tsx",
  "/p/one/v/12/files",
  "/p/one/v/12/files/src/a%20b/%C3%A9.tsx",
  "/p/a%20b",
])("%s is come back to", (address) => {
  const [path = "", search = ""] = address.split("?");
  const login = loginAddress(path, search);
  expect(login.startsWith("/login")).toBe(true);
  expect(nextAddress(login.slice("/login".length))).toBe(address);
});

test.each([
  "?next=//evil.example",
  "?next=https://evil.example",
  "?next=/%5Cevil.example",
  "?next=project",
  "?next=project&project=..",
  "?next=changes&project=one&version=1/../../..",
  "?next=javascript:alert(1)&project=one",
  "?next=files&project=one&version=",
  "",
])("%s leads home", (search) => {
  expect(nextAddress(search)).toBe("/");
});

test.each<[string, string]>([
  ["?next=project&project=//evil.example", "/p/%2F%2Fevil.example"],
  ["?next=logs&project=%5C%5Cevil", "/p/%5C%5Cevil/logs"],
  ["?next=files&project=one&version=1&file=../../../login", "/p/one/v/1/files/login"],
  ["?next=changes&project=one&version=1&file=%0d%0aevil", "/p/one/v/1/changes?file=%0D%0Aevil"],
])("%s stays among our own addresses", (search, address) => {
  expect(nextAddress(search)).toBe(address);
});

test("an address that is not ours needs no way back", () => {
  expect(loginAddress("/somewhere/else")).toBe("/login");
});

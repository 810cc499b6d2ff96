/** Where somebody wanted to go before they had to log in.

The address of the login page holds the name of a place and what belongs to it, never an address: whatever stands
there, the way back leads to a page of ours or home (TRUST.md T13).
*/

const VERSION = /^\/p\/(?<project>[^/]+)(?:\/(?<logs>logs)|\/v\/(?<version>\d{1,9})\/(?<what>changes|files)(?:\/(?<file>.+))?)?\/?$/;

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};
const escaped = (path: string): string =>
  path.split("/").filter((segment) => !["", ".", ".."].includes(segment)).map(encodeURIComponent).join("/");

/** `/login?next=changes&project=…&version=9`; `/login` for home, which is where one arrives anyway. */
export function loginAddress(path: string, search = ""): string {
  const { project, logs, version, what, file } = VERSION.exec(path)?.groups ?? {};
  if (!project) return "/login";
  const asked = new URLSearchParams(search);
  const next = new URLSearchParams({ next: logs ?? what ?? "project", project: decoded(project) });
  if (version) next.set("version", version);
  const shown = file ? decoded(file) : asked.get("file");
  if (shown) next.set("file", shown);
  if (asked.get("panel") === "history") next.set("panel", "history");
  return `/login?${next.toString()}`;
}

/** The address that `loginAddress` was made from, as far as it names a place of ours; else home. */
export function nextAddress(search: string): string {
  const asked = new URLSearchParams(search);
  const [next, project, version, file] = ["next", "project", "version", "file"].map((name) => asked.get(name) ?? "");
  if (!next || !project || project === "." || project === "..") return "/";
  const at = `/p/${encodeURIComponent(project)}`;
  const query = new URLSearchParams(asked.get("panel") === "history" ? { panel: "history" } : {});
  const whole = (address: string) => (query.size ? `${address}?${query.toString()}` : address);
  if (next === "project") return whole(at);
  if (next === "logs") return whole(`${at}/logs`);
  if (!/^\d{1,9}$/.test(version ?? "")) return "/";
  if (next === "files") return whole(file && escaped(file) ? `${at}/v/${version}/files/${escaped(file)}` : `${at}/v/${version}/files`);
  if (next !== "changes") return "/";
  if (file) query.set("file", file);
  return whole(`${at}/v/${version}/changes`);
}

/** An open history stays open from one address of the project to the next. */
export function withPanel(href: string, search: string): string {
  if (new URLSearchParams(search).get("panel") !== "history") return href;
  return `${href}${href.includes("?") ? "&" : "?"}panel=history`;
}

/** Names of files are theirs to choose: `#`, `?` and `%` stay parts of the name. */
export const fileAddress = (project: string, number: number | null, path: string): string =>
  `/p/${project}/v/${number}/files/${path.split("/").map(encodeURIComponent).join("/")}`;

/** An open history stays open from one address of the project to the next. */
export function withPanel(href: string, search: string): string {
  if (new URLSearchParams(search).get("panel") !== "history") return href;
  return `${href}${href.includes("?") ? "&" : "?"}panel=history`;
}

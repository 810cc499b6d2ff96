/** The table of UI.md section 4: which link of the chain is meant, the words, and one action. */

import type { PreviewState } from "../api/types";

export const LINKS = ["Versions", "Machine", "Files", "Server", "Page"] as const;
export type LinkName = (typeof LINKS)[number];
export type LinkLook = "fine" | "now" | "broken" | "unknown" | "waiting" | "asleep";

export type Act = "log" | "fix" | "restart" | "wake" | "again" | "show" | "copy" | "write" | "back" | "install";

export interface Context {
  name: string;
  /** The newest version's number, if there is one. */
  version: number | null;
  port: number;
  restoring: number | null;
  /** What the newest version was restored from, if it was. */
  restored: number | null;
  /** A sentence of the server's that says more than the table can. */
  message: string | null;
}

export interface State {
  link: LinkName;
  look: LinkLook;
  title: (c: Context) => string;
  words?: (c: Context) => string;
  steps?: (c: Context) => string[];
  /** Which of the steps is being done. */
  step?: number;
  action: Act | null;
  quiet?: Act;
  safe?: (c: Context) => string;
}

const v = (c: Context) => (c.version === null ? "the newest version" : `v${c.version}`);
const saved = (c: Context) => (c.version === null ? "What was built is saved." : `v${c.version} is saved.`);
const kept = (c: Context) => (c.version === null || c.version < 2 ? "Your versions are kept." : `All ${c.version} versions are kept.`);
const said = (words: string) => (c: Context) => c.message ?? words;

/** `making` is the page's own: a run works, and what it has so far draws nothing. */
export type CardState = Exclude<PreviewState, "ready"> | "making";

export const STATES: Record<CardState, State> = {
  making: {
    link: "Page", look: "now", title: (c) => `v${(c.version ?? 0) + 1} in the making`, words: () => "There is nothing to see yet. The page opens by itself.", action: "log",
  },
  creating: {
    link: "Machine", look: "now", title: (c) => `Creating ${c.name}`, action: "log", step: 1,
    steps: () => ["Copied the starter app", "Starting a sandbox", "Install packages", "Start the dev server"],
  },
  waking: { link: "Machine", look: "now", title: () => "Waking up", words: said("This takes about a second."), action: "log" },
  installing: { link: "Files", look: "now", title: () => "Installing packages", words: said("The page opens when this is done."), action: "log" },
  building: { link: "Server", look: "now", title: () => "Starting the dev server", words: said("Vite is getting ready. The page opens by itself."), action: "log" },
  "app-crashed": {
    link: "Server", look: "broken", title: () => "The app stopped", words: said("The dev server ended."), action: "fix", quiet: "restart", safe: saved,
  },
  "port-silent": {
    link: "Server", look: "broken", title: (c) => `Nothing answers on port ${c.port}`,
    words: said("The dev server runs, but no page comes back. It may be listening on another port."), action: "restart", quiet: "log", safe: saved,
  },
  "blank-page": {
    link: "Page", look: "broken", title: () => "The page is blank", words: () => "It loaded, but nothing was drawn. The browser says:", action: "fix", quiet: "show", safe: saved,
  },
  asleep: {
    link: "Machine", look: "asleep", title: () => "Asleep", words: (c) => c.message ?? `Nobody used ${c.name} for 15 minutes, so its machine stopped.`, action: "wake", safe: kept,
  },
  rebuilding: {
    link: "Machine", look: "now", title: (c) => `Rebuilding from ${v(c)}`, words: () => "The sandbox is gone. Your versions are kept outside it, so nothing is lost.",
    steps: () => ["Starting a new sandbox", "Put back the files", "Install packages", "Start the dev server"], step: 0, action: "log",
  },
  "provider-unreachable": {
    link: "Machine", look: "unknown", title: () => "Daytona does not answer", words: said("Your sandbox may be fine, so it is left alone."), action: "again",
    safe: (c) => (c.version === null ? "Your versions can be read." : `All ${c.version} versions can be read and downloaded.`),
  },
  quota: { link: "Machine", look: "broken", title: () => "No free sandbox", words: said("Put another project to sleep and this one starts."), action: "again", safe: kept },
  restoring: {
    link: "Files", look: "now", title: (c) => (c.restoring === null ? "Restoring" : `Restoring v${c.restoring}`), action: "log", step: 1,
    steps: (c) => ["Saved your open edits", c.restoring === null ? "Writing the new version" : `Writing a new version from v${c.restoring}`, "Change the files", "Open the page"],
  },
  restored: {
    link: "Server", look: "broken", title: (c) => `${c.restored === null ? v(c) : `v${c.restored}`} is restored, but does not run`, words: said("Its server ends with an error. It may never have worked."),
    action: "back", quiet: "fix", safe: () => "Nothing is lost either way.",
  },
  "restore-failed": {
    link: "Files", look: "broken", title: (c) => `${v(c)} is kept, but not running yet`,
    words: said("Two files still differed after a second try. The sandbox is being rebuilt."), action: "again", quiet: "back", safe: kept,
  },
  "files-only": {
    link: "Machine", look: "broken", title: () => "Files only", words: said("No machine could be started. You can read, edit and download; the app can’t run."),
    action: "again", quiet: "log", safe: () => "Edits become versions as always.",
  },
  minimal: { link: "Files", look: "broken", title: () => "Running without packages", words: said("The machine runs, but npm install failed."), action: "install", quiet: "log", safe: saved },
  empty: { link: "Versions", look: "waiting", title: () => "Nothing here yet", words: () => "Say what you want to build. The first version appears here.", action: "write" },
  error: { link: "Files", look: "unknown", title: () => "That did not work", words: said("The server met an error it did not expect."), action: "again", quiet: "copy", safe: kept },
};

export const ACTS: Record<Act, (c: Context) => string> = {
  log: () => "Show log",
  fix: () => "Fix it",
  restart: () => "Restart server",
  wake: () => "Wake",
  again: () => "Try again",
  show: () => "Show it anyway",
  copy: () => "Copy details",
  write: () => "Write the first message",
  back: (c) => (c.version === null || c.version < 2 ? "Go back" : `Go back to v${c.version - 1}`),
  install: () => "Install again",
};

/** What changes the project or its machine; the others only look. */
const CHANGING: Act[] = ["fix", "restart", "wake", "again", "write", "back", "install"];

/** What a card offers to somebody: null where they may not. */
export const offered = (act: Act | null | undefined, canEdit: boolean): Act | null => (act && (canEdit || !CHANGING.includes(act)) ? act : null);

/** How each link is drawn: fine up to the one that is meant, waiting after it. */
export function chainOf(state: State): LinkLook[] {
  const at = LINKS.indexOf(state.link);
  return LINKS.map((_, index) => (index < at ? "fine" : index === at ? state.look : "waiting"));
}

/** States in which something is being done and the next answer is worth asking for soon. */
export const isMoving = (state: PreviewState | undefined): boolean =>
  state === undefined || ["creating", "waking", "installing", "building", "rebuilding", "restoring", "restore-failed"].includes(state);

export const isBad = (state: PreviewState | CardState): boolean => state !== "ready" && ["broken", "unknown"].includes(STATES[state].look);

import { useLocation } from "wouter";
import type { Project } from "../api/types";
import { useKeys } from "../components/useKeys";
import { useVersionActions } from "../history/useVersionActions";
import { useVersions } from "../history/versions";
import { withPanel } from "../history/panel";
import type { Place } from "./ProjectPage";

interface Wishes {
  project: Project;
  place: Place;
  onHistory: () => void;
  onFold: () => void;
  onKeys: () => void;
  onCompose: () => void;
}

const REGIONS = ".topbar, .chat, .keel-rail, .work:not([hidden]), .history";

/** The next part of the page takes the focus, as F6 does in every browser. */
function nextRegion(): void {
  const regions = [...document.querySelectorAll<HTMLElement>(REGIONS)].filter((region) => region.offsetParent !== null);
  const at = regions.findIndex((region) => region.contains(document.activeElement));
  const next = regions[(at + 1) % regions.length];
  next?.querySelector<HTMLElement>("textarea, input, a[href], button:not([disabled]), [tabindex='0']")?.focus();
}

export function useProjectKeys({ project, place, onHistory, onFold, onKeys, onCompose }: Wishes): void {
  const [, go] = useLocation();
  const navigate = (href: string) => go(withPanel(href, location.search));
  const { items } = useVersions(project.id);
  const { askRestore } = useVersionActions();
  const at = `/p/${project.id}`;
  const number = place.number ?? project.activeVersion;
  const version = (what: "changes" | "files", wanted: number | null) => wanted !== null && navigate(`${at}/v/${wanted}/${what}`);
  const step = (by: 1 | -1) => {
    const index = items.findIndex((each) => each.number === number);
    const next = items[index + by];
    if (next) version(place.tab === "code" ? "files" : "changes", next.number);
  };
  /** The version in the address, or the row of the history that has the focus. */
  const pointed = () => {
    const row = document.activeElement?.closest<HTMLElement>("[data-version]")?.dataset.version;
    return items.find((each) => each.number === (row ? Number(row) : place.number));
  };

  useKeys({
    "/": onCompose,
    "?": onKeys,
    p: () => navigate(at),
    e: () => version("files", number),
    d: () => version("changes", number),
    l: () => navigate(`${at}/logs`),
    h: onHistory,
    "[": () => step(1),
    "]": () => step(-1),
    r: () => {
      const wanted = pointed();
      if (wanted && wanted.id !== items[0]?.id) askRestore(wanted);
    },
    "Ctrl+b": onFold,
    F6: nextRegion,
  });
}

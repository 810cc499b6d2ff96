import { MessageSquare } from "lucide-react";
import type { ReactNode } from "react";
import { Link, useSearch } from "wouter";
import { IconButton } from "../components/Button";
import { Icon } from "../components/Icon";
import { Node } from "../components/Mark";
import { withPanel } from "./panel";
import { useVersions } from "./versions";

const MOST = 16;
const STEP = 44;

/** The conversation folded to its line: the newest versions, each a way to its changes. */
export function KeelRail({ project, chosen, onOpen }: { project: string; chosen: number | null; onOpen: () => void }): ReactNode {
  const { items } = useVersions(project);
  const search = useSearch();
  // The newest ones, or the neighbours of an old one that is looked at.
  const index = items.findIndex((version) => version.number === chosen);
  const first = index < MOST ? 0 : Math.min(index - MOST / 2, items.length - MOST);
  return (
    <nav className="keel-rail" aria-label="Versions">
      <IconButton label="Show the conversation (Ctrl B)" onClick={onOpen}><Icon of={MessageSquare} /></IconButton>
      <div className="spine">
        {items.slice(first, first + MOST).map((version, at) => (
          <Link
            key={version.id}
            href={withPanel(`/p/${project}/v/${version.number}/changes`, search)}
            className={`stop ${version.number === chosen ? "sel" : ""}`}
            style={{ top: at * STEP }}
            aria-label={`Version ${version.number}: ${version.title}`}
            aria-current={version.number === chosen ? "page" : undefined}
            title={version.title}
          >
            <Node kind={version.kind} top={8} />
            <span className="lab" aria-hidden="true">{version.number}</span>
          </Link>
        ))}
      </div>
    </nav>
  );
}

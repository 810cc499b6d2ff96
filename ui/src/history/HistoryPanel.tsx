import { Search, X } from "lucide-react";
import type { ReactNode } from "react";
import { useSearchParams } from "wouter";
import { sentence } from "../api/sentences";
import type { Project } from "../api/types";
import { Button, IconButton } from "../components/Button";
import { Spinner } from "../components/Small";
import { Icon } from "../components/Icon";
import { Timeline } from "./Timeline";
import { useReadOn, useVersions } from "./versions";

export function HistoryPanel({ project, chosen, onClose }: { project: Project; chosen: number | null; onClose: () => void }): ReactNode {
  const versions = useVersions(project.id);
  const [search, setSearch] = useSearchParams();
  const query = search.get("q") ?? "";
  const look = (text: string) =>
    setSearch((now) => {
      if (text) now.set("q", text);
      else now.delete("q");
      return now;
    }, { replace: true });

  const wanted = query.trim().toLowerCase();
  // What is searched is the whole history, not the part that happens to be on the page.
  const reading = useReadOn(versions, wanted !== "");
  const items = wanted ? versions.items.filter((version) => `v${version.number} ${version.title} ${version.message ?? ""} ${version.authorName}`.toLowerCase().includes(wanted)) : versions.items;
  return (
    <aside className="history" aria-label="History">
      <header><h2>History</h2><span className="grow" /><IconButton label="Close history" onClick={onClose}><Icon of={X} /></IconButton></header>
      <div className="find">
        <label className="field grow">
          <Icon of={Search} small />
          <input value={query} onChange={(event) => look(event.target.value)} placeholder="Titles and notes" aria-label="Search history" />
        </label>
      </div>
      {versions.error !== undefined && !versions.loaded ? (
        <p className="nothing">{sentence(versions.error)}</p>
      ) : versions.loaded && versions.items.length === 0 ? (
        <p className="nothing">Versions appear here as the app changes.</p>
      ) : wanted && items.length === 0 && reading ? (
        <p className="nothing"><Spinner /> Looking through older versions</p>
      ) : wanted && items.length === 0 ? (
        <p className="nothing">No version says “{query}”. <Button size="sm" onClick={() => look("")}>Clear</Button></p>
      ) : (
        <Timeline project={project.id} versions={versions} items={items} active={project.activeVersion} chosen={chosen} />
      )}
    </aside>
  );
}

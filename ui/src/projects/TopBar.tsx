import { ChevronDown, Code, Eye, GitBranch, GitCompareArrows, History, LayoutGrid, Pencil, SquareTerminal, Trash2, type LucideIcon } from "lucide-react";
import type { ReactNode } from "react";
import { Link, useLocation } from "wouter";
import type { Me, Project } from "../api/types";
import { Button } from "../components/Button";
import { Icon } from "../components/Icon";
import { Mark } from "../components/Mark";
import { Menu, MenuItem } from "../components/Menu";
import { PersonMenu } from "../components/PersonMenu";
import { withPanel } from "../history/panel";

export type Tab = "preview" | "code" | "changes" | "logs";

export function tabsOf(project: Project): { id: Tab; name: string; icon: LucideIcon; href: string }[] {
  const at = `/p/${project.id}`;
  const version = project.activeVersion;
  const tabs: { id: Tab; name: string; icon: LucideIcon; href: string }[] = [{ id: "preview", name: "Preview", icon: Eye, href: at }];
  if (version !== null) {
    tabs.push({ id: "code", name: "Code", icon: Code, href: `${at}/v/${version}/files` });
    tabs.push({ id: "changes", name: "Changes", icon: GitCompareArrows, href: `${at}/v/${version}/changes` });
  }
  return [...tabs, { id: "logs", name: "Logs", icon: SquareTerminal, href: `${at}/logs` }];
}

interface Props {
  project: Project;
  me: Me;
  tab: Tab;
  historyOpen: boolean;
  onHistory: () => void;
  onRename: () => void;
  onDelete: () => void;
}

export function TopBar({ project, me, tab, historyOpen, onHistory, onRename, onDelete }: Props): ReactNode {
  const [, navigate] = useLocation();
  return (
    <header className="topbar">
      <div className="who">
        <Link className="home" href="/" aria-label="Keelway, all projects"><Mark /></Link>
        <Menu label={`Project ${project.name}`} buttonClass="name" button={<><span className="cut">{project.name}</span><Icon of={ChevronDown} small /></>}>
          <MenuItem icon={<Icon of={LayoutGrid} />} onSelect={() => navigate("/")}>All projects</MenuItem>
          {project.canEdit && <MenuItem icon={<Icon of={Pencil} />} onSelect={onRename}>Rename…</MenuItem>}
          {project.canDelete && (
            <>
              <hr />
              <MenuItem icon={<Icon of={Trash2} />} danger onSelect={onDelete}>Delete…</MenuItem>
            </>
          )}
        </Menu>
        <span className="chip outline hide-sm" title="Branch"><Icon of={GitBranch} small />{project.currentBranch}</span>
      </div>
      <nav className="tabs" aria-label="Work pane">
        {tabsOf(project).map(({ id, name, icon, href }) => (
          <Link key={id} href={withPanel(href, historyOpen ? "panel=history" : "")} aria-current={id === tab ? "page" : undefined}><Icon of={icon} />{name}</Link>
        ))}
      </nav>
      <div className="right">
        <Button className="hide-sm" look={historyOpen ? undefined : "quiet"} aria-pressed={historyOpen} onClick={onHistory}><Icon of={History} small />History</Button>
        <PersonMenu me={me} />
      </div>
    </header>
  );
}

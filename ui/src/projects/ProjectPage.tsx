import { Code, Ellipsis, Eye, GitCompareArrows, History, LayoutGrid, MessageSquare, SquareTerminal } from "lucide-react";
import { lazy, Suspense, useCallback, useEffect, useMemo, useRef, useState, type ReactNode } from "react";
import { useLocation, useSearchParams } from "wouter";
import { paths } from "../api/calls";
import { forgetAll, useResource } from "../api/resource";
import type { Me, Project } from "../api/types";
import { ChatPane } from "../chat/ChatPane";
import { ErrorBoundary } from "../components/ErrorBoundary";
import { Icon } from "../components/Icon";
import { Menu, MenuItem } from "../components/Menu";
import { ShortcutsDialog } from "../components/ShortcutsDialog";
import { Spinner } from "../components/Small";
import { Splitter, useChatWidth } from "../components/Splitter";
import { HistoryPanel } from "../history/HistoryPanel";
import { KeelRail } from "../history/KeelRail";
import { useVersionActions, VersionActionsProvider } from "../history/useVersionActions";
import { useVersions } from "../history/versions";
import { LogView } from "../preview/LogView";
import { PreviewPane } from "../preview/PreviewPane";
import { usePreview } from "../preview/usePreview";
import { MissingPage } from "./MissingPage";
import { DeleteDialog, RenameDialog } from "./ProjectDialogs";
import { TopBar, type Tab } from "./TopBar";
import { useProjectKeys } from "./useProjectKeys";

const ChangesView = lazy(() => import("../history/ChangesView"));
const FilesView = lazy(() => import("../files/FilesView"));

export interface Place {
  tab: Tab;
  /** The version in the address, if one is. */
  number: number | null;
  file: string;
}

const narrow = () => matchMedia("(max-width: 767px)").matches;

type Pane = "chat" | "work" | "history";

interface FrameProps {
  project: Project;
  me: Me;
  place: Place;
}

function Work({ place, project, log }: { place: Place; project: Project; log: string | null }): ReactNode {
  if (place.tab === "logs") return <LogView log={log} />;
  if (place.number === null) return null;
  return (
    <ErrorBoundary key={`${place.tab}-${place.number}`}>
      <Suspense fallback={<p className="nothing"><Spinner /> Opening</p>}>
        {place.tab === "changes" ? <ChangesView project={project.id} number={place.number} /> : <FilesView project={project.id} number={place.number} path={place.file} />}
      </Suspense>
    </ErrorBoundary>
  );
}

function TabBar({ pane, onPane, project, busy }: { pane: Pane; onPane: (pane: Pane) => void; project: Project; busy: boolean }): ReactNode {
  const [, navigate] = useLocation();
  const at = `/p/${project.id}`;
  const to = (href: string) => () => {
    onPane("work");
    navigate(href);
  };
  const tabs = [["chat", "Chat", MessageSquare], ["work", "Preview", Eye], ["history", "History", History]] as const;
  return (
    <nav className="tabbar" aria-label="Panes">
      {tabs.map(([id, name, icon]) => (
        <button key={id} type="button" aria-current={pane === id ? "page" : undefined} onClick={() => (id === "work" ? to(at)() : onPane(id))}>
          <Icon of={icon} />{name}{id === "chat" && busy && <span className="dot acc"><span className="sr">working</span></span>}
        </button>
      ))}
      <Menu label="More" buttonClass="" side="right" up button={<><Icon of={Ellipsis} />More</>}>
        {project.activeVersion !== null && <MenuItem icon={<Icon of={Code} />} onSelect={to(`${at}/v/${project.activeVersion}/files`)}>Code</MenuItem>}
        {project.activeVersion !== null && <MenuItem icon={<Icon of={GitCompareArrows} />} onSelect={to(`${at}/v/${project.activeVersion}/changes`)}>Changes</MenuItem>}
        <MenuItem icon={<Icon of={SquareTerminal} />} onSelect={to(`${at}/logs`)}>Logs</MenuItem>
        <hr />
        <MenuItem icon={<Icon of={LayoutGrid} />} onSelect={() => navigate("/")}>All projects</MenuItem>
      </Menu>
    </nav>
  );
}

function Frame({ project, me, place }: FrameProps): ReactNode {
  const [, navigate] = useLocation();
  const [search, setSearch] = useSearchParams();
  const [busy, setBusy] = useState(false);
  const [fix, setFix] = useState<{ text: string } | null>(null);
  const [pane, setPane] = useState<Pane>(search.get("panel") === "history" ? "history" : place.tab === "preview" ? "chat" : "work");
  const [dialog, setDialog] = useState<"rename" | "delete" | "keys" | null>(null);
  const arrived = useRef(place.tab === "preview");
  const [folded, setFolded] = useState<boolean | null>(null);
  const [width, setWidth] = useChatWidth();
  const { restoring } = useVersionActions();
  const view = usePreview(project.id, busy, restoring !== null);
  const historyOpen = search.get("panel") === "history";
  const onBusy = useCallback((now: boolean) => setBusy(now), []);

  const wide = place.tab === "changes" || place.tab === "code";
  const rail = folded ?? wide;
  useEffect(() => setFolded(null), [wide]);
  useEffect(() => {
    document.title = `${project.name}${busy ? " · working" : ""} · Keelway`;
  }, [project.name, busy]);
  useEffect(() => {
    if (place.tab === "preview" || !narrow()) return;
    if (arrived.current) setPane("work");
    arrived.current = true;
  }, [place.tab, place.number]);

  const toggleHistory = () =>
    setSearch((now) => {
      if (historyOpen) now.delete("panel");
      else now.set("panel", "history");
      return now;
    });
  useProjectKeys({ project, place, onHistory: toggleHistory, onFold: () => setFolded(!rail), onKeys: () => setDialog("keys"), onCompose: () => {
    setFolded(false);
    setPane("chat");
    requestAnimationFrame(() => document.getElementById("composer")?.focus());
  } });
  const onFix = (text: string) => {
    setFolded(false);
    setPane("chat");
    setFix({ text });
  };
  const choosePane = (next: Pane) => {
    setPane(next);
    if ((next === "history") !== historyOpen) toggleHistory();
  };

  return (
    <div className={`app ${historyOpen ? "history-open" : ""} ${rail ? "rail" : ""}`} data-pane={pane} style={rail ? undefined : ({ "--chat-wide": `${width}px` } as React.CSSProperties)}>
      <a className="skip" href="#composer">{project.canEdit ? "Go to the message field" : "Go to the conversation"}</a>
      <TopBar project={project} me={me} tab={place.tab} historyOpen={historyOpen} onHistory={toggleHistory} onRename={() => setDialog("rename")} onDelete={() => setDialog("delete")} />
      <main className="frame">
        {/* On a phone the heading of the work pane is only there while that pane is. */}
        <h1 className={place.tab === "preview" ? "sr" : "sr elsewhere"}>{project.name}</h1>
        {rail && <KeelRail project={project.id} chosen={place.number ?? project.activeVersion} onOpen={() => setFolded(false)} />}
        <ChatPane project={project} me={me} onBusy={onBusy} fix={fix} />
        {!rail && <Splitter width={width} onWidth={setWidth} />}
        <PreviewPane project={project} view={view} busy={busy} hidden={place.tab !== "preview"} onFix={onFix} />
        {place.tab !== "preview" && <Work place={place} project={project} log={view.preview?.log ?? null} />}
        {historyOpen && <HistoryPanel project={project} chosen={place.number} onClose={toggleHistory} />}
      </main>
      <TabBar pane={pane} onPane={choosePane} project={project} busy={busy} />
      {dialog === "rename" && <RenameDialog project={project} onClose={() => setDialog(null)} onDone={() => setDialog(null)} />}
      {dialog === "delete" && <DeleteDialog project={project} onClose={() => setDialog(null)} onDone={() => {
        forgetAll();
        navigate("/");
      }} />}
      {dialog === "keys" && <ShortcutsDialog onClose={() => setDialog(null)} />}
    </div>
  );
}

export default function ProjectPage({ id, me, place }: { id: string; me: Me; place: Place }): ReactNode {
  const { data: found, error } = useResource<Project>(paths.project(id), 15_000);
  const { items } = useVersions(id);
  const newest = items[0]?.number ?? null;
  // In the middle of a turn the head is a step, which has no number: the newest version stands for it.
  const data = useMemo(() => found && { ...found, activeVersion: found.activeVersion ?? newest }, [found, newest]);
  if (!data) return error === undefined ? <p className="opening"><Spinner /> Opening the project</p> : <MissingPage error={error} path={paths.project(id)} />;
  return (
    <VersionActionsProvider project={data}>
      <Frame key={id} project={data} me={me} place={place} />
    </VersionActionsProvider>
  );
}

import { Eye, Files, GitCompareArrows, RotateCcw } from "lucide-react";
import { memo, useCallback, useEffect, useMemo, useRef, useState, type MouseEvent, type ReactNode, type RefObject } from "react";
import { Link, useLocation } from "wouter";
import type { Fragment } from "../api/types";
import { Button } from "../components/Button";
import { Explained } from "../components/Explained";
import { Icon } from "../components/Icon";
import { Node } from "../components/Mark";
import { PlusMinus, Spinner } from "../components/Small";
import { absolute, clock, count, day } from "../components/time";
import { INCOMPLETE_WHY, incompleteWords } from "./incomplete";
import { author, byDay, type Versions } from "./versions";
import { useVersionActions } from "./useVersionActions";

function Verdict({ version }: { version: Fragment }): ReactNode {
  if (version.checks?.some((check) => !check.passed)) return <span className="chip bad small">Fails</span>;
  if (!version.damagedFiles) return null;
  const words = incompleteWords(version.damagedFiles);
  return (
    <Explained className="chip warn small" label={`Incomplete: ${words}`} title="Incomplete" explains={`${words} ${INCOMPLETE_WHY} Files and Changes say which and why.`} testId="incomplete">
      Incomplete
    </Explained>
  );
}

interface RowProps {
  project: string;
  version: Fragment;
  selected: boolean;
  shown: boolean;
  newest: boolean;
  onSelect: (version: Fragment) => void;
  onOpen: (href: string) => void;
}

const plainClick = (event: MouseEvent) => event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);

const VersionRow = memo(function VersionRow({ project, version, selected, shown, newest, onSelect, onOpen }: RowProps): ReactNode {
  const at = `/p/${project}/v/${version.number}`;
  const href = `${at}/changes?panel=history`;
  const who = author(version);
  return (
    <li
      className={`version-row ${selected ? "selected" : ""}`}
      data-testid="history-row"
      data-version={version.number}
      // Never on press: rows would move under the pointer, and the click would land on another one.
      onClick={(event) => {
        onSelect(version);
        // A row that has just come into sight may not have its link under the pointer yet.
        if (event.target === event.currentTarget) onOpen(href);
      }}
      onFocus={(event) => event.target.matches(":focus-visible") && onSelect(version)}
    >
      <span className="lane" style={newest ? { top: 16 } : undefined} />
      <Node kind={version.kind} />
      {/* Not a `Link`: a thousand of those would each listen for every change of the address. */}
      <a
        href={href}
        className="grow"
        aria-current={selected ? "true" : undefined}
        onClick={(event) => {
          if (!plainClick(event)) return;
          event.preventDefault();
          onOpen(href);
        }}
      >
        <span className="title">{version.title}</span>
        <span className="meta">
          <b>v{version.number}</b>
          {shown && <span className="acc row" title="In the preview"><Icon of={Eye} small /><span className="sr">in the preview</span></span>}
          <span aria-hidden="true">·</span>
          <time dateTime={version.createdAt} title={absolute(version.createdAt)}>{clock(version.createdAt)}</time>
          <span aria-hidden="true">·</span>
          <span className="cut" title={version.kind === "import" ? `From the old system, by ${version.authorName}` : undefined}>{who}</span>
          <span aria-hidden="true">·</span>
          <span title={count(version.filesChanged, "file")}>{count(version.filesChanged, "file")}</span>
          <PlusMinus added={version.linesAdded} removed={version.linesRemoved} />
        </span>
      </a>
      <Verdict version={version} />
      {selected && <RowActions at={at} version={version} newest={newest} />}
    </li>
  );
});

function RowActions({ at, version, newest }: { at: string; version: Fragment; newest: boolean }): ReactNode {
  const { canEdit, askRestore, busy } = useVersionActions();
  return (
    <div className="actions">
      <Link className="btn sm" href={`${at}/changes?panel=history`}><Icon of={GitCompareArrows} small />Changes</Link>
      <Link className="btn sm" href={`${at}/files?panel=history`}><Icon of={Files} small />Files</Link>
      {canEdit && !newest && <Button size="sm" disabled={busy} onClick={() => askRestore(version)} data-testid="restore"><Icon of={RotateCcw} small />Restore</Button>}
    </div>
  );
}

/** Asks for the next page three screens before its place comes into view. */
function useAhead(more: (() => Promise<void>) | null): [RefObject<HTMLDivElement | null>, RefObject<HTMLDivElement | null>] {
  const list = useRef<HTMLDivElement>(null);
  const end = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (more === null || !end.current) return;
    // Made anew after each page: an end that is still near is then seen again.
    const observer = new IntersectionObserver((found) => {
      if (found.some((entry) => entry.isIntersecting)) void more();
    }, { root: list.current, rootMargin: "0px 0px 300% 0px" });
    observer.observe(end.current);
    return () => observer.disconnect();
  });
  return [list, end];
}

function End({ versions, end }: { versions: Versions; end: RefObject<HTMLDivElement | null> }): ReactNode {
  if (!versions.more) return null;
  return (
    <div ref={end} className="older">
      {versions.stuck === undefined ? <span className="row xs dim"><Spinner />Reading older versions</span> : <Button look="quiet" onClick={() => void versions.more?.()}>Older versions could not be read. Try again</Button>}
    </div>
  );
}

interface TimelineProps {
  project: string;
  versions: Versions;
  /** Already narrowed by the search field. */
  items: Fragment[];
  active: number | null;
  chosen: number | null;
}

export function Timeline({ project, versions, items, active, chosen }: TimelineProps): ReactNode {
  const [pointed, setPointed] = useState<number | null>(null);
  const [list, end] = useAhead(versions.stuck === undefined ? versions.more : null);
  const selected = pointed ?? chosen ?? active;
  const onSelect = useCallback((version: Fragment) => setPointed(version.number), []);
  const [, navigate] = useLocation();
  const go = useRef(navigate);
  go.current = navigate;
  const onOpen = useCallback((href: string) => go.current(href), []);
  const groups = useMemo(() => byDay(items, (iso) => day(iso)), [items]);
  return (
    <div className="timeline" ref={list}>
      {groups.map((group, at) => (
        <section key={group.day} aria-label={group.day}>
          <h3 className="day">{at > 0 && <span className="lane" />}{group.day}</h3>
          <ol>
            {group.versions.map((version) => (
              <VersionRow
                key={version.id}
                project={project}
                version={version}
                selected={version.number === selected}
                shown={version.number === active}
                newest={version.id === versions.items[0]?.id}
                onSelect={onSelect}
                onOpen={onOpen}
              />
            ))}
          </ol>
        </section>
      ))}
      <End versions={versions} end={end} />
    </div>
  );
}

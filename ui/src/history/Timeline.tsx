import { Eye, Files, GitCompareArrows, RotateCcw } from "lucide-react";
import { Fragment as Group, useState, type ReactNode } from "react";
import { Link } from "wouter";
import type { Fragment } from "../api/types";
import { Button } from "../components/Button";
import { Icon } from "../components/Icon";
import { Node } from "../components/Mark";
import { PlusMinus } from "../components/Small";
import { absolute, clock, count, day } from "../components/time";
import { author, byDay, type Versions } from "./versions";
import { useVersionActions } from "./useVersionActions";

function Verdict({ version }: { version: Fragment }): ReactNode {
  if (version.checks?.some((check) => !check.passed)) return <span className="chip bad small">Fails</span>;
  if (version.damagedFiles)
    return <span className="chip warn small" title={`${count(version.damagedFiles, "file")} came incomplete from the old system; the list of files says which and why.`}>Incomplete</span>;
  return null;
}

interface RowProps {
  project: string;
  version: Fragment;
  selected: boolean;
  shown: boolean;
  newest: boolean;
  onSelect: () => void;
}

function VersionRow({ project, version, selected, shown, newest, onSelect }: RowProps): ReactNode {
  const { canEdit, askRestore, busy } = useVersionActions();
  const at = `/p/${project}/v/${version.number}`;
  return (
    <li
      className={`version-row ${selected ? "selected" : ""}`}
      data-testid="history-row"
      data-version={version.number}
      // Never on press: rows would move under the pointer, and the click would land on another one.
      onClick={onSelect}
      onFocus={(event) => event.target.matches(":focus-visible") && onSelect()}
    >
      <span className="lane" style={newest ? { top: 16 } : undefined} />
      <Node kind={version.kind} />
      <Link href={`${at}/changes?panel=history`} className="grow" aria-current={selected ? "true" : undefined}>
        <span className="title">{version.title}</span>
        <span className="meta">
          <b>v{version.number}</b>
          {shown && <span className="acc row" title="In the preview"><Icon of={Eye} small /><span className="sr">in the preview</span></span>}
          <span aria-hidden="true">·</span>
          <time dateTime={version.createdAt} title={absolute(version.createdAt)}>{clock(version.createdAt)}</time>
          <span aria-hidden="true">·</span>
          <span className="cut">{author(version)}</span>
          <span aria-hidden="true">·</span>
          <span title={count(version.filesChanged, "file")}>{count(version.filesChanged, "file")}</span>
          <PlusMinus added={version.linesAdded} removed={version.linesRemoved} />
        </span>
      </Link>
      <Verdict version={version} />
      {selected && (
        <div className="actions">
          <Link className="btn sm" href={`${at}/changes?panel=history`}><Icon of={GitCompareArrows} small />Changes</Link>
          <Link className="btn sm" href={`${at}/files?panel=history`}><Icon of={Files} small />Files</Link>
          {canEdit && !newest && (
            <Button size="sm" disabled={busy} onClick={() => askRestore(version)} data-testid="restore"><Icon of={RotateCcw} small />Restore</Button>
          )}
        </div>
      )}
    </li>
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
  const selected = pointed ?? chosen ?? active;
  return (
    <div className="timeline">
      {byDay(items, (iso) => day(iso)).map((group, at) => (
        <Group key={group.day}>
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
                onSelect={() => setPointed(version.number)}
              />
            ))}
          </ol>
        </Group>
      ))}
      {versions.more && <Button className="older" look="quiet" onClick={() => void versions.more?.()}>Older versions</Button>}
    </div>
  );
}

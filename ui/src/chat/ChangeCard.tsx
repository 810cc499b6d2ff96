import { Undo2 } from "lucide-react";
import type { ReactNode } from "react";
import { Link } from "wouter";
import { paths } from "../api/calls";
import { useResource } from "../api/resource";
import type { Diff, Fragment } from "../api/types";
import { Button } from "../components/Button";
import { Explained } from "../components/Explained";
import { Icon } from "../components/Icon";
import { Node } from "../components/Mark";
import { PlusMinus } from "../components/Small";
import { count } from "../components/time";
import { useSeen } from "../components/useSeen";
import { INCOMPLETE_WHY, incompleteWords } from "../history/incomplete";
import { useVersionActions } from "../history/useVersionActions";

const SHOWN = 3;

function Files({ project, version, wanted }: { project: string; version: Fragment; wanted: boolean }): ReactNode {
  const changes = `/p/${project}/v/${version.number}/changes`;
  const { data } = useResource<Diff>(wanted ? paths.diff(project, version.id) : null);
  const files = data?.files ?? [];
  const rest = files.slice(SHOWN);
  const sum = (key: "added" | "removed") => rest.reduce((total, file) => total + file[key], 0);
  if (!data) return <div className="files"><span className="sans">{count(version.filesChanged, "file")}<PlusMinus both added={version.linesAdded} removed={version.linesRemoved} /></span></div>;
  return (
    <div className="files">
      {files.slice(0, SHOWN).map((file) => (
        <Link key={file.path} href={`${changes}?file=${encodeURIComponent(file.path)}`}>
          <span className="cut">{file.path}</span>
          <PlusMinus both added={file.added} removed={file.removed} />
        </Link>
      ))}
      {rest.length > 0 && (
        <Link href={changes}>
          <span className="cut sans">{count(rest.length, "more file")}</span>
          <PlusMinus both added={sum("added")} removed={sum("removed")} />
        </Link>
      )}
    </div>
  );
}

function Checked({ version }: { version: Fragment }): ReactNode {
  if (!version.checks || version.checks.length === 0) return null;
  const failed = version.checks.filter((check) => !check.passed);
  if (failed.length === 0) return <><span className="dot good" aria-hidden="true" /><span title={version.checks.map((check) => check.name).join(", ")}>Checked</span></>;
  return <><span className="dot bad" aria-hidden="true" /><span className="bad">{failed.map((check) => check.name).join(", ")} {failed.length === 1 ? "fails" : "fail"}</span></>;
}

/** What a turn left behind: a version, its files, and the way back. */
export function ChangeCard({ project, version, last }: { project: string; version: Fragment; last: boolean }): ReactNode {
  const [ref, seen] = useSeen<HTMLElement>();
  // The card was written before anything was known of its files.
  const { data: known } = useResource<Fragment>(seen && version.kind === "import" ? paths.fragment(project, version.id) : null);
  const incomplete = known?.damagedFiles ?? version.damagedFiles ?? 0;
  const { canEdit, undo, busy } = useVersionActions();
  return (
    <div className={`keel ${last ? "last" : ""}`} style={last ? { "--to": "22px" } as React.CSSProperties : undefined}>
      <Node kind={version.kind} top={22} />
      <section ref={ref} className="change-card" aria-label={`Version ${version.number}: ${version.title}`} data-testid="change-card">
        <div className="head">
          <span className="chip version">v{version.number}</span>
          <b className="cut" title={version.title}>{version.title}</b>
          {incomplete > 0 && <Explained className="chip warn small" label={`Incomplete: ${incompleteWords(incomplete)}`} title="Incomplete" explains={`${incompleteWords(incomplete)} ${INCOMPLETE_WHY}`}>Incomplete</Explained>}
        </div>
        <Files project={project} version={version} wanted={seen} />
        <div className="foot">
          <Checked version={version} />
          <span className="grow" />
          {canEdit && <Button size="sm" look="quiet" disabled={busy} onClick={() => undo(version)}><Icon of={Undo2} small />Undo</Button>}
          <Link className="btn sm" href={`/p/${project}/v/${version.number}/changes`}>View changes</Link>
        </div>
      </section>
    </div>
  );
}

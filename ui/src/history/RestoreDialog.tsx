import { Box, Files, PencilLine, TriangleAlert, type LucideIcon } from "lucide-react";
import type { ReactNode } from "react";
import { paths } from "../api/calls";
import { useResource } from "../api/resource";
import { sentence } from "../api/sentences";
import type { Diff, Fragment, Project } from "../api/types";
import { Button } from "../components/Button";
import { Dialog } from "../components/Dialog";
import { Icon } from "../components/Icon";
import { Spinner } from "../components/Small";
import { when } from "../components/time";
import { impact, staying, type ImpactRow } from "./impact";
import { useReadOn, useVersions } from "./versions";

const ICONS: Record<ImpactRow["kind"], LucideIcon> = { files: Files, hand: PencilLine, package: Box, incomplete: TriangleAlert };

function ImpactList({ project, target, newest, later }: { project: string; target: Fragment; newest: Fragment; later: Fragment[] | null }): ReactNode {
  const { data, error } = useResource<Diff>(paths.diff(project, target.id, newest.id));
  if (error && !data) return <p className="xs dim">What changes could not be counted. Restoring works all the same.</p>;
  if (!data || !later) return <div className="impact"><div><Spinner /><span className="dim">Counting what changes</span></div></div>;
  const rows = impact(data, later, target);
  if (rows.length === 0) return <div className="impact"><div><Icon of={Files} /><span className="grow">No file differs</span></div></div>;
  return (
    <div className="impact">
      {rows.map((row) => (
        <div key={row.text} className={row.kind === "incomplete" ? "look" : undefined}><Icon of={ICONS[row.kind]} /><span className="grow">{row.text}</span><span className="xs dim">{row.edge}</span></div>
      ))}
    </div>
  );
}

interface Props {
  project: Project;
  target: Fragment;
  problem: unknown;
  busy: boolean;
  onRestore: () => void;
  onClose: () => void;
}

/** Says at once what going back means; the counting fills in. */
export function RestoreDialog({ project, target, problem, busy, onRestore, onClose }: Props): ReactNode {
  const versions = useVersions(project.id);
  const { items } = versions;
  const newest = items[0] ?? target;
  const [to, now] = [target.number ?? 0, newest.number ?? 0];
  // What is covered is counted over all that came later, however long ago the target is.
  const counting = useReadOn(versions, (items.at(-1)?.number ?? 0) > to);
  const later = items.filter((version) => (version.number ?? 0) > to);
  return (
    <Dialog
      title={`Restore v${to}?`}
      onClose={onClose}
      testId="restore-dialog"
      footer={
        <>
          <Button size="lg" onClick={onClose}>Cancel</Button>
          <Button size="lg" look="primary" disabled={busy} onClick={onRestore} data-testid="restore-confirm">Restore v{to}</Button>
        </>
      }
    >
      <p className="said">
        {project.name} goes back to “{target.title}”, {when(target.createdAt)}. This adds v{now + 1}; {staying(to, now)}
      </p>
      <ImpactList project={project.id} target={target} newest={newest} later={counting ? null : later} />
      {problem !== null && <p className="problem" role="alert">{sentence(problem)}</p>}
    </Dialog>
  );
}

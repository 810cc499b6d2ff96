import { useState, type ReactNode } from "react";
import { calls, paths } from "../api/calls";
import { invalidate } from "../api/resource";
import { sentence } from "../api/sentences";
import type { Project } from "../api/types";
import { Button } from "../components/Button";
import { Dialog } from "../components/Dialog";
import { count } from "../components/time";

interface Props {
  project: Project;
  onClose: () => void;
  onDone: () => void;
}

function useAct(act: () => Promise<unknown>, onDone: () => void): { run: () => void; busy: boolean; problem: ReactNode } {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const run = () => {
    setBusy(true);
    act().then(
      () => {
        invalidate(paths.projects);
        onDone();
      },
      (error: unknown) => {
        setBusy(false);
        setProblem(sentence(error));
      },
    );
  };
  return { run, busy, problem: problem && <p className="problem" role="alert">{problem}</p> };
}

export function RenameDialog({ project, onClose, onDone }: Props): ReactNode {
  const [name, setName] = useState(project.name);
  const { run, busy, problem } = useAct(() => calls.renameProject(project.id, name.trim()), onDone);
  return (
    <Dialog
      title={`Rename ${project.name}`}
      onClose={onClose}
      footer={<><Button size="lg" onClick={onClose}>Cancel</Button><Button size="lg" look="primary" disabled={busy || name.trim() === ""} onClick={run}>Rename</Button></>}
    >
      <form onSubmit={(event) => { event.preventDefault(); run(); }}>
        <label className="field big"><input value={name} maxLength={200} onChange={(event) => setName(event.target.value)} aria-label="Name" /></label>
      </form>
      {problem}
    </Dialog>
  );
}

export function DeleteDialog({ project, onClose, onDone }: Props): ReactNode {
  const { run, busy, problem } = useAct(() => calls.deleteProject(project.id), onDone);
  return (
    <Dialog
      title={`Delete ${project.name}?`}
      onClose={onClose}
      footer={<><Button size="lg" onClick={onClose}>Keep it</Button><Button size="lg" className="danger solid" disabled={busy} onClick={run}>Delete {project.name}</Button></>}
    >
      <p className="said">This deletes {project.activeVersion === null ? "the project" : count(project.activeVersion, "version")}, the conversation and the sandbox. It can’t be undone.</p>
      {problem}
    </Dialog>
  );
}

import { createContext, useCallback, useContext, useMemo, useState, type ReactNode } from "react";
import { calls, paths } from "../api/calls";
import { invalidate, refresh } from "../api/resource";
import { sentence } from "../api/sentences";
import type { Fragment, Project, Restored } from "../api/types";
import { useSays } from "../components/Toast";
import { RestoreDialog } from "./RestoreDialog";
import { before, previous, useVersions } from "./versions";

interface VersionActions {
  /** False: looking is all that is offered, and nothing below does anything. */
  canEdit: boolean;
  /** Ask first: the dialog says what changes. */
  askRestore: (version: Fragment) => void;
  /** Go back to what was before `version`: at once if it is the newest, else through the dialog. */
  undo: (version: Fragment) => void;
  /** The version that is being restored now. */
  restoring: number | null;
  busy: boolean;
}

const Actions = createContext<VersionActions>({ canEdit: false, askRestore: () => undefined, undo: () => undefined, restoring: null, busy: false });
export const useVersionActions = (): VersionActions => useContext(Actions);

interface Wish {
  target: Fragment;
  done: string;
  back: string;
}

export function VersionActionsProvider({ project, children }: { project: Project; children: ReactNode }): ReactNode {
  const { items } = useVersions(project.id);
  const { toast } = useSays();
  const [asked, setAsked] = useState<Fragment | null>(null);
  const [problem, setProblem] = useState<unknown>(null);
  const [restoring, setRestoring] = useState<number | null>(null);
  const { id, canEdit } = project;

  const restore = useCallback(
    async ({ target, done, back }: Wish, newest: Fragment | undefined): Promise<void> => {
      setRestoring(target.number);
      const preview = setInterval(() => void refresh(paths.preview(id)), 700);
      try {
        const restored: Restored = await calls.restore(id, target.id);
        const way = restored.saved ?? newest;
        toast({
          text: done,
          ...(way && { action: { label: back, run: () => void restore({ target: way, done: `Restored to v${way.number}`, back: "Undo" }, restored.fragment) } }),
        });
      } finally {
        clearInterval(preview);
        setRestoring(null);
        invalidate(paths.project(id));
      }
    },
    [id, toast],
  );

  const undo = useCallback(
    (version: Fragment) => {
      if (!canEdit) return;
      const fail = (error: unknown) => toast({ text: sentence(error) });
      if (items[0]?.id !== version.id) {
        return void previous(id, items, version).then((earlier) => {
          if (!earlier) return toast({ text: "Nothing is before this version." });
          setProblem(null);
          setAsked(earlier);
        }, fail);
      }
      const earlier = before(items, version);
      if (!earlier) return toast({ text: "Nothing is before this version." });
      restore({ target: earlier, done: `Undid v${version.number}. v${earlier.number} is back`, back: "Redo" }, version).catch(fail);
    },
    [canEdit, id, items, restore, toast],
  );

  const onRestore = () => {
    if (!asked) return;
    restore({ target: asked, done: `Restored to v${asked.number}`, back: "Undo" }, items[0]).then(
      () => setAsked(null),
      (error: unknown) => setProblem(error),
    );
  };

  const actions = useMemo(
    (): VersionActions => ({
      canEdit,
      askRestore: (version) => {
        if (!canEdit) return;
        setProblem(null);
        setAsked(version);
      },
      undo,
      restoring,
      busy: restoring !== null,
    }),
    [canEdit, undo, restoring],
  );
  return (
    <Actions value={actions}>
      {children}
      {asked && restoring === null && (
        <RestoreDialog project={project} target={asked} problem={problem} busy={false} onRestore={onRestore} onClose={() => setAsked(null)} />
      )}
    </Actions>
  );
}

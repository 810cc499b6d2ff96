import { useCallback, useEffect, useRef, useState, type ReactNode } from "react";
import { useLocation } from "wouter";
import { calls, paths } from "../api/calls";
import { refresh } from "../api/resource";
import { sentence } from "../api/sentences";
import type { PreviewState, Project } from "../api/types";
import { useSays } from "../components/Toast";
import { useVersionActions } from "../history/useVersionActions";
import { before, useVersions } from "../history/versions";
import { toPath, type Note } from "./frame";
import { HealthLine } from "./HealthLine";
import { PreviewFrame } from "./PreviewFrame";
import { PreviewStrip, WIDTHS, type WidthId } from "./PreviewStrip";
import { StateCard } from "./StateCard";
import { isBad, STATES, type Act, type CardState, type Context } from "./states";
import { useCatchUp } from "./useCatchUp";
import { useNavigation } from "./useNavigation";
import type { PreviewView } from "./usePreview";

interface Props {
  project: Project;
  view: PreviewView;
  busy: boolean;
  hidden: boolean;
  /** Put words into the composer; the person presses Send. */
  onFix: (text: string) => void;
}

/** The same path with the ticket of the fresh address. */
function at(url: string, path: string): string {
  const to = new URL(path, url);
  for (const [name, value] of new URL(url).searchParams) to.searchParams.set(name, value);
  return to.href;
}

/** Which address the frame shows; loads again whenever the app has become ready anew. */
function useSource({ shown, origin, ticket }: PreviewView, path: string): { src: string | null; load: number; open: (path: string) => void } {
  const [source, setSource] = useState<{ src: string | null; load: number }>({ src: null, load: 0 });
  const open = useCallback(
    (path: string) => void ticket().then((url) => url && setSource(({ load }) => ({ src: at(url, path), load: load + 1 }))),
    [ticket],
  );
  const ready = shown === "ready";
  const here = useRef(path);
  useEffect(() => {
    here.current = path;
  }, [path]);
  useEffect(() => {
    if (ready && origin) open(here.current);
  }, [ready, origin, open]);
  return { ...source, open };
}

interface Blank {
  message: string | null;
  anyway: boolean;
}

function useNotes(arrived: (path: string) => void): { blank: Blank | null; lastError: string | null; onNote: (note: Note) => void; showAnyway: () => void; clear: () => void } {
  const [blank, setBlank] = useState<Blank | null>(null);
  const [lastError, setLastError] = useState<string | null>(null);
  const onNote = useCallback((note: Note) => {
    if (note.type === "error") setLastError(note.message);
    else if (note.type === "blank") setBlank((now) => ({ message: note.message, anyway: now?.anyway ?? false }));
    else {
      if (note.type === "loaded") setBlank(null);
      arrived(note.path);
    }
  }, [arrived]);
  const clear = useCallback(() => {
    setBlank(null);
    setLastError(null);
  }, []);
  return { blank, lastError, onNote, showAnyway: () => setBlank((now) => now && { ...now, anyway: true }), clear };
}

function fixText(state: PreviewState | CardState, details: string): string {
  const what = state === "blank-page" ? "The page is blank." : "The app does not run.";
  return details ? `${what} It says:\n\n${details.split("\n").map((line) => `> ${line}`).join("\n")}\n\nFind out why and fix it.` : `${what} Find out why and fix it.`;
}

export function PreviewPane({ project, view, busy, hidden, onFix }: Props): ReactNode {
  const { preview, shown, dimmed, error, origin } = view;
  const navigation = useNavigation();
  const { src, load, open } = useSource(view, navigation.path);
  const notes = useNotes(navigation.arrived);
  const { blank, lastError, showAnyway, clear } = notes;
  const [width, setWidth] = useState<WidthId>("full");
  const [acting, setActing] = useState<Act | null>(null);
  const { items } = useVersions(project.id);
  const { askRestore, restoring } = useVersionActions();
  const { toast, announce } = useSays();
  const [, navigate] = useLocation();

  const drewNothing = shown === "ready" && blank !== null && !blank.anyway;
  const isBlank = drewNothing && !busy;
  const unreachable = error !== undefined && !preview;
  const state: PreviewState | CardState | undefined = drewNothing ? (busy ? "making" : "blank-page") : unreachable ? "error" : shown;
  const version = items[0]?.number ?? project.activeVersion;
  const context: Context = { name: project.name, version, port: preview?.port ?? 5173, restoring, restored: items[0]?.restoredFrom?.number ?? null, message: unreachable ? sentence(error) : (preview?.message === "" ? null : (preview?.message ?? null)) };
  const log = isBlank ? (blank.message ?? lastError) : (preview?.log ?? null);

  const reload = (path: string) => {
    clear();
    open(path);
  };
  const loaded = useCatchUp(busy || restoring !== null, () => reload(navigation.path));
  const onNote = (note: Note) => {
    if (note.type === "loaded") loaded();
    notes.onNote(note);
  };
  const recover = async (act: Act) => {
    setActing(act);
    await calls.recover(project.id).catch((problem: unknown) => toast({ text: sentence(problem) }));
    await refresh(paths.preview(project.id));
    setActing(null);
  };
  const onAct = (act: Act) => {
    const [newest] = items;
    const earlier = newest && before(items, newest);
    if (act === "log") navigate(`/p/${project.id}/logs`);
    else if (act === "fix") onFix(fixText(state ?? "error", log ?? preview?.message ?? ""));
    else if (act === "show") showAnyway();
    else if (act === "copy") void navigator.clipboard.writeText(`${state}\n${context.message ?? ""}\n${log ?? ""}`).then(() => toast({ text: "Copied" }));
    else if (act === "write") document.getElementById("composer")?.focus();
    else if (act === "back") {
      if (earlier) askRestore(earlier);
    } else if (act === "again" && unreachable) void refresh(paths.preview(project.id));
    else void recover(act);
  };

  const told = useRef<PreviewState | CardState | undefined>(undefined);
  useEffect(() => {
    if (state && state !== told.current && state !== "ready") announce(STATES[state].title(context), isBad(state));
    told.current = state;
  });

  const making = busy && version !== null ? `v${version + 1} in the making` : version === null ? "" : `v${version}`;
  const ready = shown === "ready";
  const frameWidth = WIDTHS.find(({ id }) => id === width)?.width ?? null;
  return (
    <section className="work" aria-label="Preview" hidden={hidden}>
      <PreviewStrip
        version={making}
        path={navigation.path}
        enabled={ready && src !== null}
        canBack={navigation.canBack}
        canForward={navigation.canForward}
        width={width}
        onBack={() => reload(navigation.step(-1))}
        onForward={() => reload(navigation.step(1))}
        onReload={() => reload(navigation.path)}
        onGo={(typed) => {
          const path = toPath(typed, origin ?? "http://x");
          navigation.go(path);
          reload(path);
        }}
        onWidth={setWidth}
        onOpen={() => void view.ticket().then((url) => url && window.open(at(url, navigation.path), "_blank", "noopener,noreferrer"))}
      />
      <div className={`stage ${frameWidth === null ? "" : "framed"} ${dimmed ? "dimmed" : ""}`}>
        {src && origin && (
          <PreviewFrame title={`Preview of ${project.name}`} src={src} origin={origin} width={frameWidth} onNote={onNote} load={load} />
        )}
        {state && state !== "ready" && <StateCard state={state} context={context} log={log} onAct={onAct} busy={acting} canEdit={project.canEdit || unreachable} />}
      </div>
      <HealthLine project={project.id} busy={busy} version={version} port={context.port} blank={isBlank} />
    </section>
  );
}

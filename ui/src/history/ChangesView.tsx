import { Files, RotateCcw, TriangleAlert, Undo2 } from "lucide-react";
import { useEffect, useMemo, useRef, useState, type ReactNode } from "react";
import { Link, useSearchParams } from "wouter";
import { paths } from "../api/calls";
import { useResource } from "../api/resource";
import { READ_ONLY, sentence } from "../api/sentences";
import type { Diff, FileChange, Files as FileRows, Fragment } from "../api/types";
import { Button } from "../components/Button";
import { Icon } from "../components/Icon";
import { Segmented } from "../components/Segmented";
import { PlusMinus, Spinner } from "../components/Small";
import { read, write } from "../components/theme";
import { absolute, count, when } from "../components/time";
import { useKeys } from "../components/useKeys";
import { DiffFile } from "./DiffFile";
import { INCOMPLETE_WHY, incompleteWords, notes } from "./incomplete";
import { fileAddress } from "./panel";
import { byFolder, MARKS } from "./patch";
import { useVersionActions } from "./useVersionActions";
import { author, useVersions } from "./versions";

const VIEW = "keelway-diff-view";
type View = "unified" | "split";

function Head({ project, version, newest }: { project: string; version: Fragment; newest: boolean }): ReactNode {
  const { canEdit, askRestore, undo, busy } = useVersionActions();
  const heading = useRef<HTMLHeadingElement>(null);
  // A new place is announced by its heading, unless somebody is going through the history.
  useEffect(() => {
    if (!document.activeElement?.closest(".history")) heading.current?.focus({ preventScroll: true });
  }, [version.id]);
  return (
    <div className="change-head">
      <div className="grow">
        <h1 ref={heading} tabIndex={-1}>{version.title}</h1>
        <div className="sub">
          <span className="chip version">v{version.number}</span>
          <time dateTime={version.createdAt} title={absolute(version.createdAt)}>{when(version.createdAt)}</time>
          <span>{version.kind === "import" ? `imported from the old system, by ${version.authorName}` : author(version)}</span>
          {version.restoredFrom && <span>from v{version.restoredFrom.number}</span>}
        </div>
      </div>
      <div className="row">
        {!canEdit && <span className="xs dim hide-md">{READ_ONLY}</span>}
        {canEdit && newest && <Button look="quiet" disabled={busy} onClick={() => undo(version)}><Icon of={Undo2} small />Undo this</Button>}
        <Link className="btn" href={`/p/${project}/v/${version.number}/files`}><Icon of={Files} small />Files</Link>
        {canEdit && !newest && <Button look="primary" disabled={busy} onClick={() => askRestore(version)} data-testid="restore-version"><Icon of={RotateCcw} small />Restore v{version.number}</Button>}
      </div>
    </div>
  );
}

function ChangedFiles({ files, chosen, onChoose }: { files: FileChange[]; chosen: string | null; onChoose: (path: string) => void }): ReactNode {
  return (
    <nav className="file-list" aria-label="Changed files">
      {byFolder(files).map(({ folder, files: inside }) => (
        <div key={folder}>
          <div className="dir">{folder || "Project"}</div>
          {inside.map((file) => (
            <button key={file.path} type="button" className={`f ${file.path === chosen ? "on" : ""}`} aria-current={file.path === chosen ? "true" : undefined} onClick={() => onChoose(file.path)}>
              <span className={`mark ${MARKS[file.status].className}`} title={MARKS[file.status].word}><span aria-hidden="true">{MARKS[file.status].letter}</span><span className="sr">{MARKS[file.status].word}</span></span>
              <span className="cut">{file.path.split("/").pop()}</span>
              <PlusMinus added={file.added} removed={file.removed} />
            </button>
          ))}
        </div>
      ))}
    </nav>
  );
}

/** The number of the version that the changes are counted from; undefined while it is not known, null where there is none. */
function useBase(project: string, from: string | null | undefined, items: Fragment[]): number | null | undefined {
  const here = items.find((version) => version.id === from);
  const { data } = useResource<Fragment>(from && !here ? paths.fragment(project, from) : null);
  return from === null ? null : (here ?? data)?.number;
}

/** Which files came incomplete, each a way to it. */
function Incomplete({ project, version, why }: { project: string; version: Fragment; why: Map<string, string> }): ReactNode {
  if (!version.damagedFiles) return null;
  return (
    <div className="notice warn flat" data-testid="version-mark">
      <Icon of={TriangleAlert} />
      <div className="grow">
        <b>{incompleteWords(version.damagedFiles)}</b>
        <span>{INCOMPLETE_WHY}</span>
        <ul className="marked">
          {[...why].map(([path, note]) => <li key={path}><Link className="link mono" href={fileAddress(project, version.number, path)}>{path}</Link> <span>{note}</span></li>)}
        </ul>
      </div>
    </div>
  );
}

function useChosenFile(files: FileChange[]): [string | null, (path: string) => void] {
  const [search, setSearch] = useSearchParams();
  const wanted = search.get("file");
  const scrolled = useRef<string | null>(null);
  useEffect(() => {
    if (!wanted || scrolled.current === wanted || files.length === 0) return;
    scrolled.current = wanted;
    document.getElementById(`file-${wanted}`)?.scrollIntoView({ block: "start" });
  }, [wanted, files]);
  const choose = (path: string) =>
    setSearch((now) => {
      now.set("file", path);
      return now;
    }, { replace: true });
  return [wanted, choose];
}

export default function ChangesView({ project, number }: { project: string; number: number }): ReactNode {
  const [search] = useSearchParams();
  const { items } = useVersions(project);
  const version = useResource<Fragment>(paths.fragment(project, `v${number}`));
  const against = search.get("against");
  const diff = useResource<Diff>(paths.diff(project, `v${number}`, against ? `v${against.replace(/^v/, "")}` : null));
  const [view, setView] = useState<View>(() => (read(VIEW, "unified") === "split" ? "split" : "unified"));
  const marked = useResource<FileRows>(version.data?.damagedFiles ? paths.files(project, `v${number}`) : null);
  const why = useMemo(() => notes(marked.data?.items ?? []), [marked.data]);
  const from = useBase(project, diff.data?.from, items);
  const files = diff.data?.files ?? [];
  const [chosen, choose] = useChosenFile(files);
  const jump = (by: 1 | -1) => {
    const at = files.findIndex((file) => file.path === chosen);
    const next = files[Math.max(0, Math.min(files.length - 1, at + by))];
    if (next) choose(next.path);
  };
  useKeys({ j: () => jump(1), k: () => jump(-1) });

  const problem = version.error ?? diff.error;
  if (!version.data || !diff.data) {
    return (
      <section className="work" aria-label="Changes">
        <div className="nothing">{problem === undefined ? <><Spinner /> Reading the changes</> : <p role="alert">{(problem as { status?: number }).status === 404 ? `No version ${number} here.${items[0] ? ` The newest is v${items[0].number}.` : ""}` : sentence(problem)}</p>}</div>
      </section>
    );
  }
  return (
    <section className="work changes" aria-label="Changes" data-testid="diff">
      <div>
      <Head project={project} version={version.data} newest={items[0]?.id === version.data.id} />
      <div className="strip wrap">
        <span className="xs dim">{from === null ? "Against nothing: this is the first version" : from === undefined ? "" : `Against v${from}`}</span>
        <span className="xs dim">{count(files.length, "file")}</span>
        <PlusMinus added={files.reduce((n, file) => n + file.added, 0)} removed={files.reduce((n, file) => n + file.removed, 0)} />
        <span className="grow" />
        <span className="xs dim hide-md"><kbd>[</kbd> <kbd>]</kbd> versions&ensp;<kbd>J</kbd> <kbd>K</kbd> files</span>
        <Segmented
          className="hide-narrow"
          label="Columns"
          value={view}
          options={[{ id: "unified", name: "One column" }, { id: "split", name: "Two" }]}
          onChange={(next) => {
            setView(next);
            write(VIEW, next);
          }}
        />
      </div>
      <Incomplete project={project} version={version.data} why={why} />
      </div>
      <div className="split">
        <ChangedFiles files={files} chosen={chosen ?? files[0]?.path ?? null} onChoose={choose} />
        <div className="diffs" tabIndex={0} role="region" aria-label="Differences">
          {files.length === 0 && <p className="nothing">Nothing changed in this version.</p>}
          {files.map((file) => (
            <DiffFile key={`${diff.data?.to}-${file.path}`} project={project} file={file} from={diff.data?.from ?? null} number={number} view={view} chosen={file.path === chosen} note={file.status === "deleted" ? undefined : why.get(file.path)} />
          ))}
        </div>
      </div>
    </section>
  );
}

import { ChevronDown, ChevronRight } from "lucide-react";
import { useMemo, useState, type ReactNode } from "react";
import { Decoration, Diff, expandFromRawCode, Hunk, markEdits, tokenize, type HunkData, type ViewType } from "react-diff-view";
import { Link } from "wouter";
import { paths } from "../api/calls";
import { checkedFetch } from "../api/client";
import { sentence } from "../api/sentences";
import type { FileChange } from "../api/types";
import { Button, IconButton } from "../components/Button";
import { Icon } from "../components/Icon";
import { PlusMinus } from "../components/Small";
import { useSays } from "../components/Toast";
import { count } from "../components/time";
import { fileAddress } from "./panel";
import { edited, FOLD_OVER, foldedWords, gapBefore, instead, MARKS, parse } from "./patch";

const AT_A_TIME = 20;
const WORD_MARKS_UP_TO = 2000;

/** Open unchanged lines: the older file is fetched once, when somebody wants to read around a change. */
function useExpanding(initial: HunkData[], source: string | null): { hunks: HunkData[]; open: (from: number, to: number) => void } {
  const [hunks, setHunks] = useState(initial);
  const [text, setText] = useState<string | null>(null);
  const { toast } = useSays();
  const open = (from: number, to: number) => {
    if (source === null) return;
    const grow = (old: string) => setHunks((now) => expandFromRawCode(now, old, from, to));
    if (text !== null) return void grow(text);
    checkedFetch(source).then((response) => response.text()).then(
      (old) => {
        setText(old);
        grow(old);
      },
      (error: unknown) => toast({ text: sentence(error) }),
    );
  };
  return { hunks, open };
}

function Gap({ hunks, at, canOpen, open }: { hunks: HunkData[]; at: number; canOpen: boolean; open: (from: number, to: number) => void }): ReactNode {
  const gap = gapBefore(hunks, at);
  if (!gap) return null;
  const words = count(gap.to - gap.from, "unchanged line");
  return (
    <Decoration className="gap">
      {canOpen ? <button type="button" className="gap-open" onClick={() => open(Math.max(gap.from, gap.to - AT_A_TIME), gap.to)}>{words}</button> : <span className="gap-open">{words}</span>}
    </Decoration>
  );
}

function Lines({ file, project, from, view }: { file: FileChange; project: string; from: string | null; view: ViewType }): ReactNode {
  const parsed = useMemo(() => parse(file, view === "split"), [file, view]);
  const canOpen = from !== null && file.status !== "added";
  const { hunks, open } = useExpanding(parsed?.hunks ?? [], canOpen ? paths.file(project, from, file.oldPath ?? file.path) : null);
  const tokens = useMemo(
    () => (hunks.length && file.added + file.removed <= WORD_MARKS_UP_TO ? tokenize(hunks, { enhancers: [markEdits(edited(hunks), { type: "line" })] }) : undefined),
    [hunks, file],
  );
  const words = instead(file, hunks);
  if (!parsed || words !== null) return <p className="no-lines">{words ?? "This change could not be read."}</p>;
  return (
    <Diff viewType={view} diffType={parsed.type} hunks={hunks} tokens={tokens} gutterType="default" className={`diff in-${view}`}>
      {(shown) =>
        shown.flatMap((hunk, at) => [
          <Gap key={`gap-${hunk.content}-${hunk.oldStart}`} hunks={shown} at={at} canOpen={canOpen} open={open} />,
          <Hunk key={`${hunk.content}-${hunk.oldStart}`} hunk={hunk} />,
        ])
      }
    </Diff>
  );
}

interface Props {
  project: string;
  file: FileChange;
  from: string | null;
  number: number | null;
  view: ViewType;
  chosen: boolean;
  /** Why the file is not whole, where an import knows that. */
  note: string | undefined;
}

export function DiffFile({ project, file, from, number, view, chosen, note }: Props): ReactNode {
  const large = file.added + file.removed > FOLD_OVER;
  const [open, setOpen] = useState(true);
  const [unfolded, setUnfolded] = useState(!large);
  const mark = MARKS[file.status];
  return (
    <article className={`diff-file ${chosen ? "chosen" : ""}`} id={`file-${file.path}`} tabIndex={-1} aria-label={`${mark.word}: ${file.path}`} data-testid="diff-file">
      <header>
        <IconButton size="sm" label={open ? "Fold" : "Open"} aria-expanded={open} onClick={() => setOpen(!open)}><Icon of={open ? ChevronDown : ChevronRight} small /></IconButton>
        <span className={`mark ${mark.className}`} title={mark.word} aria-hidden="true">{mark.letter}</span>
        <h2 className="path cut">{file.path}{file.oldPath && file.oldPath !== file.path && <span className="dim"> from {file.oldPath}</span>}</h2>
        {note !== undefined && <span className="chip warn small">Incomplete</span>}
        <span className="grow" />
        <PlusMinus added={file.added} removed={file.removed} />
        {file.status !== "deleted" && number !== null && <Link className="btn sm quiet hide-sm" href={fileAddress(project, number, file.path)}>File at v{number}</Link>}
      </header>
      {open && note !== undefined && <p className="why" data-testid="diff-mark">It came incomplete from the old system: {note}</p>}
      {open && (unfolded ? <Lines key={view} file={file} project={project} from={from} view={view} /> : <p className="no-lines">{foldedWords(file)} <Button size="sm" onClick={() => setUnfolded(true)}>Show</Button></p>)}
    </article>
  );
}

import {
  Box, Check, ChevronRight, CircleCheck, FileInput, FilePlus2, FileX2, ListTodo, Pencil, Search, SquareTerminal, BookOpen, TriangleAlert, type LucideIcon,
} from "lucide-react";
import { useEffect, useRef, useState, type ReactNode } from "react";
import { Icon } from "../components/Icon";
import { Elapsed, PlusMinus, Spinner } from "../components/Small";
import type { FoldedRow, Row } from "./blocks";
import { LiveOutput, plainOutput } from "./LiveOutput";
import { visible } from "./Markdown";
import type { Words } from "./toolWords";

const ICONS: Record<string, LucideIcon> = {
  list_files: BookOpen, read_file: BookOpen, write_file: FilePlus2, edit_file: Pencil, delete_file: FileX2, move_file: FileInput,
  search: Search, run_command: SquareTerminal, install_packages: Box, check_app: CircleCheck, todos: ListTodo, finish: Check,
};

function Line({ words }: { words: Words }): ReactNode {
  return (
    <span className="cut">
      {words.before}
      {words.mono ? <span className="file">{words.subject}</span> : <b>{words.subject}</b>}
      {words.after}
    </span>
  );
}

function useFirstSeen(): number {
  const [seen] = useState(() => Date.now());
  return seen;
}

function Picture({ row }: { row: Row }): ReactNode {
  if (row.phase === "running") return <Spinner />;
  return <Icon of={row.phase === "failed" || row.wrong ? TriangleAlert : (ICONS[row.tool] ?? Check)} />;
}

function inputText(row: Row): string {
  const input = (row.input ?? {}) as Record<string, unknown>;
  const main = input.content ?? input.new ?? input.command;
  return typeof main === "string" ? main : JSON.stringify(input, null, 2);
}

/** What went in and what came out, one click below the words. */
function Details({ row }: { row: Row }): ReactNode {
  const said = row.live !== null && row.live.length > row.output.length ? row.live : row.output;
  return (
    <div className="tool-details">
      {said && <pre tabIndex={0} aria-label="Output" className={row.phase === "failed" ? "bad" : undefined}>{visible(plainOutput(said)).slice(0, 8000)}</pre>}
      {row.phase !== "failed" && row.input !== null && <pre tabIndex={0} aria-label="Input">{visible(inputText(row)).slice(0, 8000)}</pre>}
    </div>
  );
}

/** Output stays under a row while it runs, one second more after it succeeded, and for good after it failed. */
function useShowsOutput(row: Row): boolean {
  const wasRunning = useRef(row.phase === "running");
  const [late, setLate] = useState(false);
  useEffect(() => {
    if (row.phase === "running") {
      wasRunning.current = true;
      return;
    }
    if (!wasRunning.current) return;
    wasRunning.current = false;
    setLate(true);
    const timer = setTimeout(() => setLate(false), 1000);
    return () => clearTimeout(timer);
  }, [row.phase]);
  return row.phase === "running" || row.wrong || late;
}

export function ToolRow({ row }: { row: Row }): ReactNode {
  const [chosen, setOpen] = useState<boolean | null>(null);
  const open = chosen ?? row.phase === "failed";
  const since = useFirstSeen();
  const showsOutput = useShowsOutput(row);
  const bad = row.phase === "failed" || row.wrong;
  return (
    <div className="keel-step">
      {row.step && row.step.filesChanged > 0 && <span className="node step" title="Saved"><span className="sr">Saved. </span></span>}
      <button
        type="button"
        className={`tool-row ${row.phase === "running" ? "now" : ""} ${bad ? "failed" : ""}`}
        aria-expanded={open}
        onClick={() => setOpen(!open)}
      >
        <Picture row={row} />
        <Line words={row.words} />
        <span className="end">
          {row.step && row.phase === "done" && <PlusMinus added={row.step.linesAdded} removed={row.step.linesRemoved} />}
          {row.phase === "running" && <Elapsed since={since} />}
        </span>
      </button>
      {row.live && showsOutput && !open && <LiveOutput output={row.live} />}
      {open && <Details row={row} />}
    </div>
  );
}

export function FoldLine({ fold, children }: { fold: { words: Words; edge?: string | undefined; icon: LucideIcon }; children: ReactNode }): ReactNode {
  const [open, setOpen] = useState(false);
  return (
    <>
      <div className="keel-step">
        <button type="button" className="tool-row" aria-expanded={open} onClick={() => setOpen(!open)}>
          <Icon of={fold.icon} />
          <Line words={fold.words} />
          <span className="end">{fold.edge}<Icon of={ChevronRight} small className={open ? "turned" : undefined} /></span>
        </button>
      </div>
      {open && <div className="folded">{children}</div>}
    </>
  );
}

export function ToolRows({ rows }: { rows: FoldedRow[] }): ReactNode {
  return rows.map((each) =>
    each.kind === "row" ? (
      <ToolRow key={each.row.id} row={each.row} />
    ) : (
      <FoldLine key={each.rows[0]?.id} fold={{ words: each.words, icon: each.words.before === "Read " ? BookOpen : Pencil }}>
        {each.rows.map((row) => <ToolRow key={row.id} row={row} />)}
      </FoldLine>
    ),
  );
}

import { Check, ChevronRight } from "lucide-react";
import { memo, useMemo, useState, type ReactNode } from "react";
import { Icon } from "../components/Icon";
import { count, duration } from "../components/time";
import { Attachment } from "./Attachment";
import { foldRows, settled, viewOf, type Block, type TurnView } from "./blocks";
import { ChangeCard } from "./ChangeCard";
import { Markdown } from "./Markdown";
import type { Message } from "./message";
import { RunNotice, type NoticeActions } from "./RunNotice";
import { FoldLine, ToolRows } from "./ToolRow";

function Thinking({ text, streaming }: { text: string; streaming: boolean }): ReactNode {
  const [open, setOpen] = useState(false);
  return (
    <div className="thinking">
      <button type="button" className="tool-row" aria-expanded={open} onClick={() => setOpen(!open)}>
        <span className="cut">{streaming ? "Thinking" : "Thought about it"}</span>
        <span className="end"><Icon of={ChevronRight} small className={open ? "turned" : undefined} /></span>
      </button>
      {open && <div className="thought">{text}</div>}
    </div>
  );
}

function BlockView({ block, live, end }: { block: Block; live: boolean; end: boolean }): ReactNode {
  const classes = `keel ${live ? "live" : ""} ${end ? "last" : ""}`;
  if (block.kind === "tools") return <div className={`${classes} tools`}><ToolRows rows={foldRows(block.rows)} /></div>;
  if (block.kind === "file") return <div className={`${classes} agent-text`}><Attachment file={block.file} /></div>;
  if (block.kind === "thinking") return <div className={`${classes} tools`}><Thinking text={block.text} streaming={block.streaming} /></div>;
  return (
    <div className={`${classes} agent-text`} style={end ? { "--to": "13px" } as React.CSSProperties : undefined}>
      {end && live && <span className="node live" style={{ top: 12 }} />}
      <Markdown text={block.text} />
      {block.streaming && <span className="caret" aria-hidden="true" />}
    </div>
  );
}

function worked(message: Message, view: TurnView): string {
  const from = Date.parse(view.run?.startedAt ?? message.metadata?.startedAt ?? "");
  const to = Date.parse(message.metadata?.finishedAt ?? "");
  // The old system wrote down one moment for a whole turn.
  return Number.isNaN(from) || Number.isNaN(to) || to <= from ? "Worked" : `Worked for ${duration(to - from)}`;
}

/** Kept: the work folded into one line, then the answer. */
function Settled({ message, view }: { message: Message; view: TurnView }): ReactNode {
  const { work, answer } = settled(view);
  const icon = Check;
  return (
    <>
      {work.length > 0 && (
        <div className="keel tools">
          <FoldLine fold={{ words: { before: worked(message, view), subject: "", mono: false, after: "" }, edge: view.steps > 0 ? count(view.steps, "step") : undefined, icon }}>
            {work.map((block, at) => <BlockView key={at} block={block} live={false} end={false} />)}
          </FoldLine>
        </div>
      )}
      {answer.map((block, at) => <BlockView key={at} block={block} live={false} end={false} />)}
    </>
  );
}

interface TurnProps {
  project: string;
  message: Message;
  /** This turn is being worked on now. */
  live: boolean;
  last: boolean;
  actions: NoticeActions;
}

export const AssistantTurn = memo(function AssistantTurn({ project, message, live, last, actions }: TurnProps): ReactNode {
  const view = useMemo(() => viewOf(message), [message]);
  return (
    <article aria-label="Keelway" data-testid="turn" aria-live={live ? "off" : undefined}>
      {live
        ? view.blocks.map((block, at) => <BlockView key={at} block={block} live end={at === view.blocks.length - 1 && block.kind === "text"} />)
        : <Settled message={message} view={view} />}
      {!live && <RunNotice view={view} message={message} actions={actions} />}
      {view.versions.map((version) => <ChangeCard key={version.id} project={project} version={version} last={last && !live} />)}
    </article>
  );
});

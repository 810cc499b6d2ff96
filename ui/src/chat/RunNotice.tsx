import { Square, TriangleAlert, Zap, type LucideIcon } from "lucide-react";
import type { ReactNode } from "react";
import type { RunStatus } from "../api/types";
import { Button } from "../components/Button";
import { Icon } from "../components/Icon";
import { count } from "../components/time";
import type { TurnView } from "./blocks";
import type { Message } from "./message";

export interface NoticeActions {
  /** Only the newest turn offers to go on. */
  onContinue: (() => void) | null;
  onAgain: (() => void) | null;
}

interface Notice {
  icon: LucideIcon;
  tone: string;
  title: string;
  action: { label: string; run: "onContinue" | "onAgain" };
}

function noticeOf(status: RunStatus | undefined, steps: number, message: string | null): Notice | null {
  switch (status) {
    case "stopped": return { icon: Square, tone: "", title: `Stopped after ${count(steps, "step")}`, action: { label: "Continue", run: "onContinue" } };
    case "failed": return { icon: TriangleAlert, tone: "bad", title: message ? "This run could not go on" : "The model stopped answering", action: { label: "Try again", run: "onAgain" } };
    case "interrupted": return { icon: Zap, tone: "warn", title: "Interrupted when the server restarted", action: { label: "Continue", run: "onContinue" } };
    default: return null;
  }
}

/** What is kept of a turn that did not end by itself. */
function kept(view: TurnView): string {
  const version = view.versions.at(-1);
  if (version) return `Kept as v${version.number}.`;
  return view.steps === 0 ? "Nothing was changed." : "No file was changed.";
}

export function RunNotice({ view, message, actions }: { view: TurnView; message: Message; actions: NoticeActions }): ReactNode {
  const notice = noticeOf(view.run?.status ?? message.metadata?.status, view.steps, view.run?.message ?? null);
  if (!notice) return null;
  const run = actions[notice.action.run];
  return (
    <div className="keel tools">
      <span className={`node ${notice.tone === "bad" || view.run?.status === "stopped" ? "bad" : ""}`} style={{ top: 20 }} />
      <div className={`notice ${notice.tone}`} data-testid="run-notice">
        <Icon of={notice.icon} />
        <div className="grow">
          <b>{notice.title}</b>
          <span>{[view.run?.message, kept(view)].filter(Boolean).join(" ")}</span>
          {run && <div className="do"><Button size="sm" onClick={run}>{notice.action.label}</Button></div>}
        </div>
      </div>
    </div>
  );
}

import type { ReactNode } from "react";
import { Elapsed, Spinner } from "../components/Small";
import type { Run } from "./run";

const WORDS: Partial<Record<Run["status"], string>> = { starting: "Starting", queued: "Waiting", working: "Working", stopping: "Stopping" };

/** What the run is doing, above the composer; nothing when nothing runs. */
export function RunBar({ run }: { run: Run | null }): ReactNode {
  const word = run && WORDS[run.status];
  if (!run || !word) return null;
  return (
    <div className="run-bar" data-testid="run-status" data-status={run.status}>
      {run.status === "queued" ? <span className="dot off" aria-hidden="true" /> : <Spinner />}
      <b>{word}</b>
      <span className="dim cut">
        {run.status === "queued" && (run.message ?? "Another run is first. Yours starts after it.")}
        {run.status === "stopping" && "Keeping what is done"}
        {run.status === "working" && <><Elapsed since={run.startedAt} />{run.step > 0 && ` · step ${run.step}`}</>}
      </span>
      <span className="grow" />
      {run.status === "working" && <span className="dim hide-sm">Every step is saved</span>}
    </div>
  );
}

import type { ReactNode } from "react";
import type { FragmentKind } from "../api/types";

export function Mark({ size = 22 }: { size?: number }): ReactNode {
  return (
    <svg width={size} height={size} viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth="2.3" strokeLinecap="round" aria-hidden="true">
      <path d="M6.5 2.5v19" />
      <path d="M6.5 12.6c6.3 0 11-3.8 12-10.1" />
      <path d="M6.5 12.6c5.6 0 10 2.9 12 8.9" />
      <circle cx="6.5" cy="12.6" r="3.3" fill="currentColor" stroke="none" />
    </svg>
  );
}

const SHAPES: Partial<Record<FragmentKind, string>> = { hand: "hand", merge: "merge", push: "push", import: "push", restore: "restore" };
const WORDS: Record<FragmentKind, string> = {
  template: "starter app", agent: "by the agent", command: "by the agent", hand: "by hand",
  restore: "restored", import: "imported", merge: "merged", push: "pushed from git",
};

/** A point on the keel: how a version came to be, as a shape and, for those who do not see it, a word. */
export function Node({ kind, top, className = "" }: { kind?: FragmentKind; top?: number; className?: string }): ReactNode {
  const shape = (kind && SHAPES[kind]) ?? "";
  return (
    <span className={`node ${shape} ${className}`} style={top === undefined ? undefined : { top }}>
      {shape === "restore" && (
        <svg viewBox="0 0 18 18" width="18" height="18" aria-hidden="true">
          <circle cx="9" cy="9" r="8" fill="var(--ground, var(--surface))" />
          <path d="M6.5 5 4 7.5 6.5 10M4.3 7.5H10a3 3 0 0 1 0 6H7.5" fill="none" stroke="var(--accent)" strokeWidth="2" strokeLinecap="round" strokeLinejoin="round" />
        </svg>
      )}
      {kind && <span className="sr">{WORDS[kind]}</span>}
    </span>
  );
}

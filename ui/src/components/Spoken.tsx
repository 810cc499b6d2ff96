import type { ReactNode } from "react";

/** A sentence in which what stands between back quotes is typed by hand. */
export function Spoken({ text }: { text: string }): ReactNode {
  return <>{text.split("`").map((part, at) => (at % 2 ? <code key={at} className="code">{part}</code> : part))}</>;
}

import { useEffect, useState, type ReactNode } from "react";
import { duration } from "./time";

export const Spinner = (): ReactNode => <span className="spin" aria-hidden="true" />;

export function PlusMinus({ added, removed, both = false }: { added: number; removed: number; both?: boolean }): ReactNode {
  return (
    <span className="pm">
      {(both || added > 0) && <span className="plus"><span className="sr">added </span>+{added}</span>}
      {(both || removed > 0) && <span className="minus"><span className="sr">removed </span>−{removed}</span>}
    </span>
  );
}

/** Counts up from `since`; a leaf, so that nothing else renders each second. */
export function Elapsed({ since }: { since: number }): ReactNode {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return <>{duration(now - since)}</>;
}

export const initialsOf = (name: string): string => name.split(/\s+/).filter(Boolean).slice(0, 2).map((word) => word.charAt(0).toUpperCase()).join("") || "?";

export function Avatar({ name }: { name: string }): ReactNode {
  return <span className="avatar" title={name} aria-hidden="true">{initialsOf(name)}</span>;
}

import type { LucideIcon } from "lucide-react";
import type { ReactNode } from "react";

/** A picture beside a word; never the only carrier of a meaning. */
export function Icon({ of: Picture, small = false, className }: { of: LucideIcon; small?: boolean; className?: string }): ReactNode {
  return <Picture size={small ? 14 : 16} strokeWidth={1.5} aria-hidden="true" className={className} />;
}

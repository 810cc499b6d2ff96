import { useCallback, useState } from "react";

export interface Navigation {
  path: string;
  canBack: boolean;
  canForward: boolean;
  /** The app says where it is now; returns nothing, changes nothing if it already was there. */
  arrived: (path: string) => void;
  /** Where one step back or forward leads, and go there. */
  step: (by: -1 | 1) => string;
  go: (path: string) => void;
}

interface Trail {
  paths: string[];
  at: number;
}

export function visit(trail: Trail, path: string): Trail {
  if (trail.paths[trail.at] === path) return trail;
  if (trail.paths[trail.at - 1] === path) return { ...trail, at: trail.at - 1 };
  if (trail.paths[trail.at + 1] === path) return { ...trail, at: trail.at + 1 };
  const paths = [...trail.paths.slice(0, trail.at + 1), path].slice(-100);
  return { paths, at: paths.length - 1 };
}

/** The frame belongs to another site, so its history is kept by what it tells us. */
export function useNavigation(): Navigation {
  const [trail, setTrail] = useState<Trail>({ paths: ["/"], at: 0 });
  const path = trail.paths[trail.at] ?? "/";
  const arrived = useCallback((to: string) => setTrail((now) => visit(now, to)), []);
  const step = (by: -1 | 1) => {
    const at = Math.max(0, Math.min(trail.paths.length - 1, trail.at + by));
    setTrail({ ...trail, at });
    return trail.paths[at] ?? "/";
  };
  return { path, canBack: trail.at > 0, canForward: trail.at < trail.paths.length - 1, arrived, step, go: arrived };
}

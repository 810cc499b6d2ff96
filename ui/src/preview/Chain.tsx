import type { ReactNode } from "react";
import { LINKS, type LinkLook } from "./states";

const X = [26, 108, 190, 272, 354];
const WORDS: Record<LinkLook, string> = { fine: "fine", now: "in progress", broken: "broken", unknown: "not known", waiting: "not yet", asleep: "asleep" };

function Piece({ look, x }: { look: LinkLook; x: number }): ReactNode {
  switch (look) {
    case "fine": return <circle className="o" cx={x} cy="12" r="6" />;
    case "now": return <><circle className="halo" cx={x} cy="12" r="9.5" /><circle className="n" cx={x} cy="12" r="6" /></>;
    case "broken": return <><circle className="b" cx={x} cy="12" r="8" /><path className="bx" d={`M${x - 3} 9l6 6M${x + 3} 9l-6 6`} /></>;
    case "unknown": return <><circle className="u" cx={x} cy="12" r="8" /><text className="q" x={x} y="16">?</text></>;
    case "asleep": return <circle className="z" cx={x} cy="12" r="6" />;
    default: return <circle className="w" cx={x} cy="12" r="5.5" />;
  }
}

function line(looks: LinkLook[], to: number): ReactNode {
  const [a, b, look] = [X[to - 1] ?? 0, X[to] ?? 0, looks[to]];
  const gap = look === "fine" || look === "now" ? 0 : 12;
  const kind = look === "broken" ? "cut" : look === "fine" || look === "now" ? "" : "wait";
  return <path key={to} className={`l ${kind}`} d={`M${a + (looks[to - 1] === "waiting" ? 10 : 0)} 12H${b - gap}`} />;
}

/** From the kept versions to the page: which link is missing, at one look. */
export function Chain({ looks }: { looks: LinkLook[] }): ReactNode {
  const label = LINKS.map((name, at) => `${name}: ${WORDS[looks[at] ?? "waiting"]}`).join(", ");
  return (
    <div className="chain">
      <svg viewBox="0 0 380 42" role="img" aria-label={label}>
        {looks.slice(1).map((_, at) => line(looks, at + 1))}
        {LINKS.map((name, at) => {
          const look = looks[at] ?? "waiting";
          return (
            <g key={name}>
              <Piece look={look} x={X[at] ?? 0} />
              <text className={look === "broken" ? "hotbad" : look === "now" || look === "unknown" ? "hot" : ""} x={X[at]} y="38">{name}</text>
            </g>
          );
        })}
      </svg>
    </div>
  );
}

import { Check } from "lucide-react";
import { useEffect, useState, type ReactNode } from "react";
import { READ_ONLY } from "../api/sentences";
import { Button } from "../components/Button";
import { Icon } from "../components/Icon";
import { Spinner } from "../components/Small";
import { plainOutput } from "../chat/LiveOutput";
import { Chain } from "./Chain";
import { ACTS, chainOf, offered, STATES, type Act, type CardState, type Context, type State } from "./states";

const LOG_AFTER = 5000;
const LOG_LINES = 4;

function Steps({ names, now }: { names: string[]; now: number }): ReactNode {
  return (
    <ol className="steps">
      {names.map((name, at) => (
        <li key={name} className={at < now ? "done" : at === now ? "now" : ""}>
          {at < now ? <Icon of={Check} small /> : at === now ? <Spinner /> : <span className="dot off" aria-hidden="true" />}
          <span>{name}</span>
        </li>
      ))}
    </ol>
  );
}

/** The first log line is shown only to those who have already waited. */
function useWaited(key: string): boolean {
  const [waited, setWaited] = useState(false);
  useEffect(() => {
    setWaited(false);
    const timer = setTimeout(() => setWaited(true), LOG_AFTER);
    return () => clearTimeout(timer);
  }, [key]);
  return waited;
}

function excerptOf(state: State, log: string | null, waited: boolean, lines: number): string {
  if (!log || (state.look === "now" && !waited) || state.look === "asleep" || state.look === "waiting") return "";
  return plainOutput(log).trim().split("\n").slice(-lines).join("\n");
}

/** The server's sentence may begin with what the heading already says, or say no more than it. */
function wordsOf(state: State, context: Context, title: string): string | undefined {
  const words = state.words?.(context);
  if (!words?.startsWith(title)) return words;
  const rest = words.slice(title.length).replace(/^[.:]?\s*/, "");
  return rest === "" ? state.words?.({ ...context, message: null }) : rest;
}

interface Props {
  state: CardState;
  context: Context;
  log: string | null;
  onAct: (act: Act) => void;
  busy: Act | null;
  /** False: what would change something is not offered, and why is said instead. */
  canEdit: boolean;
}

/** One picture, words, one action; a second, quiet one only where a person may know better. */
export function StateCard({ state: name, context, log, onAct, busy, canEdit }: Props): ReactNode {
  const state = STATES[name];
  const waited = useWaited(name);
  const excerpt = excerptOf(state, log, waited, state.look === "now" ? 1 : LOG_LINES);
  const title = state.title(context);
  const action = offered(state.action, canEdit);
  const quiet = offered(state.quiet, canEdit);
  const words = state.action === "write" && !canEdit ? undefined : wordsOf(state, context, title);
  return (
    <div className="state" data-testid="preview-state" data-state={name}>
      <section className="state-card" aria-label={title}>
        <Chain looks={chainOf(state)} />
        <h2>{title}</h2>
        {words && <p>{words}</p>}
        {state.steps && <Steps names={state.steps(context)} now={state.step ?? 0} />}
        {excerpt && <pre className="excerpt">{excerpt}</pre>}
        {state.action && !action && <p>{READ_ONLY}</p>}
        <div className="do">
          {action && (
            <Button size="lg" look={state.look === "now" ? undefined : "primary"} disabled={busy !== null} onClick={() => onAct(action)}>
              {busy === action && <Spinner />}{ACTS[action](context)}
            </Button>
          )}
          {quiet && <Button size="lg" look="quiet" disabled={busy !== null} onClick={() => onAct(quiet)}>{ACTS[quiet](context)}</Button>}
        </div>
        {state.safe && <div className="safe"><Icon of={Check} small />{state.safe(context)}</div>}
      </section>
    </div>
  );
}

import { useId, useRef, type ReactNode } from "react";
import { paths } from "../api/calls";
import { useResource } from "../api/resource";
import type { Answer, Health } from "../api/types";

const DOTS: Record<Answer["state"], string> = { fine: "good", now: "acc", broken: "bad", unknown: "off" };
const WORDS: Record<Answer["state"], string> = { fine: "fine", now: "being done", broken: "broken", unknown: "not known" };

/** The short fact beside the word: awake, v15, :5173, 200. */
function factsOf(health: Health | undefined, version: number | null, port: number): { machine: string; files: string; devServer: string; page: string } {
  const machine = health?.machine;
  return {
    machine: machine?.state === "fine" ? "awake" : machine?.state === "now" ? "starting" : (machine?.message ?? "").includes('asleep') ? "asleep" : "",
    files: version === null ? "" : `v${version}`,
    devServer: health?.devServer.state === "fine" ? `:${port}` : "",
    page: /\b\d{3}\b/.exec(health?.page.message ?? "")?.[0] ?? "",
  };
}

const BLANK: Answer = { state: "broken", message: "The page loaded, but nothing was drawn." };

function One({ name, fact, answer }: { name: string; fact: string; answer: Answer | undefined }): ReactNode {
  const id = useId();
  const button = useRef<HTMLButtonElement>(null);
  const note = useRef<HTMLDivElement>(null);
  const state = answer?.state ?? "unknown";
  const place = () => {
    const box = button.current?.getBoundingClientRect();
    if (!box || !note.current) return;
    note.current.style.setProperty("left", `${Math.max(8, Math.min(box.left, innerWidth - 296))}px`);
    note.current.style.setProperty("bottom", `${innerHeight - box.top + 6}px`);
  };
  return (
    <>
      <button ref={button} type="button" popoverTarget={id} data-state={state}>
        <span className={`dot ${DOTS[state]}`} aria-hidden="true" />
        {name} <span className="sr">{WORDS[state]}</span> {fact && <small>{fact}</small>}
      </button>
      <div ref={note} id={id} popover="auto" className="explains" onToggle={(event) => event.newState === "open" && place()}>
        <b>{name}: {WORDS[state]}</b>
        <p>{answer?.message ?? "Nothing is known about this yet."}</p>
      </div>
    </>
  );
}

interface Props {
  project: string;
  busy: boolean;
  version: number | null;
  port: number;
  /** Only the browser can see that a page is blank. */
  blank: boolean;
}

/** Four separate answers; each explains itself. */
export function HealthLine({ project, busy, version, port, blank }: Props): ReactNode {
  const { data } = useResource<Health>(paths.health(project), busy ? 4000 : 12_000);
  const facts = factsOf(data, version, port);
  return (
    <div className="foot-line" role="group" aria-label="Health">
      <One name="Machine" fact={facts.machine} answer={data?.machine} />
      <One name="Files" fact={facts.files} answer={data?.files} />
      <One name="Server" fact={facts.devServer} answer={data?.devServer} />
      <One name="Page" fact={blank ? "blank" : facts.page} answer={blank ? BLANK : data?.page} />
    </div>
  );
}

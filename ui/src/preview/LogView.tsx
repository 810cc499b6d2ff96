import { useEffect, useRef, type ReactNode } from "react";
import { plainOutput } from "../chat/LiveOutput";

/** What the dev server said last; stays at the end unless the reader has gone up. */
export function LogView({ log }: { log: string | null }): ReactNode {
  const ref = useRef<HTMLPreElement>(null);
  const text = log ? plainOutput(log).trimEnd() : "";
  useEffect(() => {
    const box = ref.current;
    if (box && box.scrollHeight - box.scrollTop - box.clientHeight < 200) box.scrollTop = box.scrollHeight;
  }, [text]);
  return (
    <section className="work logs" aria-label="Logs">
      <div className="change-head"><h1>Logs</h1></div>
      {text ? <pre ref={ref} className="log" tabIndex={0} aria-label="What the server says">{text}</pre> : <p className="nothing">The server has said nothing yet.</p>}
    </section>
  );
}

import { useEffect, useRef, type ReactNode } from "react";

const LINES = 6;
/** Colour codes and cursor moves mean nothing here; everything else that cannot be seen is dropped too. */
const ESCAPES = /\u001b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-_])|[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/g;

export function plainOutput(output: string): string {
  return output.replace(ESCAPES, "").replace(/[^\n]*\r(?!\n)/g, "");
}

export const lastLines = (output: string, lines = LINES): string => plainOutput(output).trimEnd().split("\n").slice(-lines).join("\n");

/** The last lines of a command. The text is written past React: output may come faster than it is worth rendering. */
export function LiveOutput({ output }: { output: string }): ReactNode {
  const ref = useRef<HTMLPreElement>(null);
  useEffect(() => {
    if (ref.current) ref.current.textContent = lastLines(output);
  }, [output]);
  return (
    <div className="live-output">
      <pre ref={ref} aria-label="Command output" tabIndex={0} />
    </div>
  );
}

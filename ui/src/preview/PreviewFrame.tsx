import { useEffect, useRef, type ReactNode } from "react";
import { readNote, throttle, type Note } from "./frame";

interface Props {
  title: string;
  src: string;
  origin: string;
  width: number | null;
  onNote: (note: Note) => void;
  /** Changes with each wish to load again, also of the same address. */
  load: number;
}

/** The app being built, in a frame of another site that may do what an app does, and nothing to us (TRUST.md T09). */
export function PreviewFrame({ title, src, origin, width, onNote, load }: Props): ReactNode {
  const frame = useRef<HTMLIFrameElement>(null);
  const listener = useRef(onNote);
  useEffect(() => {
    listener.current = onNote;
  });
  useEffect(() => {
    const mayPass = throttle(50);
    const onMessage = (event: MessageEvent<unknown>) => {
      if (event.source !== frame.current?.contentWindow || event.origin !== origin || !mayPass()) return;
      const note = readNote(event.data);
      if (note) listener.current(note);
    };
    addEventListener("message", onMessage);
    return () => removeEventListener("message", onMessage);
  }, [origin]);
  return (
    <iframe
      key={load}
      ref={frame}
      title={title}
      src={src}
      data-testid="preview-frame"
      style={width === null ? undefined : { width, maxWidth: "100%", margin: "0 auto" }}
      sandbox="allow-scripts allow-same-origin allow-forms allow-modals allow-popups allow-downloads"
      allow=""
      referrerPolicy="no-referrer"
    />
  );
}

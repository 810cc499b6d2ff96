import { ArrowUp, Square } from "lucide-react";
import { useLayoutEffect, useRef, type KeyboardEvent, type ReactNode, type RefObject } from "react";
import { Button } from "../components/Button";
import { Icon } from "../components/Icon";

const LINES = 8;

/** Grows with its text up to eight lines. */
export function useGrowing(text: string): RefObject<HTMLTextAreaElement | null> {
  const ref = useRef<HTMLTextAreaElement>(null);
  useLayoutEffect(() => {
    const field = ref.current;
    if (!field) return;
    field.style.height = "auto";
    const line = parseFloat(getComputedStyle(field).lineHeight) || 21;
    field.style.height = `${Math.min(field.scrollHeight, line * LINES + 16)}px`;
  }, [text]);
  return ref;
}

const touch = () => matchMedia("(pointer: coarse)").matches;

/** Enter sends (on touch it is a new line), Control Enter always; not while an input method is composing. */
export function sends(event: KeyboardEvent): boolean {
  if (event.key !== "Enter" || event.nativeEvent.isComposing) return false;
  return event.ctrlKey || event.metaKey || (!event.shiftKey && !touch());
}

interface ComposerProps {
  text: string;
  onText: (text: string) => void;
  onSend: () => void;
  onStop: () => void;
  onRecall: () => void;
  placeholder: string;
  busy: boolean;
  stopping: boolean;
  model: ReactNode;
}

export function Composer({ text, onText, onSend, onStop, onRecall, placeholder, busy, stopping, model }: ComposerProps): ReactNode {
  const field = useGrowing(text);
  const onKeyDown = (event: KeyboardEvent) => {
    if (sends(event)) {
      event.preventDefault();
      onSend();
    } else if (event.key === "ArrowUp" && text === "") onRecall();
    else if (event.key === "Escape" && busy && !stopping) onStop();
  };
  return (
    <form
      className="composer"
      onSubmit={(event) => {
        event.preventDefault();
        onSend();
      }}
    >
      <textarea
        ref={field}
        id="composer"
        rows={1}
        maxLength={100_000}
        value={text}
        onChange={(event) => onText(event.target.value)}
        onKeyDown={onKeyDown}
        aria-label="Message"
        placeholder={placeholder}
        data-testid="prompt"
      />
      <div className="tray">
        {model}
        <span className="grow" />
        {busy && text.trim() !== "" && (
          <Button type="submit" look="quiet" data-testid="queue">Queue</Button>
        )}
        {busy ? (
          <Button look="stop" className="send wide" aria-label="Stop the run (Esc)" disabled={stopping} onClick={onStop} data-testid="stop">
            <Icon of={Square} small />Stop
          </Button>
        ) : (
          <Button type="submit" look="primary" className="send" aria-label="Send" disabled={text.trim() === ""} data-testid="send">
            <Icon of={ArrowUp} />
          </Button>
        )}
      </div>
    </form>
  );
}

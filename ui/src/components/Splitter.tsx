import { useState, type KeyboardEvent, type PointerEvent, type ReactNode } from "react";
import { read, write } from "./theme";

const KEY = "keelway-chat-width";
const [LEAST, MOST, USUAL] = [320, 640, 412];
const within = (width: number) => Math.max(LEAST, Math.min(MOST, Math.round(width)));

export function useChatWidth(): [number, (width: number) => void] {
  const [width, setWidth] = useState(() => within(Number(read(KEY, "")) || USUAL));
  return [width, (next) => {
    setWidth(within(next));
    write(KEY, String(within(next)));
  }];
}

/** Drag, or arrows while it has the focus; a double click puts it back. */
export function Splitter({ width, onWidth }: { width: number; onWidth: (width: number) => void }): ReactNode {
  const onPointerDown = (event: PointerEvent<HTMLDivElement>) => event.currentTarget.setPointerCapture(event.pointerId);
  const onPointerMove = (event: PointerEvent<HTMLDivElement>) => event.currentTarget.hasPointerCapture(event.pointerId) && onWidth(event.clientX);
  const onKeyDown = (event: KeyboardEvent) => {
    const by = { ArrowLeft: -16, ArrowRight: 16 }[event.key];
    if (by !== undefined) onWidth(width + by);
  };
  return (
    <div
      className="splitter"
      role="separator"
      aria-orientation="vertical"
      aria-label="Width of the conversation"
      aria-valuemin={LEAST}
      aria-valuemax={MOST}
      aria-valuenow={width}
      tabIndex={0}
      style={{ left: width }}
      onPointerDown={onPointerDown}
      onPointerMove={onPointerMove}
      onKeyDown={onKeyDown}
      onDoubleClick={() => onWidth(USUAL)}
    />
  );
}

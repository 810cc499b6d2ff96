import { useId, useRef, type ReactNode } from "react";

interface Props {
  /** What is seen. */
  children: ReactNode;
  /** What it is called, beyond what is seen. */
  label: string;
  className: string;
  title: string;
  explains: ReactNode;
  testId?: string;
}

/** A word that explains itself when it is pressed: by hand, by key, on a phone. */
export function Explained({ children, label, className, title, explains, testId }: Props): ReactNode {
  const id = useId();
  const button = useRef<HTMLButtonElement>(null);
  const note = useRef<HTMLDivElement>(null);
  const place = () => {
    const box = button.current?.getBoundingClientRect();
    const own = note.current;
    if (!box || !own) return;
    own.style.setProperty("left", `${Math.max(8, Math.min(box.left, innerWidth - 296))}px`);
    const below = box.bottom + 6;
    own.style.setProperty("top", `${below + own.offsetHeight > innerHeight - 8 ? Math.max(8, box.top - 6 - own.offsetHeight) : below}px`);
  };
  return (
    <>
      <button ref={button} type="button" className="explained" popoverTarget={id} aria-label={label} data-testid={testId} onClick={(event) => event.stopPropagation()}><span className={className}>{children}</span></button>
      <div ref={note} id={id} popover="auto" className="explains" onClick={(event) => event.stopPropagation()} onToggle={(event) => event.newState === "open" && place()}>
        <b>{title}</b>
        <p>{explains}</p>
      </div>
    </>
  );
}

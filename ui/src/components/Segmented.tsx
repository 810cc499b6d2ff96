import type { KeyboardEvent, ReactNode } from "react";

interface Option<T extends string> {
  id: T;
  name: string;
  /** Shown instead of the name, which then is only spoken. */
  picture?: ReactNode;
}

interface Props<T extends string> {
  label: string;
  options: Option<T>[];
  value: T;
  onChange: (id: T) => void;
  className?: string;
}

/** One of a few, side by side: a radio group, so arrows choose and Tab passes by. */
export function Segmented<T extends string>({ label, options, value, onChange, className = "" }: Props<T>): ReactNode {
  const onKeyDown = (event: KeyboardEvent<HTMLDivElement>) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const at = options.findIndex((option) => option.id === value);
    const next = (at + step + options.length) % options.length;
    const chosen = options[next];
    if (!chosen) return;
    onChange(chosen.id);
    event.currentTarget.querySelectorAll<HTMLElement>("[role=radio]")[next]?.focus();
  };
  return (
    <div className={`seg ${className}`} role="radiogroup" aria-label={label} onKeyDown={onKeyDown}>
      {options.map(({ id, name, picture }) => (
        <button
          key={id}
          type="button"
          role="radio"
          aria-checked={id === value}
          tabIndex={id === value ? 0 : -1}
          className={picture ? "icon" : undefined}
          aria-label={picture ? name : undefined}
          title={picture ? name : undefined}
          onClick={() => onChange(id)}
        >
          {picture ?? name}
        </button>
      ))}
    </div>
  );
}

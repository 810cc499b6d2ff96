import { useId, useRef, type KeyboardEvent, type ReactNode } from "react";

interface MenuProps {
  label: string;
  button: ReactNode;
  buttonClass: string;
  children: ReactNode;
  side?: "left" | "right";
  up?: boolean;
}

function items(menu: HTMLElement): HTMLElement[] {
  return [...menu.querySelectorAll<HTMLElement>("[role^=menuitem]")];
}

function move(menu: HTMLElement, key: string): boolean {
  const all = items(menu);
  const at = all.indexOf(document.activeElement as HTMLElement);
  const to = { ArrowDown: (at + 1) % all.length, ArrowUp: (at - 1 + all.length) % all.length, Home: 0, End: all.length - 1 }[key];
  if (to === undefined) return false;
  all[to]?.focus();
  return true;
}

/** A button with a menu below it, on the browser's popover: light dismiss and Esc are its own. */
export function Menu({ label, button, buttonClass, children, side = "left", up = false }: MenuProps): ReactNode {
  const id = useId();
  const opener = useRef<HTMLButtonElement>(null);
  const menu = useRef<HTMLDivElement>(null);

  const place = () => {
    const box = opener.current?.getBoundingClientRect();
    const style = menu.current?.style;
    if (!box || !style) return;
    style.setProperty(up ? "bottom" : "top", up ? `${innerHeight - box.top + 6}px` : `${box.bottom + 6}px`);
    if (side === "left") style.setProperty("left", `${Math.min(box.left, innerWidth - 260)}px`);
    else style.setProperty("right", `${innerWidth - box.right}px`);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (menu.current && move(menu.current, event.key)) event.preventDefault();
  };

  return (
    <>
      <button ref={opener} type="button" className={buttonClass} popoverTarget={id} aria-haspopup="menu" aria-label={label} title={label}>
        {button}
      </button>
      <div
        ref={menu}
        id={id}
        popover="auto"
        role="menu"
        aria-label={label}
        className="menu"
        onKeyDown={onKeyDown}
        onClick={() => menu.current?.hidePopover()}
        onToggle={(event) => {
          if (event.newState !== "open" || !menu.current) return;
          place();
          items(menu.current)[0]?.focus();
        }}
      >
        {children}
      </div>
    </>
  );
}

interface MenuItemProps {
  onSelect: () => void;
  children: ReactNode;
  icon?: ReactNode;
  edge?: ReactNode;
  checked?: boolean;
  danger?: boolean;
}

export function MenuItem({ onSelect, children, icon, edge, checked, danger }: MenuItemProps): ReactNode {
  return (
    <button
      type="button"
      role={checked === undefined ? "menuitem" : "menuitemradio"}
      aria-checked={checked}
      className={danger ? "bad" : undefined}
      tabIndex={-1}
      onClick={onSelect}
    >
      {icon}
      <span className="grow cut">{children}</span>
      {edge !== undefined && <span className="e">{edge}</span>}
    </button>
  );
}

import { useEffect, useId, useRef, type ReactNode } from "react";

interface DialogProps {
  title: string;
  children: ReactNode;
  footer: ReactNode;
  onClose: () => void;
  testId?: string;
}

/** The browser's own modal dialog: it keeps the focus in, closes by Esc and hands the focus back. */
export function Dialog({ title, children, footer, onClose, testId }: DialogProps): ReactNode {
  const ref = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useEffect(() => {
    const opener = document.activeElement;
    const dialog = ref.current;
    dialog?.showModal();
    return () => {
      dialog?.close();
      if (opener instanceof HTMLElement && opener.isConnected) opener.focus();
    };
  }, []);
  return (
    <dialog
      ref={ref}
      className="dialog"
      aria-labelledby={heading}
      data-testid={testId}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onClick={(event) => event.target === ref.current && onClose()}
    >
      {/* No header and footer elements: they would be the page's landmarks a second time. */}
      <div className="dialog-in">
        <div className="dialog-head"><h2 id={heading}>{title}</h2></div>
        <div className="body">{children}</div>
        <div className="dialog-foot">{footer}</div>
      </div>
    </dialog>
  );
}

import { Check } from "lucide-react";
import { createContext, useCallback, useContext, useMemo, useRef, useState, type ReactNode } from "react";
import { Button } from "./Button";

interface ToastContent {
  text: string;
  action?: { label: string; run: () => void };
}

interface Says {
  /** Show one sentence for eight seconds, with at most one way back. */
  toast: (content: ToastContent) => void;
  /** Say it to those who listen instead of look; `urgent` interrupts. */
  announce: (text: string, urgent?: boolean) => void;
}

const SaysContext = createContext<Says>({ toast: () => undefined, announce: () => undefined });
export const useSays = (): Says => useContext(SaysContext);

export function SaysProvider({ children }: { children: ReactNode }): ReactNode {
  const [shown, setShown] = useState<ToastContent | null>(null);
  const [polite, setPolite] = useState("");
  const [urgent, setUrgent] = useState("");
  const timer = useRef(0);

  const announce = useCallback((text: string, loud = false) => (loud ? setUrgent : setPolite)(text), []);
  const toast = useCallback((content: ToastContent) => {
    clearTimeout(timer.current);
    setShown(content);
    setPolite(content.text);
    timer.current = window.setTimeout(() => setShown(null), 8000);
  }, []);
  const says = useMemo(() => ({ toast, announce }), [toast, announce]);

  return (
    <SaysContext value={says}>
      {children}
      {shown && (
        <section className="toast" aria-label="Message" data-testid="toast">
          <Check size={16} strokeWidth={1.5} aria-hidden="true" />
          <span>{shown.text}</span>
          {shown.action && (
            <Button
              onClick={() => {
                setShown(null);
                shown.action?.run();
              }}
            >
              {shown.action.label}
            </Button>
          )}
        </section>
      )}
      <div className="sr" role="status" data-testid="announcer">{polite}</div>
      <div className="sr" role="alert">{urgent}</div>
    </SaysContext>
  );
}

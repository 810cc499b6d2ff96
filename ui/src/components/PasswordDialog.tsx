import { useId, useRef, useState, type SubmitEvent, type ReactNode } from "react";
import { calls, paths } from "../api/calls";
import { ApiError } from "../api/client";
import { refresh } from "../api/resource";
import { sentence } from "../api/sentences";
import type { Me } from "../api/types";
import { Button } from "./Button";
import { Dialog } from "./Dialog";
import { PasswordField } from "./Field";
import { forgetLink, isFromLink } from "./linkLogin";
import { Spinner } from "./Small";
import { Spoken } from "./Spoken";
import { useSays } from "./Toast";

const RULES = "8 to 256 characters, and none of the passwords that are tried first.";
const FORGOTTEN = "Forgotten? Run `keelway link`, log in by that address and choose a new one within ten minutes.";

type Problem = { text: string; about: "current" | "new" | null } | null;

function problemOf(error: unknown, asked: boolean): Problem {
  if (!(error instanceof ApiError)) return { text: sentence(error), about: null };
  if (error.code === "WrongPassword") return { text: asked ? "That is not your current password." : "Write your current password, too.", about: "current" };
  if (error.code === "WeakPassword") return { text: sentence(error), about: "new" };
  return { text: sentence(error), about: null };
}

/** Who came by a login address a moment ago need not know the old password: that is the reset. */
export function PasswordDialog({ me, onClose }: { me: Me; onClose: () => void }): ReactNode {
  const { hasPassword, email } = me.user;
  const [needed, setNeeded] = useState(() => hasPassword && !isFromLink());
  const [current, setCurrent] = useState("");
  const [fresh, setFresh] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>(null);
  const [tries, setTries] = useState(0);
  const { toast } = useSays();
  const said = useId();
  const form = useId();
  const [currentField, freshField] = [useRef<HTMLInputElement>(null), useRef<HTMLInputElement>(null)];

  const fail = (found: Problem) => {
    setBusy(false);
    setProblem(found);
    setTries((before) => before + 1);
    const field = found?.about === "current" ? currentField : found?.about === "new" ? freshField : null;
    requestAnimationFrame(() => field?.current?.focus());
  };
  const onSubmit = (event: SubmitEvent) => {
    event.preventDefault();
    if (busy) return;
    if (needed && current === "") return void fail({ text: "Write your current password.", about: "current" });
    if (fresh === "") return void fail({ text: "Write a new password.", about: "new" });
    setBusy(true);
    calls.setPassword(needed ? current : null, fresh).then(
      () => {
        forgetLink();
        void refresh(paths.me);
        toast({ text: hasPassword ? "Password changed. Other browsers were logged out." : "Password set. Other browsers were logged out." });
        onClose();
      },
      (error: unknown) => {
        if (error instanceof ApiError && error.code === "WrongPassword") setNeeded(true);
        fail(problemOf(error, needed));
      },
    );
  };
  const about = (field: "current" | "new") => (problem?.about === field ? said : undefined);
  return (
    <Dialog
      title={hasPassword ? "Change your password" : "Set a password"}
      onClose={onClose}
      testId="password-dialog"
      footer={
        <>
          <Button size="lg" onClick={onClose}>Cancel</Button>
          <Button size="lg" look="primary" type="submit" form={form} aria-disabled={busy}>{busy && <Spinner />}{hasPassword ? "Change password" : "Set password"}</Button>
        </>
      }
    >
      <p className="said">{hasPassword ? "Every other browser you are logged in with is logged out." : `You can then log in with ${email ?? "your e-mail address"} and this password.`}</p>
      <form id={form} className="fields" method="post" noValidate onSubmit={onSubmit}>
        {/* Tells a password manager whose password this is. */}
        <input type="text" name="username" autoComplete="username" value={email ?? ""} readOnly hidden />
        {needed && (
          <PasswordField label="Current password" name="current" autoComplete="current-password" hint={<Spoken text={FORGOTTEN} />} ref={currentField} value={current} problem={about("current")} onChange={(event) => setCurrent(event.target.value)} />
        )}
        <PasswordField label="New password" name="new" autoComplete="new-password" hint={RULES} ref={freshField} value={fresh} problem={about("new")} onChange={(event) => setFresh(event.target.value)} />
      </form>
      {problem && <p className="problem" role="alert" id={said} key={tries}>{problem.text}</p>}
    </Dialog>
  );
}

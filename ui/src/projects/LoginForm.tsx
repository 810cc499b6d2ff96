import { useEffect, useId, useRef, useState, type SubmitEvent, type ReactNode } from "react";
import { calls } from "../api/calls";
import { Button } from "../components/Button";
import { Field, PasswordField } from "../components/Field";
import { Spinner } from "../components/Small";
import { Spoken } from "../components/Spoken";
import { duration } from "../components/time";
import { loginProblem, type LoginProblem } from "./loginProblem";

/** How long is left, counted before the eye; who listens was told once. */
function useLeft(until: number | null, over: () => void): number {
  const [left, setLeft] = useState(0);
  const done = useRef(over);
  useEffect(() => {
    done.current = over;
  });
  useEffect(() => {
    if (until === null) return;
    const count = () => {
      const rest = until - Date.now();
      setLeft(Math.max(0, rest));
      if (rest <= 0) done.current();
    };
    count();
    const timer = setInterval(count, 1000);
    return () => clearInterval(timer);
  }, [until]);
  return left;
}

const MISSING: LoginProblem = { text: "Write your e-mail address and your password.", typed: false, until: null };
const AGAIN: LoginProblem = { text: "You can try again now.", typed: false, until: null };

export function LoginForm({ onDone }: { onDone: () => void }): ReactNode {
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<LoginProblem | null>(null);
  const [tries, setTries] = useState(0);
  const left = useLeft(problem?.until ?? null, () => setProblem(AGAIN));
  const said = useId();
  const [emailField, passwordField] = [useRef<HTMLInputElement>(null), useRef<HTMLInputElement>(null)];
  const waits = problem !== null && problem.until !== null;

  const onSubmit = (event: SubmitEvent) => {
    event.preventDefault();
    if (busy || waits) return;
    setTries(tries + 1);
    if (email.trim() === "" || password === "") {
      setProblem(MISSING);
      return (email.trim() === "" ? emailField : passwordField).current?.focus();
    }
    setBusy(true);
    calls.loginWithPassword(email.trim(), password).then(onDone, (error: unknown) => {
      setBusy(false);
      setProblem(loginProblem(error, Date.now()));
    });
  };
  const wrong = problem?.typed ? said : undefined;
  return (
    <form className="login-form" method="post" noValidate onSubmit={onSubmit}>
      <Field
        label="E-mail" type="email" name="username" autoComplete="username" inputMode="email" autoCapitalize="none" spellCheck={false} autoFocus maxLength={320}
        ref={emailField} value={email} problem={wrong}
        onChange={(event) => {
          setEmail(event.target.value);
          // Waiting is for one address; another one may be tried at once.
          if (waits) setProblem(null);
        }}
      />
      <PasswordField label="Password" name="password" autoComplete="current-password" maxLength={1024} ref={passwordField} value={password} problem={wrong} onChange={(event) => setPassword(event.target.value)} />
      {/* Said anew each time: the sentence may be the same as before. */}
      {problem && (
        <p className="problem" role="alert" id={said} key={`${tries} ${problem.text}`} data-testid="login-problem">
          {waits ? <><span className="sr">{problem.text}</span><span aria-hidden="true">Too many tries. The next one is taken in {duration(left)}.</span></> : <Spoken text={problem.text} />}
        </p>
      )}
      {/* Never `disabled`: the focus would fall off the button that was just pressed. */}
      <Button type="submit" look="primary" size="lg" aria-disabled={busy || waits}>{busy ? <><Spinner />Logging in</> : "Log in"}</Button>
    </form>
  );
}

import { useEffect, useRef, useState, type ReactNode } from "react";
import { useLocation } from "wouter";
import { calls } from "../api/calls";
import { ApiError } from "../api/client";
import { forgetAll } from "../api/resource";
import { Button } from "../components/Button";
import { Mark } from "../components/Mark";
import { Spinner } from "../components/Small";
import { MissingPage } from "./MissingPage";

/** The key leaves the address before anything else is done with it (TRUST.md T14). */
export function takeKey(): string {
  const key = new URLSearchParams(location.hash.slice(1)).get("k") ?? "";
  history.replaceState(null, "", location.pathname);
  return key;
}

export function Login(): ReactNode {
  const [, navigate] = useLocation();
  const [problem, setProblem] = useState<unknown>(null);
  const key = useRef<string | null>(null);
  const begin = () => {
    setProblem(null);
    key.current ??= takeKey();
    if (key.current === "") return void setProblem(new ApiError(401, "LoginExpired", ""));
    calls.login(key.current).then(
      () => {
        forgetAll();
        navigate("/", { replace: true });
      },
      setProblem,
    );
  };
  const once = useRef(begin);
  useEffect(() => {
    document.title = "Log in · Keelway";
    once.current();
  }, []);
  if (problem instanceof ApiError && problem.status < 500) return <MissingPage error={problem} />;
  if (problem) {
    return (
      <main className="plain-page">
        <span className="acc"><Mark size={28} /></span>
        <h1>The server does not answer</h1>
        <p>The link is still good.</p>
        <Button look="primary" size="lg" onClick={begin}>Try again</Button>
      </main>
    );
  }
  return <main className="opening"><h1 className="sr">Log in</h1><Spinner /> Logging in</main>;
}

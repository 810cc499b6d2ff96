import { TriangleAlert } from "lucide-react";
import { useEffect, useRef, useState, type ReactNode } from "react";
import { useLocation, useSearch } from "wouter";
import { calls, paths } from "../api/calls";
import { ApiError, request } from "../api/client";
import { forgetAll } from "../api/resource";
import { sentence } from "../api/sentences";
import { Button } from "../components/Button";
import { Icon } from "../components/Icon";
import { cameByLink, forgetLink } from "../components/linkLogin";
import { Mark } from "../components/Mark";
import { Spinner } from "../components/Small";
import { Spoken } from "../components/Spoken";
import { LoginForm } from "./LoginForm";
import { nextAddress } from "./next";

/** The key leaves the address before anything else is done with it (TRUST.md T14). */
export function takeKey(): string {
  const key = new URLSearchParams(location.hash.slice(1)).get("k") ?? "";
  history.replaceState(null, "", location.pathname + location.search);
  return key;
}

const LINK_OR_PASSWORD = "This link has expired. Run `keelway link` for a new one, or log in with your password.";

/** What the link, or the session that may still live, has come to; null while that is not known. */
type Found = "form" | "away" | { refused: string };

function refusal(error: unknown): Found {
  if (!(error instanceof ApiError) || error.status >= 500) return "away";
  return { refused: error.code === "LoginExpired" ? LINK_OR_PASSWORD : sentence(error) };
}

function useArrival(arrive: () => void): { found: Found | null; begin: () => void } {
  const [found, setFound] = useState<Found | null>(null);
  const key = useRef<string | null>(null);
  const begin = () => {
    setFound(null);
    key.current ??= takeKey();
    if (key.current === "") {
      request("GET", paths.me).then(arrive, () => setFound("form"));
      return;
    }
    calls.login(key.current).then(
      () => {
        cameByLink();
        arrive();
      },
      (error: unknown) => setFound(refusal(error)),
    );
  };
  const once = useRef(begin);
  useEffect(() => {
    once.current();
    // Pasted into the tab that shows this page, a login address changes only what is behind its #.
    const again = () => {
      if (!location.hash.startsWith("#k=")) return;
      key.current = null;
      once.current();
    };
    addEventListener("hashchange", again);
    return () => removeEventListener("hashchange", again);
  }, []);
  return { found, begin };
}

/** The first stop on the keel: a link is used up, or e-mail and password are asked for. */
export function Login(): ReactNode {
  const [, navigate] = useLocation();
  const search = useSearch();
  const arrive = () => {
    forgetAll();
    navigate(nextAddress(search), { replace: true });
  };
  const { found, begin } = useArrival(arrive);
  useEffect(() => {
    document.title = "Log in · Keelway";
  }, []);
  if (found === null) return <main className="opening"><h1 className="sr">Log in</h1><Spinner /> Logging in</main>;
  if (found === "away") {
    return (
      <main className="plain-page">
        <span className="acc"><Mark size={28} /></span>
        <h1>The server does not answer</h1>
        <p>The link is still good.</p>
        <Button look="primary" size="lg" onClick={begin}>Try again</Button>
      </main>
    );
  }
  return (
    <div className="login-page">
      <main className="login-in">
        <span className="stem" aria-hidden="true" />
        <span className="wordmark"><Mark size={24} />Keelway</span>
        <h1 className="on-keel"><span className="node hand" style={{ top: 17 }} aria-hidden="true" />Log in</h1>
        {found !== "form" && <div className="notice warn" role="status"><Icon of={TriangleAlert} /><span className="grow"><Spoken text={found.refused} /></span></div>}
        <LoginForm
          onDone={() => {
            forgetLink();
            arrive();
          }}
        />
        {found === "form" && <p className="login-foot xs dim"><Spoken text="Run `keelway link` for a login address." /></p>}
      </main>
    </div>
  );
}

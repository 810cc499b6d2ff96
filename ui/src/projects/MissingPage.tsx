import type { ReactNode } from "react";
import { Link } from "wouter";
import { ApiError } from "../api/client";
import { refresh } from "../api/resource";
import { codeOf, sentence } from "../api/sentences";
import { Button } from "../components/Button";
import { Mark } from "../components/Mark";
import { Spoken } from "../components/Spoken";

function words(error: unknown): { title: string; text: string } {
  if (error instanceof ApiError && error.status === 404) return { title: "There is no project here", text: "It may have been deleted, or it belongs to someone else." };
  return { title: "That did not work", text: sentence(error) };
}

/** A page that cannot be shown says why, and leads somewhere. */
export function MissingPage({ error, path }: { error: unknown; path?: string }): ReactNode {
  const { title, text } = words(error);
  return (
    <main className="plain-page">
      <span className="acc"><Mark size={28} /></span>
      <h1>{title}</h1>
      <p><Spoken text={text} /></p>
      {!(error instanceof ApiError && error.status < 500) && <pre className="excerpt">{codeOf(error)}</pre>}
      <div className="do">
        {path && !(error instanceof ApiError && error.status === 404) && <Button look="primary" size="lg" onClick={() => void refresh(path)}>Try again</Button>}
        <Link className="btn lg" href="/">All projects</Link>
      </div>
    </main>
  );
}

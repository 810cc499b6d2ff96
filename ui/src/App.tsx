import { lazy, Suspense, useEffect, useState, type ReactNode } from "react";
import { Redirect, Route, Switch, useLocation, useSearch } from "wouter";
import { paths } from "./api/calls";
import { ApiError, onLoggedOut } from "./api/client";
import { useResource } from "./api/resource";
import type { Me } from "./api/types";
import { ErrorBoundary } from "./components/ErrorBoundary";
import { Spinner } from "./components/Small";
import { SaysProvider } from "./components/Toast";
import { Home } from "./projects/Home";
import { Login } from "./projects/Login";
import { MissingPage } from "./projects/MissingPage";
import { loginAddress } from "./projects/next";
import type { Place } from "./projects/ProjectPage";

const ProjectPage = lazy(() => import("./projects/ProjectPage"));

function useLoggedOut(): boolean {
  const [out, setOut] = useState(false);
  useEffect(() => onLoggedOut(() => setOut(true)), []);
  return out;
}

/** A name with a lone `%` in it is a name. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function place(tab: Place["tab"], number?: string, file = ""): Place {
  return { tab, number: number === undefined ? null : Number(number), file };
}

const VERSION = /^\/p\/(?<id>[^/]+)(?:\/(?<logs>logs)|\/v\/(?<number>\d+)\/(?<what>changes|files)(?:\/(?<file>.+))?)?\/?$/;

function Inside(): ReactNode {
  const { data: me, error } = useResource<Me>(paths.me);
  const out = useLoggedOut();
  const [path] = useLocation();
  const search = useSearch();
  if (out) return <Redirect to={loginAddress(path, search)} replace />;
  if (!me) return error === undefined ? <p className="opening"><Spinner /> Opening</p> : <MissingPage error={error} path={paths.me} />;
  return (
    <Suspense fallback={<p className="opening"><Spinner /> Opening</p>}>
      <Switch>
        <Route path="/"><Home me={me} /></Route>
        {/* One pattern for every address of a project, so that going from one to another keeps chat and preview alive. */}
        <Route path={VERSION}>
          {(params: Record<string, string | undefined>) => {
            const { id = "", logs, number, what, file } = params;
            const tab = logs ? "logs" : what === "files" ? "code" : what === "changes" ? "changes" : "preview";
            return <ProjectPage key={id} id={decoded(id)} me={me} place={place(tab, number, file ? decoded(file) : "")} />;
          }}
        </Route>
        <Route><MissingPage error={new ApiError(404, "NotFound", "")} /></Route>
      </Switch>
    </Suspense>
  );
}

export function App(): ReactNode {
  return (
    <ErrorBoundary>
      <SaysProvider>
        <Switch>
          <Route path="/login"><Login /></Route>
          <Route><Inside /></Route>
        </Switch>
      </SaysProvider>
    </ErrorBoundary>
  );
}

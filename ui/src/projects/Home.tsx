import { Check, TriangleAlert } from "lucide-react";
import { useEffect, useState, type ReactNode } from "react";
import { Link } from "wouter";
import { paths } from "../api/calls";
import { request } from "../api/client";
import { useResource } from "../api/resource";
import { READ_ONLY, sentence } from "../api/sentences";
import type { MachineCheck, Me, Page, Project } from "../api/types";
import { isRunning } from "../chat/message";
import { Button } from "../components/Button";
import { Icon } from "../components/Icon";
import { Mark, Node } from "../components/Mark";
import { PersonMenu } from "../components/PersonMenu";
import { Spinner } from "../components/Small";
import { when } from "../components/time";
import { ProjectPrompt } from "./ProjectPrompt";

const MOST_STOPS = 9;

/** A project's line so far: a stop for each of its last versions, and one in the making. */
function Line({ project }: { project: Project }): ReactNode {
  const stops = Math.min(MOST_STOPS, project.activeVersion ?? 0);
  const x = (at: number) => 20 + at * 25;
  const live = isRunning(project.turn?.status);
  return (
    <svg viewBox="0 0 248 60" aria-hidden="true" className="line-so-far">
      <path d={`M${stops < (project.activeVersion ?? 0) ? 0 : x(0)} 30H${x(Math.max(0, stops - 1))}`} className="kept" />
      {live && <path d={`M${x(Math.max(0, stops - 1))} 30H${x(stops)}`} className="making" />}
      {Array.from({ length: stops }, (_, at) => <circle key={at} cx={x(at)} cy="30" r={at === stops - 1 ? 5.5 : 3} />)}
      {live && <circle cx={x(stops)} cy="30" r="4.5" className="open" />}
    </svg>
  );
}

function ProjectCard({ project }: { project: Project }): ReactNode {
  const working = isRunning(project.turn?.status);
  const version = project.activeVersion;
  return (
    <Link className="project-card" href={`/p/${project.id}`} data-testid="project-card">
      <div className="shot"><Line project={project} /></div>
      <div className="txt">
        <div className="row"><b className="cut grow">{project.name}</b></div>
        <div className="meta">
          {working ? <span className="acc">v{(version ?? 0) + 1} in the making</span> : <span>{version === null ? "no version yet" : `v${version}`}</span>}
          <span aria-hidden="true">·</span>
          <time dateTime={project.updatedAt}>{when(project.updatedAt)}</time>
        </div>
      </div>
    </Link>
  );
}

function NowList({ projects }: { projects: Project[] }): ReactNode {
  const running = projects.filter((project) => isRunning(project.turn?.status));
  if (running.length === 0) return null;
  return (
    <aside className="now-list" aria-label="Now">
      <h2>Now</h2>
      {running.map((project) => <Link key={project.id} href={`/p/${project.id}`}><Spinner /><b>{project.name}</b><span>Working on v{(project.activeVersion ?? 0) + 1}</span></Link>)}
    </aside>
  );
}

function MachineReport({ demo }: { demo: boolean }): ReactNode {
  const { data, error } = useResource<{ checks: MachineCheck[] }>(paths.machine);
  return (
    <div className="on-keel">
      <Node top={24} className={data?.checks.some((check) => !check.ok) ? "look" : ""} />
      <section className="machine" aria-labelledby="machine">
        <h2 id="machine">This machine</h2>
        {error !== undefined && !data && <p className="xs dim">{sentence(error)}</p>}
        {!data && error === undefined && <div className="machine-row"><Spinner /><span>Looking at what this machine can do</span></div>}
        {data?.checks.map((check) => (
          <div className="machine-row" key={check.name}>
            <span className={check.ok ? "good" : "warn"}><Icon of={check.ok ? Check : TriangleAlert} /><span className="sr">{check.ok ? "fine" : "look"}</span></span>
            <span className="grow">{check.message}{!check.ok && check.action && <small>{check.action}</small>}</span>
            <span className="xs dim">{check.name}</span>
          </div>
        ))}
        {demo && (
          <p className="machine-foot xs dim">To use a model of your own, set <code className="code">OPENROUTER_API_KEY</code> and start Keelway again. The key is never sent to a sandbox.</p>
        )}
      </section>
    </div>
  );
}

/** The first page keeps itself fresh; older ones are read when somebody asks for them. */
function useProjects(): { projects: Project[]; loaded: boolean; error: unknown; more: (() => Promise<void>) | null } {
  const { data, error } = useResource<Page<Project>>(paths.projects, 10_000);
  const [older, setOlder] = useState<Page<Project> | null>(null);
  const [problem, setProblem] = useState<unknown>(undefined);
  const cursor = older ? older.nextCursor : (data?.nextCursor ?? null);
  const more = async () => {
    if (cursor === null) return;
    try {
      const page = await request<Page<Project>>("GET", paths.olderProjects(cursor));
      setOlder((known) => ({ items: [...(known?.items ?? []), ...page.items], nextCursor: page.nextCursor }));
      setProblem(undefined);
    } catch (error) {
      setProblem(error);
    }
  };
  const newest = data?.items ?? [];
  const known = new Set(newest.map(({ id }) => id));
  const projects = [...newest, ...(older?.items ?? []).filter(({ id }) => !known.has(id))];
  return { projects, loaded: data !== undefined, error: data ? problem : error, more: cursor === null ? null : more };
}

export function Home({ me }: { me: Me }): ReactNode {
  const { projects, loaded, error, more } = useProjects();
  useEffect(() => {
    document.title = "Keelway";
  }, []);
  const first = loaded && projects.length === 0;
  const demo = me.model.demo;
  const looks = me.user.role === "viewer";
  return (
    <div className={`home-page ${first ? "first" : ""}`}>
      <div className="home-in">
        <span className="stem" aria-hidden="true" />
        <header className="home-bar">
          <Link className="wordmark" href="/"><Mark size={24} />Keelway</Link>
          <span className="grow" />
          {demo && <span className="chip warn">Demo model</span>}
          <PersonMenu me={me} />
        </header>
        <main>
          <section className="hero on-keel">
            <h1 className="on-keel"><span className="node hand" style={{ top: 23 }} aria-hidden="true" />{looks ? "Look around" : first && demo ? "Build now, add a model when you like" : "What do you want to build?"}</h1>
            {looks ? <p className="lead ink2">{READ_ONLY}{first && " No project is shared with you yet."}</p> : <>
              {demo && <p className="lead ink2">The demo model builds three fixed apps with the real tools: sandbox, versions, preview, restore. It costs nothing.</p>}
              <ProjectPrompt me={me} />
            </>}
            <NowList projects={projects} />
          </section>
          {error !== undefined && <p className="problem" role="alert">{sentence(error)}</p>}
          {first && !looks && <MachineReport demo={demo} />}
          {projects.length > 0 && (
            <section className="home-section">
              <header className="on-keel"><span className="node" style={{ top: 14 }} aria-hidden="true" /><h2>Your projects</h2><span className="xs dim">{projects.length}{more ? "+" : ""}</span></header>
              <div className="projects">{projects.map((project) => <ProjectCard key={project.id} project={project} />)}</div>
              {more && <Button className="more-projects" size="lg" onClick={() => void more()}>Older projects</Button>}
            </section>
          )}
        </main>
      </div>
    </div>
  );
}

import { TriangleAlert } from "lucide-react";
import { useEffect, useState, type ReactNode } from "react";
import { Link } from "wouter";
import { paths } from "../api/calls";
import { checkedFetch } from "../api/client";
import { useResource } from "../api/resource";
import { sentence } from "../api/sentences";
import type { FileRow, Fragment } from "../api/types";
import { Spinner } from "../components/Small";
import { absolute, count, size, when } from "../components/time";
import { fileAddress } from "../history/panel";
import { Icon } from "../components/Icon";
import { visible } from "../chat/Markdown";

const MOST = 200_000;

type Opened = { text: string } | { words: string } | null;

async function open(address: string): Promise<Opened> {
  const bytes = new Uint8Array(await (await checkedFetch(address)).arrayBuffer());
  if (bytes.subarray(0, 8000).includes(0)) return { words: `Not text, ${size(bytes.length)}.` };
  const text = new TextDecoder().decode(bytes.subarray(0, MOST));
  return { text: bytes.length > MOST ? `${text}\n… ${size(bytes.length - MOST)} more` : text };
}

function FileText({ address }: { address: string }): ReactNode {
  const [opened, setOpened] = useState<Opened>(null);
  useEffect(() => {
    let here = true;
    setOpened(null);
    open(address).then((value) => here && setOpened(value), (error: unknown) => here && setOpened({ words: sentence(error) }));
    return () => {
      here = false;
    };
  }, [address]);
  if (!opened) return <p className="nothing"><Spinner /> Reading the file</p>;
  if ("words" in opened) return <p className="nothing">{opened.words}</p>;
  return (
    <pre className="file-text" tabIndex={0} aria-label="Text of the file">
      {opened.text.split("\n").map((line, at) => <span key={at} className="line" id={`L${at + 1}`}>{visible(line)}{"\n"}</span>)}
    </pre>
  );
}

/** The files of a version, to read. */
export default function FilesView({ project, number, path }: { project: string; number: number; path: string }): ReactNode {
  const { data, error } = useResource<{ items: FileRow[] }>(paths.files(project, `v${number}`));
  const { data: version } = useResource<Fragment>(paths.fragment(project, `v${number}`));
  const rows = data?.items ?? [];
  const first = rows.find((row) => row.path === "src/App.tsx") ?? rows[0];
  const shown = path === "" ? (first?.path ?? "") : path;
  const mark = rows.find((row) => row.path === shown)?.mark;
  return (
    <section className="work changes" aria-label="Files">
      <div>
        <div className="change-head">
          <div className="grow">
            <h1 tabIndex={-1}>Files at v{number}</h1>
            <div className="sub">
              <span className="chip version">v{number}</span>
              {version && <time dateTime={version.createdAt} title={absolute(version.createdAt)}>{when(version.createdAt)}</time>}
              <span>{data ? count(rows.length, "file") : ""}</span>
              <Link className="link" href={`/p/${project}/v/${number}/changes`}>Changes</Link>
            </div>
          </div>
        </div>
        <div className="strip"><span className="mono cut">{shown}</span></div>
        {mark && <div className="notice warn flat" role="note" data-testid="file-mark"><Icon of={TriangleAlert} /><div className="grow"><b>This file came incomplete from the old system.</b><span>{mark.note}</span></div></div>}
      </div>
      {error !== undefined && !data ? (
        <p className="nothing" role="alert">{sentence(error)}</p>
      ) : (
        <div className="split files">
          <nav className="file-list" aria-label="Files of this version">
            {rows.map((row) => (
              <Link key={row.path} className={`f ${row.path === shown ? "on" : ""} ${row.mark ? "two" : ""}`} href={fileAddress(project, number, row.path)} aria-current={row.path === shown ? "page" : undefined} title={row.path}>
                <span className="cut">{row.path}</span>
                {row.mark && <span className="chip warn small" title={row.mark.note}>Incomplete<span className="sr">: {row.mark.note}</span></span>}
                <span className="pm xs dim">{size(row.size)}</span>
              </Link>
            ))}
          </nav>
          <div className="file-pane">{shown ? <FileText address={paths.file(project, `v${number}`, shown)} /> : <p className="nothing"><Spinner /> Reading the list</p>}</div>
        </div>
      )}
    </section>
  );
}

import { Eye, KeyRound, RefreshCw } from "lucide-react";
import { useEffect, useMemo, useRef, useState, type ReactNode } from "react";
import { paths } from "../api/calls";
import { request } from "../api/client";
import { READ_ONLY, sentence } from "../api/sentences";
import type { Me, Project } from "../api/types";
import { Button } from "../components/Button";
import { Icon } from "../components/Icon";
import { Spinner } from "../components/Small";
import { useSays } from "../components/Toast";
import { count } from "../components/time";
import { authorOf } from "./author";
import { viewOf } from "./blocks";
import { Composer } from "./Composer";
import { textOf, type Conversation, type Message } from "./message";
import { ModelPicker } from "./ModelPicker";
import { QueueRows } from "./QueueRows";
import type { Run } from "./run";
import { RunBar } from "./RunBar";
import { Transcript } from "./Transcript";
import { useDraft, useQueue } from "./useQueue";
import { useTurn, type TurnControl } from "./useTurn";

/** One sentence at the end of a turn, and one each ten seconds while it works: no more is read out. */
function useAnnouncements({ run, busy, messages }: TurnControl): void {
  const { announce } = useSays();
  const before = useRef<Run | null>(null);
  const step = useRef(0);
  step.current = run?.step ?? 0;
  useEffect(() => {
    if (!busy) return;
    const timer = setInterval(() => announce(`Still working, step ${step.current}.`), 10_000);
    return () => clearInterval(timer);
  }, [busy, announce]);
  useEffect(() => {
    const was = before.current;
    before.current = run;
    if (busy || !was || was.status === run?.status) return;
    const last: Message | undefined = messages.at(-1);
    const version = last?.role === "assistant" ? viewOf(last).versions.at(-1) : undefined;
    if (version) announce(`Version ${version.number}, ${version.title}, ${count(version.filesChanged, "file")}.`);
    else if (run) announce(run.status === "completed" ? "Done. Nothing was changed." : `The run ${run.status === "failed" ? "failed" : "was " + run.status}.`);
  }, [run, busy, messages, announce]);
}

interface ChatProps {
  project: Project;
  me: Me;
  known: Conversation;
  onBusy: (busy: boolean) => void;
  fix: { text: string } | null;
}

function Chat({ project, me, known, onBusy, fix }: ChatProps): ReactNode {
  const turn = useTurn(project.id, known, project.turn, authorOf(me.user));
  const { messages, run, busy, offline, problem, send, stop, reconnect } = turn;
  const { canEdit } = project;
  const queue = useQueue(project.id);
  const [text, setText] = useDraft(project.id);
  const [model, setModel] = useState<string | null>(null);
  useAnnouncements(turn);
  useEffect(() => onBusy(busy), [busy, onBusy]);
  // A state card proposes words; the person presses Send.
  useEffect(() => {
    if (!fix) return;
    setText(fix.text);
    document.getElementById("composer")?.focus();
  }, [fix, setText]);

  const say = (words: string) =>
    void send(words, model ?? undefined).then((sent) => {
      if (!sent) setText(words);
    });
  const onSend = () => {
    const words = text.trim();
    if (words === "") return;
    setText("");
    if (busy) queue.add(words);
    else say(words);
  };
  // The next message goes out when a run has ended by itself; a stop or a failure holds it back.
  const ended = !busy && run?.status === "completed";
  const next = useRef<() => void>(() => undefined);
  next.current = () => {
    const words = canEdit && queue.items.length ? queue.take(0) : undefined;
    if (words !== undefined) say(words);
  };
  const wasBusy = useRef(busy);
  useEffect(() => {
    const finished = wasBusy.current && ended;
    wasBusy.current = busy;
    if (finished) next.current();
  }, [busy, ended]);

  const asked = messages.findLast((message) => message.role === "user");
  const actions = useMemo(() => ({
    onContinue: canEdit ? () => void send("Continue where you stopped.") : null,
    onAgain: canEdit && asked ? () => void send(textOf(asked)) : null,
  }), [canEdit, send, asked]);
  const placeholder = busy ? "Type to queue the next change" : me.model.demo ? "Try: change the heading" : "Ask for a change";

  return (
    <section className="chat" aria-label="Conversation" data-run={run?.status}>
      <Transcript project={project.id} reader={me.user} messages={messages} busy={busy} actions={actions} />
      <div className="composer-area">
        <RunBar run={run} />
        {offline && <div className="banner" role="status"><Icon of={RefreshCw} /><span>Connection lost. The run goes on without you.</span><Button size="sm" onClick={reconnect}>Reconnect</Button></div>}
        {problem && <div className="banner" role="alert"><span>{problem}</span></div>}
        {canEdit && me.model.demo && !busy && !offline && <div className="banner"><Icon of={KeyRound} /><span>Demo model: it builds three fixed apps.</span></div>}
        {canEdit ? (
          <>
            <QueueRows
              items={queue.items}
              held={!busy}
              onEdit={(at) => setText(queue.take(at) ?? "")}
              onRemove={(at) => queue.take(at)}
              onSend={() => next.current()}
            />
            <Composer
              text={text}
              onText={setText}
              onSend={onSend}
              onStop={stop}
              onRecall={() => queue.items.length && setText(queue.take(-1) ?? "")}
              placeholder={placeholder}
              busy={busy}
              stopping={run?.status === "stopping"}
              model={<ModelPicker me={me} model={model} onModel={setModel} />}
            />
          </>
        ) : (
          // Where the message field would be, so that what leads there leads to the reason.
          <p className="read-only" id="composer" tabIndex={-1} data-testid="read-only"><Icon of={Eye} /><span>{READ_ONLY}</span></p>
        )}
      </div>
    </section>
  );
}

/** Waits for what was said before, then stays with the conversation. */
export function ChatPane(props: Omit<ChatProps, "known">): ReactNode {
  const { id } = props.project;
  const [known, setKnown] = useState<Conversation | null>(null);
  const [problem, setProblem] = useState<unknown>(null);
  const [tries, setTries] = useState(0);
  useEffect(() => {
    if (known) return;
    let timer = 0;
    request<Conversation>("GET", paths.messages(id)).then(setKnown, (error: unknown) => {
      setProblem(error);
      timer = window.setTimeout(() => setTries((before) => before + 1), 2000);
    });
    return () => clearTimeout(timer);
  }, [id, known, tries]);
  if (known) return <Chat {...props} known={known} />;
  return (
    <section className="chat" aria-label="Conversation">
      <p className="nothing">{problem ? sentence(problem) : <><Spinner /> Reading the conversation</>}</p>
    </section>
  );
}

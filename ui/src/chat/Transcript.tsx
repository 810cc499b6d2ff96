import { ArrowDown } from "lucide-react";
import { memo, useEffect, useLayoutEffect, useRef, useState, type ReactNode, type RefObject } from "react";
import type { Me } from "../api/types";
import { Button } from "../components/Button";
import { Icon } from "../components/Icon";
import { Avatar } from "../components/Small";
import { absolute, stamp } from "../components/time";
import { AssistantTurn } from "./AssistantTurn";
import { Attachment } from "./Attachment";
import { nameOf } from "./author";
import { visible } from "./Markdown";
import { textOf, type Message } from "./message";
import type { NoticeActions } from "./RunNotice";

const NEAR = 80;
/** Turns and questions that are drawn at once; older ones as somebody goes up to them. */
const AT_A_TIME = 60;

/** Follows the end while the reader is there; wheel up, touch or selecting lets go. */
function useFollowing(): { ref: RefObject<HTMLDivElement | null>; away: boolean; toEnd: () => void } {
  const ref = useRef<HTMLDivElement>(null);
  const following = useRef(true);
  const [away, setAway] = useState(false);
  const toEnd = () => {
    following.current = true;
    setAway(false);
    ref.current?.scrollTo({ top: ref.current.scrollHeight });
  };
  useLayoutEffect(() => {
    const list = ref.current;
    if (!list) return;
    const isNear = () => list.scrollHeight - list.scrollTop - list.clientHeight < NEAR;
    const onScroll = () => {
      following.current = isNear();
      setAway(!following.current);
    };
    const stick = () => {
      if (following.current && document.getSelection()?.isCollapsed !== false) list.scrollTop = list.scrollHeight;
    };
    // The list itself changes height with the composer; its children grow while they stream.
    const watch = new ResizeObserver(stick);
    watch.observe(list);
    const inner = list.firstElementChild;
    if (inner) watch.observe(inner);
    list.addEventListener("scroll", onScroll, { passive: true });
    return () => {
      watch.disconnect();
      list.removeEventListener("scroll", onScroll);
    };
  }, []);
  return { ref, away, toEnd };
}

/** Where the drawn part of a long conversation begins; goes up, and what is read stays where it is. */
function useStart(list: RefObject<HTMLDivElement | null>, length: number): number {
  const [start, setStart] = useState(() => Math.max(0, length - AT_A_TIME));
  const fromEnd = useRef<number | null>(null);
  useEffect(() => {
    const box = list.current;
    if (!box || start === 0) return;
    const onScroll = () => {
      if (box.scrollTop > 2 * box.clientHeight || fromEnd.current !== null) return;
      fromEnd.current = box.scrollHeight - box.scrollTop;
      setStart((before) => Math.max(0, before - AT_A_TIME));
    };
    box.addEventListener("scroll", onScroll, { passive: true });
    return () => box.removeEventListener("scroll", onScroll);
  }, [list, start]);
  useLayoutEffect(() => {
    if (list.current && fromEnd.current !== null) list.current.scrollTop = list.current.scrollHeight - fromEnd.current;
    fromEnd.current = null;
  }, [list, start]);
  return Math.min(start, Math.max(0, length - 1));
}

const UserMessage = memo(function UserMessage({ message, person }: { message: Message; person: string }): ReactNode {
  const [name = person] = person.split(" ");
  const at = message.metadata?.startedAt;
  return (
    <article className="keel user-message" aria-label={`${name}${at ? `, ${stamp(at)}` : ""}`} data-testid="user-message">
      <Avatar name={person} />
      <div className="message-meta"><b>{name}</b>{at && <time dateTime={at} title={absolute(at)}>{stamp(at)}</time>}</div>
      <div className="body">
        {visible(textOf(message))}
        {message.parts.map((part, index) => part.type === "file" && <Attachment key={index} file={part} />)}
      </div>
    </article>
  );
});

const NO_ACTIONS: NoticeActions = { onContinue: null, onAgain: null };

interface TranscriptProps {
  project: string;
  reader: Me["user"];
  messages: Message[];
  busy: boolean;
  actions: NoticeActions;
}

export function Transcript({ project, reader, messages, busy, actions }: TranscriptProps): ReactNode {
  const { ref, away, toEnd } = useFollowing();
  const sent = messages.filter((message) => message.role === "user").length;
  const goToEnd = useRef(toEnd);
  useEffect(() => goToEnd.current(), [sent]);
  const last = messages.length - 1;
  const start = useStart(ref, messages.length);
  return (
    <div className="transcript-area">
      <div className="transcript" role="log" aria-label="Conversation" tabIndex={0} ref={ref}>
        <div className="transcript-in">
          <div className="fill" />
          <div className="keel" style={{ height: 16 }} />
          {messages.slice(start).map((message, index) => {
            const at = start + index;
            return message.role === "user" ? (
              <UserMessage key={at} message={message} person={visible(nameOf(message, reader))} />
            ) : (
              <AssistantTurn key={at} project={project} message={message} live={busy && at === last} last={at === last} actions={at === last ? actions : NO_ACTIONS} />
            );
          })}
        </div>
      </div>
      {away && <Button className="jump" onClick={toEnd}><Icon of={ArrowDown} small />Jump to now</Button>}
    </div>
  );
}

/** The conversation of a project: what was said, what runs now, and the ways to start and stop it. */

import { Chat, useChat } from "@ai-sdk/react";
import { DefaultChatTransport } from "ai";
import { useCallback, useEffect, useRef, useState } from "react";
import { calls, paths } from "../api/calls";
import { ApiError, checkedFetch, request, Unreachable } from "../api/client";
import { invalidate } from "../api/resource";
import { sentence } from "../api/sentences";
import type { Turn } from "../api/types";
import { isRunning, type Author, type Conversation, type Message } from "./message";
import { isBusy, runOf, type Run } from "./run";

/** The connection broke, as opposed to a turn that ended with an error of its own. */
const isLost = (error: Error) => error instanceof Unreachable || error instanceof TypeError || error instanceof ApiError;

const RETRY = [500, 1000, 2000, 4000];

interface Life {
  gone: boolean;
  following: boolean;
  /** Ends the pause before the next try. */
  wake: () => void;
}

export interface TurnControl {
  messages: Message[];
  run: Run | null;
  busy: boolean;
  offline: boolean;
  problem: string | null;
  send: (text: string, model?: string) => Promise<boolean>;
  stop: () => void;
  reconnect: () => void;
}

function createChat(project: string, items: Message[], changed: () => void): Chat<Message> {
  return new Chat<Message>({
    id: project,
    messages: items,
    transport: new DefaultChatTransport<Message>({
      api: paths.chat(project),
      fetch: checkedFetch,
      prepareSendMessagesRequest: ({ id, messages, trigger, messageId, body }) => ({
        body: { ...body, id, trigger, messageId, messages: messages.slice(-1) },
        headers: { "idempotency-key": messages.at(-1)?.id ?? crypto.randomUUID() },
      }),
      prepareReconnectToStreamRequest: () => ({ api: paths.stream(project) }),
    }),
    onData: (part) => {
      if (part.type !== "data-command-output") changed();
    },
  });
}

/** Ask for everything that a step may have changed, once, however many steps came at a time. */
function useRefresh(project: string): () => void {
  const timer = useRef(0);
  useEffect(() => () => clearTimeout(timer.current), []);
  return useCallback(() => {
    clearTimeout(timer.current);
    timer.current = window.setTimeout(() => invalidate(paths.project(project)), 250);
  }, [project]);
}

/**
 * `seen`: the turn that the project itself was last seen with, so that a second tab joins a run that another one started.
 * `author`: who writes here.
 */
export function useTurn(project: string, known: Conversation, seen: Turn | null, author: Author): TurnControl {
  const refresh = useRefresh(project);
  const [chat] = useState(() => createChat(project, known.items, refresh));
  const { messages, status } = useChat<Message>({ chat, throttle: 50 });
  const [turn, setTurn] = useState<Turn | null>(known.turn);
  const [sure, setSure] = useState(true);
  const [offline, setOffline] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const self = useRef(author);
  self.current = author;
  const life = useRef<Life>({ gone: false, following: false, wake: () => undefined });

  /** What the server has kept is what is shown, as soon as nothing streams. */
  const settle = useCallback(async (): Promise<boolean> => {
    const conversation = await request<Conversation>("GET", paths.messages(project));
    const runs = isRunning(conversation.turn?.status);
    if (!runs) chat.messages = conversation.items;
    setTurn(conversation.turn);
    setSure(true);
    refresh();
    return runs;
  }, [chat, project, refresh]);

  /** Stay on the running turn's stream until the turn is over, through lost connections and restarts. */
  const follow = useCallback(async () => {
    if (life.current.following) return;
    life.current.following = true;
    setSure(false);
    for (let lost = 0; !life.current.gone; lost += 1) {
      await chat.resumeStream();
      try {
        if (chat.error && isLost(chat.error)) throw chat.error;
        chat.clearError();
        setOffline(false);
        if (!(await settle())) break;
        if (lost === 0) lost = -1;
      } catch (error) {
        chat.clearError();
        if (error instanceof ApiError && error.status < 500) {
          setProblem(sentence(error));
          break;
        }
        setOffline(true);
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, RETRY[Math.min(Math.max(lost, 0), RETRY.length - 1)]);
        life.current.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    life.current.following = false;
  }, [chat, settle]);

  useEffect(() => {
    const here = life.current;
    here.gone = false;
    if (isRunning(known.turn?.status)) void follow();
    return () => {
      here.gone = true;
      here.wake();
      void chat.stop();
    };
  }, [chat, follow, known.turn?.status]);

  /** A run that was started elsewhere: first what was said there, then its stream. */
  const join = useCallback(async () => {
    if (life.current.following) return;
    try {
      chat.messages = (await request<Conversation>("GET", paths.messages(project))).items;
    } catch {
      // The stream tells the same later, or says why it can not.
    }
    await follow();
  }, [chat, follow, project]);

  const joins = isRunning(seen?.status) && status === "ready" ? seen?.id : undefined;
  useEffect(() => {
    if (joins !== undefined) void join();
  }, [joins, join]);

  const send = useCallback(
    async (text: string, model?: string): Promise<boolean> => {
      setProblem(null);
      setSure(false);
      const before = chat.messages;
      await chat.sendMessage({ text, metadata: { author: self.current } }, model ? { body: { model } } : {});
      const error = chat.status === "error" ? chat.error : undefined;
      if (error instanceof ApiError) {
        chat.clearError();
        chat.messages = before;
        if (error.code === "TurnRunning") void join();
        setProblem(sentence(error));
        return false;
      }
      if (error instanceof Unreachable && chat.messages.length === before.length + 1) {
        chat.clearError();
        chat.messages = before;
        setProblem(sentence(error));
        return false;
      }
      chat.clearError();
      void follow();
      return true;
    },
    [chat, follow, join],
  );

  const stop = useCallback(() => {
    calls.stop(project).catch((error: unknown) => {
      if (!(error instanceof ApiError && error.status === 404)) setProblem(sentence(error));
    });
  }, [project]);

  const run = runOf({ last: messages.at(-1), turn, stream: status, sure });
  return { messages, run, busy: isBusy(run), offline, problem, send, stop, reconnect: () => life.current.wake() };
}

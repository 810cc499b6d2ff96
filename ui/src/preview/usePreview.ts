import { useCallback, useEffect, useRef, useState } from "react";
import { calls, paths } from "../api/calls";
import { request } from "../api/client";
import { put, useResource } from "../api/resource";
import type { Preview, PreviewState } from "../api/types";
import { isMoving } from "./states";

const SOON = 1000;
const LATER = 10_000;
const TOUCH = 60_000;
const CARD_AFTER = 400;

/** A looked-at page keeps its machine awake. */
function useTouch(project: string, ready: boolean): void {
  useEffect(() => {
    if (!ready) return;
    const touch = () => {
      if (document.visibilityState === "visible") calls.touch(project).catch(() => undefined);
    };
    touch();
    const timer = setInterval(touch, TOUCH);
    return () => clearInterval(timer);
  }, [project, ready]);
}

/** A state is shown once it has lasted; until then the old picture stays, dimmed. */
function useLasting(state: PreviewState | undefined): { shown: PreviewState | undefined; dimmed: boolean } {
  const [shown, setShown] = useState(state);
  useEffect(() => {
    if (state === shown) return;
    if (shown === undefined || state === "ready" || (shown !== "ready" && state !== undefined)) {
      setShown(state);
      return;
    }
    const timer = setTimeout(() => setShown(state), CARD_AFTER);
    return () => clearTimeout(timer);
  }, [state, shown]);
  return { shown, dimmed: state !== shown };
}

export interface PreviewView {
  preview: Preview | undefined;
  error: unknown;
  shown: PreviewState | undefined;
  dimmed: boolean;
  origin: string | null;
  /** A fresh address with a fresh ticket: tickets live a minute and open once. */
  ticket: () => Promise<string | null>;
}

export function usePreview(project: string, busy: boolean, restoring: boolean): PreviewView {
  const [moving, setMoving] = useState(true);
  const { data, error } = useResource<Preview>(paths.preview(project), moving || restoring ? SOON : busy ? SOON * 3 : LATER);
  const state = restoring && data?.state === "ready" ? "restoring" : data?.state;
  useEffect(() => setMoving(isMoving(state)), [state]);
  useTouch(project, state === "ready");
  const known = useRef(data);
  useEffect(() => {
    known.current = data;
  }, [data]);

  const ticket = useCallback(async () => {
    const fresh = await request<Preview>("GET", paths.preview(project)).catch(() => known.current);
    if (fresh) put(paths.preview(project), fresh);
    return fresh?.url ?? null;
  }, [project]);

  const { shown, dimmed } = useLasting(state);
  const origin = data?.url && URL.canParse(data.url) ? new URL(data.url).origin : null;
  return { preview: data, error, shown, dimmed, origin, ticket };
}

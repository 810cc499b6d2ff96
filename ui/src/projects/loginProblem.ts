/** What stands in the login form when it did not work. */

import { ApiError, Unreachable } from "../api/client";
import { LINK_EXPIRED, sentence } from "../api/sentences";
import { duration } from "../components/time";

export interface LoginProblem {
  text: string;
  /** Both fields are meant. */
  typed: boolean;
  /** When the next try is taken, in milliseconds since 1970. */
  until: number | null;
}

const AWAY = "The server does not answer. What you typed is still here.";

export function loginProblem(error: unknown, now: number): LoginProblem {
  const plain = (text: string): LoginProblem => ({ text, typed: false, until: null });
  if (error instanceof Unreachable || (error instanceof ApiError && error.status >= 500)) return plain(AWAY);
  if (!(error instanceof ApiError)) return plain(sentence(error));
  if (error.status === 429) {
    const wait = Math.max(1, error.retryAfter ?? 60) * 1000;
    return { text: `Too many tries. The next one is taken in ${duration(wait)}.`, typed: false, until: now + wait };
  }
  if (error.code === "LoginExpired") return plain(LINK_EXPIRED);
  return { text: sentence(error), typed: error.code === "WrongPassword", until: null };
}

import { ApiError, Unreachable } from "./client";

export const LINK_EXPIRED = "This link has expired. Run `keelway link` for a new one.";
export const LOGGED_OUT = "You are logged out. Log in to go on.";
export const READ_ONLY = "You can look, compare and copy, not change.";

const SENTENCES: Record<string, string> = {
  LoginExpired: LINK_EXPIRED,
  WrongPassword: "This e-mail and this password do not belong together.",
  NotAllowed: READ_ONLY,
  TurnRunning: "A run is working on this project. Stop it, or wait until it is done.",
  WorkspaceBusy: "Something else is being done to this project. Yours can start after it.",
};

const BY_STATUS: Record<number, string> = {
  401: LOGGED_OUT,
  403: "This project is not shared with you.",
  404: "There is nothing at this address.",
  413: "That is too large to send.",
  429: "The server says too many requests. It takes new ones in a moment.",
};

/** What went wrong, as a sentence a person can act on. */
export function sentence(error: unknown): string {
  if (error instanceof Unreachable) return "The server does not answer. Nothing was changed.";
  if (error instanceof ApiError) {
    const known = SENTENCES[error.code];
    if (error.status === 401) return known ?? LOGGED_OUT;
    if (error.detail && error.status < 500) return error.detail;
    return known ?? BY_STATUS[error.status] ?? "That did not work. Nothing was changed.";
  }
  return "That did not work. Nothing was changed.";
}

/** The code beside the sentence, for a report; never instead of it. */
export function codeOf(error: unknown): string {
  if (error instanceof ApiError) return error.code;
  if (error instanceof Unreachable) return "unreachable";
  return error instanceof Error ? error.name : "unknown";
}

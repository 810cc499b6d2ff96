/** One door to the server: JSON in, JSON out, problems as `ApiError`. */

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    /** Seconds after which the server takes the next try, if it said so. */
    readonly retryAfter: number | null = null,
  ) {
    super(detail);
    this.name = "ApiError";
  }
}

/** The server could not be reached at all; nothing is known about what it did. */
export class Unreachable extends Error {
  constructor(cause: unknown) {
    super("The server does not answer.", { cause });
    this.name = "Unreachable";
  }
}

type Listener = () => void;
const loggedOut = new Set<Listener>();

/** Called when a request finds that the session is over. */
export function onLoggedOut(listener: Listener): () => void {
  loggedOut.add(listener);
  return () => loggedOut.delete(listener);
}

/** 401 answers that are about what was typed, not about the session. */
const ABOUT_WHAT_WAS_TYPED = ["LoginExpired", "WrongPassword"];

/** `Retry-After` in whole seconds: a number, or a date to count from now. */
export function secondsOf(header: string | null, now: number = Date.now()): number | null {
  if (header === null || header.trim() === "") return null;
  const seconds = /^\d+$/.test(header.trim()) ? Number(header) : Math.ceil((Date.parse(header) - now) / 1000);
  return Number.isFinite(seconds) ? Math.max(0, seconds) : null;
}

async function problem(response: Response): Promise<ApiError> {
  let code = `http_${response.status}`;
  let detail = "";
  try {
    const body = (await response.json()) as { code?: unknown; detail?: unknown; title?: unknown };
    if (typeof body.code === "string") code = body.code;
    if (typeof body.detail === "string") detail = body.detail;
    else if (typeof body.title === "string") detail = body.title;
  } catch {
    // Not JSON: the status says all there is.
  }
  if (response.status === 401 && !ABOUT_WHAT_WAS_TYPED.includes(code)) for (const tell of loggedOut) tell();
  return new ApiError(response.status, code, detail, secondsOf(response.headers.get("retry-after")));
}

/** `fetch` that throws `Unreachable` without an answer and `ApiError` for one that is not 2xx. */
export async function checkedFetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(input, { credentials: "same-origin", ...init });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Unreachable(error);
  }
  if (!response.ok) throw await problem(response);
  return response;
}

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

export async function request<T>(method: Method, path: string, body?: unknown): Promise<T> {
  const response = await checkedFetch(path, {
    method,
    headers: { accept: "application/json", ...(body === undefined ? {} : { "content-type": "application/json" }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (response.status === 204 || response.status === 202) return undefined as T;
  return (await response.json()) as T;
}

// The errors of this package. All are `PosternError`; an answer of the server that is an error is
// an `APIError` with the fields of the API.

import { retryAfterS } from "./retry.js";

const SHOWN_CHARACTERS = 200;

/** Any error of this package. */
export class PosternError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message);
    this.name = new.target.name;
    if (options?.cause !== undefined) Object.defineProperty(this, "cause", { value: options.cause, configurable: true });
  }
}

/** There was no whole answer: the server could not be reached, or the connection broke. */
export class APIConnectionError extends PosternError {}

/** The server took longer than the time limit of the request. */
export class APITimeoutError extends APIConnectionError {}

/** A webhook is not from the server, or is too old. */
export class WebhookVerificationError extends PosternError {}

/** The server has answered with an error. */
export class APIError extends PosternError {
  /** The HTTP status. */
  readonly status: number;
  /** One word for programs, such as `not_found`. */
  readonly code: string;
  /** What to do. */
  readonly hint: string | undefined;
  /** The field, parameter or header field that it is about. */
  readonly field: string | undefined;
  /** The id of the request, as the log of the server has it. */
  readonly requestId: string | undefined;
  /** The whole error, with fields such as `limit`, `rule` and `recipients`. */
  readonly details: Record<string, unknown>;
  /** Seconds to wait, where the server says it. */
  readonly retryAfter: number | undefined;

  constructor(status: number, error: Record<string, unknown>, headers: Headers) {
    const text = (name: string): string | undefined => (typeof error[name] === "string" ? (error[name] as string) : undefined);
    const code = text("code") ?? `http_${status}`;
    const where = text("field") === undefined ? "" : ` (field ${text("field")})`;
    super(`${status} ${code}${where}: ${text("message") ?? ""}${text("hint") === undefined ? "" : ` ${text("hint")}`}`);
    this.status = status;
    this.code = code;
    this.hint = text("hint");
    this.field = text("field");
    this.requestId = text("request_id") ?? headers.get("x-request-id") ?? undefined;
    this.details = error;
    this.retryAfter = retryAfterS(headers);
  }
}

/** The request is wrong: 400, or a body that is too large or of a wrong type. */
export class BadRequestError extends APIError {}
/** There is no key, or it is wrong, revoked or expired: 401. */
export class AuthenticationError extends APIError {}
/** The key lacks a scope, or policy refuses: 403. */
export class PermissionDeniedError extends APIError {}
/** It does not exist, or the key may not see it: 404. */
export class NotFoundError extends APIError {}
/** Something else stands in the way: 409. */
export class ConflictError extends APIError {}
/** Too many requests, or a budget is used up: 429. `retryAfter` says how long to wait. */
export class RateLimitError extends APIError {}
/** The server could not do it: 5xx. */
export class ServerError extends APIError {}

const OF_STATUS: Record<number, typeof APIError> = {
  400: BadRequestError,
  401: AuthenticationError,
  403: PermissionDeniedError,
  404: NotFoundError,
  409: ConflictError,
  413: BadRequestError,
  414: BadRequestError,
  415: BadRequestError,
  429: RateLimitError,
  431: BadRequestError,
};

/** The error of an answer. One without the JSON of the API comes from something between. */
export function errorOf(status: number, body: string, headers: Headers): APIError {
  const Kind = OF_STATUS[status] ?? (status >= 500 ? ServerError : APIError);
  let error: unknown;
  try {
    error = (JSON.parse(body) as { error?: unknown }).error;
  } catch {
    error = undefined;
  }
  if (typeof error !== "object" || error === null || Array.isArray(error)) {
    error = { message: body.slice(0, SHOWN_CHARACTERS).trim() || "The answer has no body." };
  }
  return new Kind(status, error as Record<string, unknown>, headers);
}

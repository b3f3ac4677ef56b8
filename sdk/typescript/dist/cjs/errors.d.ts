/** Any error of this package. */
export declare class PosternError extends Error {
    constructor(message: string, options?: {
        cause?: unknown;
    });
}
/** There was no whole answer: the server could not be reached, or the connection broke. */
export declare class APIConnectionError extends PosternError {
}
/** The server took longer than the time limit of the request. */
export declare class APITimeoutError extends APIConnectionError {
}
/** A webhook is not from the server, or is too old. */
export declare class WebhookVerificationError extends PosternError {
}
/** The server has answered with an error. */
export declare class APIError extends PosternError {
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
    constructor(status: number, error: Record<string, unknown>, headers: Headers);
}
/** The request is wrong: 400, or a body that is too large or of a wrong type. */
export declare class BadRequestError extends APIError {
}
/** There is no key, or it is wrong, revoked or expired: 401. */
export declare class AuthenticationError extends APIError {
}
/** The key lacks a scope, or policy refuses: 403. */
export declare class PermissionDeniedError extends APIError {
}
/** It does not exist, or the key may not see it: 404. */
export declare class NotFoundError extends APIError {
}
/** Something else stands in the way: 409. */
export declare class ConflictError extends APIError {
}
/** Too many requests, or a budget is used up: 429. `retryAfter` says how long to wait. */
export declare class RateLimitError extends APIError {
}
/** The server could not do it: 5xx. */
export declare class ServerError extends APIError {
}
/** The error of an answer. One without the JSON of the API comes from something between. */
export declare function errorOf(status: number, body: string, headers: Headers): APIError;

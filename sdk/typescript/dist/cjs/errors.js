"use strict";
// The errors of this package. All are `PosternError`; an answer of the server that is an error is
// an `APIError` with the fields of the API.
Object.defineProperty(exports, "__esModule", { value: true });
exports.ServerError = exports.RateLimitError = exports.ConflictError = exports.NotFoundError = exports.PermissionDeniedError = exports.AuthenticationError = exports.BadRequestError = exports.APIError = exports.WebhookVerificationError = exports.APITimeoutError = exports.APIConnectionError = exports.PosternError = void 0;
exports.errorOf = errorOf;
const retry_js_1 = require("./retry.js");
const SHOWN_CHARACTERS = 200;
/** Any error of this package. */
class PosternError extends Error {
    constructor(message, options) {
        super(message);
        this.name = new.target.name;
        if (options?.cause !== undefined)
            Object.defineProperty(this, "cause", { value: options.cause, configurable: true });
    }
}
exports.PosternError = PosternError;
/** There was no whole answer: the server could not be reached, or the connection broke. */
class APIConnectionError extends PosternError {
}
exports.APIConnectionError = APIConnectionError;
/** The server took longer than the time limit of the request. */
class APITimeoutError extends APIConnectionError {
}
exports.APITimeoutError = APITimeoutError;
/** A webhook is not from the server, or is too old. */
class WebhookVerificationError extends PosternError {
}
exports.WebhookVerificationError = WebhookVerificationError;
/** The server has answered with an error. */
class APIError extends PosternError {
    constructor(status, error, headers) {
        const text = (name) => (typeof error[name] === "string" ? error[name] : undefined);
        const code = text("code") ?? `http_${status}`;
        const where = text("field") === undefined ? "" : ` (field ${text("field")})`;
        super(`${status} ${code}${where}: ${text("message") ?? ""}${text("hint") === undefined ? "" : ` ${text("hint")}`}`);
        this.status = status;
        this.code = code;
        this.hint = text("hint");
        this.field = text("field");
        this.requestId = text("request_id") ?? headers.get("x-request-id") ?? undefined;
        this.details = error;
        this.retryAfter = (0, retry_js_1.retryAfterS)(headers);
    }
}
exports.APIError = APIError;
/** The request is wrong: 400, or a body that is too large or of a wrong type. */
class BadRequestError extends APIError {
}
exports.BadRequestError = BadRequestError;
/** There is no key, or it is wrong, revoked or expired: 401. */
class AuthenticationError extends APIError {
}
exports.AuthenticationError = AuthenticationError;
/** The key lacks a scope, or policy refuses: 403. */
class PermissionDeniedError extends APIError {
}
exports.PermissionDeniedError = PermissionDeniedError;
/** It does not exist, or the key may not see it: 404. */
class NotFoundError extends APIError {
}
exports.NotFoundError = NotFoundError;
/** Something else stands in the way: 409. */
class ConflictError extends APIError {
}
exports.ConflictError = ConflictError;
/** Too many requests, or a budget is used up: 429. `retryAfter` says how long to wait. */
class RateLimitError extends APIError {
}
exports.RateLimitError = RateLimitError;
/** The server could not do it: 5xx. */
class ServerError extends APIError {
}
exports.ServerError = ServerError;
const OF_STATUS = {
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
function errorOf(status, body, headers) {
    const Kind = OF_STATUS[status] ?? (status >= 500 ? ServerError : APIError);
    let error;
    try {
        error = JSON.parse(body).error;
    }
    catch {
        error = undefined;
    }
    if (typeof error !== "object" || error === null || Array.isArray(error)) {
        error = { message: body.slice(0, SHOWN_CHARACTERS).trim() || "The answer has no body." };
    }
    return new Kind(status, error, headers);
}

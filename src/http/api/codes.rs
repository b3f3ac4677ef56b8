//! Every code that an error can have, with its status and one sentence: a closed table. An
//! error is made from a row of it, so a code without a description does not compile.

/// One code of an error.
#[derive(PartialEq, Eq, Debug)]
pub(crate) struct ErrorCode {
    pub status: u16,
    /// `error.code` in JSON.
    pub word: &'static str,
    /// When it is given.
    pub says: &'static str,
}

macro_rules! codes {
    ($($name:ident $status:literal $word:literal $says:literal;)*) => {
        $(pub(crate) const $name: &ErrorCode = &ErrorCode {
            status: $status,
            word: $word,
            says: $says,
        };)*

        /// All of them.
        #[cfg(test)]
        pub(crate) const ALL: &[&ErrorCode] = &[$($name),*];
    };
}

codes! {
    BAD_REQUEST 400 "bad_request" "The request is not HTTP as RFC 9112 has it; the connection ends.";
    BAD_TARGET 400 "bad_target" "The path or the query is not percent-encoded UTF-8, or has a control character in it.";
    INVALID_JSON 400 "invalid_json" "The body is not one JSON object, or is nested too deep.";
    UNKNOWN_FIELD 400 "unknown_field" "There is no field or parameter of this name.";
    INVALID_FIELD 400 "invalid_field" "A field or parameter is missing or wrong.";
    INVALID_HEADER_VALUE 400 "invalid_header_value" "A text for a header field has a control character in it.";
    NOT_SUPPORTED 400 "not_supported" "The field is part of the API and is not built yet.";
    UNEXPECTED_BODY 400 "unexpected_body" "The route takes no body.";
    NO_SUCH_RECIPIENT 400 "no_such_recipient" "A recipient at a domain of this server does not exist.";
    MAIL_LOOP 400 "mail_loop" "The message has passed too many servers.";
    STRAY_OCTETS 400 "stray_octets" "The message has a bare CR, LF or NUL in it.";
    UNAUTHORIZED 401 "unauthorized" "There is no key, or it is wrong, revoked or expired.";
    MISSING_SCOPE 403 "missing_scope" "The key is valid and lacks the scope.";
    KEY_BOUND 403 "key_bound" "The key is bound to inboxes, and this concerns the organization or other inboxes.";
    ORIGIN_NOT_OURS 403 "origin_not_ours" "A page of another origin asks, and only pages of this server may.";
    OPERATOR_ELSEWHERE 403 "operator_elsewhere" "The operator's token is taken on loopback addresses, and from others only if the configuration names them.";
    DOMAIN_NOT_VERIFIED 403 "domain_not_verified" "The domain waits for a proof; no inbox is made on it and no mail passes.";
    RELAY_DENIED 403 "relay_denied" "This server does not relay for that address.";
    SENDER_NOT_ALLOWED 403 "sender_not_allowed" "The key may not send as this address.";
    SEND_OFF 403 "send_off" "The send_mode of the inbox or of its organization is off.";
    SEND_BLOCKED 403 "send_blocked" "A filter rule blocks mail to a recipient; `rule` names it.";
    SUPPRESSED 403 "suppressed" "A recipient is on the suppression list; `rule` names the entry.";
    RECEIVE_BLOCKED 403 "receive_blocked" "A recipient takes no mail from the sender: a rule blocks it, or it does not know it.";
    SPAM_REFUSED 403 "spam_refused" "Every recipient takes no mail that its filter judges as spam.";
    ORG_PAUSED 403 "org_paused" "All sending of the organization is paused.";
    WEBHOOK_LOOP 403 "webhook_loop" "The request comes at the end of too long a chain of webhooks that cause requests.";
    OVER_QUOTA 403 "over_quota" "The inbox, its organization or the inbox of a recipient is full.";
    NOT_FOUND 404 "not_found" "It does not exist, or the key may not see it.";
    METHOD_NOT_ALLOWED 405 "method_not_allowed" "The path exists and has no such method; Allow names those it has.";
    TIMEOUT 408 "timeout" "The request came too slowly; the connection ends.";
    ALREADY_EXISTS 409 "already_exists" "One of this name exists already.";
    POLICY_CHANGED 409 "policy_changed" "The policy of the inbox has changed while the message came; send it again.";
    CONFLICT 409 "conflict" "Something else stands in the way.";
    NOT_RETRYABLE 409 "not_retryable" "The recipient has ended, or its message waits for an approval or for its time.";
    NOT_CANCELLABLE 409 "not_cancellable" "The recipient has ended, or the message is leaving for it now.";
    IDEMPOTENCY_CONFLICT 409 "idempotency_conflict" "The Idempotency-Key was used for another request.";
    LIMIT_REACHED 409 "limit_reached" "There are as many of these as there may be; `limit` says how many.";
    CURSOR_EXPIRED 410 "cursor_expired" "The log no longer has this cursor; `oldest` is the first number that it has.";
    PRECONDITION_FAILED 412 "precondition_failed" "`If-Match` names other octets than those that are there.";
    BODY_TOO_LARGE 413 "body_too_large" "The body is longer than the route allows.";
    TOO_LARGE 413 "too_large" "The message, or a part of it, is over its limit.";
    URI_TOO_LONG 414 "uri_too_long" "The request line is too long.";
    UNSUPPORTED_MEDIA_TYPE 415 "unsupported_media_type" "The body must be application/json, or the file itself where one is uploaded.";
    UNSUPPORTED_ENCODING 415 "unsupported_encoding" "A Content-Encoding is not accepted.";
    RANGE_NOT_SATISFIABLE 416 "range_not_satisfiable" "The range begins behind the end; Content-Range says how many octets there are.";
    EXPECTATION_FAILED 417 "expectation_failed" "Only 100-continue can be expected.";
    HOST_NOT_OURS 421 "host_not_ours" "Counters are shown without a key to a Host that is ours.";
    SEARCH_DEADLINE 422 "search_deadline" "The search took too long; the same one would again, a narrower one may not.";
    UPGRADE_REQUIRED 426 "upgrade_required" "The route speaks WebSocket of version 13 alone; the fields Upgrade and Sec-WebSocket-Version ask for it.";
    RATE_LIMITED 429 "rate_limited" "Too many requests; Retry-After says how long to wait.";
    LOOP_SUSPECTED 429 "loop_suspected" "Too many answers went between two addresses within 10 minutes; further ones wait as long.";
    BUDGET_EXCEEDED 429 "budget_exceeded" "A budget of messages or of new recipients of the day is used up; Retry-After says how long to wait.";
    TOO_MANY_STREAMS 429 "too_many_streams" "As many event streams and waiting requests are open as the key or its organization may have; `limit` says how many.";
    TOO_MANY_FAILURES 429 "too_many_failures" "Too many wrong keys came from this address.";
    HEADER_TOO_LARGE 431 "header_too_large" "The header fields are too long or too many.";
    DAMAGED 500 "damaged" "What is stored is damaged; the log of the server names it.";
    BUSY 503 "busy" "Too many large requests or long responses are under way.";
    TOO_MANY_CONNECTIONS 503 "too_many_connections" "Too many connections are open, of this address or in all.";
    INTERNAL 503 "internal" "Something failed in the server; its log says what.";
    SHUTTING_DOWN 503 "shutting_down" "The server is stopping.";
    NO_SPACE 507 "no_space" "The disk is too full to take mail for now.";
}

/// What any request can be answered, whatever its route.
pub(crate) const OF_ANY_REQUEST: &[&ErrorCode] = &[
    BAD_REQUEST,
    BAD_TARGET,
    UNKNOWN_FIELD,
    TIMEOUT,
    URI_TOO_LONG,
    UNSUPPORTED_ENCODING,
    EXPECTATION_FAILED,
    WEBHOOK_LOOP,
    RATE_LIMITED,
    HEADER_TOO_LARGE,
    BUSY,
    TOO_MANY_CONNECTIONS,
    INTERNAL,
    SHUTTING_DOWN,
];

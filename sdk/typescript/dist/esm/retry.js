// When a request is sent again, and how long to wait before it. It does no I/O and reads no clock.
//
// A request is sent again only where that cannot do a thing twice: it was not sent at all, the
// server said that it did nothing (429, 503), the method may be repeated (every method of the API
// but POST), or a POST carries an idempotency key, which every POST of this package does.
const FIRST_WAIT_S = 0.5;
const LONGEST_WAIT_S = 8;
/** A longer Retry-After is told to the caller instead, as a RateLimitError. */
const LONGEST_RETRY_AFTER_S = 60;
/** The server has done nothing. */
const REFUSED = new Set([408, 425, 429, 503]);
/** The server may have done it. */
const UNCLEAR = new Set([500, 502, 504, 507]);
/** Seconds that `Retry-After` names. */
export function retryAfterS(headers) {
    const text = headers.get("retry-after")?.trim() ?? "";
    return /^\d{1,9}(\.\d{1,9})?$/.test(text) ? Number(text) : undefined;
}
/** The attempts of one request. */
export class Attempts {
    constructor(repeatable, left, chance = Math.random) {
        this.repeatable = repeatable;
        this.left = left;
        this.chance = chance;
        /** Whether an attempt may have been carried out though no answer came. */
        this.perhapsDone = false;
        this.made = 0;
    }
    /** Seconds until the next attempt after this answer; undefined when the answer stands. */
    afterAnswer(status, headers) {
        if (UNCLEAR.has(status))
            this.perhapsDone = true;
        if (!REFUSED.has(status) && !(UNCLEAR.has(status) && this.repeatable))
            return undefined;
        const wanted = retryAfterS(headers);
        if (wanted !== undefined && wanted > LONGEST_RETRY_AFTER_S)
            return undefined;
        const wait = this.nextWait();
        return wait === undefined || wanted === undefined ? wait : Math.max(wanted, Math.min(wait, wanted + 1));
    }
    /** Seconds until the next attempt after one without an answer; undefined when there is none.
     * `sent`: the request may have reached the server. */
    afterFault(sent) {
        if (sent)
            this.perhapsDone = true;
        return sent && !this.repeatable ? undefined : this.nextWait();
    }
    /** Twice as long each time, and different for each client. */
    nextWait() {
        if (this.left <= 0)
            return undefined;
        this.left -= 1;
        const longest = Math.min(FIRST_WAIT_S * 2 ** this.made, LONGEST_WAIT_S);
        this.made += 1;
        return longest * (0.5 + this.chance() / 2);
    }
}

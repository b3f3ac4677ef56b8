/** Seconds that `Retry-After` names. */
export declare function retryAfterS(headers: Headers): number | undefined;
/** The attempts of one request. */
export declare class Attempts {
    private readonly repeatable;
    private left;
    private readonly chance;
    /** Whether an attempt may have been carried out though no answer came. */
    perhapsDone: boolean;
    private made;
    constructor(repeatable: boolean, left: number, chance?: () => number);
    /** Seconds until the next attempt after this answer; undefined when the answer stands. */
    afterAnswer(status: number, headers: Headers): number | undefined;
    /** Seconds until the next attempt after one without an answer; undefined when there is none.
     * `sent`: the request may have reached the server. */
    afterFault(sent: boolean): number | undefined;
    /** Twice as long each time, and different for each client. */
    private nextWait;
}

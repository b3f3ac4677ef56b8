import type { Postern } from "./client.js";
import type { Event } from "./models.js";
/** Which events, and from where. */
export interface EventStreamParams {
    /** One inbox, or several; without it, all that the key may see. */
    inbox?: string | string[];
    /** The number of the last event that is known, or a time; without it the stream begins now. */
    since?: number | string | Date;
    /** With one inbox: all its sub-agents too. */
    tree?: boolean;
    type?: Event["type"] | Event["type"][];
    from?: string;
    label?: string;
    priority?: string;
    verdict?: string;
    /** Ends the stream. */
    signal?: AbortSignal;
}
/** Events, one after the other, without end, without loss and without repetition: over broken
 * connections and restarts of the server.
 *
 * It connects with the first event that is asked for, or in `open`. It ends by an error only where
 * the server refuses, such as an `AuthenticationError` when the key has ended. An event `reset` says
 * that the log no longer has the events behind the cursor. `lastId` is where it is: give it as
 * `since` to go on in another process. */
export declare class EventStream implements AsyncIterableIterator<Event> {
    private readonly client;
    private readonly path;
    private readonly query;
    private readonly signal;
    private readonly cursor;
    private pending;
    private begun;
    private reader;
    private closed;
    private readonly closing;
    constructor(client: Postern, path: string, query: Record<string, unknown>, since: EventStreamParams["since"], signal: AbortSignal | undefined);
    /** The number of the last event that was given, or that the server has told to be passed. */
    get lastId(): number | undefined;
    /** Connects, and comes back when the server has said where the stream begins: what happens from
     * then on is in it. */
    open(): Promise<this>;
    /** Ends the stream. */
    close(): void;
    [Symbol.asyncIterator](): this;
    next(): Promise<IteratorResult<Event, undefined>>;
    /** `break` out of a loop ends the stream. */
    return(): Promise<IteratorResult<Event, undefined>>;
    private isOver;
    /** Connects, or takes what the connection has. */
    private step;
    private connect;
    private leave;
}
/** The part of `events` that is written by hand. */
export declare class Streaming {
    protected readonly client: Postern;
    constructor(client: Postern);
    /** An iterator over events, which connects again by itself. `inbox` and `since` may also stand in
     * the parameters; those choose events as in the API. */
    stream(params?: EventStreamParams): EventStream;
    stream(inbox?: string, since?: number | string | Date): EventStream;
}

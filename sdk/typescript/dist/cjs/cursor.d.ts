import { APIError } from "./errors.js";
import type { Event } from "./models.js";
/** A heartbeat comes every 15 seconds. */
export declare const SILENCE_MS = 45000;
/** The place of one reader in the log. */
export declare class EventCursor {
    private readonly chance;
    /** The number of the last event that was given, or that was told to be passed. */
    lastId: number | undefined;
    /** Whether the server has said where this connection begins. */
    isReady: boolean;
    private since;
    private isOpen;
    private wasOpen;
    private faults;
    private retryS;
    private reader;
    constructor(since: number | string | Date | undefined, chance?: () => number);
    /** The query of the next connection. */
    query(query: Record<string, unknown>): Record<string, unknown>;
    /** The header fields of the next connection. */
    headers(): Record<string, string | undefined>;
    /** A connection has begun to answer. */
    opened(): void;
    /** The events for the program in these octets. */
    feed(octets: Uint8Array): Event[];
    private frame;
    /** The connection has ended. Seconds until the next one. */
    lost(): number;
    /** The server has answered a connection with an error. Seconds until the next one; it throws the
     * error when another attempt is of no use. */
    refused(error: APIError): number;
}

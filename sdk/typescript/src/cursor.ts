// Where a stream of events is, over all its connections: what to ask for next, which frames are
// events for the program, and how long to wait before the next connection. It does no I/O.

import { APIConnectionError, APIError } from "./errors.js";
import type { Event } from "./models.js";
import { FrameReader } from "./sse.js";

/** A heartbeat comes every 15 seconds. */
export const SILENCE_MS = 45_000;
const FIRST_WAIT_S = 0.5;
const LONGEST_WAIT_S = 30;

/** The place of one reader in the log. */
export class EventCursor {
  /** The number of the last event that was given, or that was told to be passed. */
  lastId: number | undefined;
  /** Whether the server has said where this connection begins. */
  isReady = false;
  private since: string | undefined;
  private isOpen = false;
  private wasOpen = false;
  private faults = 0;
  private retryS: number | undefined;
  private reader = new FrameReader();

  constructor(
    since: number | string | Date | undefined,
    private readonly chance: () => number = Math.random,
  ) {
    if (typeof since === "number" || (typeof since === "string" && /^\d{1,15}$/.test(since))) this.lastId = Number(since);
    else this.since = since instanceof Date ? since.toISOString() : since;
  }

  /** The query of the next connection. */
  query(query: Record<string, unknown>): Record<string, unknown> {
    return { ...query, since: this.lastId === undefined ? this.since : undefined };
  }

  /** The header fields of the next connection. */
  headers(): Record<string, string | undefined> {
    return { Accept: "text/event-stream", "Last-Event-ID": this.lastId?.toString() };
  }

  /** A connection has begun to answer. */
  opened(): void {
    this.reader = new FrameReader();
    this.isOpen = this.wasOpen = true;
  }

  /** The events for the program in these octets. */
  feed(octets: Uint8Array): Event[] {
    const events: Event[] = [];
    try {
      for (const frame of this.reader.feed(octets)) {
        const event = this.frame(frame.type, frame.data);
        if (event) events.push(event);
      }
    } catch (error) {
      throw error instanceof APIConnectionError ? error : new APIConnectionError(String(error));
    }
    if (this.reader.retryMs !== undefined) this.retryS = this.reader.retryMs / 1000;
    return events;
  }

  private frame(kind: string, data: string): Event | undefined {
    let event: Event & { reconnect_after_ms?: number | null };
    try {
      event = JSON.parse(data) as Event;
      if (!Number.isSafeInteger(event.seq)) throw new Error("no seq");
    } catch {
      throw new APIConnectionError(`a frame of the event stream is no event: ${data.slice(0, 100)}`);
    }
    const seq = event.seq;
    this.faults = 0;
    if (kind === "closing") {
      if (typeof event.reconnect_after_ms === "number") this.retryS = event.reconnect_after_ms / 1000;
      return undefined;
    }
    this.isReady = true;
    if (kind === "ready") {
      this.lastId = Math.max(seq, this.lastId ?? 0);
      return undefined;
    }
    if (kind === "reset") {
      // The log goes on with this one. The program is told, because some are missing.
      this.lastId = seq - 1;
      return { ...event, inbox: event.inbox ?? null };
    }
    if (this.lastId !== undefined && seq <= this.lastId) return undefined;
    this.lastId = seq;
    return event;
  }

  /** The connection has ended. Seconds until the next one. */
  lost(): number {
    const was = this.isOpen;
    this.isOpen = this.isReady = false;
    if (was && this.faults === 0 && this.retryS !== undefined) {
      this.faults += 1;
      const wait = this.retryS;
      this.retryS = undefined;
      return wait * (0.75 + this.chance() / 4);
    }
    const longest = Math.min(FIRST_WAIT_S * 2 ** Math.min(this.faults, 10), LONGEST_WAIT_S);
    this.faults += 1;
    return longest * (0.5 + this.chance() / 2);
  }

  /** The server has answered a connection with an error. Seconds until the next one; it throws the
   * error when another attempt is of no use. */
  refused(error: APIError): number {
    // After a fault the server may still count the connection that has ended. An older server says
    // `limit_reached`.
    const isFull = error.code === "too_many_streams" || error.code === "limit_reached";
    const isFinal = error.status < 500 && error.status !== 408 && error.status !== 429;
    if ((isFull && !this.wasOpen) || (isFinal && !isFull)) throw error;
    return Math.max(this.lost(), Math.min(error.retryAfter ?? 0, LONGEST_WAIT_S * 2));
  }
}

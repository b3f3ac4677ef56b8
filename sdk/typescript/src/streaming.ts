// The iterator over events: it connects again when the connection ends, and goes on behind the last
// event that it has given.

import { place } from "./call.js";
import type { Begun, Postern } from "./client.js";
import { EventCursor, SILENCE_MS } from "./cursor.js";
import { APIError, APITimeoutError, errorOf, PosternError } from "./errors.js";
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
export class EventStream implements AsyncIterableIterator<Event> {
  private readonly cursor: EventCursor;
  private pending: Event[] = [];
  private begun: Begun | undefined;
  private reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  private closed = false;
  private readonly closing = new AbortController();

  constructor(
    private readonly client: Postern,
    private readonly path: string,
    private readonly query: Record<string, unknown>,
    since: EventStreamParams["since"],
    private readonly signal: AbortSignal | undefined,
  ) {
    this.cursor = new EventCursor(since);
    if (signal?.aborted) this.closing.abort();
    signal?.addEventListener("abort", () => this.closing.abort(), { once: true });
  }

  /** The number of the last event that was given, or that the server has told to be passed. */
  get lastId(): number | undefined {
    const next = this.pending[0];
    return next === undefined ? this.cursor.lastId : next.seq - 1;
  }

  /** Connects, and comes back when the server has said where the stream begins: what happens from
   * then on is in it. */
  async open(): Promise<this> {
    while (!this.isOver() && !this.cursor.isReady) await this.step();
    return this;
  }

  /** Ends the stream. */
  close(): void {
    this.closed = true;
    this.closing.abort();
    this.leave();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Event, undefined>> {
    for (;;) {
      const event = this.pending.shift();
      if (event) return { done: false, value: event };
      if (this.isOver()) return { done: true, value: undefined };
      await this.step();
    }
  }

  /** `break` out of a loop ends the stream. */
  async return(): Promise<IteratorResult<Event, undefined>> {
    this.close();
    return { done: true, value: undefined };
  }

  private isOver(): boolean {
    if (this.signal?.aborted) {
      this.leave();
      throw this.signal.reason;
    }
    return this.closed;
  }

  /** Connects, or takes what the connection has. */
  private async step(): Promise<void> {
    let wait: number;
    try {
      if (!this.reader) {
        await this.connect();
        return;
      }
      const { done, value } = await silent(this.reader.read());
      if (!done) {
        this.pending.push(...this.cursor.feed(value));
        return;
      }
      wait = this.cursor.lost();
    } catch (error) {
      wait = error instanceof APIError ? this.cursor.refused(error) : this.cursor.lost();
      if (error instanceof PosternError && error.constructor === PosternError) throw error;
    }
    this.leave();
    if (this.closing.signal.aborted) return;
    await this.client.sleep(wait, this.closing.signal).catch(() => undefined);
  }

  private async connect(): Promise<void> {
    const begun = await this.client.begin({
      method: "GET",
      path: this.path,
      query: this.cursor.query(this.query),
      headers: this.cursor.headers(),
      options: { timeoutMs: SILENCE_MS, signal: this.closing.signal },
    });
    const { response } = begun;
    if (response.status >= 300) throw errorOf(response.status, await response.text().finally(begun.stop), response.headers);
    // From here on `silent` watches it.
    begun.stop();
    this.begun = begun;
    this.reader = response.body?.getReader();
    this.cursor.opened();
  }

  private leave(): void {
    const { begun, reader } = this;
    this.begun = this.reader = undefined;
    begun?.release();
    reader?.cancel().catch(() => undefined);
    begun?.control.abort();
  }
}

/** What is read, unless the stream is silent for longer than heartbeats allow. */
async function silent<T>(read: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new APITimeoutError("the event stream is silent")), SILENCE_MS);
  });
  try {
    return await Promise.race([read, limit]);
  } finally {
    clearTimeout(timer);
  }
}

/** The part of `events` that is written by hand. */
export class Streaming {
  constructor(protected readonly client: Postern) {}

  /** An iterator over events, which connects again by itself. `inbox` and `since` may also stand in
   * the parameters; those choose events as in the API. */
  stream(params?: EventStreamParams): EventStream;
  stream(inbox?: string, since?: number | string | Date): EventStream;
  stream(first?: EventStreamParams | string, second?: number | string | Date): EventStream {
    const { inbox, since, tree, signal, ...query } =
      typeof first === "object" ? first : ({ inbox: first, since: second } as EventStreamParams);
    if (typeof inbox === "string") {
      const path = `/api/v1/inboxes/${place(inbox)}/${tree ? "watch" : "events"}`;
      return new EventStream(this.client, path, query, since, signal);
    }
    if (tree) throw new PosternError("tree needs one inbox");
    return new EventStream(this.client, "/api/v1/events", { ...query, inbox }, since, signal);
  }
}

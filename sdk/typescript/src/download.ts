// Octets while they come, so that a large message is never whole in memory.

import type { Begun } from "./client.js";
import { APIConnectionError } from "./errors.js";
import { saveFile } from "./platform.js";

/** The body of an answer. Iterate over its pieces, or save it to a file. */
export class Download implements AsyncIterable<Uint8Array> {
  constructor(private readonly begun: Begun) {
    // The time limit is for the beginning; a large message may take longer.
    begun.stop();
  }

  /** The media type that the server says. */
  get contentType(): string {
    return this.begun.response.headers.get("content-type") ?? "";
  }

  /** How many octets come, where the server says it. */
  get size(): number | undefined {
    const text = this.begun.response.headers.get("content-length") ?? "";
    return /^\d+$/.test(text) ? Number(text) : undefined;
  }

  /** What names these octets, for `ifRange` of the download that goes on. */
  get etag(): string | undefined {
    return this.begun.response.headers.get("etag") ?? undefined;
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    const reader = this.begun.response.body?.getReader();
    if (!reader) return;
    try {
      for (;;) {
        const { done, value } = await reader.read().catch((error: unknown) => {
          throw new APIConnectionError("the download broke off", { cause: error });
        });
        if (done) return;
        yield value;
      }
    } finally {
      await reader.cancel().catch(() => undefined);
      this.begun.release();
    }
  }

  /** Writes all of it to a file, in Node, and gives the number of octets. A download that breaks off
   * leaves no file. */
  async save(path: string): Promise<number> {
    return await saveFile(path, this);
  }
}

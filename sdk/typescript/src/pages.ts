// Lists that come in pages. Iterating goes over every row of every page.

import type { Call } from "./call.js";
import type { Postern } from "./client.js";

/** One page: its rows, and the cursor of the next page if there is one. */
export interface Page<T> {
  data: T[];
  next_cursor: string | null;
}

/** A list. `for await (const row of pages)` goes over all rows; `pages.pages()` over the pages.
 * Nothing is asked before that, and each pass asks anew. */
export class Pages<T> implements AsyncIterable<T> {
  constructor(
    private readonly client: Postern,
    private readonly call: Call,
    // The log of events always has a next cursor: it ends with an empty page.
    private readonly follows: boolean,
  ) {}

  async *[Symbol.asyncIterator](): AsyncIterator<T> {
    for await (const page of this.pages()) yield* page.data;
  }

  /** Every page. */
  async *pages(): AsyncIterableIterator<Page<T>> {
    let cursor: string | undefined;
    for (;;) {
      const page = await this.page(cursor);
      if (this.follows && page.data.length === 0) return;
      yield page;
      // A server that gives the same cursor again would never end.
      if (page.next_cursor === null || page.next_cursor === cursor) return;
      cursor = page.next_cursor;
    }
  }

  /** The page at a cursor; without one, the first. */
  async page(cursor?: string): Promise<Page<T>> {
    const query = cursor === undefined ? this.call.query : { ...this.call.query, cursor };
    const page = (await this.client.object({ ...this.call, query: query ?? {} })) as Page<T>;
    return { ...page, next_cursor: page.next_cursor ?? null };
  }

  /** All rows in one array. */
  async all(): Promise<T[]> {
    const rows: T[] = [];
    for await (const row of this) rows.push(row);
    return rows;
  }
}

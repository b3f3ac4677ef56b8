import type { Call } from "./call.js";
import type { Postern } from "./client.js";
/** One page: its rows, and the cursor of the next page if there is one. */
export interface Page<T> {
    data: T[];
    next_cursor: string | null;
}
/** A list. `for await (const row of pages)` goes over all rows; `pages.pages()` over the pages.
 * Nothing is asked before that, and each pass asks anew. */
export declare class Pages<T> implements AsyncIterable<T> {
    private readonly client;
    private readonly call;
    private readonly follows;
    constructor(client: Postern, call: Call, follows: boolean);
    [Symbol.asyncIterator](): AsyncIterator<T>;
    /** Every page. */
    pages(): AsyncIterableIterator<Page<T>>;
    /** The page at a cursor; without one, the first. */
    page(cursor?: string): Promise<Page<T>>;
    /** All rows in one array. */
    all(): Promise<T[]>;
}

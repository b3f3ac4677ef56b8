// Lists that come in pages. Iterating goes over every row of every page.
/** A list. `for await (const row of pages)` goes over all rows; `pages.pages()` over the pages.
 * Nothing is asked before that, and each pass asks anew. */
export class Pages {
    constructor(client, call, 
    // The log of events always has a next cursor: it ends with an empty page.
    follows) {
        this.client = client;
        this.call = call;
        this.follows = follows;
    }
    async *[Symbol.asyncIterator]() {
        for await (const page of this.pages())
            yield* page.data;
    }
    /** Every page. */
    async *pages() {
        let cursor;
        for (;;) {
            const page = await this.page(cursor);
            if (this.follows && page.data.length === 0)
                return;
            yield page;
            // A server that gives the same cursor again would never end.
            if (page.next_cursor === null || page.next_cursor === cursor)
                return;
            cursor = page.next_cursor;
        }
    }
    /** The page at a cursor; without one, the first. */
    async page(cursor) {
        const query = cursor === undefined ? this.call.query : { ...this.call.query, cursor };
        const page = (await this.client.object({ ...this.call, query: query ?? {} }));
        return { ...page, next_cursor: page.next_cursor ?? null };
    }
    /** All rows in one array. */
    async all() {
        const rows = [];
        for await (const row of this)
            rows.push(row);
        return rows;
    }
}

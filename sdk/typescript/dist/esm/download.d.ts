import type { Begun } from "./client.js";
/** The body of an answer. Iterate over its pieces, or save it to a file. */
export declare class Download implements AsyncIterable<Uint8Array> {
    private readonly begun;
    constructor(begun: Begun);
    /** The media type that the server says. */
    get contentType(): string;
    /** How many octets come, where the server says it. */
    get size(): number | undefined;
    /** What names these octets, for `ifRange` of the download that goes on. */
    get etag(): string | undefined;
    [Symbol.asyncIterator](): AsyncIterator<Uint8Array>;
    /** Writes all of it to a file, in Node, and gives the number of octets. A download that breaks off
     * leaves no file. */
    save(path: string): Promise<number>;
}

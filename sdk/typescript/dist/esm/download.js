// Octets while they come, so that a large message is never whole in memory.
import { APIConnectionError } from "./errors.js";
import { saveFile } from "./platform.js";
/** The body of an answer. Iterate over its pieces, or save it to a file. */
export class Download {
    constructor(begun) {
        this.begun = begun;
        // The time limit is for the beginning; a large message may take longer.
        begun.stop();
    }
    /** The media type that the server says. */
    get contentType() {
        return this.begun.response.headers.get("content-type") ?? "";
    }
    /** How many octets come, where the server says it. */
    get size() {
        const text = this.begun.response.headers.get("content-length") ?? "";
        return /^\d+$/.test(text) ? Number(text) : undefined;
    }
    /** What names these octets, for `ifRange` of the download that goes on. */
    get etag() {
        return this.begun.response.headers.get("etag") ?? undefined;
    }
    async *[Symbol.asyncIterator]() {
        const reader = this.begun.response.body?.getReader();
        if (!reader)
            return;
        try {
            for (;;) {
                const { done, value } = await reader.read().catch((error) => {
                    throw new APIConnectionError("the download broke off", { cause: error });
                });
                if (done)
                    return;
                yield value;
            }
        }
        finally {
            await reader.cancel().catch(() => undefined);
            this.begun.release();
        }
    }
    /** Writes all of it to a file, in Node, and gives the number of octets. A download that breaks off
     * leaves no file. */
    async save(path) {
        return await saveFile(path, this);
    }
}

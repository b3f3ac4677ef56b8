"use strict";
// Octets while they come, so that a large message is never whole in memory.
Object.defineProperty(exports, "__esModule", { value: true });
exports.Download = void 0;
const errors_js_1 = require("./errors.js");
const platform_js_1 = require("./platform.js");
/** The body of an answer. Iterate over its pieces, or save it to a file. */
class Download {
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
                    throw new errors_js_1.APIConnectionError("the download broke off", { cause: error });
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
        return await (0, platform_js_1.saveFile)(path, this);
    }
}
exports.Download = Download;

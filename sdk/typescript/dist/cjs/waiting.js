"use strict";
// Waiting for a message, for longer than the server waits in one request, and over its restarts.
Object.defineProperty(exports, "__esModule", { value: true });
exports.waitFor = waitFor;
/** What the server takes at most. */
const LONGEST_S = 300;
/** How much longer than the server its answer may take. */
const GRACE_MS = 15_000;
/** The object that comes within `timeoutS` seconds, or null. */
async function waitFor(client, call, timeoutS) {
    const end = Date.now() + timeoutS * 1000;
    for (;;) {
        const leftS = Math.max(0, Math.ceil((end - Date.now()) / 1000));
        const onceS = Math.min(leftS, LONGEST_S);
        const timeoutMs = call.options?.timeoutMs ?? onceS * 1000 + GRACE_MS;
        const query = { ...call.query, timeout: onceS };
        const found = await client.object({ ...call, query, options: { ...call.options, timeoutMs } });
        if (found !== null || leftS <= LONGEST_S)
            return found;
    }
}

"use strict";
// The client: it sends requests, again where that is safe, and opens answers.
Object.defineProperty(exports, "__esModule", { value: true });
exports.Postern = void 0;
const call_js_1 = require("./call.js");
const download_js_1 = require("./download.js");
const errors_js_1 = require("./errors.js");
const platform_js_1 = require("./platform.js");
const resources_js_1 = require("./resources.js");
const retry_js_1 = require("./retry.js");
const webhooks_js_1 = require("./webhooks.js");
const DEFAULT_BASE_URL = "http://localhost:8080";
const DEFAULT_TIMEOUT_MS = 30_000;
const DEFAULT_RETRIES = 5;
/** How Node calls what happens before a request is sent. */
const NEVER_SENT = /ECONNREFUSED|ENOTFOUND|EAI_AGAIN/;
/** A client of one Postern server. */
class Postern extends resources_js_1.Resources {
    constructor(options = {}) {
        super();
        /** @internal Waits; tests have another one. */
        this.sleep = sleep;
        this.options = options;
        const apiKey = options.apiKey ?? (0, platform_js_1.environment)("POSTERN_API_KEY") ?? (0, platform_js_1.environment)("POSTERN_KEY");
        if (!apiKey)
            throw new errors_js_1.PosternError("There is no key. Pass apiKey, or set POSTERN_API_KEY.");
        if (!/^[!-~]+$/.test(apiKey))
            throw new errors_js_1.PosternError("The apiKey has a character that no key has, such as a space.");
        const url = options.baseUrl ?? (0, platform_js_1.environment)("POSTERN_BASE_URL") ?? (0, platform_js_1.environment)("POSTERN_URL") ?? DEFAULT_BASE_URL;
        this.baseUrl = url.replace(/\/+$/, "").replace(/\/api\/v1$/, "").replace(/\/+$/, "");
        if (!/^https?:\/\//.test(url))
            throw new errors_js_1.PosternError(`baseUrl must begin with https:// or http://, not ${url.slice(0, 100)}`);
        this.headers = { Authorization: `Bearer ${apiKey}` };
        if (options.organization !== undefined)
            this.headers["Postern-Organization"] = options.organization;
        this.timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
        this.retries = options.maxRetries ?? DEFAULT_RETRIES;
        const ca = options.ca ?? (0, platform_js_1.environment)("POSTERN_CA");
        this.fetch = options.fetch ?? (ca === undefined ? (url, init) => globalThis.fetch(url, init) : (0, platform_js_1.fetchTrusting)(ca));
    }
    /** This client for what is done because of a webhook, whose header fields these are. The server
     * ends a loop of webhooks by what they say. It has the connections of this one. */
    causedBy(headers) {
        const other = new Postern({ ...this.options, fetch: this.fetch });
        const depth = (0, webhooks_js_1.header)(headers, "postern-depth");
        if (depth !== undefined)
            other.headers["Postern-Depth"] = depth;
        other.sleep = this.sleep;
        return other;
    }
    /** @internal The JSON that a request gives, or null where it gives none. */
    async object(call) {
        const answer = await this.request(call);
        if (answer.status === 204 || answer.text === "")
            return null;
        try {
            return JSON.parse(answer.text);
        }
        catch {
            const message = "The answer is not JSON. Is this the URL of the server?";
            throw new errors_js_1.APIError(answer.status, { code: "invalid_answer", message }, answer.headers);
        }
    }
    /** @internal The text that a request gives. */
    async text(call) {
        return (await this.request(call)).text;
    }
    /** @internal The octets that a request gives. */
    async octets(call) {
        return (await this.request(call, true)).octets;
    }
    /** @internal The octets that a request gives, while they come. */
    async download(call) {
        return await this.attempt(call, async (response) => new download_js_1.Download(response));
    }
    async request(call, isOctets = false) {
        return await this.attempt(call, async ({ response, stop, release }) => {
            try {
                const octets = new Uint8Array(await response.arrayBuffer());
                const text = isOctets ? "" : new TextDecoder().decode(octets);
                return { status: response.status, headers: response.headers, octets, text };
            }
            finally {
                stop();
                release();
            }
        });
    }
    async attempt(call, take) {
        const { signal } = call.options ?? {};
        const key = call.method === "POST" ? (call.options?.idempotencyKey ?? (await (0, platform_js_1.uniqueKey)())) : undefined;
        const attempts = new retry_js_1.Attempts(call.method !== "POST" || key !== undefined, this.retries);
        for (;;) {
            let wait;
            let end;
            try {
                const answer = await this.begin(call, key);
                const { response } = answer;
                if (response.status < 300)
                    return await take(answer).catch((error) => Promise.reject(this.fault(call, error)));
                const text = await response.text().finally(answer.stop);
                answer.release();
                wait = attempts.afterAnswer(response.status, response.headers);
                end = (0, errors_js_1.errorOf)(response.status, text, response.headers);
                // An attempt before this one has deleted it, and its answer was lost.
                if (call.method === "DELETE" && response.status === 404 && attempts.perhapsDone) {
                    return await take({ ...answer, response: new Response(null, { status: 204 }) });
                }
            }
            catch (error) {
                end = this.fault(call, error);
                if (signal?.aborted || !(end instanceof errors_js_1.APIConnectionError))
                    throw end;
                wait = attempts.afterFault(!NEVER_SENT.test(end.message));
            }
            if (wait === undefined)
                throw end;
            await this.sleep(wait, signal);
        }
    }
    /** @internal One attempt: an answer whose head has come. The time limit lasts
     * until `stop`. */
    async begin(call, key) {
        const headers = { ...this.headers };
        for (const [name, value] of Object.entries(call.headers ?? {}))
            if (value !== undefined)
                headers[name] = value;
        if (key !== undefined)
            headers["Idempotency-Key"] = key;
        if (call.body)
            headers["Content-Type"] = "application/json";
        const control = new AbortController();
        const ms = call.options?.timeoutMs ?? this.timeoutMs;
        const limit = new errors_js_1.APITimeoutError(`${call.method} ${call.path}: no answer in ${ms} ms`);
        const timer = setTimeout(() => control.abort(limit), ms);
        const { signal } = call.options ?? {};
        const abort = () => control.abort(signal?.reason);
        if (signal?.aborted)
            abort();
        signal?.addEventListener("abort", abort, { once: true });
        const stop = () => clearTimeout(timer);
        const release = () => signal?.removeEventListener("abort", abort);
        try {
            const response = await this.fetch(this.baseUrl + (0, call_js_1.target)(call), {
                method: call.method,
                headers,
                body: (call.body ? JSON.stringify(call.body) : call.content),
                redirect: "manual",
                signal: control.signal,
            });
            return { response, stop, release, control };
        }
        catch (error) {
            stop();
            release();
            throw control.signal.aborted && !signal?.aborted ? limit : error;
        }
    }
    /** The error of a broken attempt. Programs see one of this package, or their own reason. */
    fault(call, error) {
        if (error instanceof errors_js_1.PosternError)
            return error;
        if (call.options?.signal?.aborted)
            return call.options.signal.reason ?? error;
        const cause = error?.cause;
        const what = [String(error?.message ?? error), cause?.message ?? cause?.code].filter(Boolean).join(": ");
        const where = `${call.method} ${this.baseUrl}${call.path}: ${what}`;
        if (/self[- ]signed|unable to (get local issuer|verify)|CERT_|altnames/i.test(what)) {
            // Another attempt would see the same certificate.
            return new errors_js_1.PosternError(`${where}. Pass the authority of the server as ca, or set POSTERN_CA.`, { cause: error });
        }
        return new errors_js_1.APIConnectionError(where, { cause: error });
    }
}
exports.Postern = Postern;
async function sleep(seconds, signal) {
    await new Promise((resolve, reject) => {
        const abort = () => {
            clearTimeout(timer);
            reject(signal?.reason);
        };
        const timer = setTimeout(() => {
            signal?.removeEventListener("abort", abort);
            resolve();
        }, seconds * 1000);
        if (signal?.aborted)
            abort();
        else
            signal?.addEventListener("abort", abort, { once: true });
    });
}

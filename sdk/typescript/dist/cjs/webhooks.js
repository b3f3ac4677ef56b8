"use strict";
// Whether a webhook is from the server, by the rules of Standard Webhooks.
Object.defineProperty(exports, "__esModule", { value: true });
exports.WebhookVerifying = exports.TOLERANCE_S = void 0;
exports.verify = verify;
exports.header = header;
const call_js_1 = require("./call.js");
const errors_js_1 = require("./errors.js");
const platform_js_1 = require("./platform.js");
/** A webhook whose time is further from now is refused, so that an old one cannot be sent again. */
exports.TOLERANCE_S = 300;
/** The JSON of a webhook, if one of its signatures is of this secret, or of one of these while one is
 * being replaced. `body` is the body to the letter. Rejects with a `WebhookVerificationError`. */
async function verify(body, headers, secret, options = {}) {
    const octets = typeof body === "string" ? new TextEncoder().encode(body) : new Uint8Array(body);
    const [id, stamp, signatures] = ["webhook-id", "webhook-timestamp", "webhook-signature"].map((name) => {
        const value = header(headers, name);
        if (value === undefined)
            throw new errors_js_1.WebhookVerificationError(`the header field ${name} is missing`);
        return value;
    });
    if (!/^\d{1,15}$/.test(stamp))
        throw new errors_js_1.WebhookVerificationError("webhook-timestamp is not a number of seconds");
    const tolerance = options.toleranceS ?? exports.TOLERANCE_S;
    if (Math.abs((options.now ?? Date.now() / 1000) - Number(stamp)) > tolerance) {
        throw new errors_js_1.WebhookVerificationError(`webhook-timestamp is more than ${tolerance} s away from now`);
    }
    const head = new TextEncoder().encode(`${id}.${stamp}.`);
    const signed = new Uint8Array(head.length + octets.length);
    signed.set(head);
    signed.set(octets, head.length);
    if (!(await fits(signed, signatures, typeof secret === "string" ? [secret] : secret))) {
        throw new errors_js_1.WebhookVerificationError("no signature fits the secret and the body");
    }
    try {
        return JSON.parse(new TextDecoder().decode(octets));
    }
    catch {
        throw new errors_js_1.WebhookVerificationError("the body is signed and is not JSON");
    }
}
/** Whether a signature is of a secret. Every pair is compared, so that the time says nothing. */
async function fits(signed, signatures, secrets) {
    const { subtle } = await (0, platform_js_1.webCrypto)();
    const algorithm = { name: "HMAC", hash: "SHA-256" };
    const offered = signatures.split(" ").map((one) => (one.startsWith("v1,") ? (0, call_js_1.octetsOf)(one.slice(3)) : undefined));
    let found = false;
    for (const secret of secrets) {
        const octets = (0, call_js_1.octetsOf)(secret.replace(/^whsec_/, ""));
        if (!octets?.length)
            throw new errors_js_1.WebhookVerificationError("the secret is not whsec_ and base64");
        const key = await subtle.importKey("raw", octets, algorithm, false, ["verify"]);
        for (const one of offered) {
            if (one && (await subtle.verify(algorithm, key, one, signed)))
                found = true;
        }
    }
    return found;
}
/** @internal One header field. */
function header(headers, name) {
    if (headers instanceof Headers)
        return headers.get(name) ?? undefined;
    const key = Object.keys(headers).find((key) => key.toLowerCase() === name);
    const value = key === undefined ? undefined : headers[key];
    return Array.isArray(value) ? value.join(" ") : value;
}
/** The part of `webhooks` that is written by hand. */
class WebhookVerifying {
    constructor(client) {
        this.client = client;
    }
    /** The JSON of a webhook that is from the server; see the function `verify`. */
    async verify(body, headers, secret, options) {
        return await verify(body, headers, secret, options);
    }
}
exports.WebhookVerifying = WebhookVerifying;

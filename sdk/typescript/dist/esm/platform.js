// What differs between Node and browsers. The names of Node's modules are in variables, so that a
// bundler for browsers leaves them alone.
import { PosternError } from "./errors.js";
// eslint-disable-next-line @typescript-eslint/no-explicit-any
async function nodeModule(name) {
    try {
        return await import(`node:${name}`);
    }
    catch {
        throw new PosternError(`This needs Node (node:${name}).`);
    }
}
/** A variable of the environment, where there is one. */
export function environment(name) {
    const host = globalThis;
    return host.process?.env?.[name] || undefined;
}
/** Web Crypto; Node 18 has it in a module only. */
export async function webCrypto() {
    const found = globalThis.crypto;
    return found?.subtle ? found : (await nodeModule("crypto")).webcrypto;
}
/** A key that no other request has. */
export async function uniqueKey() {
    const octets = (await webCrypto()).getRandomValues(new Uint8Array(16));
    return "ts-" + Array.from(octets, (octet) => octet.toString(16).padStart(2, "0")).join("");
}
/** The octets of a file, and its name. */
export async function readFile(path) {
    const octets = (await (await nodeModule("fs/promises")).readFile(path));
    return { octets, name: (await nodeModule("path")).basename(path) };
}
/** Writes pieces to a file, and gives the number of octets. A fault leaves no file. */
export async function saveFile(path, pieces) {
    const fs = await nodeModule("fs/promises");
    const part = `${path}.part`;
    let written = 0;
    const file = await fs.open(part, "w");
    try {
        for await (const piece of pieces) {
            await file.writeFile(piece);
            written += piece.length;
        }
        await file.close();
        await fs.rename(part, path);
    }
    catch (error) {
        await file.close().catch(() => undefined);
        await fs.rm(part, { force: true });
        throw error;
    }
    return written;
}
/** A `fetch` that trusts the authorities of `ca` (a PEM text, or the path of one) beside those of
 * Node. Node's own `fetch` takes none, so this one is made of `node:https`. */
export function fetchTrusting(ca) {
    let agent;
    const open = async () => {
        const pem = ca.includes("-----BEGIN") ? ca : new TextDecoder().decode((await readAuthorities(ca)).octets);
        const tls = await nodeModule("tls");
        const https = await nodeModule("https");
        return new https.Agent({ keepAlive: true, ca: [...tls.rootCertificates, pem] });
    };
    return async (url, init) => {
        const isTls = url.startsWith("https:");
        const http = await nodeModule(isTls ? "https" : "http");
        const used = isTls ? await (agent ??= open()) : undefined;
        return await send(http, used, url, init);
    };
}
async function readAuthorities(path) {
    try {
        return await readFile(path);
    }
    catch (error) {
        throw new PosternError(`ca: ${path.slice(0, 200)} cannot be read: ${String(error)}`);
    }
}
/* eslint-disable @typescript-eslint/no-explicit-any */
async function send(http, agent, url, init) {
    const { Readable } = await nodeModule("stream");
    const body = init.body;
    const headers = { ...init.headers };
    if (body !== null && body !== undefined) {
        headers["Content-Length"] = typeof body === "string" ? new TextEncoder().encode(body).length : body.length;
    }
    return await new Promise((resolve, reject) => {
        const request = http.request(url, { method: init.method, headers, agent, signal: init.signal }, (answer) => {
            const given = new Headers();
            for (let at = 0; at + 1 < answer.rawHeaders.length; at += 2) {
                given.append(answer.rawHeaders[at], answer.rawHeaders[at + 1]);
            }
            const isEmpty = answer.statusCode === 204 || answer.statusCode === 304 || init.method === "HEAD";
            if (isEmpty)
                answer.resume();
            const content = isEmpty ? null : Readable.toWeb(answer);
            resolve(new Response(content, { status: answer.statusCode, headers: given }));
        });
        request.on("error", reject);
        request.end(body ?? undefined);
    });
}

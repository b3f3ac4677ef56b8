// The client: it sends requests, again where that is safe, and opens answers.

import { type Call, target } from "./call.js";
import { Download } from "./download.js";
import { APIConnectionError, APIError, APITimeoutError, errorOf, PosternError } from "./errors.js";
import { environment, type Fetch, fetchTrusting, uniqueKey } from "./platform.js";
import { Resources } from "./resources.js";
import { Attempts } from "./retry.js";
import { header, type WebhookHeaders } from "./webhooks.js";

const DEFAULT_BASE_URL = "http://localhost:8080";
const DEFAULT_TIMEOUT_MS = 30_000;
const DEFAULT_RETRIES = 5;
/** How Node calls what happens before a request is sent. */
const NEVER_SENT = /ECONNREFUSED|ENOTFOUND|EAI_AGAIN/;

/** What a client is made of. */
export interface PosternOptions {
  /** The key; without it POSTERN_API_KEY or POSTERN_KEY of the environment. */
  apiKey?: string;
  /** Where the server is; without it POSTERN_BASE_URL or POSTERN_URL, else http://localhost:8080. */
  baseUrl?: string;
  /** A PEM text of authorities that are trusted beside those of Node, or the path of one; without
   * it POSTERN_CA. In Node only. */
  ca?: string;
  /** For the token of the operator: the organization to act in. */
  organization?: string;
  /** Milliseconds that one attempt of a request may take. */
  timeoutMs?: number;
  /** How often a request is sent again. */
  maxRetries?: number;
  /** Another `fetch`. */
  fetch?: Fetch;
}

/** A client of one Postern server. */
export class Postern extends Resources {
  /** Where the server is. */
  readonly baseUrl: string;
  /** @internal Waits; tests have another one. */
  sleep: (seconds: number, signal?: AbortSignal) => Promise<void> = sleep;
  private readonly headers: Record<string, string>;
  private readonly timeoutMs: number;
  private readonly retries: number;
  private readonly fetch: Fetch;
  private readonly options: PosternOptions;

  constructor(options: PosternOptions = {}) {
    super();
    this.options = options;
    const apiKey = options.apiKey ?? environment("POSTERN_API_KEY") ?? environment("POSTERN_KEY");
    if (!apiKey) throw new PosternError("There is no key. Pass apiKey, or set POSTERN_API_KEY.");
    if (!/^[!-~]+$/.test(apiKey)) throw new PosternError("The apiKey has a character that no key has, such as a space.");
    const url = options.baseUrl ?? environment("POSTERN_BASE_URL") ?? environment("POSTERN_URL") ?? DEFAULT_BASE_URL;
    this.baseUrl = url.replace(/\/+$/, "").replace(/\/api\/v1$/, "").replace(/\/+$/, "");
    if (!/^https?:\/\//.test(url)) throw new PosternError(`baseUrl must begin with https:// or http://, not ${url.slice(0, 100)}`);
    this.headers = { Authorization: `Bearer ${apiKey}` };
    if (options.organization !== undefined) this.headers["Postern-Organization"] = options.organization;
    this.timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    this.retries = options.maxRetries ?? DEFAULT_RETRIES;
    const ca = options.ca ?? environment("POSTERN_CA");
    this.fetch = options.fetch ?? (ca === undefined ? (url, init) => globalThis.fetch(url, init) : fetchTrusting(ca));
  }

  /** This client for what is done because of a webhook, whose header fields these are. The server
   * ends a loop of webhooks by what they say. It has the connections of this one. */
  causedBy(headers: WebhookHeaders): Postern {
    const other = new Postern({ ...this.options, fetch: this.fetch });
    const depth = header(headers, "postern-depth");
    if (depth !== undefined) other.headers["Postern-Depth"] = depth;
    other.sleep = this.sleep;
    return other;
  }

  /** @internal The JSON that a request gives, or null where it gives none. */
  async object(call: Call): Promise<unknown> {
    const answer = await this.request(call);
    if (answer.status === 204 || answer.text === "") return null;
    try {
      return JSON.parse(answer.text);
    } catch {
      const message = "The answer is not JSON. Is this the URL of the server?";
      throw new APIError(answer.status, { code: "invalid_answer", message }, answer.headers);
    }
  }

  /** @internal The text that a request gives. */
  async text(call: Call): Promise<string> {
    return (await this.request(call)).text;
  }

  /** @internal The octets that a request gives. */
  async octets(call: Call): Promise<Uint8Array> {
    return (await this.request(call, true)).octets;
  }

  /** @internal The octets that a request gives, while they come. */
  async download(call: Call): Promise<Download> {
    return await this.attempt(call, async (response) => new Download(response));
  }

  private async request(call: Call, isOctets = false): Promise<Whole> {
    return await this.attempt(call, async ({ response, stop, release }) => {
      try {
        const octets = new Uint8Array(await response.arrayBuffer());
        const text = isOctets ? "" : new TextDecoder().decode(octets);
        return { status: response.status, headers: response.headers, octets, text };
      } finally {
        stop();
        release();
      }
    });
  }

  private async attempt<T>(call: Call, take: (answer: Begun) => Promise<T>): Promise<T> {
    const { signal } = call.options ?? {};
    const key = call.method === "POST" ? (call.options?.idempotencyKey ?? (await uniqueKey())) : undefined;
    const attempts = new Attempts(call.method !== "POST" || key !== undefined, this.retries);
    for (;;) {
      let wait: number | undefined;
      let end: unknown;
      try {
        const answer = await this.begin(call, key);
        const { response } = answer;
        if (response.status < 300) return await take(answer).catch((error: unknown) => Promise.reject(this.fault(call, error)));
        const text = await response.text().finally(answer.stop);
        answer.release();
        wait = attempts.afterAnswer(response.status, response.headers);
        end = errorOf(response.status, text, response.headers);
        // An attempt before this one has deleted it, and its answer was lost.
        if (call.method === "DELETE" && response.status === 404 && attempts.perhapsDone) {
          return await take({ ...answer, response: new Response(null, { status: 204 }) });
        }
      } catch (error) {
        end = this.fault(call, error);
        if (signal?.aborted || !(end instanceof APIConnectionError)) throw end;
        wait = attempts.afterFault(!NEVER_SENT.test(end.message));
      }
      if (wait === undefined) throw end;
      await this.sleep(wait, signal);
    }
  }

  /** @internal One attempt: an answer whose head has come. The time limit lasts
   * until `stop`. */
  async begin(call: Call, key?: string): Promise<Begun> {
    const headers: Record<string, string> = { ...this.headers };
    for (const [name, value] of Object.entries(call.headers ?? {})) if (value !== undefined) headers[name] = value;
    if (key !== undefined) headers["Idempotency-Key"] = key;
    if (call.body) headers["Content-Type"] = "application/json";
    const control = new AbortController();
    const ms = call.options?.timeoutMs ?? this.timeoutMs;
    const limit = new APITimeoutError(`${call.method} ${call.path}: no answer in ${ms} ms`);
    const timer = setTimeout(() => control.abort(limit), ms);
    const { signal } = call.options ?? {};
    const abort = (): void => control.abort(signal?.reason);
    if (signal?.aborted) abort();
    signal?.addEventListener("abort", abort, { once: true });
    const stop = (): void => clearTimeout(timer);
    const release = (): void => signal?.removeEventListener("abort", abort);
    try {
      const response = await this.fetch(this.baseUrl + target(call), {
        method: call.method,
        headers,
        body: (call.body ? JSON.stringify(call.body) : call.content) as RequestInit["body"],
        redirect: "manual",
        signal: control.signal,
      });
      return { response, stop, release, control };
    } catch (error) {
      stop();
      release();
      throw control.signal.aborted && !signal?.aborted ? limit : error;
    }
  }

  /** The error of a broken attempt. Programs see one of this package, or their own reason. */
  private fault(call: Call, error: unknown): unknown {
    if (error instanceof PosternError) return error;
    if (call.options?.signal?.aborted) return call.options.signal.reason ?? error;
    const cause = (error as { cause?: { message?: string; code?: string } } | undefined)?.cause;
    const what = [String((error as Error)?.message ?? error), cause?.message ?? cause?.code].filter(Boolean).join(": ");
    const where = `${call.method} ${this.baseUrl}${call.path}: ${what}`;
    if (/self[- ]signed|unable to (get local issuer|verify)|CERT_|altnames/i.test(what)) {
      // Another attempt would see the same certificate.
      return new PosternError(`${where}. Pass the authority of the server as ca, or set POSTERN_CA.`, { cause: error });
    }
    return new APIConnectionError(where, { cause: error });
  }
}

/** An answer whose head has come. */
export interface Begun {
  response: Response;
  /** Ends the time limit. */
  stop: () => void;
  /** The signal of the program no longer concerns it. */
  release: () => void;
  control: AbortController;
}

interface Whole {
  status: number;
  headers: Headers;
  octets: Uint8Array;
  text: string;
}

async function sleep(seconds: number, signal?: AbortSignal): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const abort = (): void => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", abort);
      resolve();
    }, seconds * 1000);
    if (signal?.aborted) abort();
    else signal?.addEventListener("abort", abort, { once: true });
  });
}

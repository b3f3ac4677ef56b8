import { type Call } from "./call.js";
import { Download } from "./download.js";
import { type Fetch } from "./platform.js";
import { Resources } from "./resources.js";
import { type WebhookHeaders } from "./webhooks.js";
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
export declare class Postern extends Resources {
    /** Where the server is. */
    readonly baseUrl: string;
    /** @internal Waits; tests have another one. */
    sleep: (seconds: number, signal?: AbortSignal) => Promise<void>;
    private readonly headers;
    private readonly timeoutMs;
    private readonly retries;
    private readonly fetch;
    private readonly options;
    constructor(options?: PosternOptions);
    /** This client for what is done because of a webhook, whose header fields these are. The server
     * ends a loop of webhooks by what they say. It has the connections of this one. */
    causedBy(headers: WebhookHeaders): Postern;
    /** @internal The JSON that a request gives, or null where it gives none. */
    object(call: Call): Promise<unknown>;
    /** @internal The text that a request gives. */
    text(call: Call): Promise<string>;
    /** @internal The octets that a request gives. */
    octets(call: Call): Promise<Uint8Array>;
    /** @internal The octets that a request gives, while they come. */
    download(call: Call): Promise<Download>;
    private request;
    private attempt;
    /** @internal One attempt: an answer whose head has come. The time limit lasts
     * until `stop`. */
    begin(call: Call, key?: string): Promise<Begun>;
    /** The error of a broken attempt. Programs see one of this package, or their own reason. */
    private fault;
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

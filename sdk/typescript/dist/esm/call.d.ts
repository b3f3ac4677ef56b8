/** What may be said of one request beside the parameters of the API. */
export interface RequestOptions {
    /** Requests with the same key do a thing once; made for you. */
    idempotencyKey?: string;
    /** Milliseconds, instead of the time limit of the client. */
    timeoutMs?: number;
    /** Ends the request. */
    signal?: AbortSignal;
}
/** One request. */
export interface Call {
    method: string;
    path: string;
    query?: Record<string, unknown>;
    body?: Record<string, unknown>;
    content?: Uint8Array;
    headers?: Record<string, string | undefined>;
    options?: RequestOptions | undefined;
}
/** A value as one segment of a path. */
export declare function place(value: string): string;
/** The path and the query. A list repeats its name. */
export declare function target(call: Call): string;
/** The parameters of `names` out of `from`, and the others. */
export declare function split(from: object | undefined, names: readonly string[]): [Record<string, unknown>, Record<string, unknown>];
/** Octets in base64. */
export declare function base64(octets: Uint8Array): string;
/** The octets of base64, or undefined. */
export declare function octetsOf(text: string): Uint8Array | undefined;

import type { Postern } from "./client.js";
/** A webhook whose time is further from now is refused, so that an old one cannot be sent again. */
export declare const TOLERANCE_S = 300;
/** The header fields of a webhook, as frameworks have them. */
export type WebhookHeaders = Headers | Record<string, string | string[] | undefined>;
/** More of how a webhook is verified. */
export interface WebhookOptions {
    /** Seconds that its time may be away from now. */
    toleranceS?: number;
    /** The present time in seconds. */
    now?: number;
}
/** The JSON of a webhook, if one of its signatures is of this secret, or of one of these while one is
 * being replaced. `body` is the body to the letter. Rejects with a `WebhookVerificationError`. */
export declare function verify(body: string | Uint8Array | ArrayBuffer, headers: WebhookHeaders, secret: string | string[], options?: WebhookOptions): Promise<unknown>;
/** @internal One header field. */
export declare function header(headers: WebhookHeaders, name: string): string | undefined;
/** The part of `webhooks` that is written by hand. */
export declare class WebhookVerifying {
    protected readonly client: Postern;
    constructor(client: Postern);
    /** The JSON of a webhook that is from the server; see the function `verify`. */
    verify(body: string | Uint8Array | ArrayBuffer, headers: WebhookHeaders, secret: string | string[], options?: WebhookOptions): Promise<unknown>;
}

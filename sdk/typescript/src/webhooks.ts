// Whether a webhook is from the server, by the rules of Standard Webhooks.

import { octetsOf } from "./call.js";
import type { Postern } from "./client.js";
import { WebhookVerificationError } from "./errors.js";
import { webCrypto } from "./platform.js";

/** A webhook whose time is further from now is refused, so that an old one cannot be sent again. */
export const TOLERANCE_S = 300;

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
export async function verify(
  body: string | Uint8Array | ArrayBuffer,
  headers: WebhookHeaders,
  secret: string | string[],
  options: WebhookOptions = {},
): Promise<unknown> {
  const octets = typeof body === "string" ? new TextEncoder().encode(body) : new Uint8Array(body);
  const [id, stamp, signatures] = ["webhook-id", "webhook-timestamp", "webhook-signature"].map((name) => {
    const value = header(headers, name);
    if (value === undefined) throw new WebhookVerificationError(`the header field ${name} is missing`);
    return value;
  }) as [string, string, string];
  if (!/^\d{1,15}$/.test(stamp)) throw new WebhookVerificationError("webhook-timestamp is not a number of seconds");
  const tolerance = options.toleranceS ?? TOLERANCE_S;
  if (Math.abs((options.now ?? Date.now() / 1000) - Number(stamp)) > tolerance) {
    throw new WebhookVerificationError(`webhook-timestamp is more than ${tolerance} s away from now`);
  }
  const head = new TextEncoder().encode(`${id}.${stamp}.`);
  const signed = new Uint8Array(head.length + octets.length);
  signed.set(head);
  signed.set(octets, head.length);
  if (!(await fits(signed, signatures, typeof secret === "string" ? [secret] : secret))) {
    throw new WebhookVerificationError("no signature fits the secret and the body");
  }
  try {
    return JSON.parse(new TextDecoder().decode(octets));
  } catch {
    throw new WebhookVerificationError("the body is signed and is not JSON");
  }
}

/** Whether a signature is of a secret. Every pair is compared, so that the time says nothing. */
async function fits(signed: Uint8Array, signatures: string, secrets: string[]): Promise<boolean> {
  const { subtle } = await webCrypto();
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const offered = signatures.split(" ").map((one) => (one.startsWith("v1,") ? octetsOf(one.slice(3)) : undefined));
  let found = false;
  for (const secret of secrets) {
    const octets = octetsOf(secret.replace(/^whsec_/, ""));
    if (!octets?.length) throw new WebhookVerificationError("the secret is not whsec_ and base64");
    const key = await subtle.importKey("raw", octets as BufferSource, algorithm, false, ["verify"]);
    for (const one of offered) {
      if (one && (await subtle.verify(algorithm, key, one as BufferSource, signed as BufferSource))) found = true;
    }
  }
  return found;
}

/** @internal One header field. */
export function header(headers: WebhookHeaders, name: string): string | undefined {
  if (headers instanceof Headers) return headers.get(name) ?? undefined;
  const key = Object.keys(headers).find((key) => key.toLowerCase() === name);
  const value = key === undefined ? undefined : headers[key];
  return Array.isArray(value) ? value.join(" ") : value;
}

/** The part of `webhooks` that is written by hand. */
export class WebhookVerifying {
  constructor(protected readonly client: Postern) {}

  /** The JSON of a webhook that is from the server; see the function `verify`. */
  async verify(
    body: string | Uint8Array | ArrayBuffer,
    headers: WebhookHeaders,
    secret: string | string[],
    options?: WebhookOptions,
  ): Promise<unknown> {
    return await verify(body, headers, secret, options);
  }
}

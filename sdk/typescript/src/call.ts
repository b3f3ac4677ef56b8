// One request as plain values: what the resources make and the client sends.

import { PosternError } from "./errors.js";

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
export function place(value: string): string {
  // A client or a proxy would take these for steps in the path.
  if (value === "" || value === "." || value === "..") throw new PosternError(`"${value}" is no id`);
  return encodeURIComponent(value);
}

/** The path and the query. A list repeats its name. */
export function target(call: Call): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(call.query ?? {})) {
    if (value === undefined || value === null) continue;
    for (const item of Array.isArray(value) ? (value as unknown[]) : [value]) {
      query.append(name, item instanceof Date ? item.toISOString() : String(item));
    }
  }
  const text = query.toString();
  return text ? `${call.path}?${text}` : call.path;
}

/** The parameters of `names` out of `from`, and the others. */
export function split(from: object | undefined, names: readonly string[]): [Record<string, unknown>, Record<string, unknown>] {
  const named: Record<string, unknown> = {};
  const others: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(from ?? {})) (names.includes(name) ? named : others)[name] = value;
  return [named, others];
}

/** Octets in base64. */
export function base64(octets: Uint8Array): string {
  let text = "";
  // In pieces, because a call takes a limited number of arguments.
  for (let at = 0; at < octets.length; at += 0x8000) text += String.fromCharCode(...octets.subarray(at, at + 0x8000));
  return btoa(text);
}

/** The octets of base64, or undefined. */
export function octetsOf(text: string): Uint8Array | undefined {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return undefined;
  try {
    return Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  } catch {
    return undefined;
  }
}

/** A function with the form of `fetch`. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;
/** A variable of the environment, where there is one. */
export declare function environment(name: string): string | undefined;
/** Web Crypto; Node 18 has it in a module only. */
export declare function webCrypto(): Promise<Crypto>;
/** A key that no other request has. */
export declare function uniqueKey(): Promise<string>;
/** The octets of a file, and its name. */
export declare function readFile(path: string): Promise<{
    octets: Uint8Array;
    name: string;
}>;
/** Writes pieces to a file, and gives the number of octets. A fault leaves no file. */
export declare function saveFile(path: string, pieces: AsyncIterable<Uint8Array>): Promise<number>;
/** A `fetch` that trusts the authorities of `ca` (a PEM text, or the path of one) beside those of
 * Node. Node's own `fetch` takes none, so this one is made of `node:https`. */
export declare function fetchTrusting(ca: string): Fetch;

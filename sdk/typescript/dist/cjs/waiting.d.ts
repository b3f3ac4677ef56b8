import type { Call } from "./call.js";
import type { Postern } from "./client.js";
/** The object that comes within `timeoutS` seconds, or null. */
export declare function waitFor(client: Postern, call: Call, timeoutS: number): Promise<unknown>;

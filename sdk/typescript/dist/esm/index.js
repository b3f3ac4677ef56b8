// Client of the Postern mail server. See `Postern`.
export { Postern } from "./client.js";
export { Download } from "./download.js";
export * from "./errors.js";
export { Pages } from "./pages.js";
export * from "./resources.js";
export { EventStream } from "./streaming.js";
export { TOLERANCE_S, verify } from "./webhooks.js";

// Client of the Postern mail server. See `Postern`.

export type { RequestOptions } from "./call.js";
export { Postern, type PosternOptions } from "./client.js";
export { Download } from "./download.js";
export * from "./errors.js";
export type { FileFields, FileInput } from "./files.js";
export type * from "./models.js";
export { type Page, Pages } from "./pages.js";
export type { Fetch } from "./platform.js";
export * from "./resources.js";
export { EventStream, type EventStreamParams } from "./streaming.js";
export { TOLERANCE_S, verify, type WebhookHeaders, type WebhookOptions } from "./webhooks.js";

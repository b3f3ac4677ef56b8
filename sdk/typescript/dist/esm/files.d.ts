import type { Postern } from "./client.js";
/** A file to attach, beside the form of the API: a `File` or `Blob`, octets, or in Node a path. */
export type FileInput = Blob | ({
    data: Uint8Array | ArrayBuffer | Blob;
} & FileFields) | ({
    path: string;
} & FileFields);
/** What is said of a file. With a `content_id` HTML can show it, as `cid:…`. */
export interface FileFields {
    filename?: string;
    content_type?: string;
    content_id?: string;
    inline?: boolean;
}
/** What the API takes for these attachments. */
export declare function attach(client: Postern, attachments: unknown): Promise<unknown>;

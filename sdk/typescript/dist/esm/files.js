// Files as attachments: a Blob, octets or a path becomes what the API takes; large ones go by an
// upload before.
import { base64 } from "./call.js";
import { PosternError } from "./errors.js";
import { readFile } from "./platform.js";
/** Octets of the attachments of one message that go in its body. */
const INLINE_BYTES_MAX = 8 * 1024 * 1024;
const TYPES = {
    csv: "text/csv", gif: "image/gif", htm: "text/html", html: "text/html", ics: "text/calendar",
    jpeg: "image/jpeg", jpg: "image/jpeg", json: "application/json", md: "text/markdown",
    pdf: "application/pdf", png: "image/png", svg: "image/svg+xml", txt: "text/plain",
    webp: "image/webp", xml: "application/xml", zip: "application/zip",
};
/** What the API takes for these attachments. */
export async function attach(client, attachments) {
    if (!Array.isArray(attachments))
        return attachments;
    const made = [];
    let room = INLINE_BYTES_MAX;
    for (const given of attachments) {
        const file = await load(given);
        if (!file) {
            made.push(given);
            continue;
        }
        const { octets, ...fields } = file;
        room -= octets.length;
        const uploads = client.uploads;
        if (room < 0 && uploads) {
            const { filename, content_type } = fields;
            const upload = await uploads.create(octets, { filename, content_type });
            made.push({ upload_id: upload.id, content_id: fields.content_id, inline: fields.inline });
        }
        else {
            made.push({ ...fields, content: base64(octets) });
        }
    }
    return made;
}
/** The octets of a file; undefined for what the API takes already. */
async function load(given) {
    if (typeof given !== "object" || given === null)
        throw new PosternError("an attachment is an object or a Blob");
    if (given instanceof Blob)
        return await loaded(given, {}, given.name);
    const { data, path, ...fields } = given;
    if (typeof path === "string") {
        const file = await readFile(path);
        return await loaded(file.octets, fields, file.name);
    }
    return data === undefined ? undefined : await loaded(data, fields, undefined);
}
async function loaded(data, fields, name) {
    const octets = data instanceof Blob ? new Uint8Array(await data.arrayBuffer()) : new Uint8Array(data);
    const filename = fields.filename ?? name;
    const ending = filename?.split(".").pop()?.toLowerCase() ?? "";
    const type = fields.content_type ?? (data instanceof Blob && data.type ? data.type : TYPES[ending]);
    return { ...fields, filename, content_type: type ?? "application/octet-stream", octets };
}

"use strict";
// Frames of server-sent events (HTML Standard, section 9.2) out of octets that come in pieces of any
// size. It does no I/O.
Object.defineProperty(exports, "__esModule", { value: true });
exports.FrameReader = exports.FRAME_CHARACTERS_MAX = void 0;
/** Characters of one frame; the events of a server have far fewer. */
exports.FRAME_CHARACTERS_MAX = 16 * 1024 * 1024;
/** The reader of one connection. */
class FrameReader {
    constructor() {
        this.decoder = new TextDecoder("utf-8");
        this.left = [];
        this.length = 0;
        this.afterCr = false;
        this.id = "";
        this.type = "";
        this.data = [];
    }
    /** The frames that end within these octets. It throws when a frame has no end. */
    feed(octets) {
        const text = this.decoder.decode(octets, { stream: true });
        const frames = [];
        let start = 0;
        for (let at = 0; at < text.length; at += 1) {
            const c = text.charCodeAt(at);
            if (c !== 10 && c !== 13) {
                this.afterCr = false;
                continue;
            }
            if (c === 10 && this.afterCr) {
                // The second half of one line end.
                this.afterCr = false;
                start = at + 1;
                continue;
            }
            this.afterCr = c === 13;
            this.left.push(text.slice(start, at));
            const line = this.left.join("");
            this.left = [];
            start = at + 1;
            const frame = this.line(line);
            if (frame)
                frames.push(frame);
        }
        if (start < text.length)
            this.left.push(text.slice(start));
        this.length = frames.length > 0 ? 0 : this.length + text.length;
        if (this.length > exports.FRAME_CHARACTERS_MAX && (this.data.length > 0 || this.left.length > 0)) {
            throw new Error("a frame of the event stream has no end");
        }
        return frames;
    }
    line(line) {
        if (line === "")
            return this.end();
        const colon = line.indexOf(":");
        const name = colon < 0 ? line : line.slice(0, colon);
        let value = colon < 0 ? "" : line.slice(colon + 1);
        if (value.startsWith(" "))
            value = value.slice(1);
        if (name === "data")
            this.data.push(value);
        else if (name === "event")
            this.type = value;
        else if (name === "id" && !value.includes("\0"))
            this.id = value;
        else if (name === "retry" && /^\d+$/.test(value))
            this.retryMs = Number(value.slice(0, 9));
        // A comment, such as a heartbeat, between two frames.
        else if (name === "" && this.data.length === 0)
            this.length = 0;
        return undefined;
    }
    end() {
        const { data, type } = this;
        this.data = [];
        this.type = "";
        return data.length > 0 ? { id: this.id, type: type || "message", data: data.join("\n") } : undefined;
    }
}
exports.FrameReader = FrameReader;

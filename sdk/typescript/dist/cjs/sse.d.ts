/** Characters of one frame; the events of a server have far fewer. */
export declare const FRAME_CHARACTERS_MAX: number;
/** One frame. `id` is the last id that the stream has told. */
export interface Frame {
    id: string;
    type: string;
    data: string;
}
/** The reader of one connection. */
export declare class FrameReader {
    retryMs: number | undefined;
    private readonly decoder;
    private left;
    private length;
    private afterCr;
    private id;
    private type;
    private data;
    /** The frames that end within these octets. It throws when a frame has no end. */
    feed(octets: Uint8Array): Frame[];
    private line;
    private end;
}

// The iterator over events: frames in pieces of any size, and where it goes on.
import assert from "node:assert/strict";
import test from "node:test";
import * as postern from "postern";
import { FRAME_CHARACTERS_MAX, FrameReader } from "../dist/esm/sse.js";
import { broken, fake, fault, parts, rejection } from "./fake.mjs";

const STREAM = new TextEncoder().encode(
  '\ufeffretry: 1500\r\nid: 7\r\nevent: ready\r\ndata: {"seq":7}\r\n\r\n: heartbeat\n' +
    'id: 8\nevent: message.received\ndata: {"a":"é — 🦀"}\n\nid: 9\rdata:one\rdata: two\r\revent: empty\n\nid\nnothing\ndata\n\n',
);
const FRAMES = [
  { id: "7", type: "ready", data: '{"seq":7}' },
  { id: "8", type: "message.received", data: '{"a":"é — 🦀"}' },
  { id: "9", type: "message", data: "one\ntwo" },
  { id: "", type: "message", data: "" },
];

test("a stream reads the same however it is cut", () => {
  for (let cut = 0; cut <= STREAM.length; cut += 1) {
    const reader = new FrameReader();
    assert.deepEqual([...reader.feed(STREAM.subarray(0, cut)), ...reader.feed(STREAM.subarray(cut))], FRAMES, `${cut}`);
  }
  const reader = new FrameReader();
  assert.deepEqual(Array.from(STREAM, (octet) => reader.feed(Uint8Array.of(octet))).flat(), FRAMES);
  assert.equal(reader.retryMs, 1500);
});

test("a frame without an end is refused, and heartbeats alone never fill it", () => {
  const long = (start, end) => new TextEncoder().encode(start + "x".repeat(FRAME_CHARACTERS_MAX / 16) + end);
  const data = new FrameReader();
  assert.throws(() => Array.from({ length: 20 }, () => data.feed(long("data: ", ""))));
  const heartbeats = new FrameReader();
  for (let at = 0; at < 20; at += 1) assert.deepEqual(heartbeats.feed(long(": ", "\n")), []);
});

const frame = (type, seq, fields = {}) =>
  `id: ${seq}\nevent: ${type}\ndata: ${JSON.stringify({ seq, type, time: "2026-01-31T12:00:00.000Z", inbox: null, ...fields })}\n\n`;

test("it goes on behind the last event, whatever ends the connection", async () => {
  const { client, requests, waits } = fake(
    broken("refused"),
    parts("retry: 2000\n" + frame("ready", 10), frame("message.received", 12)),
    // It was killed between an event and its end.
    parts(frame("message.received", 12), frame("message.received", 13).slice(0, -9), new Error("cut")),
    parts(frame("message.received", 13), frame("closing", 13, { reason: "shutdown", reconnect_after_ms: 3000 })),
    fault(503),
    broken("no heartbeat"),
    // The server still counts the connection that has ended.
    fault(429, "too_many_streams", { limit: 20 }),
    parts(frame("ready", 13), frame("ready", 40), new Error("cut")),
    parts(frame("reset", 90, { reason: "too_old" }), frame("message.received", 90)),
    fault(401, "unauthorized"),
  );
  const seen = [];
  const error = await rejection(
    (async () => {
      for await (const event of await client.events.stream({ inbox: "a@b.example", type: ["message.received", "message.sent"] }).open()) {
        seen.push(`${event.type} ${event.seq}`);
      }
    })(),
  );
  assert.ok(error instanceof postern.AuthenticationError);
  assert.deepEqual(seen, ["message.received 12", "message.received 13", "reset 90", "message.received 90"]);
  assert.deepEqual(
    requests.map(({ headers }) => headers.get("last-event-id")),
    [null, null, "12", "12", "13", "13", "13", "13", "40", "90"],
  );
  assert.equal(requests[0].url.href, "http://postern.test/api/v1/inboxes/a%40b.example/events?type=message.received&type=message.sent");
  // The times that the server has named, made different for each client.
  assert.ok(waits[1] >= 1.5 && waits[1] <= 2, `${waits}`);
  assert.ok(waits[3] >= 2.25 && waits[3] <= 3, `${waits}`);
});

test("since is a number or a time, and breaking out ends the stream", async () => {
  for (const [since, header, search] of [
    [7, "7", ""], ["8", "8", ""], [new Date(0), null, "?since=1970-01-01T00%3A00%3A00.000Z"],
  ]) {
    const { client, requests } = fake(fault(403, "missing_scope"));
    assert.ok((await rejection(client.events.stream(undefined, since).next())) instanceof postern.PermissionDeniedError);
    assert.deepEqual([requests[0].headers.get("last-event-id"), requests[0].url.search], [header, search]);
  }
  const { client } = fake(parts(frame("inbox.created", 5) + frame("inbox.created", 9)));
  const events = client.events.stream({ since: 1 });
  assert.equal(events.lastId, 1);
  for await (const event of events) {
    assert.deepEqual([event.seq, events.lastId], [5, 8]);
    break;
  }
  assert.deepEqual(await events.next(), { done: false, value: { ...JSON.parse(frame("inbox.created", 9).split("data: ")[1]) } });
  assert.equal((await events.next()).done, true);
});

test("a signal ends a stream, also one that waits", async () => {
  const control = new AbortController();
  const { client } = fake(parts(frame("ready", 5)), broken());
  client.sleep = async () => control.abort(new Error("enough"));
  assert.equal((await rejection(client.events.stream({ signal: control.signal }).next())).message, "enough");
});

test("a frame that is no event ends the connection", async () => {
  const { client } = fake(parts("data: x\n\n"), parts(frame("inbox.created", 5)));
  assert.equal((await client.events.stream({ since: 1 }).next()).value.seq, 5);
});

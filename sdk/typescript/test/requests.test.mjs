// Requests: what is sent, when it is sent again, and what becomes of errors.
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import * as postern from "postern";
import { broken, fake, fault, ok, parts, rejection } from "./fake.mjs";

const SENT = { id: "msg_1", message_id: "<a@b>", thread_id: "thr_1", status: "delivered" };
const send = (client, options) => client.messages.send("a@b.example", { to: "c@d.example", text: "Hello" }, options);

test("a POST keeps its key over all attempts, and two have two", async () => {
  const { client, requests } = fake(fault(500), broken(), fault(503), ok(SENT, 202), ok(SENT, 202), ok(SENT, 202));
  assert.equal((await send(client)).id, "msg_1");
  await send(client);
  await send(client, { idempotencyKey: "order-17" });
  const keys = requests.map((request) => request.headers.get("idempotency-key"));
  assert.equal(new Set(keys.slice(0, 4)).size, 1);
  assert.match(keys[0], /^ts-[0-9a-f]{32}$/);
  assert.equal(new Set(keys).size, 3);
  assert.equal(keys[5], "order-17");
});

test("the waits double and end", async () => {
  const { client, requests, waits } = fake(...Array(6).fill(fault(503)));
  assert.ok((await rejection(client.me.get())) instanceof postern.ServerError);
  assert.equal(requests.length, 6);
  for (const [at, longest] of [0.5, 1, 2, 4, 8].entries()) assert.ok(waits[at] >= longest / 2 && waits[at] <= longest, `${waits}`);
});

test("Retry-After is obeyed, and a long one is told", async () => {
  let { client, waits } = fake(fault(429, "rate_limited", { headers: { "retry-after": "7" } }), ok({ data: [], next_cursor: null }));
  assert.deepEqual(await client.inboxes.list().all(), []);
  assert.ok(waits[0] >= 7 && waits[0] <= 8, `${waits}`);
  ({ client, waits } = fake(fault(429, "rate_limited", { headers: { "retry-after": "3600" } })));
  const error = await rejection(client.me.get());
  assert.ok(error instanceof postern.RateLimitError);
  assert.deepEqual([error.retryAfter, waits], [3600, []]);
});

test("what is wrong is not sent again, and errors have their fields", async () => {
  const kinds = {
    400: postern.BadRequestError, 401: postern.AuthenticationError, 403: postern.PermissionDeniedError,
    404: postern.NotFoundError, 409: postern.ConflictError, 410: postern.APIError, 413: postern.BadRequestError,
    501: postern.ServerError,
  };
  for (const [status, Kind] of Object.entries(kinds)) {
    const { client, waits } = fake(fault(Number(status), "the_code", { field: "to", limit: 7 }));
    const error = await rejection(send(client));
    assert.equal(error.constructor, Kind);
    assert.ok(error instanceof postern.PosternError);
    assert.deepEqual(
      [error.status, error.code, error.hint, error.field, error.requestId, error.details.limit, waits],
      [Number(status), "the_code", "Do it right.", "to", "req_1", 7, []],
    );
    assert.match(error.message, /Do it right/);
  }
});

test("an answer that is not of the API", async () => {
  for (const [body, message] of [["<h1>no</h1>", "<h1>no</h1>"], ["", "The answer has no body."], ['{"error":3}', '{"error":3}'], ["[]", "[]"]]) {
    const error = await rejection(send(fake(() => new Response(body, { status: 404 })).client));
    assert.ok(error instanceof postern.NotFoundError);
    assert.deepEqual([error.code, error.hint], ["http_404", undefined]);
    assert.ok(error.message.includes(message));
  }
  assert.equal((await rejection(fake(() => new Response("<html>")).client.me.get())).code, "invalid_answer");
  const { client, requests } = fake(() => new Response(null, { status: 302, headers: { location: "http://elsewhere.test/" } }));
  assert.ok((await rejection(client.me.get())) instanceof postern.APIError);
  assert.equal(requests.length, 1);
});

test("a connection that never works, and a certificate that is wrong", async () => {
  let { client, requests } = fake(...Array(6).fill(broken("ECONNREFUSED")));
  const error = await rejection(send(client));
  assert.ok(error instanceof postern.APIConnectionError);
  assert.match(error.message, /ECONNREFUSED/);
  assert.equal(requests.length, 6);
  ({ client, requests } = fake(broken("self-signed certificate in certificate chain")));
  assert.match((await rejection(send(client))).message, /POSTERN_CA/);
  assert.equal(requests.length, 1);
});

test("a deletion whose answer was lost is done", async () => {
  await fake(broken(), fault(404)).client.inboxes.delete("a@b.example");
  // One that never left proves nothing.
  for (const steps of [[fault(404)], [broken("connect ECONNREFUSED"), fault(404)]]) {
    assert.ok((await rejection(fake(...steps).client.inboxes.delete("a@b.example"))) instanceof postern.NotFoundError);
  }
});

test("a time limit, and a program that ends a request", async () => {
  const never = (url, init) => new Promise((_, reject) => init.signal.addEventListener("abort", () => reject(init.signal.reason)));
  const client = new postern.Postern({ apiKey: "ap_sk_test", fetch: never, maxRetries: 1, timeoutMs: 5 });
  client.sleep = async () => undefined;
  assert.ok((await rejection(client.me.get())) instanceof postern.APITimeoutError);
  const control = new AbortController();
  const asked = client.me.get({}, { signal: control.signal, timeoutMs: 60_000 });
  control.abort(new Error("enough"));
  assert.equal((await rejection(asked)).message, "enough");
});

test("places, queries and bodies", async () => {
  const { client, requests } = fake(ok({ data: [], next_cursor: null }), ok(SENT, 202), ok({ id: "inb_1" }));
  const since = new Date(Date.UTC(2026, 0, 31, 11));
  await client.messages.list("a/b?@c.example", { from: "ann@", unread: true, since, limit: 7 }).all();
  await client.messages.send("a@b.example", { to: ["c@d.example", { name: "Ann", address: "ann@d.example" }], text: "é" });
  await client.inboxes.update("a@b.example", { display_name: null });
  assert.equal(
    requests[0].url.href,
    "http://postern.test/api/v1/inboxes/a%2Fb%3F%40c.example/messages?from=ann%40&unread=true&since=2026-01-31T11%3A00%3A00.000Z&limit=7",
  );
  assert.equal(requests[0].headers.get("authorization"), "Bearer ap_sk_test");
  assert.deepEqual(JSON.parse(requests[1].body), { to: ["c@d.example", { name: "Ann", address: "ann@d.example" }], text: "é" });
  assert.deepEqual([requests[2].method, requests[2].body], ["PATCH", '{"display_name":null}']);
  for (const wrong of ["", ".", ".."]) await assert.rejects(client.inboxes.get(wrong), postern.PosternError);
});

test("settings", () => {
  const before = { ...process.env };
  Object.assign(process.env, { POSTERN_API_KEY: "ap_sk_env", POSTERN_BASE_URL: "http://env.test:8080/api/v1/" });
  assert.equal(new postern.Postern().baseUrl, "http://env.test:8080");
  assert.equal(new postern.Postern({ baseUrl: "http://other.test" }).baseUrl, "http://other.test");
  // Those of the command line serve too.
  process.env = { ...before, POSTERN_KEY: "ap_sk_cli", POSTERN_URL: "https://cli.test" };
  delete process.env.POSTERN_API_KEY;
  delete process.env.POSTERN_BASE_URL;
  assert.equal(new postern.Postern().baseUrl, "https://cli.test");
  process.env = { ...before };
  delete process.env.POSTERN_API_KEY;
  delete process.env.POSTERN_KEY;
  for (const options of [{}, { apiKey: "ap_sk x" }, { apiKey: "ap_sk", baseUrl: "mail.example" }]) {
    assert.throws(() => new postern.Postern(options), postern.PosternError);
  }
});

test("lists go over all pages", async () => {
  const row = (at) => ({ id: `inb_${at}` });
  const steps = () => [
    ok({ data: [row(1), row(2)], next_cursor: "next" }), ok({ data: [], next_cursor: "more" }), ok({ data: [row(3)], next_cursor: null }),
  ];
  const { client, requests } = fake(...steps());
  const seen = [];
  for await (const inbox of client.inboxes.list({ limit: 2 })) seen.push(inbox.id);
  assert.deepEqual(seen, ["inb_1", "inb_2", "inb_3"]);
  assert.deepEqual(requests.map(({ url }) => url.search), ["?limit=2", "?limit=2&cursor=next", "?limit=2&cursor=more"]);
  const sizes = [];
  for await (const page of fake(...steps()).client.inboxes.list().pages()) sizes.push(page.data.length);
  assert.deepEqual(sizes, [2, 0, 1]);
  // The log of events always has a next cursor.
  const log = fake(ok({ data: [{ seq: 7 }], next_cursor: "7", seq: 7 }), ok({ data: [], next_cursor: "7", seq: 7 }));
  assert.deepEqual(await log.client.events.log().all(), [{ seq: 7 }]);
});

test("paths, octets and blobs become attachments", async () => {
  const path = join(mkdtempSync(join(tmpdir(), "postern-sdk-")), "report.pdf");
  writeFileSync(path, "%PDF");
  const wanted = { filename: "report.pdf", content_type: "application/pdf", content: "JVBERg==" };
  const { client, requests } = fake(ok(SENT, 202), ok(SENT, 202));
  const attachments = [
    { path }, { data: new TextEncoder().encode("%PDF"), filename: "report.pdf" }, wanted,
    { data: new Blob(["x"], { type: "image/png" }), content_id: "a", inline: true },
  ];
  await client.messages.send("a@b.example", { to: "c@d.example", attachments });
  assert.deepEqual(JSON.parse(requests[0].body).attachments, [
    wanted, wanted, wanted, { content_type: "image/png", content_id: "a", inline: true, content: "eA==" },
  ]);
  await assert.rejects(client.messages.send("a@b.example", { attachments: ["x"] }), postern.PosternError);
});

test("large files go by an upload where the server has them", async () => {
  const { client, requests } = fake(ok(SENT, 202));
  const uploaded = [];
  Object.defineProperty(client, "uploads", {
    value: { create: async (content, { filename }) => (uploaded.push([content.length, filename]), { id: "upl_1" }) },
  });
  const attachments = [
    { data: new TextEncoder().encode("small"), filename: "a.txt" }, { data: new Uint8Array(9 << 20), filename: "b.bin", content_id: "b" },
  ];
  await client.messages.send("a@b.example", { to: "c@d.example", attachments });
  const [small, big] = JSON.parse(requests[0].body).attachments;
  assert.deepEqual([small.content, big, uploaded], ["c21hbGw=", { upload_id: "upl_1", content_id: "b" }, [[9 << 20, "b.bin"]]]);
});

test("downloads are whole or not there", async () => {
  const folder = mkdtempSync(join(tmpdir(), "postern-sdk-"));
  const path = join(folder, "a.eml");
  const { client } = fake(fault(503), parts("oct", "ets"), parts("oct", new Error("cut")));
  assert.equal(await (await client.messages.streamRaw("a@b.example", "msg_1")).save(path), 6);
  assert.equal(readFileSync(path, "utf8"), "octets");
  const other = join(folder, "b.eml");
  const download = await client.messages.streamRaw("a@b.example", "msg_1");
  assert.ok((await rejection(download.save(other))) instanceof postern.APIConnectionError);
  assert.deepEqual(readdirSync(folder), ["a.eml"]);
});

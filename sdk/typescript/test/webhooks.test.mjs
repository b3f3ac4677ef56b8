// Webhooks: the vector of Standard Webhooks, and everything that must be refused.
import assert from "node:assert/strict";
import test from "node:test";
import { verify, WebhookVerificationError } from "postern";
import { fake, ok } from "./fake.mjs";

const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OTHER = `whsec_${btoa("another secret of 24 oct")}`;
const BODY = '{"test": 2432232314}';
const NOW = 1614265330;
const HEADERS = {
  "Webhook-Id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
  "Webhook-Timestamp": `${NOW}`,
  "Webhook-Signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
};

test("the vector, in each form of body and headers", async () => {
  for (const body of [BODY, new TextEncoder().encode(BODY), new TextEncoder().encode(BODY).buffer]) {
    for (const headers of [HEADERS, new Headers(HEADERS)]) {
      assert.deepEqual(await verify(body, headers, SECRET, { now: NOW + 300 }), { test: 2432232314 });
    }
  }
});

test("two signatures and two secrets while one is replaced", async () => {
  const two = { ...HEADERS, "Webhook-Signature": `v1,AAAA v2,x ${HEADERS["Webhook-Signature"]}` };
  assert.ok(await verify(BODY, two, SECRET, { now: NOW }));
  assert.ok(await verify(BODY, HEADERS, [OTHER, SECRET], { now: NOW }));
});

test("what is refused", async () => {
  const refused = async (body, headers, secret, now = NOW) =>
    await assert.rejects(verify(body, headers, secret, { now }), WebhookVerificationError);
  await refused(`${BODY} `, HEADERS, SECRET);
  for (const secret of [OTHER, [], "", "whsec_", "whsec_***", "é"]) await refused(BODY, HEADERS, secret);
  await refused(BODY, HEADERS, SECRET, NOW + 301);
  await refused(BODY, HEADERS, SECRET, NOW - 301);
  for (const name of Object.keys(HEADERS)) await refused(BODY, { ...HEADERS, [name]: undefined }, SECRET);
  for (const stamp of ["", "x", "-1", "1e9", "1".repeat(400), "١"]) await refused(BODY, { ...HEADERS, "Webhook-Timestamp": stamp }, SECRET);
  const right = HEADERS["Webhook-Signature"];
  for (const signature of ["", "v1,", "v1", right.slice(3), right.replace("v1", "v1a"), right.slice(0, -2), "v1,é", `${right}x`]) {
    await refused(BODY, { ...HEADERS, "Webhook-Signature": signature }, SECRET);
  }
  await refused(BODY, { ...HEADERS, "Webhook-Id": "msg_other" }, SECRET);
  await assert.rejects(fake().client.webhooks.verify(BODY, HEADERS, SECRET), WebhookVerificationError);
});

test("the depth of a webhook goes with what it causes", async () => {
  const { client, requests, waits } = fake(ok({ id: "inb_1" }), ok({ id: "inb_1" }), ok({ id: "inb_1" }));
  const deep = { ...HEADERS, "Postern-Depth": "3" };
  for (const one of [client.causedBy(deep), client.causedBy(new Headers(HEADERS)), client]) await one.inboxes.get("inb_1");
  assert.deepEqual(requests.map((request) => request.headers.get("postern-depth")), ["3", null, null]);
  assert.deepEqual(waits, []);
});

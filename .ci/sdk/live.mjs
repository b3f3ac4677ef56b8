// The TypeScript SDK against a server that is killed and stopped under it. `.ci/sdk.py` runs this, and
// restarts the server when it prints `kill` or `stop`.
//
// Messages are sent without a pause. Each must be there once, and a stream of one inbox and one of all
// must each hear of it once, in order. The server goes four times in between.
import assert from "node:assert/strict";
import { createInterface } from "node:readline";
import { Postern } from "postern";

const KILLS = ["kill", "kill", "stop", "kill"];
const SENT_BETWEEN = 15;
const PATIENCE_MS = 90_000;

const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

/** Asks for the end of the server, and comes back when the next one runs. */
async function again(word) {
  console.log(word);
  assert.equal((await answers.next()).value, "restarted");
}

async function until(what) {
  const end = Date.now() + PATIENCE_MS;
  while (!what()) {
    assert.ok(Date.now() < end, "it takes too long");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const client = new Postern({ maxRetries: 10 });
const inbox = (await client.inboxes.create({ username: "kills-ts" })).address;
const streams = [client.events.stream({ inbox, type: "message.received" }), client.events.stream({ type: ["message.received"] })];
const heard = streams.map(() => []);
await Promise.all(streams.map((stream) => stream.open()));
const listening = streams.map(async (stream, at) => {
  for await (const event of stream) heard[at].push(event);
});

let count = 0;
let ends = false;
const sending = (async () => {
  while (!ends) {
    await client.messages.send(inbox, { to: inbox, subject: `${count}`, text: "Hello" });
    count += 1;
  }
})();
let failure;
sending.catch((error) => (failure = error));
const sent = async (more) => {
  const wanted = count + more;
  await until(() => count >= wanted || failure);
  if (failure) throw failure;
};
for (const word of KILLS) {
  await sent(SENT_BETWEEN);
  await again(word);
}
await sent(SENT_BETWEEN);
ends = true;
await sending;

const numbers = Array.from({ length: count }, (_, at) => `${at}`);
for (const events of heard) {
  await until(() => events.length >= count);
  assert.deepEqual(events.map((event) => event.message.subject), numbers);
  assert.ok(events.every((event, at) => at === 0 || event.seq > events[at - 1].seq));
}
const rows = await client.messages.list(inbox, { folder: "INBOX", limit: 20 }).all();
assert.deepEqual(rows.map((row) => row.subject).sort((a, b) => a - b), numbers);

if (client.messages.wait) {
  // A wait goes on when the server comes back.
  const waiting = client.messages.wait(inbox, { timeout: 60, subject: "late" });
  await new Promise((resolve) => setTimeout(resolve, 300));
  await again("kill");
  await client.messages.send(inbox, { to: inbox, subject: "late", text: "Your code is 493817." });
  assert.deepEqual((await waiting)?.codes, ["493817"]);
  assert.equal(await client.messages.wait(inbox, { timeout: 0, subject: "never" }), null);
}
for (const stream of streams) stream.close();
await Promise.all(listening);
console.log(`ok: TypeScript: ${count} messages sent and heard once each over ${KILLS.length} ends of the server`);
process.exit(0);

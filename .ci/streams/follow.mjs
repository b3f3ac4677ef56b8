// Follows an event stream with `eventsource` and prints `id subject` of each message. `.ci/streams.py`
// runs it, with the CA in NODE_EXTRA_CA_CERTS.
//
//     follow.mjs key|ticket BASE_URL PATH KEY
//
// With `key` the client has the key in a header and comes back by itself, with Last-Event-ID. With
// `ticket` it is a browser: it has no header, and a ticket holds for one connection; so the page makes
// a new one when the client is lost, and says in `since` where it was.
import { EventSource } from "eventsource";

const [kind, base, path, key] = process.argv.slice(2);
const authorization = { Authorization: `Bearer ${key}` };
let last = "0";

const withKey = (input, init) => fetch(input, { ...init, headers: { ...init.headers, ...authorization } });

// `fetch` of Node may neither end nor fail when the connection is closed in its beginning: no socket is
// left then, and without a timer the program would end. A page that relies on it looks after it.
let silence;

function begin() {
  clearTimeout(silence);
  silence = setTimeout(() => {
    console.error(`${kind}: nothing for 15 s; made anew after ${last}`);
    begin();
  }, 15_000);
  void connect();
}

let source;
let turns = 0;

async function connect() {
  const turn = ++turns;
  source?.close();
  let place = `since=${last}`;
  if (kind === "ticket") {
    const made = await fetch(`${base}/api/v1/events/ticket`, { method: "POST", headers: authorization }).catch(() => undefined);
    if (turn !== turns) return;
    if (made?.status !== 201) return void setTimeout(begin, 200);
    place += `&ticket=${(await made.json()).ticket}`;
  }
  const mine = new EventSource(`${base}${path}&${place}`, kind === "key" ? { fetch: withKey } : {});
  source = mine;
  const heard = () => silence.refresh();
  mine.addEventListener("open", heard);
  mine.addEventListener("message.received", (event) => {
    heard();
    last = event.lastEventId;
    console.log(`${event.lastEventId} ${JSON.parse(event.data).message.subject}`);
  });
  // A server that stops may answer 503: then this client ends for good, and the program begins anew.
  // A ticket holds once.
  mine.onerror = () => {
    if (turn !== turns || (kind === "key" && mine.readyState !== EventSource.CLOSED)) return;
    mine.close();
    setTimeout(begin, 200);
  };
}

begin();

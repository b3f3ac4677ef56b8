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

function listen(source) {
  source.addEventListener("message.received", (event) => {
    last = event.lastEventId;
    console.log(`${event.lastEventId} ${JSON.parse(event.data).message.subject}`);
  });
  return source;
}

const withKey = (input, init) => fetch(input, { ...init, headers: { ...init.headers, ...authorization } });

function byKey() {
  const source = listen(new EventSource(`${base}${path}&since=${last}`, { fetch: withKey }));
  const again = () => {
    clearTimeout(silence);
    source.close();
    setTimeout(byKey, 500);
  };
  // This client does not come back when `fetch` says that the request was aborted, as it may say of a
  // connection that is reset. A page that relies on it looks after it.
  let silence;
  const heard = () => {
    clearTimeout(silence);
    silence = setTimeout(() => {
      console.error(`eventsource: nothing for 15 s in state ${source.readyState}; made anew after ${last}`);
      again();
    }, 15_000);
  };
  heard();
  source.addEventListener("open", heard);
  source.addEventListener("message.received", heard);
  // A server that stops may answer 503: then this client ends for good, and the program begins anew.
  source.onerror = () => {
    if (source.readyState === EventSource.CLOSED) again();
  };
}

async function byTicket() {
  let ticket;
  try {
    const made = await fetch(`${base}/api/v1/events/ticket`, { method: "POST", headers: authorization });
    if (made.status !== 201) throw new Error(`${made.status}`);
    ({ ticket } = await made.json());
  } catch {
    setTimeout(byTicket, 200);
    return;
  }
  const source = listen(new EventSource(`${base}${path}&since=${last}&ticket=${ticket}`));
  source.onerror = () => {
    source.close();
    setTimeout(byTicket, 200);
  };
}

if (kind === "key") byKey();
else void byTicket();

// `ws` of npm as it is: subscribes, and prints each message. With `stop` it leaves by itself after
// the first event.
//
//     node follow.mjs URL KEY CA [stop]
import { readFileSync } from "node:fs";
import WebSocket from "ws";

const [url, key, ca, stop] = process.argv.slice(2);
const socket = new WebSocket(url, { headers: { Authorization: `Bearer ${key}` }, ca: readFileSync(ca) });
socket.on("open", () => socket.send(JSON.stringify({ op: "subscribe", id: "node", type: "message.received" })));
socket.on("message", (data, isBinary) => {
  if (isBinary) throw new Error("a binary message");
  console.log(data.toString());
  if (stop && JSON.parse(data.toString()).op === "event") socket.close(1000, "enough");
});
socket.on("ping", () => console.log(JSON.stringify({ op: "ping" })));
socket.on("close", (code, reason) => {
  console.log(JSON.stringify({ op: "closed", code, reason: reason.toString(), extensions: socket.extensions }));
});

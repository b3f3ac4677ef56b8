// One talk with the server over MCP by the SDK of npm: it lists, sends, waits for the code, reads, also a
// resource, and replies.
//
//     node talk.mjs URL KEY INBOX
//
// The authority of the certificate is in NODE_EXTRA_CA_CERTS.
import assert from "node:assert";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const [url, key, inbox] = process.argv.slice(2);
const client = new Client({ name: "talk", version: "1" });
const requestInit = { headers: { Authorization: "Bearer " + key } };
await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit }));
const tools = (await client.listTools()).tools.map((tool) => tool.name);
assert.equal(tools.length, 12, String(tools));

const said = async (name, more) => {
  const result = await client.callTool({ name, arguments: { inbox, ...more } });
  const text = result.content.filter((part) => part.type === "text").map((part) => part.text).join("\n");
  assert(!result.isError, text);
  return text;
};
const subject = "Sign in, npm";
const letter = { to: [inbox], subject, text: "Your verification code is 482913." };
const sent = await said("send", letter);
assert.match(sent, /^Sent: /);
assert.equal(await said("send", letter), sent);
const heard = await said("wait_for_message", { subject, has_code: true, timeout: 20 });
assert.match(heard, /^Code: 482913 /m);
const [, id] = /Message (msg_\w+) /.exec(heard);
assert.match(await said("read_message", { id }), /code is 482913\./);
const { contents } = await client.readResource({ uri: `postern://inbox/${inbox}/message/${id}` });
assert.match(contents[0].text, /^Subject: Sign in, npm$/m);
const listed = (await client.listResources()).resources.map((resource) => resource.name);
assert(listed.includes(inbox), String(listed));
assert.match(await said("send", { reply_to_message: id, text: "Thank you." }), /^Sent: /);
const refused = await client.callTool({ name: "read_message", arguments: { inbox, id: "msg_none" } });
assert(refused.isError);
await client.close();

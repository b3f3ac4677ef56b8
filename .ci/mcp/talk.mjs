// One talk with the server over MCP by the SDK of npm: it lists, sends, waits for the code, reads, also a
// resource, and replies.
//
//     node talk.mjs http URL KEY INBOX
//     node talk.mjs stdio BINARY URL KEY CA INBOX
//
// The authority of the certificate is in NODE_EXTRA_CA_CERTS.
import assert from "node:assert";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const [kind, ...rest] = process.argv.slice(2);
const inbox = rest.at(-1);
const transport = () => {
  if (kind === "http") {
    const [url, key] = rest;
    return new StreamableHTTPClientTransport(new URL(url), {
      requestInit: { headers: { Authorization: "Bearer " + key } },
    });
  }
  const [command, url, key, ca] = rest;
  return new StdioClientTransport({
    command,
    args: ["mcp", "--url", url, "--ca", ca],
    env: { ...process.env, POSTERN_API_KEY: key },
  });
};

const client = new Client({ name: "talk", version: "1" });
await client.connect(transport());
const tools = (await client.listTools()).tools.map((tool) => tool.name);
assert.equal(tools.length, 12, String(tools));

const said = async (name, more) => {
  const result = await client.callTool({ name, arguments: { inbox, ...more } });
  const text = result.content.filter((part) => part.type === "text").map((part) => part.text).join("\n");
  assert(!result.isError, text);
  return text;
};
const subject = `Sign in, npm ${kind}`;
const letter = { to: [inbox], subject, text: "Your verification code is 482913." };
const sent = await said("send", letter);
assert.match(sent, /^Sent: /);
assert.equal(await said("send", letter), sent);
const heard = await said("wait_for_message", { subject, has_code: true, timeout: 20 });
assert.match(heard, /^Code: 482913 /m);
const [, id] = /Message (msg_\w+) /.exec(heard);
assert.match(await said("read_message", { id }), /code is 482913\./);
const { contents } = await client.readResource({ uri: `postern://inbox/${inbox}/message/${id}` });
assert.match(contents[0].text, new RegExp(`^Subject: ${subject}$`, "m"));
const listed = (await client.listResources()).resources.map((resource) => resource.name);
assert(listed.includes(inbox), String(listed));
assert.match(await said("send", { reply_to_message: id, text: "Thank you." }), /^Sent: /);
const refused = await client.callTool({ name: "read_message", arguments: { inbox, id: "msg_none" } });
assert(refused.isError);
await client.close();

"""One talk with the server over MCP by a client of PyPI: it lists, sends, waits for the code,
reads, also resources, and replies.

    python talk.py CLIENT http URL KEY CA INBOX
    python talk.py CLIENT stdio BINARY URL KEY CA INBOX
"""

import asyncio
import os
import re
import ssl
import sys

CODE = "482913"


def authority(ca):
    return ssl.create_default_context(cafile=ca)


def texts(content):
    return "\n".join(part.text for part in content if part.type == "text")


class Talk:
    """What is said, whatever client carries it."""

    def __init__(self, name, inbox, call, resource):
        self.name, self.inbox, self.call, self.resource = name, inbox, call, resource

    async def hold(self, tools):
        assert len(tools) == 12 and tools[0] == "list_inboxes" and tools[-1] == "whoami", tools
        assert self.inbox in await self.said("list_inboxes")
        assert "It may:" in await self.said("whoami")
        subject = f"Sign in, {self.name}"
        letter = {"to": [self.inbox], "subject": subject, "text": f"Your verification code is {CODE}."}
        letter["attachments"] = [{"filename": "a.csv", "content_type": "text/csv", "content": "YSxiCg=="}]
        sent, at_once = await asyncio.gather(*(self.said("send", **letter) for _ in range(2)))
        assert sent.startswith("Sent: "), sent
        assert sent == at_once == await self.said("send", **letter), "a repeated send is another mail"
        heard = await self.said("wait_for_message", subject=subject, has_code=True, timeout=20)
        within = self.within(heard)
        assert f"Code: {CODE} " in within and f"Subject: {subject}" in within, heard
        number = re.search(r"Message (msg_\w+) ", heard).group(1)
        listed = await self.said("list_messages", subject=subject)
        assert number in listed and subject in self.within(listed), listed
        assert listed.count("msg_") == 1, listed
        read = await self.said("read_message", id=number)
        assert f"code is {CODE}." in self.within(read), read
        await self.hold_resources(subject, number, re.search(r"Attachment (att_\d+): a.csv", read).group(1))
        answered = await self.said("send", reply_to_message=number, text="Thank you.")
        assert answered.startswith("Sent: "), answered
        thread = re.search(r"thread (thr_\w+)", read).group(1)
        whole = await self.said("read_thread", thread=thread)
        assert "Thank you." in self.within(whole), whole
        refused, is_error = await self.call("read_message", {"inbox": self.inbox, "id": "msg_none"})
        assert is_error and "Not done" in refused, refused

    async def hold_resources(self, subject, number, att):
        place = f"postern://inbox/{self.inbox}"
        assert subject in self.within(await self.resource(place))
        assert f"code is {CODE}." in self.within(await self.resource(f"{place}/message/{number}"))
        assert self.within(await self.resource(f"{place}/message/{number}/attachment/{att}")) == "a,b\n"
        try:
            found = await self.resource(f"{place}/message/msg_none")
        except Exception:  # each client has its own
            return
        raise AssertionError(found)

    async def said(self, tool, **arguments):
        if tool not in ("whoami", "list_inboxes"):
            arguments["inbox"] = self.inbox
        text, is_error = await self.call(tool, arguments)
        assert not is_error, text
        return text

    @staticmethod
    def within(text):
        """What stands in the fence."""
        found = re.search(r"^\[mail-data (\w+) begins: .*\]\n(.*)^\[mail-data \1 ends\]$", text, re.S | re.M)
        assert found, text
        return found.group(2)


async def mcp(way, inbox, mode):
    import httpx2
    from mcp import Client, StdioServerParameters
    from mcp.client.streamable_http import streamable_http_client

    if way[0] == "stdio":
        server = StdioServerParameters(command=way[1], args=way[2], env=way[3])
    else:
        _, url, key, ca = way
        headers = {"Authorization": "Bearer " + key}
        carrier = httpx2.AsyncClient(headers=headers, verify=authority(ca), timeout=40)
        server = streamable_http_client(url, http_client=carrier)
    async with Client(server, mode=mode) as client:

        async def call(tool, arguments):
            result = await client.call_tool(tool, arguments)
            return texts(result.content), result.is_error

        async def resource(uri):
            (contents,) = (await client.read_resource(uri)).contents
            return contents.text

        listed = [resource.name for resource in (await client.list_resources()).resources]
        assert inbox in listed, listed
        tools = [tool.name for tool in (await client.list_tools()).tools]
        talk = Talk(f"mcp {mode} {way[0]}", inbox, call, resource)
        await talk.hold(tools)
        if mode == "auto":
            uri = f"postern://inbox/{inbox}"
            async with client.listen(resource_subscriptions=[uri]) as heard:
                assert heard.honored.resource_subscriptions == [uri], heard.honored
                await talk.said("send", to=[inbox], subject="heard", text="Hello.")
                event = await asyncio.wait_for(anext(heard), 20)
            assert event.uri == uri, event
            assert "heard" in talk.within(await resource(uri))


async def fastmcp(way, inbox):
    from fastmcp import Client
    from fastmcp.client.transports import StdioTransport, StreamableHttpTransport

    if way[0] == "stdio":
        transport = StdioTransport(way[1], way[2], env=way[3])
    else:
        _, url, key, ca = way
        transport = StreamableHttpTransport(url, headers={"Authorization": "Bearer " + key}, verify=ca)
    async with Client(transport) as client:

        async def call(tool, arguments):
            result = await client.call_tool(tool, arguments, raise_on_error=False)
            return texts(result.content), result.is_error

        async def resource(uri):
            (contents,) = await client.read_resource(uri)
            return contents.text

        forms = [template.name for template in await client.list_resource_templates()]
        assert forms == ["inbox", "message", "attachment"], forms
        await Talk(f"fastmcp {way[0]}", inbox, call, resource).hold([tool.name for tool in await client.list_tools()])


async def agents(way, inbox):
    import httpx2
    from agents.mcp import MCPServerStdio, MCPServerStreamableHttp

    if way[0] == "stdio":
        parameters = {"command": way[1], "args": way[2], "env": way[3]}
        server = MCPServerStdio(parameters, client_session_timeout_seconds=40)
    else:
        _, url, key, ca = way

        def factory(headers=None, timeout=None, auth=None):
            return httpx2.AsyncClient(headers=headers, timeout=timeout, auth=auth, verify=authority(ca))

        parameters = {"url": url, "headers": {"Authorization": "Bearer " + key}, "httpx_client_factory": factory}
        server = MCPServerStreamableHttp(parameters, client_session_timeout_seconds=40)
    async with server:

        async def call(tool, arguments):
            result = await server.call_tool(tool, arguments)
            return texts(result.content), getattr(result, "isError", None) or getattr(result, "is_error", False)

        async def resource(uri):
            (contents,) = (await server.read_resource(uri)).contents
            return contents.text

        await Talk(f"openai-agents {way[0]}", inbox, call, resource).hold([tool.name for tool in await server.list_tools()])


async def langchain(way, inbox):
    import httpx
    from langchain_mcp_adapters.client import MultiServerMCPClient

    if way[0] == "stdio":
        connection = {"transport": "stdio", "command": way[1], "args": way[2], "env": way[3]}
    else:
        _, url, key, ca = way

        def factory(headers=None, timeout=None, auth=None):
            return httpx.AsyncClient(headers=headers, timeout=timeout, auth=auth, verify=authority(ca))

        headers = {"Authorization": "Bearer " + key}
        connection = {"transport": "streamable_http", "url": url, "headers": headers, "httpx_client_factory": factory}
    client = MultiServerMCPClient({"postern": connection})
    tools = {tool.name: tool for tool in await client.get_tools()}

    async def call(tool, arguments):
        words = {"name": tool, "args": arguments, "id": "1", "type": "tool_call"}
        message = await tools[tool].ainvoke(words)
        content = message.content
        if not isinstance(content, str):
            content = "\n".join(part["text"] for part in content if part["type"] == "text")
        return content, message.status == "error"

    async def resource(uri):
        (blob,) = await client.get_resources("postern", uris=[uri])
        return blob.as_string()

    listed = [blob.metadata["uri"] for blob in await client.get_resources("postern")]
    assert any(str(uri).startswith("postern://inbox/inb_") for uri in listed), listed
    await Talk(f"langchain {way[0]}", inbox, call, resource).hold(list(tools))


def main():
    client, kind, *rest = sys.argv[1:]
    if kind == "http":
        *way, inbox = rest
        way = ("http", *way)
    else:
        binary, url, key, ca, inbox = rest
        env = {**os.environ, "POSTERN_API_KEY": key}
        way = ("stdio", binary, ["mcp", "--url", url, "--ca", ca], env)
    talks = {
        "mcp": lambda: mcp(way, inbox, "auto"),
        "mcp-legacy": lambda: mcp(way, inbox, "legacy"),
        "fastmcp": lambda: fastmcp(way, inbox),
        "openai-agents": lambda: agents(way, inbox),
        "langchain": lambda: langchain(way, inbox),
    }
    asyncio.run(talks[client]())


main()

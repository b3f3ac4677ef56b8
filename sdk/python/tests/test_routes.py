"""Every operation of the OpenAPI document has a method in both clients, which asks for its path.
POSTERN_OPENAPI names the document; without it there is nothing to compare."""

from __future__ import annotations

import asyncio
import inspect
import json
import keyword
import os
import re
import unittest
from typing import Any

import httpx

from .fake import Fake


def arguments(function: Any, operation: dict[str, Any], schemas: dict[str, Any]) -> tuple[list[str], dict[str, Any]]:
    """The values that the operation needs, by the examples of the document."""
    order = [row for row in operation["parameters"] if row["in"] == "path"]
    order.sort(key=lambda row: operation["path"].index("{%s}" % row["name"]))
    places = [str(row["example"]) for row in order]
    named: dict[str, Any] = {}
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("example", {})
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.default is parameter.empty and name == "content":
            named[name] = b"octets"
        elif parameter.kind is parameter.KEYWORD_ONLY and parameter.default is parameter.empty:
            named[name] = body.get(name.rstrip("_"), "x")
    return places, named


def streams(client: Any, operation: dict[str, Any]) -> Any:
    """The stream that the operation is."""
    places = [row["example"] for row in operation["parameters"] if row["in"] == "path"]
    stream = client.events.stream(places[0] if places else None, tree=operation["path"].endswith("/watch"))
    return stream.__next__() if hasattr(stream, "__next__") else stream.__anext__()


@unittest.skipUnless(os.environ.get("POSTERN_OPENAPI"), "POSTERN_OPENAPI names no document")
class Routes(unittest.TestCase):
    def test_every_operation_has_a_method(self) -> None:
        with open(os.environ["POSTERN_OPENAPI"], encoding="utf-8") as file:
            document = json.load(file)
        count = 0
        for path, methods in document["paths"].items():
            for http_method, operation in methods.items():
                if "101" in operation["responses"]:
                    continue  # A WebSocket has no method.
                operation["path"] = path
                for is_async in (False, True):
                    with self.subTest(operation["operationId"], is_async=is_async):
                        self.check(http_method.upper(), operation, document, is_async)
                count += 1
        self.assertGreater(count, 60)

    def check(self, http_method: str, operation: dict[str, Any], document: dict[str, Any], is_async: bool) -> None:
        fake = Fake([httpx.Response(418)])
        client: Any = fake.async_client() if is_async else fake.client()
        noun, verb = operation["x-method"].split(".")
        verb += "_" if keyword.iskeyword(verb) else ""

        async def wait(found: Any) -> Any:
            return await found if inspect.isawaitable(found) else found

        try:
            if (noun, verb) == ("events", "stream"):
                found = streams(client, operation)
            else:
                function = getattr(getattr(client, noun), verb)
                places, named = arguments(function, operation, document["components"]["schemas"])
                found = function(*places, **named)
                found = found.page() if hasattr(found, "page") else found
            asyncio.run(wait(found))
        except Exception as error:  # noqa: BLE001
            if getattr(error, "status", None) != 418:
                raise
        request = fake.requests[0]
        self.assertEqual(request.method, http_method)
        pattern = "".join(
            "[^/]+" if part.startswith("{") else re.escape(part) for part in re.split(r"(\{[^}]*\})", operation["path"])
        )
        self.assertRegex(request.url.raw_path.decode().split("?")[0], f"^{pattern}$")


if __name__ == "__main__":
    unittest.main()

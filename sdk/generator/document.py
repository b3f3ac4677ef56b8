"""The OpenAPI document of a server as plain objects: operations with their methods, and schemas.

It reads the forms that Postern's document has, and stops with the name of the operation at a form
that it does not know: a route never goes without a method in silence.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import signal
import subprocess
import tempfile
import urllib.request
from typing import Any

Schema = dict[str, Any]

# Header fields that every SDK handles by itself.
OWN_HEADERS = {"idempotency-key", "last-event-id"}


class DocumentError(Exception):
    """The document has a form that the generator does not know."""


@dataclasses.dataclass
class Parameter:
    """A value of the path, the query or the header."""

    name: str
    schema: Schema
    says: str
    required: bool

    @property
    def repeats(self) -> bool:
        """Whether it may stand several times in a query."""
        return any(part.get("type") == "array" for part in parts(self.schema))


@dataclasses.dataclass
class Answer:
    """What a method gives. `kind` is `nothing`, `object`, `page`, `event_page`, `events`, `text`
    or `octets`; `schemas` are the names of the objects that it may be."""

    kind: str
    schemas: list[str]


@dataclasses.dataclass
class Operation:
    """One operation. `noun` and `verb` are the method that it has in the SDKs."""

    id: str
    noun: str
    verb: str
    http_method: str
    path: str
    summary: str
    says: str
    places: list[Parameter]
    query: list[Parameter]
    headers: list[Parameter]
    body: str | None
    """The schema of the JSON that it takes."""
    takes_octets: bool
    media: str | None
    """The media type of the octets, where it is one."""
    body_required: bool
    has_attachments: bool
    """Whether its body has files in it."""
    answers: list[Answer]

    @property
    def segments(self) -> list[str]:
        """The path in parts: a name in braces stands for a value."""
        return re.split(r"(\{[^}]*\})", self.path)


@dataclasses.dataclass
class Document:
    """The document as a whole."""

    operations: list[Operation]
    schemas: dict[str, Schema]
    version: str
    tags: dict[str, str]

    def nouns(self) -> list[str]:
        """The nouns of the methods, in the order of the document."""
        return list(dict.fromkeys(operation.noun for operation in self.operations))

    def of(self, noun: str) -> list[Operation]:
        """The operations of a noun, each method once."""
        found = {operation.verb: operation for operation in self.operations if operation.noun == noun}
        return list(found.values())

    def requests(self) -> list[str]:
        """The schemas that bodies of requests are made of."""
        return self.reachable([operation.body for operation in self.operations if operation.body])

    def responses(self) -> list[str]:
        """The schemas that answers are made of."""
        named = [name for operation in self.operations for answer in operation.answers for name in answer.schemas]
        return self.reachable([*named, "Error"])

    def reachable(self, names: list[str]) -> list[str]:
        """These schemas and those in them, in the order of the document."""
        found: set[str] = set()
        left = list(names)
        while left:
            name = left.pop()
            if name not in found:
                found.add(name)
                left.extend(references(self.schemas[name]))
        return [name for name in self.schemas if name in found]


def parts(schema: Schema) -> list[Schema]:
    """The alternatives of a schema, without the empty text that stands for no value."""
    if "anyOf" not in schema:
        return [] if schema.get("const") == "" else [schema]
    return [part for inner in schema["anyOf"] for part in parts(inner)]


def name_of(reference: str) -> str:
    """The name at the end of a `$ref`."""
    return reference.rsplit("/", 1)[1]


def references(schema: Any) -> list[str]:
    """The names of the schemas that a schema names."""
    if isinstance(schema, list):
        return [name for item in schema for name in references(item)]
    if not isinstance(schema, dict):
        return []
    found = [name_of(schema["$ref"])] if "$ref" in schema else []
    return found + [name for key, value in schema.items() if key != "$ref" for name in references(value)]


def read(text: str) -> Document:
    """The document of a text."""
    document = json.loads(text)
    operations = [
        operation(path, method, content, document)
        for path, methods in document["paths"].items()
        for method, content in methods.items()
        # A WebSocket has no method: the SDKs have the streams.
        if method in ("get", "post", "put", "patch", "delete") and "101" not in content["responses"]
    ]
    tags = {tag["name"]: tag.get("description", "") for tag in document.get("tags", [])}
    return Document(operations, document["components"]["schemas"], document["info"]["version"], tags)


def operation(path: str, method: str, content: Schema, document: Schema) -> Operation:
    """One operation of a document."""
    name = content["operationId"]
    noun, _, verb = content.get("x-method", name).partition(".")
    if not re.fullmatch(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*", f"{noun}.{verb}"):
        raise DocumentError(f"{name}: x-method must be noun.verb in snake case")
    places: list[Parameter] = []
    query: list[Parameter] = []
    headers: list[Parameter] = []
    kinds = {"path": places, "query": query, "header": headers}
    for row in content.get("parameters", []):
        row = resolve(row, document)
        of_header = row["in"] == "header"
        if of_header and row["name"].lower() in OWN_HEADERS:
            continue
        found = Parameter(row["name"], row["schema"], row.get("description", ""), row.get("required", False))
        kinds[row["in"]].append(found)
    order = re.findall(r"\{([^}]*)\}", path)
    if sorted(order) != sorted(place.name for place in places):
        raise DocumentError(f"{name}: the path and its parameters differ")
    places.sort(key=lambda place: order.index(place.name))
    # A query that repeats a name of the path says nothing more.
    query = [row for row in query if row.name not in order]
    body, media = body_of(name, content.get("requestBody"))
    return Operation(
        id=name,
        noun=noun,
        verb=verb,
        http_method=method.upper(),
        path=path,
        summary=content.get("summary", ""),
        says=content.get("description", ""),
        places=places,
        query=query,
        headers=headers,
        body=body,
        takes_octets=media is not None,
        media=media if media and "*" not in media else None,
        body_required=(content.get("requestBody") or {}).get("required", False),
        has_attachments=body is not None and "NewAttachment" in references(document["components"]["schemas"][body]),
        answers=answers(name, content["responses"], document),
    )


def resolve(row: Schema, document: Schema) -> Schema:
    """What a `$ref` names."""
    while "$ref" in row:
        found: Any = document
        for part in row["$ref"].removeprefix("#/").split("/"):
            found = found[part.replace("~1", "/").replace("~0", "~")]
        row = found
    return row


def body_of(name: str, body: Schema | None) -> tuple[str | None, str | None]:
    """The schema of a JSON body, or the media type of one that is octets."""
    if not body:
        return None, None
    content = body["content"].get("application/json")
    if content is None:
        return None, next(iter(body["content"]))
    if "$ref" not in content["schema"]:
        raise DocumentError(f"{name}: its body has no named schema")
    return name_of(content["schema"]["$ref"]), None


def answers(name: str, responses: Schema, document: Schema) -> list[Answer]:
    """What an operation gives when it succeeds, each kind once."""
    found: list[Answer] = []
    for status, response in responses.items():
        if status.startswith("2"):
            answer = answer_of(name, resolve(response, document))
            if answer not in found:
                found.append(answer)
    if not found:
        raise DocumentError(f"{name}: it has no answer")
    return found


def answer_of(name: str, response: Schema) -> Answer:
    """What one response is."""
    content = response.get("content", {})
    if not content:
        return Answer("nothing", [])
    media, body = next(iter(content.items()))
    schema = body.get("schema", {})
    if media == "text/event-stream":
        return Answer("events", [name_of(body["x-event-data"]["$ref"])])
    if media != "application/json":
        is_text = media.startswith("text/") or media.endswith(("xml", "x-apple-aspen-config"))
        return Answer("text" if is_text else "octets", [])
    if "$ref" in schema:
        return Answer("object", [name_of(schema["$ref"])])
    if "anyOf" in schema:
        return Answer("object", [name_of(part["$ref"]) for part in schema["anyOf"]])
    if "next_cursor" in schema.get("properties", {}):
        rows = schema["properties"]["data"]["items"]
        kind = "event_page" if "seq" in schema["properties"] else "page"
        return Answer(kind, references(rows))
    if not schema:
        return Answer("text", [])
    raise DocumentError(f"{name}: its answer has an unknown form: {json.dumps(schema)[:200]}")


def load(source: str) -> Document:
    """The document of a file that ends in `.json`, or of a server that is started from a binary."""
    if source.endswith(".json"):
        with open(source, encoding="utf-8") as file:
            return read(file.read())
    return read(ask(source))


def ask(binary: str) -> str:
    """`openapi.json` of a binary, which serves it for a moment with a data folder of its own."""
    with tempfile.TemporaryDirectory(prefix="postern-sdk-") as folder:
        command = [os.path.abspath(binary), "serve", "--data", folder, "--ports", "auto", "--json"]
        with open(os.path.join(folder, "log"), "wb") as log:
            server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        try:
            assert server.stdout is not None
            line = server.stdout.readline()
            if not line:
                raise DocumentError(f"{binary} did not start")
            url = json.loads(line)["http"] + "/api/v1/openapi.json"
            with urllib.request.urlopen(url, timeout=10) as answer:
                text = answer.read().decode()
            server.send_signal(signal.SIGTERM)
            server.wait(15)
        finally:
            server.kill()
            server.wait()
        return str(text)

"""Writes the TypeScript SDK: an interface for each schema, and a class of methods for each noun.
`build.mjs` of the package makes JavaScript of it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import textwrap

from .document import Document, DocumentError, Operation, Schema, name_of, parts
from .python import MARK, is_later, waits

COLUMNS = 100
PACKAGE = "typescript/src"

# The classes with the methods that are written by hand.
BY_HAND = {"events": "Streaming", "webhooks": "WebhookVerifying"}


def write(document: Document, root: str) -> dict[str, str]:
    """The generated files by their paths below `sdk/`."""
    return {f"{PACKAGE}/models.ts": models(document), f"{PACKAGE}/resources.ts": resources(document)}


def build(root: str) -> None:
    """Makes `dist/` again, where npm is there."""
    folder = os.path.join(root, "typescript")
    npm = shutil.which("npm")
    if npm is None:
        print("not built: npm is not there; run `npm install && npm run build` in sdk/typescript")
        return
    if not os.path.isdir(os.path.join(folder, "node_modules", "typescript")):
        subprocess.run([npm, "install", "--silent", "--no-package-lock", "--no-audit", "--no-fund"], cwd=folder, check=True)
    subprocess.run([npm, "run", "--silent", "build"], cwd=folder, check=True)


def camel(name: str) -> str:
    """A name in camel case."""
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def capital(name: str) -> str:
    """The same, beginning with a capital."""
    return "".join(part.capitalize() for part in name.split("_"))


def key(name: str) -> str:
    """A name as a key of an object."""
    return name if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) else json.dumps(name)


def kind(schema: Schema, is_input: bool) -> str:
    """The type of a schema, as an argument or in an answer."""
    kinds = list(dict.fromkeys(one(part, is_input) for part in parts(schema))) or ["string"]
    if "null" in kinds:
        kinds = [kind for kind in kinds if kind != "null"] + ["null"]
    return " | ".join(kinds)


def one(schema: Schema, is_input: bool) -> str:
    """The type of a schema without alternatives."""
    if "$ref" in schema:
        name = name_of(schema["$ref"])
        return f"{name} | FileInput" if is_input and name == "NewAttachment" else name
    if "enum" in schema:
        return " | ".join(json.dumps(value) for value in schema["enum"])
    if "const" in schema:
        return json.dumps(schema["const"])
    named = schema.get("type")
    if isinstance(named, list):
        return " | ".join(one({**schema, "type": single}, is_input) for single in named)
    if named == "string":
        return "string | Date" if is_input and schema.get("format") == "date-time" else "string"
    if named == "array":
        inner = kind(schema["items"], is_input)
        return f"Array<{inner}>" if " " in inner else f"{inner}[]"
    if named == "object" and is_input and "address" in schema.get("properties", {}):
        return "NamedAddress"
    simple = {"integer": "number", "number": "number", "boolean": "boolean", "null": "null"}
    return simple.get(str(named), "Record<string, unknown>" if named == "object" else "unknown")


def comment(text: str, indent: int) -> list[str]:
    """A text as the comment of what stands behind it."""
    pad = " " * indent
    text = text.replace("*/", "*\\/")
    lines = textwrap.wrap(text, COLUMNS - indent - 7, break_long_words=False, break_on_hyphens=False)
    if len(lines) == 1:
        return [f"{pad}/** {lines[0]} */"]
    return [f"{pad}/**", *[f"{pad} * {line}" for line in lines], f"{pad} */"] if lines else []


def models(document: Document) -> str:
    """`models.ts`: every object of requests and answers."""
    requests = document.requests()
    responses = [name for name in document.responses() if name not in requests]
    lines = [
        f"// The objects of the API. {MARK}",
        "",
        'import type { FileInput } from "./files.js";',
        "",
        "/** An address with the name of a person. */",
        "export interface NamedAddress {",
        "  name?: string | null;",
        "  address: string;",
        "}",
    ]
    for name in [*requests, *responses]:
        schema, is_input = document.schemas[name], name in requests
        lines += ["", *comment(schema.get("description") or "An error.", 0), f"export interface {name} {{"]
        required = schema.get("required", [])
        for field, row in schema.get("properties", {}).items():
            if is_input and is_later(row):
                continue
            lines += comment(row.get("description", ""), 2)
            lines.append(f"  {key(field)}{'' if field in required else '?'}: {kind(row, is_input)};")
        lines.append("}")
    return "\n".join(lines) + "\n"


def resources(document: Document) -> str:
    """`resources.ts`: a class of methods for each noun, and the class that has them all."""
    nouns = document.nouns()
    nouns += [noun for noun in BY_HAND if noun not in nouns]
    body: list[str] = []
    for noun in nouns:
        operations = [operation for operation in document.of(noun) if operation.answers[0].kind != "events"]
        for operation in operations:
            body += params(operation)
        parent = f" extends {BY_HAND[noun]}" if noun in BY_HAND else ""
        body += ["", *comment(document.tags.get(noun) or f"The methods of `client.{camel(noun)}`.", 0)]
        body.append(f"export class {capital(noun)}Resource{parent} {{")
        if noun not in BY_HAND:
            body.append("  constructor(protected readonly client: Postern) {}")
        for operation in operations:
            body += method(operation)
        body.append("}")
    body += ["", "/** Every resource of a client. */", "export abstract class Resources {"]
    body += [f"  readonly {camel(noun)} = new {capital(noun)}Resource(this as unknown as Postern);" for noun in nouns]
    body.append("}")
    text = "\n".join(body)
    waiting = ['import { waitFor } from "./waiting.js";'] if "waitFor(" in text else []
    return "\n".join(
        [
            f"// The methods of the client. {MARK}",
            "",
            'import { type Call, place, type RequestOptions, split } from "./call.js";',
            'import type { Postern } from "./client.js";',
            'import type { Download } from "./download.js";',
            'import { attach } from "./files.js";',
            'import type * as models from "./models.js";',
            'import { Pages } from "./pages.js";',
            'import { Streaming } from "./streaming.js";',
            *waiting,
            'import { WebhookVerifying } from "./webhooks.js";',
            *body,
        ]
    ) + "\n"


def rows_of(operation: Operation) -> list[tuple[str, Schema, str, bool]]:
    """The parameters beside the path and the body: name, schema, words, and whether it must be."""
    rows = []
    for row in [*operation.query, *operation.headers]:
        is_cursor = row.name == "cursor" and operation.answers[0].kind.endswith("page")
        if not is_cursor and not is_later(row.schema):
            rows.append((row.name, row.schema, row.says, row.required))
    if operation.takes_octets and not any(name.lower() == "content-type" for name, *_ in rows):
        rows.append(("content_type", {"type": "string"}, "The media type.", False))
    return rows


def params_name(operation: Operation) -> str:
    """The interface of the parameters of an operation, or of its options."""
    return f"{capital(operation.noun)}{capital(operation.verb)}{'Options' if is_download(operation) else 'Params'}"


def is_download(operation: Operation) -> bool:
    """Whether it gives octets and takes header fields alone, which are options beside others."""
    kinds = {answer.kind for answer in operation.answers}
    return kinds == {"octets"} and bool(operation.headers) and not (operation.query or operation.body)


def option(header: str) -> str:
    """A header field as the name of an option."""
    return camel(header.lower().replace("-", "_"))


def params(operation: Operation) -> list[str]:
    """The interface of the parameters of an operation, if it has any."""
    rows = rows_of(operation)
    if not rows and not operation.body:
        return []
    name = params_name(operation)
    parent = f" extends models.{operation.body}" if operation.body else ""
    if is_download(operation):
        rows = [(option(name), *more) for name, *more in rows]
        parent = " extends RequestOptions"
    lines = ["", *comment(f"The parameters of `{camel(operation.noun)}.{camel(operation.verb)}`.", 0)]
    lines.append(f"export interface {name}{parent} {{")
    for row, schema, says, required in rows:
        typed = kind(schema, True)
        if any(part.get("type") == "array" for part in parts(schema)):
            inner = next(part for part in parts(schema) if part.get("type") == "array")
            typed = f"{kind(inner['items'], True)} | {typed}"
        lines += comment(says, 2)
        lines.append(f"  {key(row)}{'' if required else '?'}: {typed};")
    return [*lines, "}"]


def returns(operation: Operation) -> tuple[str, str]:
    """The type that a method gives, and the expression that gives it."""
    kinds = {answer.kind for answer in operation.answers}
    names = list(dict.fromkeys(f"models.{name}" for answer in operation.answers for name in answer.schemas))
    if kinds == {"nothing"}:
        return "Promise<void>", "await this.client.object(call);"
    if kinds == {"text"}:
        return "Promise<string>", "return await this.client.text(call);"
    if kinds == {"octets"}:
        return "Promise<Uint8Array>", "return await this.client.octets(call);"
    if kinds == {"page"} or kinds == {"event_page"}:
        inner = " | ".join(names) or "unknown"
        follows = "true" if kinds == {"event_page"} else "false"
        return f"Pages<{inner}>", f"return new Pages<{inner}>(this.client, call, {follows});"
    if kinds <= {"object", "nothing"}:
        typed = " | ".join(names) + (" | null" if "nothing" in kinds else "")
        sent = "await waitFor(this.client, call, params?.timeout ?? 30)" if waits(operation) else "await this.client.object(call)"
        return f"Promise<{typed}>", f"return ({sent}) as {typed};"
    raise DocumentError(f"{operation.id}: answers of several kinds: {sorted(kinds)}")


def head(operation: Operation, name: str, given: str, extra: str = "") -> str:
    """The arguments of a method and what it gives."""
    arguments = [f"{camel(place.name)}: string" for place in operation.places]
    if operation.takes_octets:
        arguments.append("content: Uint8Array")
    rows = rows_of(operation)
    if is_download(operation):
        return f"{name}({', '.join([*arguments, f'options?: {params_name(operation)}'])}): {given}"
    if rows or operation.body:
        # Octets are an argument of their own.
        must = (operation.body and operation.body_required) or any(required for *_, required in rows)
        arguments.append(f"params{'' if must or extra else '?'}: {params_name(operation)}{extra}")
    return f"{name}({', '.join([*arguments, 'options?: RequestOptions'])}): {given}"


def method(operation: Operation) -> list[str]:
    """The lines of the method of an operation; two methods where the answer is octets."""
    given, expression = returns(operation)
    name = camel(operation.verb)
    lines = ["", *comment(f"{operation.summary}. {operation.says}", 2)]
    is_list = given.startswith("Pages<")
    has_trial = any(row == "dry_run" for row, *_ in rows_of(operation)) and len(operation.answers) == 2
    if has_trial:
        for answer, flag in zip(operation.answers, ("dry_run?: false", "dry_run: true")):
            lines.append(f"  {head(operation, name, f'Promise<models.{answer.schemas[0]}>', f' & {{ {flag} }}')};")
    lines += [f"  {'' if is_list else 'async '}{head(operation, name, given)} {{", *call_of(operation)]
    lines += [f"    {expression}", "  }"]
    if {answer.kind for answer in operation.answers} == {"octets"}:
        lines += ["", *comment(f"As `{name}`, while the octets come: iterate, or `save`.", 2)]
        lines.append(f"  async {head(operation, 'stream' + capital(operation.verb), 'Promise<Download>')} {{")
        lines += [*call_of(operation), "    return await this.client.download(call);", "  }"]
    return lines


def call_of(operation: Operation) -> list[str]:
    """The lines that make the request."""
    places = iter(operation.places)
    path = "".join(
        f"${{place({camel(next(places).name)})}}" if part.startswith("{") else part for part in operation.segments
    )
    quote = "`" if operation.places else '"'
    rows = [name for name, *_ in rows_of(operation)]
    headers = [row.name for row in operation.headers]
    lines: list[str] = []
    fields = [f'method: "{operation.http_method}"', f"path: {quote}{path}{quote}"]
    if is_download(operation):
        values = [f"{json.dumps(name)}: options?.{option(name)}" for name in headers]
        fields.append(f"headers: {{ {', '.join(values)} }}")
        return [f"    const call: Call = {{ {', '.join([*fields, 'options'])} }};"]
    if operation.body and rows:
        lines.append(f"    const [query, body] = split(params, {json.dumps(rows)});")
        fields += ["query", "body"]
    elif operation.body:
        lines.append("    const body: Record<string, unknown> = { ...params };")
        fields.append("body")
    elif rows:
        lines.append("    const query: Record<string, unknown> = { ...params };")
        fields.append("query")
    if operation.has_attachments:
        lines.append("    body.attachments = await attach(this.client, body.attachments);")
    taken = [*headers, *(["content_type"] if "content_type" in rows and operation.takes_octets else [])]
    if taken:
        lines.append(f"    const [named, others] = split(query, {json.dumps(taken)});")
        values = [f"{json.dumps(name)}: named[{json.dumps(name)}] as string | undefined" for name in headers]
        if "content_type" in taken:
            fallback = f" ?? {json.dumps(operation.media)}" if operation.media else ""
            values.append(f'"Content-Type": (named.content_type as string | undefined){fallback}')
        fields = [field if field != "query" else "query: others" for field in fields]
        fields.append(f"headers: {{ {', '.join(values)} }}")
    if operation.takes_octets:
        fields.append("content")
    return [*lines, f"    const call: Call = {{ {', '.join([*fields, 'options'])} }};"]

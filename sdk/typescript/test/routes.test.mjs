// Every operation of the OpenAPI document has a method, which asks for its path. POSTERN_OPENAPI names
// the document; without it there is nothing to compare.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { fake, fault } from "./fake.mjs";

const source = process.env.POSTERN_OPENAPI;
const camel = (name) => name.replace(/_([a-z0-9])/g, (_, c) => c.toUpperCase());

test("every operation has a method", { skip: !source && "POSTERN_OPENAPI names no document" }, async () => {
  let count = 0;
  for (const [path, methods] of Object.entries(JSON.parse(readFileSync(source, "utf8")).paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      if (operation.responses["101"]) continue; // A WebSocket has no method.
      const { client, requests } = fake(fault(418));
      const places = path.match(/\{[^}]*\}/g) ?? [];
      const examples = places.map((place) => `${operation.parameters.find(({ name }) => `{${name}}` === place).example}`);
      const [noun, verb] = operation["x-method"].split(".").map(camel);
      const body = operation.requestBody?.content ?? {};
      const example = body["application/json"]?.example ?? {};
      if (operation.requestBody && !body["application/json"]) examples.push(new Uint8Array(1));
      let found;
      if (`${noun}.${verb}` === "events.stream") {
        found = client.events.stream({ inbox: examples[0], tree: path.endsWith("/watch") }).next();
      } else {
        assert.equal(typeof client[noun]?.[verb], "function", operation.operationId);
        found = client[noun][verb](...examples, example);
        if (found.page) found = found.page();
      }
      await found.catch((error) => assert.equal(error.status, 418, `${operation.operationId}: ${error.stack}`));
      assert.equal(requests[0].method, method.toUpperCase());
      const pattern = path.split(/\{[^}]*\}/).map((part) => part.replace(/[.]/g, "\\.")).join("[^/]+");
      assert.match(requests[0].url.pathname, new RegExp(`^${pattern}$`), operation.operationId);
      count += 1;
    }
  }
  assert.ok(count > 60);
});

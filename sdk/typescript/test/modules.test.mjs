// The package as it is imported, required and typed.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import test from "node:test";
import * as esm from "postern";

test("import and require give the same names", () => {
  const cjs = createRequire(import.meta.url)("postern");
  assert.deepEqual(Object.keys(cjs).filter((name) => name !== "default").sort(), Object.keys(esm).sort());
  assert.ok(new cjs.Postern({ apiKey: "ap_sk_test" }).messages.send);
  assert.ok(new cjs.NotFoundError(404, {}, new Headers()) instanceof cjs.PosternError);
});

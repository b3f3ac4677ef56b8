// A server that answers from a list, and a client on it whose waits take no time.
import { Postern } from "postern";

/** An answer with JSON. */
export const ok = (body, status = 200, headers = {}) => () => new Response(JSON.stringify(body), { status, headers });

/** An answer that is an error of the API. */
export const fault = (status, code = "some_code", { headers = {}, ...fields } = {}) =>
  ok({ error: { code, message: "It is wrong.", hint: "Do it right.", request_id: "req_1", ...fields } }, status, headers);

/** A connection that breaks. */
export const broken = (message = "cut") => () => {
  throw new TypeError("fetch failed", { cause: new Error(message) });
};

/** A body in parts; an Error among them breaks it off. */
export const parts = (...all) => () =>
  new Response(
    new ReadableStream({
      pull(control) {
        const next = all.shift();
        if (next === undefined) control.close();
        else if (next instanceof Error) control.error(next);
        else control.enqueue(typeof next === "string" ? new TextEncoder().encode(next) : next);
      },
    }),
  );

/** A client with the steps that are left, the requests that came, and the waits that were wanted. */
export function fake(...steps) {
  const requests = [];
  const waits = [];
  const client = new Postern({
    apiKey: "ap_sk_test",
    baseUrl: "http://postern.test",
    fetch: async (url, init) => {
      requests.push({ url: new URL(url), method: init.method, headers: new Headers(init.headers), body: init.body });
      return steps.shift()();
    },
  });
  client.sleep = async (seconds) => void waits.push(seconds);
  return { client, requests, waits };
}

/** What a promise is rejected with. */
export const rejection = async (promise) => {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("it was not rejected");
};

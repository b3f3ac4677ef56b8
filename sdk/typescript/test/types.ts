// What programs write, as the compiler must take it with `strict`; and, marked, what it must refuse.
import { APIError, type Message, type Page, Postern, type Sent, type SendTrial, verify } from "postern";

export async function use(client: Postern): Promise<void> {
  const sent: Sent = await client.messages.send("a@b.example", { to: ["c@d.example"], send_at: new Date() });
  const trial: SendTrial = await client.messages.send("a@b.example", { to: "c@d.example", dry_run: true });
  const whole: Message = await client.messages.get("a@b.example", sent.id ?? "");
  for await (const message of client.messages.list("a@b.example", { unread: true })) {
    const flag: "answered" | "flagged" | "deleted" | "seen" | "draft" | undefined = message.flags[0];
    console.log(flag, whole.subject, trial.decision);
  }
  for await (const page of client.inboxes.list().pages()) {
    const same: Page<{ address: string }> = page;
    console.log(same.next_cursor);
  }
  for await (const event of client.events.stream("a@b.example", 7)) {
    if (event.type === "message.received") console.log(event.message?.from?.address);
  }
  const csv: string = await client.inboxes.exportCredentials();
  const octets: Uint8Array = await client.messages.raw("a@b.example", "msg_1", { timeoutMs: 5 });
  const part: Uint8Array = await client.messages.raw("a@b.example", "msg_1", { range: "bytes=0-9", timeoutMs: 5 });
  console.log(part);
  const webhook: unknown = await verify(octets, new Headers(), csv);
  console.log(webhook);
  try {
    await client.inboxes.delete("a@b.example");
  } catch (error) {
    if (error instanceof APIError) console.log(error.status, error.code, error.hint, error.requestId);
  }
  // @ts-expect-error: there is no such field
  await client.messages.send("a@b.example", { recipients: [] });
  // @ts-expect-error: a key needs scopes
  await client.keys.create({});
  // @ts-expect-error: there is no such option
  new Postern({ key: "ap_sk" });
}

import type { FileInput } from "./files.js";
/** An address with the name of a person. */
export interface NamedAddress {
    name?: string | null;
    address: string;
}
/** A key to make. */
export interface NewKey {
    /** A name for people. */
    label?: string | null;
    /** What the key may do; only scopes that the key of the request has itself. */
    scopes: Array<"messages:read" | "messages:write" | "inboxes:read" | "inboxes:write" | "events:read" | "rules:write" | "webhooks:write" | "domains:write" | "keys:write" | "approve" | "admin">;
    /**
     * Binds the key to these inboxes, 1 to 1,000. Without it the key sees what the key of the
     * request sees.
     */
    inboxes?: string[] | null;
    /**
     * Whether the key also covers the sub-agents of these inboxes, present and future. With
     * `inboxes:write` it then makes inboxes under them.
     */
    subtree?: boolean | null;
    /** When the key ends; never later than the key of the request. */
    expires_at?: string | Date | null;
}
/** An own domain to add. */
export interface NewDomain {
    /** Its name, in Unicode or punycode, with at least one dot. */
    name: string;
    /** Verifies it at once, by the operator's word; only with the operator's token. */
    trusted?: boolean | null;
}
/** A change of a domain. */
export interface DomainPatch {
    /** The inbox that gets mail for names at the domain that no inbox has; null: none does. */
    catch_all?: string | null;
}
/** An organization to make. */
export interface NewOrganization {
    /** A name for people. */
    name: string;
}
/** A change of the policy of an organization. */
export interface OrganizationPatch {
    /** The least strict mode of its inboxes: an inbox keeps its own mode where that is stricter. */
    send_mode?: "direct" | "hold" | "draft" | "off" | null;
    /** How many days its inboxes keep a message; an inbox may keep it for less. Null is for ever. */
    retention_days?: number | null;
}
/** An inbox to make. Every field may be left out. */
export interface NewInbox {
    /**
     * What stands before the @: exactly this on an own domain, and with a hyphen and six random
     * characters behind it on the shared one.
     */
    username?: string | null;
    /** An own domain that is verified; without it the shared domain of the server. */
    domain?: string | null;
    /** Shown as the name of the sender. */
    display_name?: string | null;
    /** Makes it a sub-agent of this inbox; at most eight levels. */
    parent?: string | null;
    /** Your own id for it. A second request with the same one gets the inbox that exists. */
    client_id?: string | null;
    /** Your own object, given back with the inbox. */
    metadata?: Record<string, unknown> | null;
    /**
     * What happens to mail that it sends: it leaves, waits for an approval when a recipient is
     * outside the organization, becomes a draft, or is refused. That of the organization may be
     * stricter. To make it less strict needs `approve`.
     */
    send_mode?: "direct" | "hold" | "draft" | "off" | null;
    /**
     * What happens to mail of senders that it does not know: `allow` takes it, `screen` puts it
     * into Junk with the label `$Screened`, `reject` refuses it. It knows those that it has
     * written to, those that were admitted, and its own organization.
     */
    receive_default?: "allow" | "screen" | "reject" | null;
    /** When it ends with all of its mail and everything under it. */
    expires_at?: string | Date | null;
    /**
     * How many days it keeps a message; not more than its organization. Without it what the
     * organization has, or for ever.
     */
    retention_days?: number | null;
    /** How many octets it may store; not more than `inbox_bytes` of the limits. */
    quota_bytes?: number | null;
    /**
     * Limits of its own, each stricter than what holds for every inbox. What is left out is that
     * of `parent`.
     */
    limits?: InboxLimitsPatch | null;
    /** The account elsewhere that the inbox is. Its address is that of the account. */
    upstream?: NewUpstream | null;
}
/** An account elsewhere, by IMAP. */
export interface NewUpstream {
    /** The IMAP server. */
    host: string;
    /** Its port, 993 or 143. */
    port: number;
    /** When TLS begins; the certificate must verify in either case. */
    tls: "implicit" | "starttls";
    /** The user of the account. */
    user: string;
    /** The password, or one for this program alone. It is never shown again. */
    password?: string | null;
    /** In place of a password. */
    oauth?: NewUpstreamOAuth | null;
    /**
     * The address of the account, where it is not `user`. Its domain may be anyone's, but not one
     * of this server.
     */
    address?: string | null;
    /** The server by which it sends. Without it sending is refused. */
    smtp?: NewUpstreamSmtp | null;
}
/** The server by which an account elsewhere sends. */
export interface NewUpstreamSmtp {
    /** The SMTP server. */
    host: string;
    /** Its port: 465, 587, 2525 or 25. */
    port: number;
    /** When TLS begins. */
    tls: "implicit" | "starttls";
    /** The user there; without it that of the account. */
    user?: string | null;
    /** The password there; without it the account logs in as over IMAP. */
    password?: string | null;
}
/** How an account elsewhere gets access tokens (RFC 6749 section 6). */
export interface NewUpstreamOAuth {
    /** The URL of the token server. */
    token_url: string;
    /** The client that was authorized. */
    client_id: string;
    /** Its secret; a public client has none. It is never shown again. */
    client_secret?: string | null;
    /**
     * The refresh token. It is never shown again. Where the token server changes it, the new one
     * is kept.
     */
    refresh_token: string;
}
/**
 * A change of the limits of an inbox. What is left out stays; null takes what holds for every
 * inbox.
 */
export interface InboxLimitsPatch {
    /** Messages that it may send in a day. */
    sends_per_day?: number | null;
    /** Addresses outside that it may write to in a day and has not written to in 90 days. */
    new_recipients_per_day?: number | null;
    /** Messages that it may receive in a minute, in bursts of ten times as many. */
    receives_per_minute?: number | null;
    /** IMAP sessions that it may have at once. */
    imap_sessions?: number | null;
}
/** Nothing is needed: the body may be empty, or an object without fields. */
export interface NewCredentials {
}
/** A change of an inbox. What is left out stays; null clears. */
export interface InboxPatch {
    /** Shown as the name of the sender. */
    display_name?: string | null;
    /** The inbox that it is a sub-agent of. */
    parent?: string | null;
    /** Your own object, which replaces the one before. */
    metadata?: Record<string, unknown> | null;
    /**
     * What happens to mail that it sends: it leaves, waits for an approval when a recipient is
     * outside the organization, becomes a draft, or is refused. That of the organization may be
     * stricter. To make it less strict needs `approve`.
     */
    send_mode?: "direct" | "hold" | "draft" | "off" | null;
    /**
     * What happens to mail of senders that it does not know: `allow` takes it, `screen` puts it
     * into Junk with the label `$Screened`, `reject` refuses it. It knows those that it has
     * written to, those that were admitted, and its own organization.
     */
    receive_default?: "allow" | "screen" | "reject" | null;
    /** When it ends with all of its mail and everything under it. */
    expires_at?: string | Date | null;
    /**
     * How many days it keeps a message; not more than its organization. Without it what the
     * organization has, or for ever.
     */
    retention_days?: number | null;
    /** How many octets it may store; not more than `inbox_bytes` of the limits. */
    quota_bytes?: number | null;
    /**
     * Limits of its own, each stricter than what holds for every inbox. Null takes all of them
     * away.
     */
    limits?: InboxLimitsPatch | null;
    /** A change of its account elsewhere. An inbox gets one only when it is made. */
    upstream?: UpstreamPatch | null;
}
/**
 * A change of an account elsewhere. What is left out stays. With another host the secrets are
 * given again.
 */
export interface UpstreamPatch {
    /** The IMAP server. */
    host?: string | null;
    /** Its port. */
    port?: number | null;
    /** When TLS begins. */
    tls?: "implicit" | "starttls" | null;
    /** The user of the account. */
    user?: string | null;
    /** A new password. */
    password?: string | null;
    /** In place of a password. */
    oauth?: NewUpstreamOAuth | null;
    /** The server by which it sends; null is none. */
    smtp?: NewUpstreamSmtp | null;
}
/** A message to send. At least one of `to`, `cc` and `bcc` names a recipient. */
export interface NewMessage {
    /** Recipients. */
    to?: string | NamedAddress | Array<string | NamedAddress> | null;
    /** Recipients of a copy. */
    cc?: string | NamedAddress | Array<string | NamedAddress> | null;
    /** Recipients that no recipient sees. */
    bcc?: string | NamedAddress | Array<string | NamedAddress> | null;
    /** Where answers go. */
    reply_to?: string | NamedAddress | Array<string | NamedAddress> | null;
    /** The subject. */
    subject?: string | null;
    /** The text. */
    text?: string | null;
    /** The same as HTML. */
    html?: string | null;
    /**
     * The same as Markdown (CommonMark with tables), in place of `text` and `html`: it makes
     * both. HTML in it is shown as it is written.
     */
    markdown?: string | null;
    /** Header fields `X-*` and `List-*`. */
    headers?: Record<string, unknown> | Array<Record<string, unknown>> | null;
    /** Files. */
    attachments?: Array<NewAttachment | FileInput> | null;
    /** Labels of the copy in Sent. */
    labels?: string[] | null;
    /** When your copy ends; a recipient outside that has not got it by then is given up. */
    expires_at?: string | Date | null;
    /**
     * When it leaves, at most a year ahead; a time up to a minute ago is now. Until then it
     * stands in Drafts with the label `$Scheduled`; deleting it cancels it.
     */
    send_at?: string | Date | null;
    /**
     * Your own object. It comes back in the copy in Sent, in the queue, in events about the
     * message, and as `in_reply_to_metadata` in what answers it; no recipient sees it.
     */
    metadata?: Record<string, unknown> | null;
}
/**
 * A file to send with a message: its octets, the id of an upload, or an attachment of a stored
 * message.
 */
export interface NewAttachment {
    /** An upload, in place of `content`. Its name and its media type hold where none is given. */
    upload_id?: string | null;
    /** Its media type; without it, what the ending of its name says. */
    content_type?: string | null;
    /** Its octets in base64; needed where there is neither `upload_id` nor `from_message`. */
    content?: string | null;
    /**
     * A message whose attachment `id` it is, in place of `content`. Its name and its media type
     * hold where none is given. The key needs `messages:read` for it.
     */
    from_message?: string | null;
    /** The attachment of `from_message`. */
    id?: string | null;
    /** The inbox that has `from_message`; without it, the one that sends. */
    from_inbox?: string | null;
    /** Its name. */
    filename?: string | null;
    /** Its Content-ID, by which HTML names it, here as `cid:hello`. */
    content_id?: string | null;
    /** Whether it is meant to be shown within the text; without it, what has a `content_id` is. */
    inline?: boolean | null;
}
/** Messages to import. */
export interface NewImports {
    /** The messages. They get their places in the folders in this order. */
    messages: NewImport[];
}
/** A message to import. */
export interface NewImport {
    /**
     * Its octets in base64, as they are to be stored. Without it the answer only says whether the
     * message was imported already.
     */
    raw?: string | null;
    /**
     * Your name for it: an inbox imports each name once, for ever. Without it the octets and the
     * folder are the name.
     */
    import_id?: string | null;
    /** The folder that it goes to, which is there. */
    folder?: string | null;
    /** Its system flags. */
    flags?: Array<"answered" | "flagged" | "deleted" | "seen" | "draft"> | null;
    /** Its labels; one that is none refuses the message alone. */
    labels?: string[] | null;
    /** When it was received; now where it is left out. */
    received_at?: string | Date | null;
}
/** A change of many messages of an inbox. What is left out stays. */
export interface MessageBatch {
    /** The messages by their ids, at most 1,000. An unknown id has an error of its own. */
    ids: string[];
    /** Labels to add. */
    add_labels?: string[] | null;
    /** Labels to take away. */
    remove_labels?: string[] | null;
    /** Whether they have been read. */
    seen?: boolean | null;
    /** Whether they are marked as important. */
    flagged?: boolean | null;
    /** The folder to move them to. */
    folder?: string | null;
    /** Move them to Trash. */
    delete?: boolean | null;
    /** With `delete`: delete them for good. */
    permanent?: boolean | null;
}
/** A change of a message. What is left out stays. */
export interface MessagePatch {
    /** Labels to add. */
    add_labels?: string[] | null;
    /** Labels to take away. */
    remove_labels?: string[] | null;
    /** Whether it has been read. */
    seen?: boolean | null;
    /** Whether it is marked as important. */
    flagged?: boolean | null;
    /** The folder to move it to. */
    folder?: string | null;
    /** When it ends by itself; null: it does not. */
    expires_at?: string | Date | null;
}
/** Nothing is needed: the body may be empty, or an object without fields. */
export interface Said {
}
/** How an inbox judges mail. All of it is replaced. */
export interface NewSpamSettings {
    /** The version that is replaced, so that no change of another client is lost. */
    version: number;
    /** The score from which a message is suspicious. */
    suspicious: number;
    /** The score from which it is spam; not below `suspicious`. */
    spam: number;
    /**
     * What becomes of spam: `tag` leaves it where it would be, `junk` moves it to Junk before
     * anyone hears of it, `reject` refuses it in the session.
     */
    policy: "tag" | "junk" | "reject";
    /**
     * The weights of rules, by their names, that are to differ from the usual ones; 0 switches a
     * rule off.
     */
    weights?: Record<string, unknown> | null;
    /** Texts that are read leave out what tries to give orders to an agent. */
    redact?: boolean | null;
    /** As it was read. It changes nothing. */
    lessons_wanted?: number | null;
    /** As it was read. It changes nothing. */
    lessons_spam?: number | null;
}
/**
 * An answer. Its recipients, its subject and its place in the conversation come from the
 * message that it answers. The text of that message is not quoted.
 */
export interface NewReply {
    /** More recipients of a copy. */
    cc?: string | NamedAddress | Array<string | NamedAddress> | null;
    /** Recipients that no recipient sees. */
    bcc?: string | NamedAddress | Array<string | NamedAddress> | null;
    /** The text. */
    text?: string | null;
    /** The same as HTML. */
    html?: string | null;
    /** The same as Markdown, in place of `text` and `html`. */
    markdown?: string | null;
    /** Header fields `X-*` and `List-*`. */
    headers?: Record<string, unknown> | Array<Record<string, unknown>> | null;
    /** Files. */
    attachments?: Array<NewAttachment | FileInput> | null;
    /** Labels of the copy in Sent. */
    labels?: string[] | null;
    /** When it leaves, as for a new message. */
    send_at?: string | Date | null;
    /** When your copy ends, as for a new message. */
    expires_at?: string | Date | null;
    /** Your own object, as for a new message. */
    metadata?: Record<string, unknown> | null;
}
/**
 * A message that is handed on: your own words, then its header fields and its text. Its
 * attachments go with it, before those that you add.
 */
export interface NewForward {
    /** Recipients. */
    to: string | NamedAddress | Array<string | NamedAddress>;
    /** Recipients of a copy. */
    cc?: string | NamedAddress | Array<string | NamedAddress> | null;
    /** Recipients that no recipient sees. */
    bcc?: string | NamedAddress | Array<string | NamedAddress> | null;
    /** Your own words. */
    text?: string | null;
    /** The same as HTML. */
    html?: string | null;
    /** The same as Markdown, in place of `text` and `html`. */
    markdown?: string | null;
    /** Header fields `X-*` and `List-*`. */
    headers?: Record<string, unknown> | Array<Record<string, unknown>> | null;
    /** More files. */
    attachments?: Array<NewAttachment | FileInput> | null;
    /** Labels of the copy in Sent. */
    labels?: string[] | null;
    /** When it leaves, as for a new message. */
    send_at?: string | Date | null;
    /** When your copy ends, as for a new message. */
    expires_at?: string | Date | null;
    /** Your own object, as for a new message. */
    metadata?: Record<string, unknown> | null;
}
/** A draft. Every field may come later. */
export interface NewDraft {
    /** Recipients. */
    to?: string | NamedAddress | Array<string | NamedAddress> | null;
    /** Recipients of a copy. */
    cc?: string | NamedAddress | Array<string | NamedAddress> | null;
    /** Recipients that no recipient sees. */
    bcc?: string | NamedAddress | Array<string | NamedAddress> | null;
    /** Where answers go. */
    reply_to?: string | NamedAddress | Array<string | NamedAddress> | null;
    /** The subject. */
    subject?: string | null;
    /** The text. */
    text?: string | null;
    /** The same as HTML. */
    html?: string | null;
    /** The same as Markdown, in place of `text` and `html`. */
    markdown?: string | null;
    /** Header fields `X-*` and `List-*`. */
    headers?: Record<string, unknown> | Array<Record<string, unknown>> | null;
    /** Files. */
    attachments?: Array<NewAttachment | FileInput> | null;
    /** Its labels; the copy in Sent keeps them. */
    labels?: string[] | null;
    /** Your own object, as for a message that is sent. */
    metadata?: Record<string, unknown> | null;
    /**
     * The message of the inbox that it answers: it stands in that conversation, and gets its
     * recipients and its subject where it names none. The key needs `messages:read` for it.
     */
    in_reply_to?: string | null;
}
/** A change of a draft. What is left out stays as it is, also what a mail client has put there. */
export interface DraftPatch {
    /** All recipients that it then has. */
    to?: string | NamedAddress | Array<string | NamedAddress> | null;
    /** All recipients of a copy. */
    cc?: string | NamedAddress | Array<string | NamedAddress> | null;
    /** All hidden recipients. */
    bcc?: string | NamedAddress | Array<string | NamedAddress> | null;
    /** Where answers go. */
    reply_to?: string | NamedAddress | Array<string | NamedAddress> | null;
    /** The subject. */
    subject?: string | null;
    /**
     * The text. Given without `html` it is the whole content, and the HTML of the draft goes;
     * null takes the text away and leaves the HTML.
     */
    text?: string | null;
    /**
     * The HTML. Given without `text` it is the whole content, and the text of the draft goes;
     * null takes the HTML away and leaves the text.
     */
    html?: string | null;
    /** Text and HTML as Markdown, in place of both. */
    markdown?: string | null;
    /** Header fields `X-*` and `List-*`, which replace those of the same names. */
    headers?: Record<string, unknown> | Array<Record<string, unknown>> | null;
    /** All files that it then has; an empty list takes them away. */
    attachments?: DraftAttachment[] | null;
    /** All labels that it then has. */
    labels?: string[] | null;
    /** Your own object; null takes it away. */
    metadata?: Record<string, unknown> | null;
}
/**
 * A file of a draft: one that it has, by its `id`, or a new one with `content`, `upload_id` or
 * `from_message`.
 */
export interface DraftAttachment {
    /** An attachment of the draft, which stays as it is; with `from_message` one of that message. */
    id?: string | null;
    /** An upload. */
    upload_id?: string | null;
    /** A message whose attachment it is to get. The key needs `messages:read` for it. */
    from_message?: string | null;
    /** The inbox that has `from_message`; without it, that of the draft. */
    from_inbox?: string | null;
    /** Its media type; without it, what the ending of its name says. */
    content_type?: string | null;
    /** Its octets in base64. */
    content?: string | null;
    /** Its name. */
    filename?: string | null;
    /** Its Content-ID, by which HTML names it. */
    content_id?: string | null;
    /** Whether it is meant to be shown within the text. */
    inline?: boolean | null;
}
/** When the draft leaves. Without a body it leaves now. */
export interface DraftSend {
    /** When it leaves, as for a new message. */
    send_at?: string | Date | null;
}
/** A folder to make. */
export interface NewFolder {
    /** Its name; the levels above it are made too where they are missing. */
    name: string;
}
/** A change of a folder. */
export interface FolderPatch {
    /** Its new name. */
    name: string;
}
/** A rule to try. */
export interface RuleTrial {
    /** The rule. */
    rule: NewRule;
    /** How many matches at most. */
    limit?: number | null;
}
/** A rule to make. */
export interface NewRule {
    /** A line for people. */
    name?: string | null;
    /** Whether it is asked. */
    enabled?: boolean | null;
    /** Rules with a smaller number are asked first; of equal ones the older. */
    priority?: number | null;
    /** No later rule is asked when it has matched, as with the action `stop`. */
    stop?: boolean | null;
    /** When it matches. */
    when: RuleWhen;
    /**
     * What it does then: `mark_seen`, `flag`, `delete` (to Trash), `stop`, or an action with
     * arguments.
     */
    then: Array<"mark_seen" | "flag" | "delete" | "stop" | RuleAction>;
}
/** One action that has arguments: exactly one of these. */
export interface RuleAction {
    /** Stores it in another folder. Of several rules the first holds. */
    move?: RuleMove | null;
    /** Changes its labels. */
    label?: RuleLabel | null;
    /** The priority in its event. Of several rules the first holds. */
    priority?: "high" | "normal" | "low" | null;
    /** Sends it on as it is, from the inbox, with a copy in Sent. */
    forward?: RuleForward | null;
    /**
     * Answers its sender, unless it is a machine, a list or spam. Of several rules the first
     * holds.
     */
    auto_reply?: RuleAutoReply | null;
}
/**
 * An answer (RFC 3834). Its texts may have `{{from.name}}`, `{{from.address}}`, `{{subject}}`
 * and `{{inbox.address}}` in them.
 */
export interface RuleAutoReply {
    /** The subject. */
    subject?: string | null;
    /** The text; `text` or `html` is needed. */
    text?: string | null;
    /** The same as HTML. */
    html?: string | null;
    /**
     * How long a sender gets no other answer of the inbox: a number with `m`, `h` or `d`, from 1
     * hour to 366 days.
     */
    once_per?: string | null;
}
/** Sends a message on. Policy and budgets of sending hold. */
export interface RuleForward {
    /** The addresses, at most 10. */
    to: string[];
}
/** Changes the labels of a message. */
export interface RuleLabel {
    /** Labels that it gets. */
    add?: string[] | null;
    /** Labels that it loses. */
    remove?: string[] | null;
}
/** Stores a message in another folder. */
export interface RuleMove {
    /** The folder. */
    folder: string;
    /**
     * Whether it is made when it does not exist; without it the message stays in INBOX, and the
     * event says why.
     */
    create?: boolean | null;
}
/** When a rule matches: `all` or `any` of some conditions. `all` of none matches every message. */
export interface RuleWhen {
    /** Every condition must hold. */
    all?: RuleCondition[] | null;
    /** One condition is enough. */
    any?: RuleCondition[] | null;
}
/**
 * One condition. Texts compare without regard to case, on decoded values; of a field that
 * stands several times, or has several addresses, one is enough.
 */
export interface RuleCondition {
    /**
     * `from`, `to`, `cc`, `subject`, `body`, `header:NAME`, `size` (octets), `has_attachment`,
     * `list_id`, `verdict`, `score` or `auth.dmarc`.
     */
    field: string;
    /** `matches` is a regular expression. `exists` with `false` is the contrary. */
    op: "is" | "contains" | "domain_is" | "matches" | "greater" | "less" | "exists";
    /** A text, a number or true or false, as the field and `op` need it; only `exists` needs none. */
    value?: string | number | boolean | null;
}
/** A change of a rule. What is absent stays. */
export interface RulePatch {
    /** A line for people. */
    name?: string | null;
    /** Whether it is asked. */
    enabled?: boolean | null;
    /** Rules with a smaller number are asked first; of equal ones the older. */
    priority?: number | null;
    /** No later rule is asked when it has matched. */
    stop?: boolean | null;
    /** When it matches. */
    when?: RuleWhen | null;
    /** What it does then. */
    then?: Array<"mark_seen" | "flag" | "delete" | "stop" | RuleAction> | null;
}
/** What leaves instead of what was held. Without any field the message leaves as it is. */
export interface ApprovalEdit {
    /** Another subject. */
    subject?: string | null;
    /** Another text. Without `html` the HTML part goes. */
    text?: string | null;
    /** Another HTML part. Without `text` the plain text goes. */
    html?: string | null;
    /** The hash that you were shown: another message is 409. */
    sha256?: string | null;
}
/** Why the message does not leave. */
export interface ApprovalDecline {
    /** Your reason. */
    reason?: string | null;
}
/** A filter rule to make. */
export interface NewFilterRule {
    /** `send`: mail that leaves for the address. `receive`: mail that comes from it. */
    direction: "send" | "receive";
    /** `block` refuses the mail. `allow` lets it pass where a wider rule blocks. */
    action: "allow" | "block";
    /** `domain` is the domain exactly; `subdomain_wildcard` is every domain below it. */
    match_type: "address" | "domain" | "subdomain_wildcard";
    /** An address or a domain. */
    value: string;
    /** The inbox that it holds for; without it, every inbox of the organization. */
    inbox?: string | null;
}
/** An address to suppress. */
export interface NewSuppression {
    /** The address. */
    address: string;
    /** Why, in your words. */
    source?: string | null;
}
/** Entries of the list of known spam. */
export interface NewSpamSignatures {
    /** The name of the list that they come from. */
    source: string;
    /**
     * At most 500 lines, each `body`, `link` or `attachment` and SHA-256 in hexadecimal digits.
     * In place of the hash of a link, the link may stand there. `#` begins a comment.
     */
    entries: string;
}
/** An event that is done. */
export interface EventAck {
    /**
     * The consumer group. Without it you say that you have all events up to `id`, and that you
     * read no more of the streams of this key that have told `closing`: the server need not wait
     * for them.
     */
    group?: string | null;
    /** The number of the event. */
    id: number;
}
/** Which events come again. */
export interface EventReplay {
    /** The numbers of events that were set aside; without them, all of the group. */
    ids?: number[] | null;
}
/** A webhook to make. */
export interface NewWebhook {
    /** Where events are sent by POST: https, a public host, port 443 or 8443. */
    url: string;
    /** Only events of these types. */
    types?: Array<"message.received" | "message.sent" | "message.delivered" | "message.deferred" | "message.bounced" | "message.rejected" | "loop.suspected" | "message.held" | "message.approved" | "message.declined" | "message.updated" | "message.deleted" | "message.auto_replied" | "inbox.created" | "inbox.updated" | "inbox.deleted" | "domain.verified" | "webhook.disabled"> | null;
    /** Only events of this inbox; below one, it can be no other. */
    inbox?: string | null;
    /** Only messages from this address or this domain; needs `messages:read`. */
    from?: string | null;
    /** Only messages with this label. */
    label?: string | null;
    /** Only messages with this verdict. */
    verdict?: "clean" | "suspicious" | "spam" | null;
    /**
     * `full` puts the message object in, with up to 16,384 characters of each text; it needs
     * `messages:read`.
     */
    include?: "summary" | "full" | null;
    /** Your own object. */
    metadata?: Record<string, unknown> | null;
}
/** A change of a webhook. What is absent stays. */
export interface WebhookPatch {
    /** Where events are sent. */
    url?: string | null;
    /** Only events of these types; none is all. */
    types?: Array<"message.received" | "message.sent" | "message.delivered" | "message.deferred" | "message.bounced" | "message.rejected" | "loop.suspected" | "message.held" | "message.approved" | "message.declined" | "message.updated" | "message.deleted" | "message.auto_replied" | "inbox.created" | "inbox.updated" | "inbox.deleted" | "domain.verified" | "webhook.disabled"> | null;
    /** Only events of this inbox; null is all. */
    inbox?: string | null;
    /** Only messages from there; null is all. */
    from?: string | null;
    /** Only messages with this label; null is all. */
    label?: string | null;
    /** Only messages with this verdict. */
    verdict?: "clean" | "suspicious" | "spam" | null;
    /** `summary` or `full`. */
    include?: "summary" | "full" | null;
    /** Your own object. */
    metadata?: Record<string, unknown> | null;
    /** `true` revives one that was disabled: what has waited in the log is sent. */
    enabled?: boolean | null;
}
/** From when on events are sent again. */
export interface RedeliverSince {
    /** Events at or after this time. */
    since: string | Date;
}
/** A recipient to whom policy lets nothing leave. */
export interface RefusedRecipient {
    /** The address. */
    address: string;
    /** The code of the reason. */
    reason: string;
    /** The rule that refuses, where it is one. */
    rule?: string;
    /** What to do. */
    fix: string;
}
/** How the server is. */
export interface Status {
    /** `ok` or `ready`. */
    status: "ok" | "ready";
}
/** The key of the request, its organization, usage and limits. */
export interface Me {
    /** The organization. */
    org: MyOrganization;
    /** The key. */
    key: MyKey;
    /** What has been used. */
    usage: Usage;
    /** What is left of the budgets of this day. */
    left: BudgetsLeft;
    /** What there may be. */
    limits: Limits;
    /** Where mail programs connect. */
    endpoints: Endpoints;
}
/** Where mail programs connect; a port of 0 is not offered. */
export interface Endpoints {
    /** The host of IMAP. */
    imap_host: string;
    /** IMAP with TLS from the first octet. */
    imap_port: number;
    /** IMAP with STARTTLS. */
    imap_starttls_port: number;
    /** The host of SMTP. */
    smtp_host: string;
    /** Submission with TLS from the first octet. */
    smtp_port: number;
    /** Submission with STARTTLS. */
    smtp_starttls_port: number;
}
/** The limits that hold for the organization. */
export interface Limits {
    /** Octets of one message. */
    message_bytes: number;
    /** Octets stored in one inbox. */
    inbox_bytes: number;
    /** Octets stored in the organization. */
    org_bytes: number;
    /** Inboxes of the organization. */
    inboxes: number;
    /** Keys that are not revoked. */
    keys: number;
    /** Own domains. */
    domains: number;
    /** Messages that one inbox may send in a day. */
    inbox_sends_per_day: number;
    /** Messages that the organization may send in a day. */
    org_sends_per_day: number;
    /** Messages that one key may send in a day. */
    key_sends_per_day: number;
    /** Addresses outside that one inbox may write to in a day and has not written to in 90 days. */
    inbox_new_recipients_per_day: number;
    /** Requests of one key in a minute. */
    requests_per_minute: number;
    /** Event streams of one key. */
    streams_per_key: number;
    /** Event streams of the organization. */
    streams_per_org: number;
    /** Days for which the log keeps an event. */
    event_days: number;
}
/** What is left of the budgets of this UTC day, each named as its limit. */
export interface BudgetsLeft {
    /** Messages of the organization; null for a key that may not see all of them. */
    org_sends_per_day: number | null;
    /** Messages of the key; null where it may send as many as its organization. */
    key_sends_per_day: number | null;
    /** Messages of the inbox; null where none is named and the key is not bound to one. */
    inbox_sends_per_day: number | null;
    /** Addresses outside that the inbox has not written to in 90 days; null likewise. */
    inbox_new_recipients_per_day: number | null;
    /** When they begin anew. */
    renews_at: string;
}
/** What the organization has used. */
export interface Usage {
    /** How many inboxes there are. */
    inboxes: number;
    /** How many messages are stored. */
    messages: number;
    /** How many octets they take. */
    bytes: number;
    /**
     * The same with what their rows cost on disk, which `org_bytes` limits; null for a key that
     * may not see all of them.
     */
    stored_bytes: number | null;
    /** How many recipients outside are waiting; null for a key that may not see all of them. */
    outbound: number | null;
    /** How many messages were sent in this UTC day; null for a key that may not see all of them. */
    sent_today: number | null;
    /** The number of the newest event of the log. */
    seq: number;
}
/** The key of the request. */
export interface MyKey {
    /** Its id. */
    id: string;
    /** What it may do. */
    scopes: Array<"messages:read" | "messages:write" | "inboxes:read" | "inboxes:write" | "events:read" | "rules:write" | "webhooks:write" | "domains:write" | "keys:write" | "approve" | "admin">;
    /** The inboxes that it is bound to; null when it sees all of the organization. */
    inboxes: string[] | null;
    /** The addresses of these inboxes, in their order; null when it sees all of the organization. */
    addresses: string[] | null;
    /** Whether it also covers the sub-agents of these inboxes. */
    subtree: boolean;
    /** When it ends. */
    expires_at: string | null;
}
/** The organization of the key. */
export interface MyOrganization {
    /** Its id. */
    id: string;
    /** A name for people. */
    name: string;
}
/** What was used, day by day, and the limits. */
export interface UsageReport {
    /** One row for each day, today first. */
    data: UsageDay[];
    /** What there may be. */
    limits: UsageLimits;
}
/** The limits that hold for what is counted; null where there is none of its kind. */
export interface UsageLimits {
    /** Messages that may be sent in a day. */
    sends_per_day: number;
    /** Octets that may be stored. */
    stored_bytes: number;
    /** Requests of all keys in a minute. */
    requests_per_minute: number | null;
    /** Messages that the inbox may receive in a minute. */
    receives_per_minute: number | null;
    /** Addresses outside that the inbox may write to in a day for the first time in a while. */
    new_recipients_per_day: number | null;
}
/** What was used on one day. */
export interface UsageDay {
    /** The day, in UTC. */
    day: string;
    /** Messages that were sent, also those that wait. */
    sent: number;
    /** Messages that have come in. */
    received: number;
    /**
     * Requests with a key of the organization; null for an inbox. A crash of the server can lose
     * those of its last minutes.
     */
    requests: number | null;
    /** Events of the log. */
    events: number;
    /**
     * Octets that were stored at the end of the day, with what rows cost on disk; today, those of
     * now. Null where it is not known.
     */
    stored_bytes: number | null;
}
/**
 * An act: a change of keys, inboxes, domains, lists, approvals or the organization, or a
 * message that was sent.
 */
export interface AuditEntry {
    /** Its id. */
    id: string;
    /** When it was done. */
    time: string;
    /** What was done. */
    action: "message.sent" | "message.scheduled" | "message.held" | "message.drafted" | "message.admitted" | "messages.imported" | "approval.approved" | "approval.declined" | "key.created" | "key.revoked" | "credentials.created" | "inbox.created" | "inbox.updated" | "inbox.deleted" | "domain.created" | "domain.trusted" | "domain.checked" | "domain.dkim_rotated" | "domain.updated" | "domain.deleted" | "filter_rule.created" | "filter_rule.deleted" | "suppression.created" | "suppression.deleted" | "org.created" | "org.updated" | "org.paused" | "org.resumed" | "outbound.retried" | "outbound.cancelled" | "rule.created" | "rule.updated" | "rule.deleted" | "inbox.spam_updated" | "message.spam" | "message.not_spam" | "org.learned_forgotten" | "webhook.created" | "webhook.updated" | "webhook.deleted" | "webhook.sent";
    /** Who has done it: a key of the organization, or the operator of the server. */
    actor: "key" | "operator";
    /** The key that has done it; null for the operator. */
    key: string | null;
    /**
     * The id of what it was done to; null where it was done to many things. A message that was
     * sent without a copy has the id of its inbox.
     */
    target: string | null;
    /**
     * The request, as its `X-Request-Id` says; `smtp_` and `imap_` are sessions of these; null
     * for a command on the data folder.
     */
    request_id: string | null;
}
/** A key that has just been made, with its secret. */
export interface MadeKey {
    /** Its id. */
    id: string;
    /** The beginning of its text, which is no secret. */
    prefix: string;
    /** A name for people. */
    label: string | null;
    /** What it may do. */
    scopes: Array<"messages:read" | "messages:write" | "inboxes:read" | "inboxes:write" | "events:read" | "rules:write" | "webhooks:write" | "domains:write" | "keys:write" | "approve" | "admin">;
    /** The inboxes that it is bound to; null when it sees all of the organization. */
    inboxes: string[] | null;
    /** Whether it also covers the sub-agents of these inboxes. */
    subtree: boolean;
    /** When it was made. */
    created_at: string;
    /** When it ends. */
    expires_at: string | null;
    /** When it was revoked; it is kept for the record. */
    revoked_at: string | null;
    /** The key itself, shown here and never again; null in a replay. */
    key: string | null;
    /** Why the key is not here. */
    note?: string;
}
/** A key, without its secret. */
export interface Key {
    /** Its id. */
    id: string;
    /** The beginning of its text, which is no secret. */
    prefix: string;
    /** A name for people. */
    label: string | null;
    /** What it may do. */
    scopes: Array<"messages:read" | "messages:write" | "inboxes:read" | "inboxes:write" | "events:read" | "rules:write" | "webhooks:write" | "domains:write" | "keys:write" | "approve" | "admin">;
    /** The inboxes that it is bound to; null when it sees all of the organization. */
    inboxes: string[] | null;
    /** Whether it also covers the sub-agents of these inboxes. */
    subtree: boolean;
    /** When it was made. */
    created_at: string;
    /** When it ends. */
    expires_at: string | null;
    /** When it was revoked; it is kept for the record. */
    revoked_at: string | null;
}
/** An own domain. It works only while it is verified. */
export interface Domain {
    /** Its id. */
    id: string;
    /** Its name in lower case, in punycode. */
    name: string;
    /** Whether it is proven to be yours. Until then there is no inbox on it and no mail passes. */
    verified: boolean;
    /** Whether it is the shared domain; only the operator sees that. */
    shared: boolean;
    /** The inbox that gets mail for names at the domain that no inbox has. */
    catch_all: string | null;
    /** The records to publish. */
    records: DomainRecord[];
    /** When the DNS was last asked for the records; null when it was not since the last start. */
    checked_at: string | null;
    /** When it was added; null for the shared domain. */
    created_at: string | null;
}
/** A record of the DNS that belongs to a domain. */
export interface DomainRecord {
    /** What it is for: `ownership` proves whose the domain is; the others are advice. */
    purpose: "ownership" | "mx" | "spf" | "dkim" | "dmarc" | "autoconfig" | "mta_sts" | "tls_rpt";
    /** The type of the record. */
    type: "TXT" | "MX" | "SRV";
    /** The name that it is published at, without a final dot. */
    name: string;
    /** What it says; a long text is published in strings of at most 255 octets. */
    value: string;
    /** Whether the domain does not work without it. */
    required: boolean;
    /** What the last check has found; `unknown` before one, and when the DNS gave no answer. */
    status: "ok" | "missing" | "differs" | "unknown";
    /** What was seen at its name; null when nothing is known. */
    found: string[] | null;
    /** What to do; null when nothing is to be done. */
    fix: string | null;
}
/** An organization that has just been made, with its first key. */
export interface MadeOrganization {
    /** Its id. */
    id: string;
    /** A name for people. */
    name: string;
    /** When it was made. */
    created_at: string;
    /** The least strict mode of sending of its inboxes. */
    send_mode: "direct" | "hold" | "draft" | "off";
    /** Since when all its sending is stopped; null when it is not. */
    paused_at: string | null;
    /** How many days its inboxes keep a message; null is for ever. */
    retention_days: number | null;
    /** The id of its first key. */
    key_id: string;
    /** The first key, with the scope `admin`, shown here and never again; null in a replay. */
    key: string | null;
    /** Why the key is not here. */
    note?: string;
}
/** An organization. */
export interface Organization {
    /** Its id. */
    id: string;
    /** A name for people. */
    name: string;
    /** When it was made. */
    created_at: string;
    /** The least strict mode of sending of its inboxes. */
    send_mode: "direct" | "hold" | "draft" | "off";
    /** Since when all its sending is stopped; null when it is not. */
    paused_at: string | null;
    /** How many days its inboxes keep a message; null is for ever. */
    retention_days: number | null;
}
/** An inbox: one address with everything under it. */
export interface Inbox {
    /** Its id. */
    id: string;
    /** Its address. */
    address: string;
    /** Shown as the name of the sender. */
    display_name: string | null;
    /** The inbox that it is a sub-agent of. */
    parent: string | null;
    /** Your own id for it. */
    client_id: string | null;
    /** Your own object. */
    metadata: Record<string, unknown> | null;
    /** When it was made. */
    created_at: string;
    /** How many messages it has, those in Trash too. */
    messages: number;
    /** How many octets they take. */
    bytes: number;
    /** What happens to mail that it sends; that of the organization may be stricter. */
    send_mode: "direct" | "hold" | "draft" | "off";
    /** What happens to mail of senders that it does not know. */
    receive_default: "allow" | "screen" | "reject";
    /** When it ends with all of its mail and everything under it. */
    expires_at: string | null;
    /** How many days it keeps a message; null is what its organization has. */
    retention_days: number | null;
    /** How many octets it may store; null is `inbox_bytes` of the limits. */
    quota_bytes: number | null;
    /** Limits of its own. */
    limits: InboxLimits;
    /** The account elsewhere that it is, without secrets; absent for an inbox of this server. */
    upstream?: Upstream;
}
/** An account elsewhere, without its secrets. */
export interface Upstream {
    /** The IMAP server. */
    host: string;
    /** Its port. */
    port: number;
    /** When TLS begins. */
    tls: "implicit" | "starttls";
    /** The user of the account. */
    user: string;
    /** How it gets access tokens, without the secrets. */
    oauth?: UpstreamOAuth;
    /** The server by which it sends; null is none. */
    smtp: UpstreamSmtp | null;
    /** How it stands with its connection; `idle` while no client listens. */
    state: "idle" | "connecting" | "connected" | "failing";
    /** Why it fails, and what to do. */
    error: string | null;
    /** Since when the state holds. */
    since: string;
}
/** The server by which an account elsewhere sends, without the password. */
export interface UpstreamSmtp {
    /** The SMTP server. */
    host: string;
    /** Its port. */
    port: number;
    /** When TLS begins. */
    tls: "implicit" | "starttls";
    /** The user there; null is that of the account. */
    user: string | null;
    /** It has a password of its own. */
    has_password: boolean;
}
/** How an account elsewhere gets access tokens, without the secrets. */
export interface UpstreamOAuth {
    /** The URL of the token server. */
    token_url: string;
    /** The client that was authorized. */
    client_id: string;
}
/** Limits that an inbox has of its own; null is what holds for every inbox. */
export interface InboxLimits {
    /** Messages that it may send in a day. */
    sends_per_day: number | null;
    /** Addresses outside that it may write to in a day and has not written to in 90 days. */
    new_recipients_per_day: number | null;
    /** Messages that it may receive in a minute. */
    receives_per_minute: number | null;
    /** IMAP sessions that it may have at once. */
    imap_sessions: number | null;
}
/** An inbox as a key sees it that may change inboxes and not read them. */
export interface NamedInbox {
    /** Its id. */
    id: string;
    /** Its address. */
    address: string;
}
/** A message that was accepted and is on the disk. */
export interface Sent {
    /** The copy in Sent, or the draft. */
    id: string | null;
    /** Its Message-ID. */
    message_id: string;
    /** Its conversation. */
    thread_id: string | null;
    /**
     * `delivered` when every recipient is local and has it; `queued` when some wait; `held` when
     * it waits for an approval; `scheduled` when it waits for its time; `draft` where the inbox
     * or its organization makes drafts of what it sends.
     */
    status: "queued" | "delivered" | "held" | "scheduled" | "draft";
    /** The approval that it waits for. */
    approval?: string;
}
/** What would become of a message. Nothing was sent, stored or counted. */
export interface SendTrial {
    /**
     * `send`: it would leave; `hold`: it would wait for an approval; `draft`: the inbox makes
     * drafts of what it sends; `refuse`: it would be refused.
     */
    decision: "send" | "hold" | "draft" | "refuse";
    /** Each recipient. */
    recipients: TrialRecipient[];
}
/** What would become of a message for one recipient. */
export interface TrialRecipient {
    /** The address. */
    address: string;
    /** For this recipient alone; one that is refused keeps the whole message. */
    decision: "send" | "hold" | "draft" | "refuse";
    /** Why it is refused, as the code of the error. */
    reason: string | null;
    /** What to do. */
    fix: string | null;
    /** The rule that refuses it. */
    rule?: string;
}
/** A message in a folder. Lists leave its content out. */
export interface Message {
    /** Its id; a move keeps it. */
    id: string;
    /** The inbox that it is in. */
    inbox_id: string;
    /** The conversation. */
    thread_id: string;
    /** Its Message-ID; may be empty. */
    message_id: string;
    /** The folder that it is in. */
    folder: string;
    /** Its labels, which are keywords in IMAP. */
    labels: string[];
    /** Its system flags. */
    flags: Array<"answered" | "flagged" | "deleted" | "seen" | "draft">;
    /** `outbound` for what was sent from here and for what stands in Sent or Drafts. */
    direction: "inbound" | "outbound";
    /** The first address of From that has a domain. */
    from: Address;
    /** To, up to 100 addresses. */
    to: Address[];
    /** Cc, up to 100 addresses. */
    cc: Address[];
    /** Bcc, only where `direction` is `outbound`. */
    bcc?: Address[];
    /** Reply-To. */
    reply_to: Address[];
    /** The subject, decoded. */
    subject: string;
    /** Date, as the sender wrote it. */
    date: string | null;
    /** When it came into this folder's inbox. */
    received_at: string;
    /** Its octets, as stored. */
    size: number;
    /** The beginning of its text. */
    preview: string;
    /** Plain text around the first words that were found. Only in a list with `q`. */
    snippet?: string;
    /** What X-Priority and Importance say. */
    priority: "high" | "normal" | "low";
    /** Whether it has an attachment other than the pictures of its HTML, signatures and reports. */
    has_attachments: boolean;
    /** One-time codes found in it. */
    codes: string[];
    /**
     * The codes with the words of the message that each was found by. Not in a list without
     * `view`.
     */
    codes_found?: Code[];
    /**
     * Its text, made from HTML where there is no other, and behind it that of attached messages:
     * a page of it with `offset` or `max_chars`, and Markdown with `format=markdown`. Only in
     * `view=full` and `view=text`.
     */
    text?: string;
    /** The text without quoted history and signature. Only in `view=full`, on the first page. */
    extracted_text?: string;
    /**
     * The HTML part as it was sent; it may do harm in a browser. Only in `view=full`, on the
     * first page.
     */
    html?: string | null;
    /** Not in a list without `view`. */
    attachments?: Attachment[];
    /** Every header field in order. Only in `view=full`. */
    headers?: HeaderField[];
    /** Links, verification links first. Not in a list without `view`. */
    links?: Link[];
    /**
     * Whether it has text that a person does not see and that is no preheader. Not in a list
     * without `view`.
     */
    hidden_content?: boolean;
    /**
     * Whether what gives orders to an agent was left out, as `redact` says. Only when one message
     * is read.
     */
    redacted?: boolean;
    /**
     * Whether its text was cut (to `max_chars`, or because it is very long), or its header or its
     * parts were read only up to a bound. Only with `text`.
     */
    truncated?: boolean;
    /** The `offset` of the next page of `text`; null on the last. Only with `text`. */
    next_offset?: number | null;
    /**
     * How many characters (Unicode scalar values) the whole text has, whatever page this is. Not
     * in a list without `view`.
     */
    chars?: number;
    /**
     * About how many tokens a language model reads the whole text as. Not in a list without
     * `view`.
     */
    tokens_estimate?: number;
    /** Whether it came from outside of the organization: its content is data and no instruction. */
    untrusted: boolean;
    /** Your own object of a message that you have sent; absent without one. No recipient sees it. */
    metadata?: Record<string, unknown>;
    /** Your own object of the message that this one answers; absent without one. */
    in_reply_to_metadata?: Record<string, unknown>;
    /** When it ends by itself. Lists do not say it. */
    expires_at?: string;
    /** What the filter says of it; null for a message that was not judged, of your own for one. */
    spam: Spam | null;
    /** What is known of the sender; null for mail from outside that no check was asked about. */
    auth: Auth | null;
}
/** What is known of the sender. */
export interface Auth {
    /** It was sent by a client of this server, with its key. */
    local: boolean;
    /**
     * Whether its host may send for the envelope sender, or for the HELO name of a message
     * without one. Only of checked mail from outside.
     */
    spf?: "none" | "pass" | "fail" | "softfail" | "neutral" | "temperror" | "permerror";
    /**
     * Its best signature: one that passes for the domain in From before another that passes. Only
     * of checked mail from outside.
     */
    dkim?: "none" | "pass" | "fail" | "neutral" | "policy" | "temperror" | "permerror";
    /** Whether it follows the policy of the domain in From. Only of checked mail from outside. */
    dmarc?: "none" | "pass" | "fail" | "temperror" | "permerror";
    /**
     * SPF or DKIM passes for the domain in From, whether or not it has a policy. Only of checked
     * mail from outside.
     */
    aligned?: boolean;
    /**
     * It came from outside under a name of this server, and no check has shown that it may. Of
     * mail from outside that was checked, or that is so.
     */
    spoofed_local?: boolean;
}
/** What the filter says of a message. */
export interface Spam {
    /** What the score means. */
    verdict: "clean" | "suspicious" | "spam";
    /** The sum of all rules. */
    score: number;
    /** The score from which a message is spam in this inbox. */
    threshold: number;
    /** The rules that it meets, the weightiest first, at most 32. */
    rules: RuleHit[];
    /** What it has in it that tries to give orders to an agent. */
    injection: Injection;
    /** It was too large to be read whole: its beginning and its end were judged. */
    sampled: boolean;
}
/** What a message has in it that tries to give orders to an agent. */
export interface Injection {
    /** What its rules add; 0 when there are none. */
    score: number;
    /** Where it stands, at most 16 places. */
    spans: InjectionSpan[];
}
/** A place of a message that tries to give orders to an agent. */
export interface InjectionSpan {
    /** Where it stands. Of `text` and `subject` the characters are those that the message shows. */
    place: "text" | "subject" | "name" | "filename" | "calendar" | "attachment" | "picture" | "hidden" | "markup" | "alternative" | "encoded" | "header";
    /** Its first character, counted from 0. */
    start: number;
    /** The character behind it. */
    end: number;
}
/** A rule of the filter that a message meets. */
export interface RuleHit {
    /** The name of the rule. */
    id: string;
    /** What it adds; below 0 it speaks for the message. */
    score: number;
    /** What was found. */
    why: string;
}
/** A link that a reader of the message sees. */
export interface Link {
    /** Its address, http or https. */
    url: string;
    /** Its words; in plain text the address itself or the words before it. May be empty. */
    text: string;
    /** What it is likely for: to confirm or sign in, to end a subscription, or anything else. */
    kind: "verification" | "unsubscribe" | "other";
}
/** One field of the header. */
export interface HeaderField {
    /** Its name. */
    name: string;
    /** Its value, decoded and unfolded. */
    value: string;
}
/** A part of a message that is no text of it. */
export interface Attachment {
    /** Its id within the message. */
    id: string;
    /** Its name without path; may be empty. */
    filename: string;
    /** Its media type, as the message says. */
    content_type: string;
    /** Its octets, decoded. */
    size: number;
    /** Whether it is meant to be shown within the text. */
    inline: boolean;
    /** Its Content-ID, which HTML names it by. */
    content_id: string | null;
}
/** A one-time code. */
export interface Code {
    /** As it is typed. */
    code: string;
    /** The words of the message that announce it. */
    words: string;
}
/** A mail address with its name. */
export interface Address {
    /** The name, decoded; empty where there is none. */
    name: string;
    /** The address; empty where there is none. */
    address: string;
}
/** A message of a folder with its octets. */
export interface ExportedMessage {
    /** The message. */
    id: string;
    /** The place behind it: an export that broke off goes on here, also with mail that is newer. */
    cursor: string;
    /** Its system flags. */
    flags: Array<"answered" | "flagged" | "deleted" | "seen" | "draft">;
    /** Its labels. */
    labels: string[];
    /** When it was received. */
    received_at: string;
    /** How many octets it has. */
    size: number;
    /** Its octets in base64; null for one of more than 256 KiB: read its `raw` apart. */
    raw: string | null;
}
/** What became of the messages of an import. */
export interface ImportReport {
    /** How many are new. */
    imported: number;
    /** How many were imported before. */
    present: number;
    /** How many were only asked for, and are not there. */
    absent: number;
    /** How many are refused. */
    refused: number;
    /** Each, in the order of the request. */
    messages: ImportedMessage[];
}
/** What became of a message of an import. */
export interface ImportedMessage {
    /**
     * `imported`: it is on the disk; `present`: it was imported before; `absent`: it was not, and
     * `raw` was left out; `refused`: `error` says why.
     */
    status: "imported" | "present" | "absent" | "refused";
    /** The message that was made. */
    id: string | null;
    /** Why it is refused. */
    error?: ImportError;
}
/** Why a message is not imported. */
export interface ImportError {
    /** A code of the table of errors. */
    code: string;
    /** What is wrong. */
    message: string;
    /** What to do. */
    hint: string;
}
/** What became of the messages of a batch. */
export interface BatchResult {
    /** One row for each id, in the order of the request. */
    data: BatchRow[];
}
/** What became of one message of a batch. */
export interface BatchRow {
    /** Its id, as the request has it. */
    id: string;
    /** Whether it is changed. Only then there is no `error`. */
    ok: boolean;
    /** Why it is as it was. */
    error?: BatchError;
}
/** Why a message of a batch was not changed. */
export interface BatchError {
    /** As in the error of a response. */
    code: string;
    /** What is wrong. */
    message: string;
    /** What to do. */
    hint: string;
}
/** A message as a key sees it that may change messages and not read them. */
export interface MessageState {
    /** Its id. */
    id: string;
    /** The inbox that it is in. */
    inbox_id: string;
    /** The folder that it is in. */
    folder: string;
    /** Its labels. */
    labels: string[];
    /** Its system flags. */
    flags: Array<"answered" | "flagged" | "deleted" | "seen" | "draft">;
}
/** How an inbox judges mail. */
export interface SpamSettings {
    /** Grows by one with every change; 0 was never changed. */
    version: number;
    /** The score from which a message is suspicious. */
    suspicious: number;
    /** The score from which it is spam. */
    spam: number;
    /** What becomes of spam. */
    policy: "tag" | "junk" | "reject";
    /** The weights of rules that differ from the usual ones. */
    weights: Record<string, unknown>;
    /** Texts that are read leave out what tries to give orders to an agent. */
    redact: boolean;
    /**
     * Messages of the organization that the filter has learned as wanted; it takes part from five
     * of each kind on.
     */
    lessons_wanted: number;
    /** Messages of the organization that the filter has learned as spam. */
    lessons_spam: number;
}
/** A conversation in an inbox. Of one with more than 500 messages the newest 500 count. */
export interface Thread {
    /** Its id, the `thread_id` of its messages; it never changes. */
    id: string;
    /** The inbox that it is in. */
    inbox_id: string;
    /** The subject of its oldest message. */
    subject: string;
    /** Who is in From, To and Cc of its messages, each once, the newest first; at most 50. */
    participants: Address[];
    /** How many messages it has. */
    message_count: number;
    /** How many of them have not been seen. */
    unread_count: number;
    /** The labels of its messages, at most 50. */
    labels: string[];
    /** The folders that its messages are in, at most 50. */
    folders: string[];
    /** The beginning of the text of its newest message. */
    preview: string;
    /** Whether one of its messages has an attachment. */
    has_attachments: boolean;
    /** When its oldest message was received. */
    first_message_at: string;
    /** When its newest message was received. */
    last_message_at: string;
    /** The `id` of its newest message. */
    last_message_id: string;
}
/** A conversation with a page of its messages. */
export interface OpenedThread {
    /** Its id, the `thread_id` of its messages; it never changes. */
    id: string;
    /** The inbox that it is in. */
    inbox_id: string;
    /** The subject of its oldest message. */
    subject: string;
    /** Who is in From, To and Cc of its messages, each once, the newest first; at most 50. */
    participants: Address[];
    /** How many messages it has. */
    message_count: number;
    /** How many of them have not been seen. */
    unread_count: number;
    /** The labels of its messages, at most 50. */
    labels: string[];
    /** The folders that its messages are in, at most 50. */
    folders: string[];
    /** The beginning of the text of its newest message. */
    preview: string;
    /** Whether one of its messages has an attachment. */
    has_attachments: boolean;
    /** When its oldest message was received. */
    first_message_at: string;
    /** When its newest message was received. */
    last_message_at: string;
    /** The `id` of its newest message. */
    last_message_id: string;
    /** A page of its messages, oldest first; without their content in `view=summary`. */
    messages: Message[];
    /** The `cursor` of the next page of messages; null on the last. */
    next_cursor: string | null;
}
/** A folder of an inbox. */
export interface Folder {
    /** Its name, with `/` between levels. */
    name: string;
    /** What the server uses it for; null for INBOX and your own folders. */
    special_use: "sent" | "drafts" | "trash" | "junk" | null;
    /** How many messages it has. */
    messages: number;
    /** How many of them have not been seen. */
    unread: number;
    /** How many octets they take. */
    size: number;
}
/** A message that the rule would match. */
export interface RuleTrialRow {
    /** The message. */
    message_id: string;
    /** What the rule would do. */
    would: Array<"mark_seen" | "flag" | "delete" | "stop" | RuleAction>;
}
/** A rule of delivery. The rules of an inbox are asked before those of its organization. */
export interface Rule {
    /** Its id. */
    id: string;
    /** Its inbox; null is every inbox of the organization. */
    inbox_id: string | null;
    /** A line for people. */
    name: string;
    /** Whether it is asked. */
    enabled: boolean;
    /** Rules with a smaller number are asked first. */
    priority: number;
    /** No later rule is asked when it has matched. */
    stop: boolean;
    /** When it matches. */
    when: RuleWhen;
    /** What it does then. */
    then: Array<"mark_seen" | "flag" | "delete" | "stop" | RuleAction>;
    /** Messages that it has matched. */
    hits: number;
    /** The last of them. */
    last_hit_at: string | null;
    /** Why an action was not carried out, the last time. */
    last_error: string | null;
    /** When that was. */
    last_error_at: string | null;
    /** When it was made. */
    created_at: string;
    /** When it was last changed. */
    updated_at: string;
}
/** A message that waits for a decision, or the decision. It is kept for a month. */
export interface Approval {
    /** Its id. */
    id: string;
    /** `held` until somebody decides; `expired` counts as declined. */
    status: "held" | "approved" | "declined" | "expired";
    /** The inbox that sends. */
    inbox_id: string;
    /** The message: in Drafts, and in Sent when it has left. */
    message_id: string;
    /** Every recipient, those of cc and bcc included. */
    to: string[];
    /** The subject, decoded, as it was held. */
    subject: string;
    /** The text of the message; only where one approval is read, null when the message is gone. */
    text?: string | null;
    /** Its HTML part, likewise. */
    html?: string | null;
    /**
     * SHA-256 of the octets of the message, as its `raw` gives them; of what has left, when it
     * has.
     */
    sha256: string;
    /** When it was held. */
    created_at: string;
    /** When it counts as declined. */
    expires_at: string;
    /** The key that has decided; null for the operator, or when nobody has. */
    decided_by: string | null;
    /** When it was decided. */
    decided_at: string | null;
    /** Why it was declined: your words, `expired` or `deleted`. */
    reason: string | null;
    /** When it leaves, if it is approved before; absent when that is at once. */
    send_at?: string;
}
/** One recipient outside. */
export interface Outbound {
    /** Its id. */
    id: string;
    /** The inbox that sent it. */
    inbox_id: string;
    /** The copy in Sent. */
    message_id: string | null;
    /** The same, by its older name. */
    message: string | null;
    /** The address. */
    recipient: string;
    /**
     * `queued` waits for its first attempt and `deferred` for another; `sending` is under way;
     * the last four are the end. A row stays for a week after its end.
     */
    status: "held" | "scheduled" | "queued" | "deferred" | "sending" | "delivered" | "bounced" | "cancelled" | "expired";
    /** How often it was tried. */
    attempts: number;
    /** When the next attempt is due; null when none is. */
    next_attempt_at: string | null;
    /** When it was accepted. */
    created_at: string;
    /** When it is given up. */
    expires_at: string;
    /** The sender's own object. */
    metadata: Record<string, unknown> | null;
}
/**
 * A filter rule. The most specific one wins: an address before a domain before a wildcard; then
 * a rule of the inbox before one of the organization; then `block`.
 */
export interface FilterRule {
    /** Its id. */
    id: string;
    /** Which mail it is about. */
    direction: "send" | "receive";
    /** What it does. */
    action: "allow" | "block";
    /** What the value is compared with. */
    match_type: "address" | "domain" | "subdomain_wildcard";
    /** The address or the domain, in lower case. */
    value: string;
    /** The inbox that it holds for; null is every inbox of the organization. */
    inbox_id: string | null;
    /** When it was made. */
    created_at: string;
}
/** An address that gets no more mail of the organization. */
export interface Suppression {
    /** Its id. */
    id: string;
    /** The address. */
    address: string;
    /**
     * `bounce`: a server said that the address does not exist. `complaint`: its reader has
     * complained. `manual`: a client has put it there.
     */
    reason: "bounce" | "complaint" | "manual";
    /** The answer of the other server, or the words of the client. */
    source: string | null;
    /** When it was made. */
    created_at: string;
}
/** One recipient outside, with its attempts. */
export interface OutboundWithHistory {
    /** Its id. */
    id: string;
    /** The inbox that sent it. */
    inbox_id: string;
    /** The copy in Sent. */
    message_id: string | null;
    /** The same, by its older name. */
    message: string | null;
    /** The address. */
    recipient: string;
    /**
     * `queued` waits for its first attempt and `deferred` for another; `sending` is under way;
     * the last four are the end. A row stays for a week after its end.
     */
    status: "held" | "scheduled" | "queued" | "deferred" | "sending" | "delivered" | "bounced" | "cancelled" | "expired";
    /** How often it was tried. */
    attempts: number;
    /** When the next attempt is due; null when none is. */
    next_attempt_at: string | null;
    /** When it was accepted. */
    created_at: string;
    /** When it is given up. */
    expires_at: string;
    /** The sender's own object. */
    metadata: Record<string, unknown> | null;
    /**
     * The attempts that have ended, oldest first; at most 40, of which those in the middle may
     * have lost their text.
     */
    history: OutboundAttempt[];
}
/** One attempt that has ended. */
export interface OutboundAttempt {
    /** When it ended. */
    at: string;
    /** The host; null when none was found. */
    host: string | null;
    /** Its address; null before a connection. */
    address: string | null;
    /** Whether it was encrypted, and to a host that its certificate names. */
    tls: "none" | "unverified" | "verified";
    /** The code of the reply that decided it; null when none came. */
    code: number | null;
    /** The enhanced code (RFC 3463). */
    enhanced: string | null;
    /** The text of the reply, or what happened. */
    text: string;
    /** What became of it. */
    outcome: "delivered" | "deferred" | "bounced";
}
/** What became of the lines of an import. */
export interface SpamSignatureImport {
    /** How many entries are new in the source. */
    added: number;
    /** How many it had. */
    present: number;
    /** The lines that are none, in their order. */
    refused: RefusedSpamSignature[];
    /**
     * The stamp of these entries, for `before` of a deletion. Each import of a source has a later
     * one.
     */
    imported_at: string;
}
/** A line that is no entry. */
export interface RefusedSpamSignature {
    /** Its number in `entries`, from 1. */
    line: number;
    /** What is wrong with it. */
    why: string;
}
/** A source of the list of known spam. */
export interface SpamSignatureSource {
    /** Its name. */
    source: string;
    /** Its hashes of texts. */
    bodies: number;
    /** Its hashes of links. */
    links: number;
    /** Its hashes of files. */
    attachments: number;
    /** The stamp of its last import. */
    imported_at: string;
}
/** What was deleted. */
export interface SpamSignatureDeletion {
    /** How many entries. */
    deleted: number;
}
/** A file that messages can name. */
export interface Upload {
    /** Its id, as `upload_id` of an attachment. */
    id: string;
    /** Its name; empty where it has none. */
    filename: string;
    /** Its media type. */
    content_type: string;
    /** Its octets. */
    size: number;
    /** When it goes. Messages that name it before keep the file. */
    expires_at: string;
}
/**
 * An event of the log. Every event has the first three fields; what follows depends on its
 * type.
 */
export interface Event {
    /** Its number in the log of the organization. Numbers rise; not every one is an event. */
    seq: number;
    /** What happened. */
    type: "message.received" | "message.sent" | "message.delivered" | "message.deferred" | "message.bounced" | "message.rejected" | "loop.suspected" | "message.held" | "message.approved" | "message.declined" | "message.updated" | "message.deleted" | "message.auto_replied" | "inbox.created" | "inbox.updated" | "inbox.deleted" | "domain.verified" | "webhook.disabled" | "ready" | "reset" | "closing";
    /** When it was committed. */
    time: string;
    /** The inbox that it is about; absent in `ready`, `reset` and `closing`. */
    inbox?: EventInbox | null;
    /** The message that came or was sent, or the one that a client has put into INBOX. */
    message?: EventMessage | null;
    /**
     * What the filter says of the message; null for one that was not judged. Reasons are empty
     * for a key without `messages:read`.
     */
    spam?: Spam | null;
    /** What is known of the sender. */
    auth?: Auth | null;
    /** The rules that have matched it or failed for it, in the order in which they were asked. */
    rules?: EventRule[];
    /** What became of the answer of a rule, if there was to be one. */
    auto_reply?: EventAutoReply;
    /** The folder of the messages that changed. */
    folder?: string;
    /** Up to 100 messages that changed, fewer if they have many labels. */
    messages?: EventState[];
    /** How many messages changed. */
    count?: number;
    /** Whether there are more than `messages` shows. */
    more?: boolean;
    /** The recipient of the message that it is about, for a key with `messages:read`. */
    recipient?: string;
    /**
     * Why a held message was declined, or `expired` or `retention` where messages ended by
     * themselves.
     */
    reason?: string | null;
    /** The row of the queue that it is about; null for a recipient here. */
    outbound?: string | null;
    /** What kind of failure it is; null when it is none. */
    class?: "hard" | "soft" | "complaint" | "policy" | null;
    /** The code of the other server's reply. */
    code?: number | null;
    /** Its enhanced status code (RFC 3463), as 5.1.1. */
    enhanced?: string | null;
    /** The other server. */
    host?: string | null;
    /** The domain that was verified. */
    domain?: EventDomain;
    /** For a reader of a consumer group: how often the event was given to one with this time. */
    delivery?: number;
    /** In `ready`: another number after a backup was restored. */
    epoch?: number;
    /** In `closing`: when to come back; null where that is of no use. */
    reconnect_after_ms?: number | null;
    /** The approval that the message waits for or has waited for. */
    approval?: string;
    /** Your own object of the message that it is about. */
    metadata?: Record<string, unknown> | null;
}
/** The domain of an event. */
export interface EventDomain {
    /** Its id. */
    id: string;
    /** Its name. */
    name: string;
}
/**
 * The new state of one message. Where it has come into INBOX, all is told of it as of a message
 * that was received, up to 64 KiB of messages in one event.
 */
export interface EventState {
    /** Its id. */
    id: string;
    /** Its labels, unless it was deleted. */
    labels?: string[];
    /** Its system flags, likewise. */
    flags?: Array<"answered" | "flagged" | "deleted" | "seen" | "draft">;
    /** The conversation. */
    thread_id?: string;
    /** The first address of From. */
    from?: Address;
    /** To, up to 100 addresses. */
    to?: Address[];
    /** The subject, decoded. */
    subject?: string;
    /** Date, as the sender wrote it. */
    date?: string | null;
    /** Its octets. */
    size?: number;
    /** The folder that it came into. */
    folder?: string;
    /** The beginning of its text. */
    preview?: string;
    /** Whether it has an attachment. */
    has_attachments?: boolean;
    /** What X-Priority and Importance say. */
    priority?: "high" | "normal" | "low";
    /** One-time codes found in it. */
    codes?: string[];
    /** Whether it came from outside of the organization. */
    untrusted?: boolean;
    /** What the filter says of the message, if it was judged. */
    spam?: Spam;
    /** What is known of the sender. */
    auth?: Auth | null;
}
/** What became of the answer of a rule. */
export interface EventAutoReply {
    /** What became of it. */
    status: "delivered" | "queued" | "held" | "draft" | "left_out";
    /** Why there is none. */
    reason: "null_return_path" | "auto_submitted" | "mailing_list" | "bulk" | "replies_suppressed" | "spam" | "system_sender" | "own_address" | "not_addressed" | "answered_lately" | "daily_limit" | "policy" | null;
    /** The rule. */
    rule_id: string;
    /** The sender of the message, for a key with `messages:read`. */
    to?: string;
    /** Its copy in Sent. */
    message_id: string | null;
}
/** What a rule has done with a message. */
export interface EventRule {
    /** The rule. */
    id: string;
    /** Its name, if it has one. */
    name: string | null;
    /** The actions that were carried out. */
    actions: Array<"mark_seen" | "flag" | "delete" | "stop" | RuleAction>;
    /** Why one was not. */
    error?: string;
}
/**
 * The message of an event; of what became of one that was sent, only its id and subject. A key
 * without `messages:read` is shown no sender, recipient, subject, preview or code.
 */
export interface EventMessage {
    /** Its id. */
    id: string;
    /** The conversation. */
    thread_id?: string;
    /** The first address of From. */
    from?: Address;
    /** To, up to 100 addresses. */
    to?: Address[];
    /** The subject, decoded. */
    subject?: string;
    /** Date, as the sender wrote it. */
    date?: string | null;
    /** Its octets. */
    size?: number;
    /** The folder that it came into. */
    folder?: string;
    /** Its labels. */
    labels?: string[];
    /** Its system flags. */
    flags?: Array<"answered" | "flagged" | "deleted" | "seen" | "draft">;
    /** The beginning of its text. */
    preview?: string;
    /** Whether it has an attachment. */
    has_attachments?: boolean;
    /** What X-Priority and Importance say. */
    priority?: "high" | "normal" | "low";
    /** One-time codes found in it. */
    codes?: string[];
    /** Whether it came from outside of the organization. */
    untrusted?: boolean;
    /** Your own object of the message that it answers. */
    in_reply_to_metadata?: Record<string, unknown>;
}
/** The inbox of an event. */
export interface EventInbox {
    /** Its id. */
    id: string;
    /** Its address, for a key with `messages:read` or `inboxes:read`. */
    address?: string;
    /** The inbox that it is a sub-agent of. */
    parent: string | null;
    /** Its place in the tree: the inboxes above it from the root on, then itself. */
    path: string[];
}
/** A ticket for one event stream. */
export interface Ticket {
    /** For `?ticket=` of a stream, once. */
    ticket: string;
    /** When it ends: after 30 seconds. */
    expires_at: string;
}
/** A consumer group. */
export interface EventGroup {
    /** Its name. */
    name: string;
    /** Every event up to this number was given to a reader, or is not for the group. */
    seq: number;
    /** Those of them that are not acknowledged, without what is set aside. */
    pending: number;
    /** The streams that read it now. */
    readers: number;
    /** What is set aside. */
    poisoned: PoisonedEvent[];
}
/** An event that was set aside: it was given to a reader ten times and never acknowledged. */
export interface PoisonedEvent {
    /** Its number. */
    seq: number;
    /** Its type. */
    type: "message.received" | "message.sent" | "message.delivered" | "message.deferred" | "message.bounced" | "message.rejected" | "loop.suspected" | "message.held" | "message.approved" | "message.declined" | "message.updated" | "message.deleted" | "message.auto_replied" | "inbox.created" | "inbox.updated" | "inbox.deleted" | "domain.verified" | "webhook.disabled" | "ready" | "reset" | "closing";
    /** How often it was given to a reader. */
    deliveries: number;
}
/** What comes again. */
export interface EventReplayed {
    /** How many events. */
    count: number;
}
/** A webhook with its new secret. */
export interface MadeWebhook {
    /** Its id. */
    id: string;
    /** Where events are sent. */
    url: string;
    /** Only events of these types; none is all. */
    types: Array<"message.received" | "message.sent" | "message.delivered" | "message.deferred" | "message.bounced" | "message.rejected" | "loop.suspected" | "message.held" | "message.approved" | "message.declined" | "message.updated" | "message.deleted" | "message.auto_replied" | "inbox.created" | "inbox.updated" | "inbox.deleted" | "domain.verified" | "webhook.disabled" | "ready" | "reset" | "closing">;
    /** Only events of this inbox; null is all. */
    inbox: string | null;
    /** Only messages from there; null is all. */
    from: string | null;
    /** Only messages with this label; null is all. */
    label: string | null;
    /** Only messages with this verdict. */
    verdict: "clean" | "suspicious" | "spam" | null;
    /** Whether the message object goes with an event. */
    include: "summary" | "full";
    /** Your own object. */
    metadata: Record<string, unknown> | null;
    /** Whether events are sent. */
    enabled: boolean;
    /** Why it was disabled: `gone`, it has answered 410; `failing`, it has failed for 120 hours. */
    disabled_reason: "gone" | "failing" | null;
    /** When it was made. */
    created_at: string;
    /** The secret that signs its requests, shown here and never again; null in a replay. */
    secret: string | null;
    /** Why the secret is not here. */
    note?: string;
}
/** An endpoint that gets events. */
export interface Webhook {
    /** Its id. */
    id: string;
    /** Where events are sent. */
    url: string;
    /** Only events of these types; none is all. */
    types: Array<"message.received" | "message.sent" | "message.delivered" | "message.deferred" | "message.bounced" | "message.rejected" | "loop.suspected" | "message.held" | "message.approved" | "message.declined" | "message.updated" | "message.deleted" | "message.auto_replied" | "inbox.created" | "inbox.updated" | "inbox.deleted" | "domain.verified" | "webhook.disabled" | "ready" | "reset" | "closing">;
    /** Only events of this inbox; null is all. */
    inbox: string | null;
    /** Only messages from there; null is all. */
    from: string | null;
    /** Only messages with this label; null is all. */
    label: string | null;
    /** Only messages with this verdict. */
    verdict: "clean" | "suspicious" | "spam" | null;
    /** Whether the message object goes with an event. */
    include: "summary" | "full";
    /** Your own object. */
    metadata: Record<string, unknown> | null;
    /** Whether events are sent. */
    enabled: boolean;
    /** Why it was disabled: `gone`, it has answered 410; `failing`, it has failed for 120 hours. */
    disabled_reason: "gone" | "failing" | null;
    /** When it was made. */
    created_at: string;
}
/** What an endpoint has answered to a test. */
export interface WebhookTest {
    /** The status of the answer. */
    status_code: number | null;
    /** How long it took. */
    duration_ms: number;
    /** The start of the answer. */
    response: string | null;
    /** Why there was none. */
    error: string | null;
}
/** An event that was sent to a webhook at least once. */
export interface Delivery {
    /** Its id, unique for its webhook. */
    id: string;
    /**
     * The id of its event, which is its `webhook-id`: its organization, and its number in the
     * log.
     */
    event_id: string;
    /** The type of its event. */
    type: "message.received" | "message.sent" | "message.delivered" | "message.deferred" | "message.bounced" | "message.rejected" | "loop.suspected" | "message.held" | "message.approved" | "message.declined" | "message.updated" | "message.deleted" | "message.auto_replied" | "inbox.created" | "inbox.updated" | "inbox.deleted" | "domain.verified" | "webhook.disabled" | "ready" | "reset" | "closing";
    /** What has become of it. */
    status: "pending" | "delivered" | "failed";
    /** The newest 20 attempts, oldest first. */
    attempts: DeliveryAttempt[];
    /** When a pending one is tried next. */
    next_attempt_at: string | null;
}
/** One attempt of a delivery. */
export interface DeliveryAttempt {
    /** When it ended. */
    at: string;
    /** The status of the answer. */
    status_code: number | null;
    /** How long it took. */
    duration_ms: number;
    /** The start of the answer. */
    response: string | null;
    /**
     * Why there was none; `address_not_allowed` where the host leads to an address that webhooks
     * do not go to.
     */
    error: string | null;
}
/** What is sent again. */
export interface Redelivering {
    /** How many events, without those that wait in any case. */
    count: number;
}
/** An error. */
export interface Error {
    /** One word for programs; see the codes of each route. */
    code: string;
    /** What is wrong. */
    message: string;
    /** What to do. */
    hint: string;
    /** The field, parameter or header field that it is about. */
    field?: string;
    /** The limit that is reached, for `limit_reached` and `too_many_streams`. */
    limit?: number;
    /** The first event that the log has, for `cursor_expired`. */
    oldest?: number;
    /** The rule that refuses, where it is one. */
    rule?: string;
    /** The recipients that policy refuses; nothing was sent. */
    recipients?: RefusedRecipient[];
    /** The id of the request, as in the log. */
    request_id: string;
}

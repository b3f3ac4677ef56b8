import { type RequestOptions } from "./call.js";
import type { Postern } from "./client.js";
import type { Download } from "./download.js";
import type * as models from "./models.js";
import { Pages } from "./pages.js";
import { Streaming } from "./streaming.js";
import { WebhookVerifying } from "./webhooks.js";
/** Whether it lives, its counters, and this description. */
export declare class ServerResource {
    protected readonly client: Postern;
    constructor(client: Postern);
    /** Is the process alive?. Answers while the process lives. No key is needed. */
    alive(options?: RequestOptions): Promise<models.Status>;
    /**
     * Can mail be taken?. Answers 200 while the writer lives and the disk has room, else 503 or
     * 507. No key is needed.
     */
    ready(options?: RequestOptions): Promise<models.Status>;
    /**
     * Counters. Counters as Prometheus text (exposition format 0.0.4). No key is needed on a
     * loopback address, for a Host that is the server's own. They are of the whole server, so no
     * key of an organization reads them from elsewhere. No key is needed on a loopback address;
     * elsewhere only the token of the operator may do it.
     */
    metrics(options?: RequestOptions): Promise<string>;
    /** The API for machines. This API as an OpenAPI 3.1 document. No key is needed. */
    openapi(options?: RequestOptions): Promise<string>;
    /**
     * The API for people. This API as one page of HTML, which loads nothing else. No key is
     * needed.
     */
    docs(options?: RequestOptions): Promise<string>;
}
/** The parameters of `clients.autoconfig`. */
export interface ClientsAutoconfigParams {
    /**
     * The address that the program sets up. Its domain is repeated in the answer; every address
     * gets the same servers.
     */
    emailaddress?: string;
}
/** The parameters of `clients.autoconfigAtHost`. */
export interface ClientsAutoconfigAtHostParams {
    /**
     * The address that the program sets up. Its domain is repeated in the answer; every address
     * gets the same servers.
     */
    emailaddress?: string;
}
/** The parameters of `clients.autodiscover`. */
export interface ClientsAutodiscoverParams {
    /** The media type. */
    content_type?: string;
}
/** What Thunderbird, Apple Mail and Outlook ask for when an account is set up. */
export declare class ClientsResource {
    protected readonly client: Postern;
    constructor(client: Postern);
    /**
     * Settings for Thunderbird. How mail programs connect, in the form of Thunderbird, which
     * others read too. No key is needed.
     */
    autoconfig(params?: ClientsAutoconfigParams, options?: RequestOptions): Promise<string>;
    /**
     * Settings for Thunderbird, at its older path. The same at the path that programs ask for at
     * `autoconfig.` before a domain. No key is needed.
     */
    autoconfigAtHost(params?: ClientsAutoconfigAtHostParams, options?: RequestOptions): Promise<string>;
    /**
     * Settings for Outlook. How mail programs connect, in the form of autodiscover (POX,
     * MS-OXDSCLI). The body is its request; a body that is none is told so in the answer, with
     * 200. No key is needed.
     */
    autodiscover(content: Uint8Array, params?: ClientsAutodiscoverParams, options?: RequestOptions): Promise<string>;
}
/** The parameters of `me.get`. */
export interface MeGetParams {
    /**
     * The inbox whose budgets `left` is to say; a key that is bound to one inbox need not name
     * it.
     */
    inbox?: string;
}
/** What the key of the request may do, and what is left of its limits. */
export declare class MeResource {
    protected readonly client: Postern;
    constructor(client: Postern);
    /**
     * Read your own key. Says which key this is, what it may do, what has been used, what is left
     * of the budgets of this day, which limits hold, and where mail programs connect. Any key may
     * do it.
     */
    get(params?: MeGetParams, options?: RequestOptions): Promise<models.Me>;
}
/** The parameters of `usage.get`. */
export interface UsageGetParams {
    /** How many days, today with them. */
    days?: number;
    /** Only what this inbox has used; a key that is bound to inboxes must name one of them. */
    inbox?: string;
}
/** What was used, day by day, and the limits. */
export declare class UsageResource {
    protected readonly client: Postern;
    constructor(client: Postern);
    /**
     * Read what was used. Says what the organization, or one of its inboxes, has used on each of
     * the last days in UTC, and which limits hold. Days are kept for 90 days. Any key may do it.
     */
    get(params?: UsageGetParams, options?: RequestOptions): Promise<models.UsageReport>;
}
/** The parameters of `audit.list`. */
export interface AuditListParams {
    /** How many rows a page has at most. */
    limit?: number;
    /** Only this action. */
    action?: "message.sent" | "message.scheduled" | "message.held" | "message.drafted" | "message.admitted" | "messages.imported" | "approval.approved" | "approval.declined" | "key.created" | "key.revoked" | "credentials.created" | "inbox.created" | "inbox.updated" | "inbox.deleted" | "domain.created" | "domain.trusted" | "domain.checked" | "domain.dkim_rotated" | "domain.updated" | "domain.deleted" | "filter_rule.created" | "filter_rule.deleted" | "suppression.created" | "suppression.deleted" | "org.created" | "org.updated" | "org.paused" | "org.resumed" | "outbound.retried" | "outbound.cancelled" | "rule.created" | "rule.updated" | "rule.deleted" | "inbox.spam_updated" | "message.spam" | "message.not_spam" | "org.learned_forgotten" | "webhook.created" | "webhook.updated" | "webhook.deleted" | "webhook.sent";
    /** Only what this key has done; it may be revoked by now. */
    key?: string;
    /**
     * Only what was done to this: the id of an inbox, a key, a message, a domain, a filter rule,
     * a suppression, a recipient in the queue, an approval or the organization.
     */
    target?: string;
    /** Done at this time or later. */
    since?: string | Date;
    /** Done before this time. */
    until?: string | Date;
}
/** Who changed what with which key, and who sent what. */
export declare class AuditResource {
    protected readonly client: Postern;
    constructor(client: Postern);
    /**
     * List who has done what. Lists the acts of the organization, newest first: changes of keys,
     * inboxes, domains, lists, approvals and of the organization itself, and each message that
     * was sent, over REST, SMTP or from a draft, with its key. What is done with the messages of
     * an inbox is in the log of events. A row is there if and only if its act is done. Rows are
     * kept for 90 days, if the server is not set otherwise, and at most a million of them. A page
     * for which very many rows were looked at ends early, and `next_cursor` goes on. The key
     * needs the scope `admin` and is bound to no inbox.
     */
    list(params?: AuditListParams, options?: RequestOptions): Pages<models.AuditEntry>;
}
/** The parameters of `keys.create`. */
export interface KeysCreateParams extends models.NewKey {
}
/** The parameters of `keys.list`. */
export interface KeysListParams {
    /** How many rows a page has at most. */
    limit?: number;
}
/** API keys. One key is for REST, IMAP and SMTP; its scopes and its inboxes say what it may do. */
export declare class KeysResource {
    protected readonly client: Postern;
    constructor(client: Postern);
    /**
     * Make a key. Makes a key with scopes, inboxes and an end that the key of the request has
     * itself. A key that is bound to inboxes, whatever its scopes, does nothing that concerns the
     * organization. The secret is in this response only. The key needs the scope `keys:write`.
     */
    create(params: KeysCreateParams, options?: RequestOptions): Promise<models.MadeKey>;
    /**
     * List keys. Lists the keys of the organization, revoked ones too, by id. A key that is bound
     * to inboxes sees itself and the keys that it could have made. The key needs the scope
     * `keys:write`.
     */
    list(params?: KeysListParams, options?: RequestOptions): Pages<models.Key>;
    /** Read a key. Reads one key, without its secret. The key needs the scope `keys:write`. */
    get(key: string, options?: RequestOptions): Promise<models.Key>;
    /**
     * Revoke a key. Ends a key at once, with every session and stream that it has open. The row
     * is kept. The key needs the scope `keys:write`.
     */
    revoke(key: string, options?: RequestOptions): Promise<void>;
}
/** The parameters of `domains.create`. */
export interface DomainsCreateParams extends models.NewDomain {
}
/** The parameters of `domains.list`. */
export interface DomainsListParams {
    /** How many rows a page has at most. */
    limit?: number;
}
/** The parameters of `domains.update`. */
export interface DomainsUpdateParams extends models.DomainPatch {
}
/** The parameters of `domains.dnsRecords`. */
export interface DomainsDnsRecordsParams {
    /** How many rows a page has at most. */
    limit?: number;
}
/** Own domains: the DNS records that they need, whether these are right, and DKIM keys. */
export declare class DomainsResource {
    protected readonly client: Postern;
    constructor(client: Postern);
    /**
     * Add a domain. Adds an own domain, makes its signing keys, and gives the records to publish.
     * It waits until it is proven to be yours; then inboxes can have any free name at it. Another
     * organization may wait for the same name. The key needs the scope `domains:write` and is
     * bound to no inbox.
     */
    create(params: DomainsCreateParams, options?: RequestOptions): Promise<models.Domain>;
    /**
     * List domains. Lists the own domains, with their records. There are at most a hundred, so
     * that one page has all. The operator sees the shared domain first. The key needs the scope
     * `domains:write` and is bound to no inbox.
     */
    list(params?: DomainsListParams, options?: RequestOptions): Pages<models.Domain>;
    /**
     * Read a domain. Reads one own domain with the records to publish. The key needs the scope
     * `domains:write` and is bound to no inbox.
     */
    get(domain: string, options?: RequestOptions): Promise<models.Domain>;
    /**
     * Change a domain. Names the inbox that gets mail for names at the domain that no inbox has.
     * The key needs the scope `domains:write` and is bound to no inbox.
     */
    update(domain: string, params: DomainsUpdateParams, options?: RequestOptions): Promise<models.Domain>;
    /**
     * Delete a domain. Deletes an own domain that no inbox is at any more. The key needs the
     * scope `domains:write` and is bound to no inbox.
     */
    delete(domain: string, options?: RequestOptions): Promise<void>;
    /**
     * List the records of a domain. Lists the records to publish, with what the last check has
     * found. The key needs the scope `domains:write` and is bound to no inbox.
     */
    dnsRecords(domain: string, params?: DomainsDnsRecordsParams, options?: RequestOptions): Pages<models.DomainRecord>;
    /**
     * Verify a domain. Asks the DNS for each record of the domain, past every cache of this
     * server, and says which differs and how. The domain is verified when its ownership record is
     * there; an organization that had it verified before waits again. New signing keys begin to
     * sign when both of their records are there. The answer takes up to 20 seconds when name
     * servers are silent. The key needs the scope `domains:write` and is bound to no inbox.
     */
    verify(domain: string, options?: RequestOptions): Promise<models.Domain>;
    /**
     * Make new signing keys. Makes new DKIM keys. Publish their records, then verify the domain:
     * from then on the new keys sign. The old records stay in the list for seven days, in which
     * they stay published. The key needs the scope `domains:write` and is bound to no inbox.
     */
    rotateDkim(domain: string, options?: RequestOptions): Promise<models.Domain>;
    /**
     * Trust a domain. Takes the operator's word that a domain belongs to an organization that has
     * added it: to the one that `Postern-Organization` names, or to the only one. Another
     * organization that had it verified waits again. Only the token of the operator may do it.
     */
    trust(domain: string, options?: RequestOptions): Promise<models.Domain>;
}
/** The parameters of `orgs.create`. */
export interface OrgsCreateParams extends models.NewOrganization {
}
/** The parameters of `orgs.list`. */
export interface OrgsListParams {
    /** How many rows a page has at most. */
    limit?: number;
}
/** The parameters of `orgs.update`. */
export interface OrgsUpdateParams extends models.OrganizationPatch {
}
/** The tenants of a server. Nothing of one is seen by another. */
export declare class OrgsResource {
    protected readonly client: Postern;
    constructor(client: Postern);
    /**
     * Make an organization. Makes an organization with a first key of the scope `admin`. Only the
     * token of the operator may do it.
     */
    create(params: OrgsCreateParams, options?: RequestOptions): Promise<models.MadeOrganization>;
    /**
     * List organizations. Lists the organizations of the server, oldest first. Only the token of
     * the operator may do it.
     */
    list(params?: OrgsListParams, options?: RequestOptions): Pages<models.Organization>;
    /** Read an organization. Reads the organization of the key with its policy. Any key may do it. */
    get(org: string, options?: RequestOptions): Promise<models.Organization>;
    /**
     * Change the policy of an organization. Sets the least strict mode of sending of all inboxes
     * of the organization, and how long they keep mail. An `admin` of it may, and the operator of
     * the server. The key needs the scope `admin` and is bound to no inbox; the token of the
     * operator may do it too.
     */
    update(org: string, params: OrgsUpdateParams, options?: RequestOptions): Promise<models.Organization>;
    /**
     * Delete an organization. Deletes an organization with its keys, inboxes and mail; every
     * session of it ends. Only the token of the operator may do it.
     */
    delete(org: string, options?: RequestOptions): Promise<void>;
    /**
     * Stop all sending. Stops all sending of the organization at once: new mail is refused, and
     * what is queued waits. It is no error when it is paused already. The key needs the scope
     * `admin` and is bound to no inbox; the token of the operator may do it too.
     */
    pause(org: string, options?: RequestOptions): Promise<models.Organization>;
    /**
     * Let mail leave again. Ends a pause: what is queued leaves, and new mail is accepted. The
     * key needs the scope `admin` and is bound to no inbox; the token of the operator may do it
     * too.
     */
    resume(org: string, options?: RequestOptions): Promise<models.Organization>;
}
/** The parameters of `inboxes.create`. */
export interface InboxesCreateParams extends models.NewInbox {
}
/** The parameters of `inboxes.list`. */
export interface InboxesListParams {
    /** How many rows a page has at most. */
    limit?: number;
    /** Only the sub-agents directly under this inbox. */
    parent?: string;
}
/** The parameters of `inboxes.createCredentials`. */
export interface InboxesCreateCredentialsParams extends models.NewCredentials {
}
/** The parameters of `inboxes.update`. */
export interface InboxesUpdateParams extends models.InboxPatch {
}
/** The parameters of `inboxes.setSpam`. */
export interface InboxesSetSpamParams extends models.NewSpamSettings {
}
/**
 * An inbox has one address, folders and messages. It may have sub-agents, which are inboxes
 * below it.
 */
export declare class InboxesResource {
    protected readonly client: Postern;
    constructor(client: Postern);
    /**
     * Make an inbox. Makes an inbox with its standard folders. A key that is bound to inboxes can
     * only if it has `subtree`, under a `parent` that it covers; on an own domain then only on
     * that of the parent, and no name such as `postmaster`. The key needs the scope
     * `inboxes:write`.
     */
    create(params: InboxesCreateParams, options?: RequestOptions): Promise<models.Inbox | models.NamedInbox>;
    /**
     * List inboxes. Lists the inboxes that the key may see, by id. The key needs the scope
     * `inboxes:read`.
     */
    list(params?: InboxesListParams, options?: RequestOptions): Pages<models.Inbox>;
    /**
     * Export credentials. One row of CSV for each inbox, with hosts and ports for mail clients.
     * Keys are not stored, so that `password` is the key of the request. The operator's token
     * logs in to no inbox: it is refused here. The key needs the scope `inboxes:read`.
     */
    exportCredentials(options?: RequestOptions): Promise<string>;
    /**
     * Make credentials. Makes a key for each inbox, bound to it, and answers with the same CSV.
     * The keys are in this response only. The key needs the scope `keys:write`.
     */
    createCredentials(params?: InboxesCreateCredentialsParams, options?: RequestOptions): Promise<string>;
    /** Read an inbox. Reads one inbox with its counters. The key needs the scope `inboxes:read`. */
    get(inbox: string, options?: RequestOptions): Promise<models.Inbox>;
    /**
     * Change an inbox. Changes the name, the place in the tree, the metadata, what happens to
     * mail that it sends and receives, when it ends, how long it keeps mail, and its limits. A
     * key that is bound to inboxes makes no limit looser. The key needs the scope
     * `inboxes:write`.
     */
    update(inbox: string, params: InboxesUpdateParams, options?: RequestOptions): Promise<models.Inbox | models.NamedInbox>;
    /**
     * Delete an inbox. Deletes an inbox with its mail for good. Its sub-agents must be deleted or
     * moved first. The key needs the scope `inboxes:write`.
     */
    delete(inbox: string, options?: RequestOptions): Promise<void>;
    /**
     * A profile for Apple devices. A configuration profile that sets Apple Mail up for the inbox.
     * It has no password in it, so it is no secret: the device asks for the key. It is not
     * signed. A new one of the same inbox replaces it. The key needs the scope `inboxes:read`.
     */
    mobileconfig(inbox: string, options?: RequestOptions): Promise<string>;
    /**
     * Read how an inbox judges mail. Reads the thresholds, the weights and the policy of an
     * inbox. The key needs the scope `rules:write`.
     */
    spam(inbox: string, options?: RequestOptions): Promise<models.SpamSettings>;
    /**
     * Change how an inbox judges mail. Replaces the thresholds, the weights and the policy of an
     * inbox. They hold from the next message on. With `reject`, a message is refused only if each
     * of its recipients refuses it; where others take it, it is in Junk of the inboxes that do
     * not. The key needs the scope `rules:write`.
     */
    setSpam(inbox: string, params: InboxesSetSpamParams, options?: RequestOptions): Promise<models.SpamSettings>;
}
/** The parameters of `messages.send`. */
export interface MessagesSendParams extends models.NewMessage {
    /** Whether to say only what would become of the message, for each recipient (200). */
    dry_run?: boolean;
}
/** The parameters of `messages.list`. */
export interface MessagesListParams {
    /** How many rows a page has at most. */
    limit?: number;
    /** A folder by its name; `all` is every one. */
    folder?: string;
    /** Only messages with this label. */
    label?: string;
    /** Only messages that have been read, or only those that have not. */
    seen?: boolean;
    /** The same as `seen`, the other way round: `unread=true` is `seen=false`. */
    unread?: boolean;
    /** Text within the names and addresses of From. */
    from?: string;
    /** Text within the names and addresses of To and Cc. */
    to?: string;
    /** Text within the subject. */
    subject?: string;
    /**
     * What to look for, at most 10 words or phrases in quotation marks, all of which a message
     * must have in its subject, in names and addresses of From, To and Cc, or in its text.
     * `from:`, `to:`, `subject:`, `label:`, `in:` a folder, `has:attachment`, `is:unread`,
     * `is:read`, `is:flagged`, `after:2026-01-31`, `before:2026-02-28` (days of UTC),
     * `larger:100k`, `smaller:2m` and `thread:` narrow it; `-` in front of any of them excludes.
     * Case does not matter.
     */
    q?: string;
    /** Received at this time or later. */
    since?: string | Date;
    /** Received before this time. */
    until?: string | Date;
    /** Only messages with an attachment, or without. */
    has_attachments?: boolean;
    /** The same as `has_attachments`. */
    has_attachment?: boolean;
    /** Only messages with one of these verdicts. A message that was not judged has none. */
    verdict?: "clean" | "suspicious" | "spam" | Array<"clean" | "suspicious" | "spam">;
    /** The same as `verdict`. */
    spam?: "clean" | "suspicious" | "spam" | Array<"clean" | "suspicious" | "spam">;
    /** Only this conversation. */
    thread?: string;
    /** Only messages with a one-time code, or without. */
    has_code?: boolean;
    /**
     * Without it a row has what is known without a look into the message. `summary` adds
     * `attachments`, `links`, `codes_found`, `hidden_content`, `chars` and `tokens_estimate`;
     * `full` adds all of the content, as one message has it. Both read each message, and a page
     * then ends early when its texts are long.
     */
    view?: "summary" | "full";
    /**
     * How `text` is written. Markdown is made of the HTML, with headings, lists, tables and the
     * addresses of links; of a mail without HTML it is the text as it stands.
     */
    format?: "text" | "markdown";
    /**
     * The most characters that `text` and `extracted_text` have. `text` is cut behind a
     * paragraph, a sentence or a word where one ends in the second half of it.
     */
    max_chars?: number;
}
/** The parameters of `messages.exportMessages`. */
export interface MessagesExportMessagesParams {
    /** The folder. */
    folder?: string;
    /** How many rows a page has at most. */
    limit?: number;
}
/** The parameters of `messages.importMessages`. */
export interface MessagesImportMessagesParams extends models.NewImports {
}
/** The parameters of `messages.wait`. */
export interface MessagesWaitParams {
    /** Seconds that it waits at most; with 0 it only looks. */
    timeout?: number;
    /**
     * Only messages of this sender: an address, or a domain such as `example.com` or
     * `@example.com`; whole, in any case.
     */
    from?: string;
    /** Text within the names and addresses of To and Cc. */
    to?: string;
    /** Text within the subject. */
    subject?: string;
    /**
     * Only messages that were received at this time or later; 0 is every message. Without it,
     * those of the last 60 seconds: an old code must not be taken for the new one.
     */
    since?: number | string | Date;
    /** Only messages with a one-time code, or without. */
    has_code?: boolean;
    /** Only messages of this conversation. */
    thread?: string;
    /**
     * `injection` puts a mark in place of what the filter has found to give orders to an agent:
     * in `text`, `extracted_text`, `subject` and `preview`. `html` is then null and `headers`
     * empty, Markdown is plain text, and `redacted` says so. Without it, as the settings of the
     * inbox say, which hold in lists too.
     */
    redact?: "injection" | "none";
}
/** The parameters of `messages.batch`. */
export interface MessagesBatchParams extends models.MessageBatch {
}
/** The parameters of `messages.get`. */
export interface MessagesGetParams {
    /** `text` is without extracted text, HTML and header fields; `summary` is without `text` too. */
    view?: "summary" | "text" | "full";
    /**
     * How `text` is written. Markdown is made of the HTML, with headings, lists, tables and the
     * addresses of links; of a mail without HTML it is the text as it stands.
     */
    format?: "text" | "markdown";
    /** The character at which the page of `text` begins: `next_offset` of the page before. */
    offset?: number;
    /**
     * The most characters that `text` and `extracted_text` have. `text` is cut behind a
     * paragraph, a sentence or a word where one ends in the second half of it.
     */
    max_chars?: number;
    /**
     * `injection` puts a mark in place of what the filter has found to give orders to an agent:
     * in `text`, `extracted_text`, `subject` and `preview`. `html` is then null and `headers`
     * empty, Markdown is plain text, and `redacted` says so. Without it, as the settings of the
     * inbox say, which hold in lists too.
     */
    redact?: "injection" | "none";
}
/** The parameters of `messages.update`. */
export interface MessagesUpdateParams extends models.MessagePatch {
}
/** The parameters of `messages.delete`. */
export interface MessagesDeleteParams {
    /** Delete it for good, wherever it is. */
    permanent?: boolean;
}
/** The parameters of `messages.spam`. */
export interface MessagesSpamParams extends models.Said {
}
/** The parameters of `messages.notSpam`. */
export interface MessagesNotSpamParams extends models.Said {
}
/** The parameters of `messages.reply`. */
export interface MessagesReplyParams extends models.NewReply {
    /** Whether to say only what would become of the message, for each recipient (200). */
    dry_run?: boolean;
}
/** The parameters of `messages.replyAll`. */
export interface MessagesReplyAllParams extends models.NewReply {
    /** Whether to say only what would become of the message, for each recipient (200). */
    dry_run?: boolean;
}
/** The parameters of `messages.forward`. */
export interface MessagesForwardParams extends models.NewForward {
    /** Whether to say only what would become of the message, for each recipient (200). */
    dry_run?: boolean;
}
/** The parameters of `messages.raw`. */
export interface MessagesRawOptions extends RequestOptions {
    /** One range of octets. Several ranges, or another unit, get the whole. */
    range?: string;
    /** The `ETag` of the octets that `Range` is of; other octets come whole. */
    ifRange?: string;
    /** The `ETag` of octets that you have: they are not sent again (304). */
    ifNoneMatch?: string;
    /** The `ETag` of the octets that you want: no others are sent (412). */
    ifMatch?: string;
}
/** The parameters of `messages.attachment`. */
export interface MessagesAttachmentOptions extends RequestOptions {
    /** One range of octets. Several ranges, or another unit, get the whole. */
    range?: string;
    /** The `ETag` of the octets that `Range` is of; other octets come whole. */
    ifRange?: string;
    /** The `ETag` of octets that you have: they are not sent again (304). */
    ifNoneMatch?: string;
    /** The `ETag` of the octets that you want: no others are sent (412). */
    ifMatch?: string;
}
/** The parameters of `messages.listAll`. */
export interface MessagesListAllParams {
    /** Only messages of these inboxes, at most 100; one that is not there is 404. */
    inbox?: string | string[];
    /** How many rows a page has at most. */
    limit?: number;
    /** A folder by its name; `all` is every one. */
    folder?: string;
    /** Only messages with this label. */
    label?: string;
    /** Only messages that have been read, or only those that have not. */
    seen?: boolean;
    /** The same as `seen`, the other way round: `unread=true` is `seen=false`. */
    unread?: boolean;
    /** Text within the names and addresses of From. */
    from?: string;
    /** Text within the names and addresses of To and Cc. */
    to?: string;
    /** Text within the subject. */
    subject?: string;
    /**
     * What to look for, at most 10 words or phrases in quotation marks, all of which a message
     * must have in its subject, in names and addresses of From, To and Cc, or in its text.
     * `from:`, `to:`, `subject:`, `label:`, `in:` a folder, `has:attachment`, `is:unread`,
     * `is:read`, `is:flagged`, `after:2026-01-31`, `before:2026-02-28` (days of UTC),
     * `larger:100k`, `smaller:2m` and `thread:` narrow it; `-` in front of any of them excludes.
     * Case does not matter.
     */
    q?: string;
    /** Received at this time or later. */
    since?: string | Date;
    /** Received before this time. */
    until?: string | Date;
    /** Only messages with an attachment, or without. */
    has_attachments?: boolean;
    /** The same as `has_attachments`. */
    has_attachment?: boolean;
    /** Only messages with one of these verdicts. A message that was not judged has none. */
    verdict?: "clean" | "suspicious" | "spam" | Array<"clean" | "suspicious" | "spam">;
    /** The same as `verdict`. */
    spam?: "clean" | "suspicious" | "spam" | Array<"clean" | "suspicious" | "spam">;
    /** Only this conversation. */
    thread?: string;
    /** Only messages with a one-time code, or without. */
    has_code?: boolean;
    /**
     * Without it a row has what is known without a look into the message. `summary` adds
     * `attachments`, `links`, `codes_found`, `hidden_content`, `chars` and `tokens_estimate`;
     * `full` adds all of the content, as one message has it. Both read each message, and a page
     * then ends early when its texts are long.
     */
    view?: "summary" | "full";
    /**
     * How `text` is written. Markdown is made of the HTML, with headings, lists, tables and the
     * addresses of links; of a mail without HTML it is the text as it stands.
     */
    format?: "text" | "markdown";
    /**
     * The most characters that `text` and `extracted_text` have. `text` is cut behind a
     * paragraph, a sentence or a word where one ends in the second half of it.
     */
    max_chars?: number;
}
/**
 * Send, read, search and change mail. The text of a message is ready for a language model:
 * without hidden elements, quoted history apart, codes and links picked out. Reading never
 * changes a message.
 */
export declare class MessagesResource {
    protected readonly client: Postern;
    constructor(client: Postern);
    /**
     * Send a message. Sends a message from the inbox. It is answered when the message is on the
     * disk: local recipients have it then, others are queued. With `send_at` it is answered in
     * the same way, and leaves at that time; policy is asked again then. The body may be up to 35
     * MiB; a large file is better uploaded first. The key needs the scope `messages:write`.
     */
    send(inbox: string, params: MessagesSendParams & {
        dry_run?: false;
    }, options?: RequestOptions): Promise<models.Sent>;
    send(inbox: string, params: MessagesSendParams & {
        dry_run: true;
    }, options?: RequestOptions): Promise<models.SendTrial>;
    /**
     * List and search messages. Lists messages without their content, newest first. Without
     * `folder` these are those that have arrived: in INBOX and your own folders, not in Sent,
     * Drafts, Trash and Junk. With `q` it is a search of every folder but Trash and Junk, by the
     * time of receipt, newest first, and each message has a `snippet`. A page is full or the last
     * one; one whose rows are large, and a list with other filters that has looked at very many
     * messages, may end early, and `next_cursor` then goes on. A page without a message is the
     * last one. The key needs the scope `messages:read`.
     */
    list(inbox: string, params?: MessagesListParams, options?: RequestOptions): Pages<models.Message>;
    /**
     * Export messages. Gives the messages of a folder with their octets, flags, labels and dates,
     * in the order of their UIDs. A page ends at 256 KiB of octets. The pages behind
     * `next_cursor` end with what was in the folder when the first was read. The key needs the
     * scope `messages:read`.
     */
    exportMessages(inbox: string, params?: MessagesExportMessagesParams, options?: RequestOptions): Pages<models.ExportedMessage>;
    /**
     * Import messages. Stores messages of another mailbox with their flags, labels and dates, in
     * one request as many as a list and 35 MiB hold. The octets stay as they are. Nothing is
     * judged, sent or answered. A message that is refused does not hold up the others. A request
     * that is repeated, also after a crash, imports nothing twice, so it needs no
     * Idempotency-Key. The key needs the scope `messages:write`.
     */
    importMessages(inbox: string, params: MessagesImportMessagesParams, options?: RequestOptions): Promise<models.ImportReport>;
    /**
     * Wait for a message. Answers with the newest message in INBOX or Junk that meets the filter:
     * at once if one is there, else as soon as one comes. What came in the last 60 seconds counts
     * as there; `since` changes that. While it waits it counts as an event stream of its key. The
     * key needs the scope `messages:read`.
     */
    wait(inbox: string, params?: MessagesWaitParams, options?: RequestOptions): Promise<models.Message | null>;
    /**
     * Change many messages. Changes labels and flags of many messages, moves them to another
     * folder, or deletes them. Each id has its own row in the answer, in the order of the
     * request. A message that cannot be changed stays as it was and keeps none of the others from
     * it. The key needs the scope `messages:write`.
     */
    batch(inbox: string, params: MessagesBatchParams, options?: RequestOptions): Promise<models.BatchResult>;
    /**
     * Read a message. Reads one message with its content. Reading never sets a flag. A long text
     * is read in pages: `max_chars` bounds a page, `next_offset` says where the next one begins,
     * and the pages joined are the whole text. The key needs the scope `messages:read`.
     */
    get(inbox: string, id: string, params?: MessagesGetParams, options?: RequestOptions): Promise<models.Message>;
    /**
     * Change a message. Changes labels and flags of a message, moves it to another folder, and
     * sets when it ends. The key needs the scope `messages:write`.
     */
    update(inbox: string, id: string, params: MessagesUpdateParams, options?: RequestOptions): Promise<models.Message | models.MessageState>;
    /**
     * Delete a message. Moves a message to Trash, or deletes it for good. The key needs the scope
     * `messages:write`.
     */
    delete(inbox: string, id: string, params?: MessagesDeleteParams, options?: RequestOptions): Promise<void>;
    /**
     * Let a sender in. Lets the sender of a message in: an inbox that screens or refuses mail of
     * senders that it does not know takes the mail of this one from now on. The message loses the
     * label `$Screened` and moves to INBOX. The key needs the scope `messages:write`.
     */
    admit(inbox: string, id: string, options?: RequestOptions): Promise<models.Message | models.MessageState>;
    /**
     * Take a message for spam. Says that a message is spam: it moves to Junk with the label
     * `$Junk`, the inbox takes mail of its sender for spam rather from now on, and the filter of
     * the organization learns its words. A move to Junk and the label `$Junk` teach the words
     * too. The key needs the scope `messages:write`.
     */
    spam(inbox: string, id: string, params?: MessagesSpamParams, options?: RequestOptions): Promise<models.Message | models.MessageState>;
    /**
     * Take a message for wanted. Says that a message is wanted: it moves to INBOX with the label
     * `$NotJunk`, the inbox takes mail of its sender for wanted rather from now on, and the
     * filter of the organization learns its words. A move out of Junk and the label `$NotJunk`
     * teach the words too. The key needs the scope `messages:write`.
     */
    notSpam(inbox: string, id: string, params?: MessagesNotSpamParams, options?: RequestOptions): Promise<models.Message | models.MessageState>;
    /**
     * Answer a message. Sends an answer to Reply-To of a message, or to its From. An answer to a
     * message that the inbox has sent itself goes to the recipients of that. The subject has `Re:
     * ` once, and the answer joins the conversation. The key needs the scopes `messages:read` and
     * `messages:write`.
     */
    reply(inbox: string, id: string, params: MessagesReplyParams & {
        dry_run?: false;
    }, options?: RequestOptions): Promise<models.Sent>;
    reply(inbox: string, id: string, params: MessagesReplyParams & {
        dry_run: true;
    }, options?: RequestOptions): Promise<models.SendTrial>;
    /**
     * Answer everybody. Sends an answer like `reply`, with a copy to all others in To and Cc of
     * the message. The inbox itself and its `+tag` addresses are left out, and no address stands
     * twice. The key needs the scopes `messages:read` and `messages:write`.
     */
    replyAll(inbox: string, id: string, params: MessagesReplyAllParams & {
        dry_run?: false;
    }, options?: RequestOptions): Promise<models.Sent>;
    replyAll(inbox: string, id: string, params: MessagesReplyAllParams & {
        dry_run: true;
    }, options?: RequestOptions): Promise<models.SendTrial>;
    /**
     * Hand a message on. Sends a message on to others, with its attachments and with `Fwd: ` once
     * in its subject. The key needs the scopes `messages:read` and `messages:write`.
     */
    forward(inbox: string, id: string, params: MessagesForwardParams & {
        dry_run?: false;
    }, options?: RequestOptions): Promise<models.Sent>;
    forward(inbox: string, id: string, params: MessagesForwardParams & {
        dry_run: true;
    }, options?: RequestOptions): Promise<models.SendTrial>;
    /**
     * Download a message. The octets of a message as they are stored (RFC 5322). With `Range:
     * bytes=…` some of them, so that a download that broke off goes on. The key needs the scope
     * `messages:read`.
     */
    raw(inbox: string, id: string, options?: MessagesRawOptions): Promise<Uint8Array>;
    /** As `raw`, while the octets come: iterate, or `save`. */
    streamRaw(inbox: string, id: string, options?: MessagesRawOptions): Promise<Download>;
    /**
     * Download an attachment. The decoded octets of one part, with its own media type where that
     * is one. With `Range: bytes=…` some of them, so that a download that broke off goes on. The
     * key needs the scope `messages:read`.
     */
    attachment(inbox: string, id: string, att: string, options?: MessagesAttachmentOptions): Promise<Uint8Array>;
    /** As `attachment`, while the octets come: iterate, or `save`. */
    streamAttachment(inbox: string, id: string, att: string, options?: MessagesAttachmentOptions): Promise<Download>;
    /**
     * List and search messages of all inboxes. Lists the messages of every inbox that the key may
     * see, or of those that `inbox` names, with the filters and in the order of the list of one
     * inbox. `inbox_id` says where each is. The key needs the scope `messages:read`.
     */
    listAll(params?: MessagesListAllParams, options?: RequestOptions): Pages<models.Message>;
}
/** The parameters of `drafts.create`. */
export interface DraftsCreateParams extends models.NewDraft {
}
/** The parameters of `drafts.list`. */
export interface DraftsListParams {
    /** How many rows a page has at most. */
    limit?: number;
}
/** The parameters of `drafts.update`. */
export interface DraftsUpdateParams extends models.DraftPatch {
}
/** The parameters of `drafts.delete`. */
export interface DraftsDeleteParams {
    /** Delete it for good. */
    permanent?: boolean;
}
/** The parameters of `drafts.send`. */
export interface DraftsSendParams extends models.DraftSend {
    /** Whether to say only what would become of the message, for each recipient (200). */
    dry_run?: boolean;
}
/** Messages that are not sent yet. They are those of the folder Drafts over IMAP. */
export declare class DraftsResource {
    protected readonly client: Postern;
    constructor(client: Postern);
    /**
     * Make a draft. Stores a message in the Drafts folder. Nothing is sent, no recipient is
     * looked up and no budget is spent. The key needs the scope `messages:write`.
     */
    create(inbox: string, params: DraftsCreateParams, options?: RequestOptions): Promise<models.Message | models.MessageState>;
    /**
     * List drafts. Lists the messages of the Drafts folder, newest first, also those that wait
     * there: held mail has the label `$Held`, scheduled mail `$Scheduled`. The key needs the
     * scope `messages:read`.
     */
    list(inbox: string, params?: DraftsListParams, options?: RequestOptions): Pages<models.Message>;
    /**
     * Read a draft. Reads one draft with its content. What stands in another folder is no draft.
     * The key needs the scope `messages:read`.
     */
    get(inbox: string, id: string, options?: RequestOptions): Promise<models.Message>;
    /**
     * Change a draft. Changes a draft. Its id stays; in IMAP it is a new message in place of the
     * old one. A message that is held or scheduled cannot be changed. The key needs the scope
     * `messages:write`.
     */
    update(inbox: string, id: string, params: DraftsUpdateParams, options?: RequestOptions): Promise<models.Message | models.MessageState>;
    /**
     * Delete a draft. Moves a draft to Trash, or deletes it for good. Held or scheduled mail is
     * cancelled by it. The key needs the scope `messages:write`.
     */
    delete(inbox: string, id: string, params?: DraftsDeleteParams, options?: RequestOptions): Promise<void>;
    /**
     * Send a draft. Sends a draft, also one that a mail client has written. It is answered like a
     * send, and the message moves from Drafts to Sent with its id. Policy is that of a send. A
     * draft without a recipient is refused, and so is a message that is held or scheduled
     * already. The key needs the scopes `messages:read` and `messages:write`.
     */
    send(inbox: string, id: string, params: DraftsSendParams & {
        dry_run?: false;
    }, options?: RequestOptions): Promise<models.Sent>;
    send(inbox: string, id: string, params: DraftsSendParams & {
        dry_run: true;
    }, options?: RequestOptions): Promise<models.SendTrial>;
}
/** The parameters of `threads.list`. */
export interface ThreadsListParams {
    /** How many rows a page has at most. */
    limit?: number;
    /**
     * A folder by its name; `all` is every one. Messages in Trash and Junk count only where this
     * names them.
     */
    folder?: string;
    /** Only messages with this label. */
    label?: string;
    /** Only threads with a message that has not been read, or that has. */
    unread?: boolean;
    /** Text within the names and addresses of From. */
    from?: string;
    /** Text within the names and addresses of To and Cc. */
    to?: string;
    /** Text within the subject. */
    subject?: string;
    /** Received at this time or later. */
    since?: string | Date;
    /** Received before this time. */
    until?: string | Date;
}
/** The parameters of `threads.get`. */
export interface ThreadsGetParams {
    /** How many rows a page has at most. */
    limit?: number;
    /** Where to go on: `next_cursor` of the page before. */
    cursor?: string;
    /**
     * A folder by its name; `all` is every one. Messages in Trash and Junk count only where this
     * names them.
     */
    folder?: string;
    /**
     * `full` is with the content of each message, as one message has it; a page then ends early
     * when its texts are long.
     */
    view?: "summary" | "full";
    /**
     * How `text` is written. Markdown is made of the HTML, with headings, lists, tables and the
     * addresses of links; of a mail without HTML it is the text as it stands.
     */
    format?: "text" | "markdown";
    /**
     * The most characters that `text` and `extracted_text` have. `text` is cut behind a
     * paragraph, a sentence or a word where one ends in the second half of it.
     */
    max_chars?: number;
}
/** A conversation: the messages of an inbox that answer one another. */
export declare class ThreadsResource {
    protected readonly client: Postern;
    constructor(client: Postern);
    /**
     * List threads. Lists the conversations of the inbox, the newest activity first. One is
     * listed when a message of it meets every filter. Messages in Trash and Junk do not count,
     * unless `folder` names them. A page may end early when its rows are large or the list has
     * looked at very many messages; `next_cursor` then goes on. The key needs the scope
     * `messages:read`.
     */
    list(inbox: string, params?: ThreadsListParams, options?: RequestOptions): Pages<models.Thread>;
    /**
     * Read a thread. Reads a conversation with a page of its messages, oldest first. A thread
     * whose messages are all in Trash and Junk is shown with them. The key needs the scope
     * `messages:read`.
     */
    get(inbox: string, thread: string, params?: ThreadsGetParams, options?: RequestOptions): Promise<models.OpenedThread>;
}
/** The parameters of `folders.list`. */
export interface FoldersListParams {
    /** How many rows a page has at most. */
    limit?: number;
}
/** The parameters of `folders.create`. */
export interface FoldersCreateParams extends models.NewFolder {
}
/** The parameters of `folders.rename`. */
export interface FoldersRenameParams extends models.FolderPatch {
}
/** The parameters of `folders.delete`. */
export interface FoldersDeleteParams {
    /** Delete its messages for good. */
    permanent?: boolean;
}
/** The folders of an inbox, which are its mailboxes over IMAP. */
export declare class FoldersResource {
    protected readonly client: Postern;
    constructor(client: Postern);
    /**
     * List folders. Lists the folders of the inbox with their counts, by name. The key needs the
     * scope `messages:read`.
     */
    list(inbox: string, params?: FoldersListParams, options?: RequestOptions): Pages<models.Folder>;
    /**
     * Make a folder. Makes a folder. IMAP shows it at once. The key needs the scope
     * `messages:write`.
     */
    create(inbox: string, params: FoldersCreateParams, options?: RequestOptions): Promise<models.Folder>;
    /**
     * Rename a folder. Gives a folder another name, and with it the folders below it. INBOX and
     * folders with a special use keep theirs. The key needs the scope `messages:write`.
     */
    rename(inbox: string, folder: string, params: FoldersRenameParams, options?: RequestOptions): Promise<models.Folder>;
    /**
     * Delete a folder. Deletes a folder. Its messages move to Trash; with `permanent` they are
     * deleted for good. INBOX, folders with a special use and folders that have others below them
     * cannot be deleted. The key needs the scope `messages:write`.
     */
    delete(inbox: string, folder: string, params?: FoldersDeleteParams, options?: RequestOptions): Promise<void>;
}
/** The parameters of `rules.test`. */
export interface RulesTestParams extends models.RuleTrial {
}
/** The parameters of `rules.create`. */
export interface RulesCreateParams extends models.NewRule {
}
/** The parameters of `rules.list`. */
export interface RulesListParams {
    /** How many rows a page has at most. */
    limit?: number;
}
/** The parameters of `rules.update`. */
export interface RulesUpdateParams extends models.RulePatch {
}
/**
 * What is done with each message that an inbox receives, before it is delivered: moved,
 * labelled, flagged, deleted. The event of the message shows it.
 */
export declare class RulesResource {
    protected readonly client: Postern;
    constructor(client: Postern);
    /**
     * Try a rule. Tries a rule over the stored mail of an inbox, newest first, and says which
     * messages it would match and what it would do. Nothing is stored, sent or counted. It looks
     * at the newest 1,000 messages, up to 64 MiB of them; mail that did not come in is left out.
     * The key needs the scopes `messages:read` and `rules:write`.
     */
    test(inbox: string, params: RulesTestParams, options?: RequestOptions): Pages<models.RuleTrialRow>;
    /**
     * Make a rule. Makes a rule of an inbox. It holds from the next message on. A pattern is
     * compiled when the rule is saved; one that does not compile is refused with the reason. The
     * key needs the scope `rules:write`.
     */
    create(inbox: string, params: RulesCreateParams, options?: RequestOptions): Promise<models.Rule>;
    /**
     * List the rules of an inbox. Lists the rules of an inbox in the order in which they are
     * asked. The key needs the scope `rules:write`.
     */
    list(inbox: string, params?: RulesListParams, options?: RequestOptions): Pages<models.Rule>;
    /** Read a rule. Reads one rule of an inbox. The key needs the scope `rules:write`. */
    get(inbox: string, rule: string, options?: RequestOptions): Promise<models.Rule>;
    /**
     * Change a rule. Changes a rule of an inbox. What is absent stays. The key needs the scope
     * `rules:write`.
     */
    update(inbox: string, rule: string, params: RulesUpdateParams, options?: RequestOptions): Promise<models.Rule>;
    /**
     * Delete a rule. Deletes a rule of an inbox. It holds no more from the next message on. The
     * key needs the scope `rules:write`.
     */
    delete(inbox: string, rule: string, options?: RequestOptions): Promise<void>;
}
/** The parameters of `orgRules.test`. */
export interface OrgRulesTestParams extends models.RuleTrial {
}
/** The parameters of `orgRules.create`. */
export interface OrgRulesCreateParams extends models.NewRule {
}
/** The parameters of `orgRules.list`. */
export interface OrgRulesListParams {
    /** How many rows a page has at most. */
    limit?: number;
}
/** The parameters of `orgRules.update`. */
export interface OrgRulesUpdateParams extends models.RulePatch {
}
/** The same for every inbox of an organization; those of an inbox are asked first. */
export declare class OrgRulesResource {
    protected readonly client: Postern;
    constructor(client: Postern);
    /**
     * Try a rule of the organization. Tries a rule over the stored mail of all inboxes, as for
     * one inbox. The key needs the scopes `messages:read` and `rules:write` and is bound to no
     * inbox.
     */
    test(params: OrgRulesTestParams, options?: RequestOptions): Pages<models.RuleTrialRow>;
    /**
     * Make a rule of the organization. Makes a rule that each inbox of the organization asks
     * after its own. The key needs the scope `rules:write` and is bound to no inbox.
     */
    create(params: OrgRulesCreateParams, options?: RequestOptions): Promise<models.Rule>;
    /**
     * List the rules of the organization. Lists the rules of the organization in the order in
     * which they are asked. The key needs the scope `rules:write` and is bound to no inbox.
     */
    list(params?: OrgRulesListParams, options?: RequestOptions): Pages<models.Rule>;
    /**
     * Read a rule of the organization. Reads one rule of the organization. The key needs the
     * scope `rules:write` and is bound to no inbox.
     */
    get(rule: string, options?: RequestOptions): Promise<models.Rule>;
    /**
     * Change a rule of the organization. Changes a rule of the organization. What is absent
     * stays. The key needs the scope `rules:write` and is bound to no inbox.
     */
    update(rule: string, params: OrgRulesUpdateParams, options?: RequestOptions): Promise<models.Rule>;
    /**
     * Delete a rule of the organization. Deletes a rule of the organization. The key needs the
     * scope `rules:write` and is bound to no inbox.
     */
    delete(rule: string, options?: RequestOptions): Promise<void>;
}
/** The parameters of `approvals.list`. */
export interface ApprovalsListParams {
    /** How many rows a page has at most. */
    limit?: number;
    /** Only those of this status. */
    status?: "held" | "approved" | "declined" | "expired";
}
/** The parameters of `approvals.approve`. */
export interface ApprovalsApproveParams extends models.ApprovalEdit {
}
/** The parameters of `approvals.decline`. */
export interface ApprovalsDeclineParams extends models.ApprovalDecline {
}
/** Messages that wait until a key with `approve` lets them go. */
export declare class ApprovalsResource {
    protected readonly client: Postern;
    constructor(client: Postern);
    /**
     * List approvals. Lists held mail and decisions of the inboxes that the key may see, oldest
     * first, without their texts. The key needs the scope `approve`.
     */
    list(params?: ApprovalsListParams, options?: RequestOptions): Pages<models.Approval>;
    /**
     * Read an approval. Reads one approval with the texts of its message. The key needs the scope
     * `approve`.
     */
    get(approval: string, options?: RequestOptions): Promise<models.Approval>;
    /**
     * Approve a held message. Lets a held message leave, as it is or with other words. It moves
     * to Sent. It is decided once; policy is asked again, and a refusal leaves it held. The key
     * needs the scope `approve`.
     */
    approve(approval: string, params?: ApprovalsApproveParams, options?: RequestOptions): Promise<models.Approval>;
    /**
     * Decline a held message. Keeps a held message from leaving: it stays in Drafts with the
     * label `$Declined`. It is decided once. The key needs the scope `approve`.
     */
    decline(approval: string, params?: ApprovalsDeclineParams, options?: RequestOptions): Promise<models.Approval>;
}
/** The parameters of `outbound.list`. */
export interface OutboundListParams {
    /** How many rows a page has at most. */
    limit?: number;
    /** Only those in this state. */
    status?: "held" | "scheduled" | "queued" | "deferred" | "sending" | "delivered" | "bounced" | "cancelled" | "expired";
    /** Only those that this inbox has sent. */
    inbox?: string;
    /** Only those to this address. */
    recipient?: string;
    /** Only those at this domain, not below it. */
    domain?: string;
}
/**
 * What became of each message for each recipient outside: attempts, answers, and when the next
 * attempt is.
 */
export declare class OutboundResource {
    protected readonly client: Postern;
    constructor(client: Postern);
    /**
     * List the queue to outside. Lists recipients outside this server, newest first, of the
     * inboxes that the key may see: those that wait, and those that have ended in the last week.
     * The key needs the scope `messages:read`.
     */
    list(params?: OutboundListParams, options?: RequestOptions): Pages<models.Outbound>;
    /**
     * Read one recipient of the queue. Reads one recipient outside, with every attempt: the host,
     * TLS and its answer. The key needs the scope `messages:read`.
     */
    get(outbound: string, options?: RequestOptions): Promise<models.OutboundWithHistory>;
    /**
     * Try a recipient now. Makes a recipient that waits due now, whatever rest its server has.
     * The key needs the scope `messages:write`.
     */
    retry(outbound: string, options?: RequestOptions): Promise<models.OutboundWithHistory>;
    /**
     * Take a recipient back. Takes a recipient back that has not left: the message is not sent to
     * it. The event is `message.rejected` with the reason `cancelled`. The key needs the scope
     * `messages:write`.
     */
    cancel(outbound: string, options?: RequestOptions): Promise<models.OutboundWithHistory>;
}
/** The parameters of `filterRules.create`. */
export interface FilterRulesCreateParams extends models.NewFilterRule {
}
/** The parameters of `filterRules.list`. */
export interface FilterRulesListParams {
    /** How many rows a page has at most. */
    limit?: number;
}
/** Whose mail is taken and who may be written to. The most specific rule wins. */
export declare class FilterRulesResource {
    protected readonly client: Postern;
    constructor(client: Postern);
    /**
     * Make a filter rule. Makes an allow or a block rule. It holds from the next message on. Mail
     * that a rule blocks is refused in the session, with the id of the rule. The key needs the
     * scope `rules:write`.
     */
    create(params: FilterRulesCreateParams, options?: RequestOptions): Promise<models.FilterRule>;
    /**
     * List filter rules. Lists the filter rules by id. A key that is bound to inboxes sees those
     * of its inboxes. The key needs the scope `rules:write`.
     */
    list(params?: FilterRulesListParams, options?: RequestOptions): Pages<models.FilterRule>;
    /** Read a filter rule. Reads one filter rule. The key needs the scope `rules:write`. */
    get(filterRule: string, options?: RequestOptions): Promise<models.FilterRule>;
    /**
     * Delete a filter rule. Deletes a filter rule. It holds no more from the next message on. The
     * key needs the scope `rules:write`.
     */
    delete(filterRule: string, options?: RequestOptions): Promise<void>;
}
/** The parameters of `suppressions.create`. */
export interface SuppressionsCreateParams extends models.NewSuppression {
}
/** The parameters of `suppressions.list`. */
export interface SuppressionsListParams {
    /** How many rows a page has at most. */
    limit?: number;
    /** Only the suppression of this address. */
    address?: string;
}
/** Addresses that get no more mail, because it came back or because its reader complained. */
export declare class SuppressionsResource {
    protected readonly client: Postern;
    constructor(client: Postern);
    /**
     * Suppress an address. Puts an address on the suppression list of the organization. Mail to
     * it is refused. An address that is on the list already stays there as it is. The key needs
     * the scope `rules:write` and is bound to no inbox.
     */
    create(params: SuppressionsCreateParams, options?: RequestOptions): Promise<models.Suppression>;
    /**
     * List suppressions. Lists the suppressed addresses of the organization by id. The key needs
     * the scope `rules:write` and is bound to no inbox.
     */
    list(params?: SuppressionsListParams, options?: RequestOptions): Pages<models.Suppression>;
    /**
     * Read a suppression. Reads one suppression. The key needs the scope `rules:write` and is
     * bound to no inbox.
     */
    get(suppression: string, options?: RequestOptions): Promise<models.Suppression>;
    /**
     * Remove a suppression. Takes an address off the list. Mail to it leaves again. The key needs
     * the scope `rules:write` and is bound to no inbox.
     */
    delete(suppression: string, options?: RequestOptions): Promise<void>;
}
/** The parameters of `spam.check`. */
export interface SpamCheckParams {
    /** Judge by the thresholds and weights of this inbox. */
    inbox?: string;
    /** The media type. */
    content_type?: string;
}
/** Says what the filter makes of any message, and stores nothing. */
export declare class SpamResource {
    protected readonly client: Postern;
    constructor(client: Postern);
    /**
     * Forget what the filter has learned. Has the organization forget what its filter has
     * learned, and the lessons that wait. Its mail is judged by the shipped model again until it
     * is taught anew. Labels and folders stay. The key needs the scope `admin` and is bound to no
     * inbox.
     */
    forget(options?: RequestOptions): Promise<void>;
    /**
     * Judge a message. Says what the filter thinks of a message, which is the body as it is (RFC
     * 5322). Nothing is stored and nothing is learned. Of its sender nothing is known here, so
     * that the rules about earlier mail and about the checks of a sender find nothing. The key
     * needs the scope `messages:read`.
     */
    check(content: Uint8Array, params?: SpamCheckParams, options?: RequestOptions): Promise<models.Spam>;
}
/** The parameters of `spamSignatures.importEntries`. */
export interface SpamSignaturesImportEntriesParams extends models.NewSpamSignatures {
}
/** The parameters of `spamSignatures.list`. */
export interface SpamSignaturesListParams {
    /** How many rows a page has at most. */
    limit?: number;
}
/** The parameters of `spamSignatures.delete`. */
export interface SpamSignaturesDeleteParams {
    /** Only entries of this source; without it, of all. */
    source?: string;
    /** Only entries whose last import has an earlier stamp. */
    before?: string | Date;
}
/** The hashes of spam that others have seen, for every organization of the server. */
export declare class SpamSignaturesResource {
    protected readonly client: Postern;
    constructor(client: Postern);
    /**
     * Add known spam. Adds entries to the list of known spam of the server. They hold from the
     * next message on. A line that is no entry is told and does not hold up the others. An entry
     * that the source has gets the stamp of this import. Only the token of the operator may do
     * it.
     */
    importEntries(params: SpamSignaturesImportEntriesParams, options?: RequestOptions): Promise<models.SpamSignatureImport>;
    /**
     * List the sources of known spam. Lists the sources of the list of known spam with the
     * numbers of their entries, by name: one page, as there are at most 50. Only the token of the
     * operator may do it.
     */
    list(params?: SpamSignaturesListParams, options?: RequestOptions): Pages<models.SpamSignatureSource>;
    /**
     * Delete known spam. Deletes entries of the list of known spam, all of them or some. To
     * replace a source, import its new entries, and then delete those before the stamp of the
     * first import. Only the token of the operator may do it.
     */
    delete(params?: SpamSignaturesDeleteParams, options?: RequestOptions): Promise<models.SpamSignatureDeletion>;
}
/** The parameters of `uploads.create`. */
export interface UploadsCreateParams {
    /** Its name. */
    filename?: string;
    /** The media type. */
    content_type?: string;
}
/** A large file is uploaded first, and named by its id in the message that it is attached to. */
export declare class UploadsResource {
    protected readonly client: Postern;
    constructor(client: Postern);
    /**
     * Upload a file. Stores the body, as it is, for 24 hours. Until then any number of messages
     * and drafts can attach it by `upload_id`. In a message a file takes a third more, and a
     * message has 25 MiB at most: the body may be 19,155,876 octets long, about 18 MiB. Only the
     * key that has made an upload can use it. The key needs the scope `messages:write`.
     */
    create(content: Uint8Array, params?: UploadsCreateParams, options?: RequestOptions): Promise<models.Upload>;
    /**
     * Read an upload. Reads what is known of an upload, without its octets. The key needs the
     * scope `messages:write`.
     */
    get(upload: string, options?: RequestOptions): Promise<models.Upload>;
    /**
     * Delete an upload. Deletes an upload before its time. Messages that were made with it keep
     * the file. The key needs the scope `messages:write`.
     */
    delete(upload: string, options?: RequestOptions): Promise<void>;
}
/** The parameters of `events.log`. */
export interface EventsLogParams {
    /** Begin behind this event; without it, with the oldest that the log has. */
    after?: number;
    /**
     * The same as `after`, or begin with the first event at this time. `after` is obeyed before
     * it.
     */
    since?: number | string | Date;
    /** How many rows a page has at most. */
    limit?: number;
    /**
     * Only events of these inboxes, at most 100; one that is not there, or that is not among
     * those that are watched, is 404.
     */
    inbox?: string | string[];
    /** Only events of these types. */
    type?: "message.received" | "message.sent" | "message.delivered" | "message.deferred" | "message.bounced" | "message.rejected" | "loop.suspected" | "message.held" | "message.approved" | "message.declined" | "message.updated" | "message.deleted" | "message.auto_replied" | "inbox.created" | "inbox.updated" | "inbox.deleted" | "domain.verified" | "webhook.disabled" | "ready" | "reset" | "closing" | Array<"message.received" | "message.sent" | "message.delivered" | "message.deferred" | "message.bounced" | "message.rejected" | "loop.suspected" | "message.held" | "message.approved" | "message.declined" | "message.updated" | "message.deleted" | "message.auto_replied" | "inbox.created" | "inbox.updated" | "inbox.deleted" | "domain.verified" | "webhook.disabled" | "ready" | "reset" | "closing">;
    /**
     * Only mail from this address or domain (`example.com` or `@example.com`); whole, in any
     * case. Needs `messages:read`.
     */
    from?: string;
    /** Only messages with this label; no message need have it yet. */
    label?: string;
    /** Only mail of this priority. */
    priority?: "high" | "normal" | "low";
    /** Only mail of this verdict. */
    verdict?: "clean" | "suspicious" | "spam";
    /**
     * Read as a member of this consumer group. It is made with the first use of its name, begins
     * now or where `since` says, and keeps its own cursor: each event goes to one of its readers,
     * and comes again until `POST /api/v1/events/ack`. All its readers ask for the same events.
     */
    group?: string;
    /**
     * Only with `group`: the seconds after which an event that was not acknowledged goes to
     * another reader.
     */
    lease_s?: number;
    /**
     * Only with `group`: no event of an inbox goes out while an earlier one of it is not
     * acknowledged.
     */
    order?: "inbox";
    /**
     * Only with `group`: how many events you hold at once that you have not acknowledged; at most
     * 100, which is the default. The others are left to other readers. A lease runs from the
     * moment at which an event is sent, so ask for no more than you work on.
     */
    prefetch?: number;
}
/** The parameters of `events.ack`. */
export interface EventsAckParams extends models.EventAck {
}
/** The parameters of `events.groups`. */
export interface EventsGroupsParams {
    /** How many rows a page has at most. */
    limit?: number;
}
/** The parameters of `events.replay`. */
export interface EventsReplayParams extends models.EventReplay {
}
/**
 * All that happens to mail is in one log, in the order of its commits: as a stream that resumes
 * at any event, or page by page.
 */
export declare class EventsResource extends Streaming {
    /**
     * Make a ticket for a stream. Makes a ticket, which opens one event stream in place of the
     * key, with all that the key may see. A page gets it from its own server, so that the key
     * stays there. The key needs the scope `events:read`.
     */
    ticket(options?: RequestOptions): Promise<models.Ticket>;
    /**
     * Poll the log. The same events as the streams, page by page. `next_cursor` is always there:
     * it is the number to go on after, also when no event is left for now. `seq` is the same as a
     * number. A start that the log does not have is 410. The key needs the scope `events:read`.
     */
    log(params?: EventsLogParams, options?: RequestOptions): Pages<models.Event>;
    /**
     * Acknowledge an event. Says that an event of a consumer group is done, so that no reader is
     * given it again. It is about this event alone. One that no reader holds, because its time is
     * over or its stream has ended, is 409: it comes again. One that was acknowledged before is
     * 204, and so is one up to the place of the group that was never for it. It is answered also
     * while the server stops, when every other request is 503. Then the answer to `closing` is
     * its `id` without a group: the streams of the key that were told no more end, and the server
     * waits for them no longer. At any other time that changes nothing. The key needs the scope
     * `events:read`.
     */
    ack(params: EventsAckParams, options?: RequestOptions): Promise<void>;
    /**
     * List consumer groups. Lists the consumer groups of the organization by name: one page, as
     * there are at most 100. A key that is bound to inboxes sees those of keys with the same
     * inboxes. The key needs the scope `events:read`.
     */
    groups(params?: EventsGroupsParams, options?: RequestOptions): Pages<models.EventGroup>;
    /**
     * Read a consumer group. Reads one consumer group with what is set aside. The key needs the
     * scope `events:read`.
     */
    group(group: string, options?: RequestOptions): Promise<models.EventGroup>;
    /**
     * Delete a consumer group. Deletes a consumer group with its cursor and all that waits in it.
     * The streams that read it end with the reason `group_deleted`. The key needs the scope
     * `events:read`.
     */
    deleteGroup(group: string, options?: RequestOptions): Promise<void>;
    /**
     * Replay what a consumer group has set aside. Has events that were set aside come again, as
     * if no reader had been given them. Other numbers are passed over. The key needs the scope
     * `events:read`.
     */
    replay(group: string, params?: EventsReplayParams, options?: RequestOptions): Promise<models.EventReplayed>;
}
/** The parameters of `webhooks.create`. */
export interface WebhooksCreateParams extends models.NewWebhook {
}
/** The parameters of `webhooks.list`. */
export interface WebhooksListParams {
    /** How many rows a page has at most. */
    limit?: number;
}
/** The parameters of `webhooks.update`. */
export interface WebhooksUpdateParams extends models.WebhookPatch {
}
/** The parameters of `webhooks.deliveries`. */
export interface WebhooksDeliveriesParams {
    /** Only deliveries with this status. */
    status?: "pending" | "delivered" | "failed";
    /** How many rows a page has at most. */
    limit?: number;
}
/** The parameters of `webhooks.redeliverSince`. */
export interface WebhooksRedeliverSinceParams extends models.RedeliverSince {
}
/**
 * The same events, sent to endpoints of yours: signed, in order, tried again, with a list of
 * what became of each.
 */
export declare class WebhooksResource extends WebhookVerifying {
    /**
     * Make a webhook. Makes a webhook. It gets the events from now on, signed as Standard
     * Webhooks say, one after the other; an event that is not answered with 2xx is tried again
     * for about 76 hours. The secret is in this response only. The key needs the scope
     * `webhooks:write` and is bound to no inbox.
     */
    create(params: WebhooksCreateParams, options?: RequestOptions): Promise<models.MadeWebhook>;
    /**
     * List webhooks. Lists the webhooks of the organization by id, all of them in one page. The
     * key needs the scope `webhooks:write` and is bound to no inbox.
     */
    list(params?: WebhooksListParams, options?: RequestOptions): Pages<models.Webhook>;
    /**
     * Read a webhook. Reads one webhook, without its secret. The key needs the scope
     * `webhooks:write` and is bound to no inbox.
     */
    get(webhook: string, options?: RequestOptions): Promise<models.Webhook>;
    /**
     * Change a webhook. Changes a webhook, or revives one that was disabled. A key without
     * `messages:read` takes the content of messages out of its events. The key needs the scope
     * `webhooks:write` and is bound to no inbox.
     */
    update(webhook: string, params: WebhooksUpdateParams, options?: RequestOptions): Promise<models.Webhook>;
    /**
     * Delete a webhook. Deletes a webhook with its deliveries. A request that is under way comes
     * to its end. The key needs the scope `webhooks:write` and is bound to no inbox.
     */
    delete(webhook: string, options?: RequestOptions): Promise<void>;
    /**
     * Make a new secret. Makes a new secret, which is in this response only. For a day requests
     * have two signatures: the new one first, and that of the old secret. The key needs the scope
     * `webhooks:write` and is bound to no inbox.
     */
    rotateSecret(webhook: string, options?: RequestOptions): Promise<models.MadeWebhook>;
    /**
     * Test a webhook. Sends an event of the type `webhook.test` now, also to one that is
     * disabled, and waits for the answer: 15 seconds. It is not in the log and not repeated. A
     * request that is sent again with its `Idempotency-Key` makes another test. The key needs the
     * scope `webhooks:write` and is bound to no inbox.
     */
    test(webhook: string, options?: RequestOptions): Promise<models.WebhookTest>;
    /**
     * List deliveries. Lists the events that were sent to a webhook, the newest first, as long as
     * the log keeps them. The key needs the scope `webhooks:write` and is bound to no inbox.
     */
    deliveries(webhook: string, params?: WebhooksDeliveriesParams, options?: RequestOptions): Pages<models.Delivery>;
    /**
     * Send one event again. Sends one event again, with the same `webhook-id`, before those that
     * wait. The key needs the scope `webhooks:write` and is bound to no inbox.
     */
    redeliver(webhook: string, delivery: string, options?: RequestOptions): Promise<models.Delivery>;
    /**
     * Send all events since a time again. Goes back in the log to a time: every event since that
     * the webhook wants is sent, in order, with the same `webhook-id`, also one that it has not
     * been sent before. The key needs the scope `webhooks:write` and is bound to no inbox.
     */
    redeliverSince(webhook: string, params: WebhooksRedeliverSinceParams, options?: RequestOptions): Promise<models.Redelivering>;
}
/** The parameters of `inboxWebhooks.create`. */
export interface InboxWebhooksCreateParams extends models.NewWebhook {
}
/** The parameters of `inboxWebhooks.list`. */
export interface InboxWebhooksListParams {
    /** How many rows a page has at most. */
    limit?: number;
}
/** The parameters of `inboxWebhooks.update`. */
export interface InboxWebhooksUpdateParams extends models.WebhookPatch {
}
/** The parameters of `inboxWebhooks.deliveries`. */
export interface InboxWebhooksDeliveriesParams {
    /** Only deliveries with this status. */
    status?: "pending" | "delivered" | "failed";
    /** How many rows a page has at most. */
    limit?: number;
}
/** The parameters of `inboxWebhooks.redeliverSince`. */
export interface InboxWebhooksRedeliverSinceParams extends models.RedeliverSince {
}
/** The same for the events of one inbox. A key that is bound to inboxes manages theirs. */
export declare class InboxWebhooksResource {
    protected readonly client: Postern;
    constructor(client: Postern);
    /**
     * Make a webhook of an inbox. Makes a webhook that gets the events of one inbox, from now on.
     * It is one of the organization in all else. The key needs the scope `webhooks:write`.
     */
    create(inbox: string, params: InboxWebhooksCreateParams, options?: RequestOptions): Promise<models.MadeWebhook>;
    /**
     * List the webhooks of an inbox. Lists the webhooks of an inbox by id, all of them in one
     * page. The key needs the scope `webhooks:write`.
     */
    list(inbox: string, params?: InboxWebhooksListParams, options?: RequestOptions): Pages<models.Webhook>;
    /**
     * Read a webhook of an inbox. Reads one webhook of an inbox, without its secret. The key
     * needs the scope `webhooks:write`.
     */
    get(inbox: string, webhook: string, options?: RequestOptions): Promise<models.Webhook>;
    /**
     * Change a webhook of an inbox. Changes a webhook, or revives one that was disabled. It stays
     * one of the inbox. A key without `messages:read` takes the content of messages out of its
     * events. The key needs the scope `webhooks:write`.
     */
    update(inbox: string, webhook: string, params: InboxWebhooksUpdateParams, options?: RequestOptions): Promise<models.Webhook>;
    /**
     * Delete a webhook of an inbox. Deletes a webhook with its deliveries. A request that is
     * under way comes to its end. The key needs the scope `webhooks:write`.
     */
    delete(inbox: string, webhook: string, options?: RequestOptions): Promise<void>;
    /**
     * Make a new secret of a webhook of an inbox. Makes a new secret, which is in this response
     * only. The old one signs too for a day. The key needs the scope `webhooks:write`.
     */
    rotateSecret(inbox: string, webhook: string, options?: RequestOptions): Promise<models.MadeWebhook>;
    /**
     * Test a webhook of an inbox. Sends an event of the type `webhook.test` now, and waits for
     * the answer: 15 seconds. The key needs the scope `webhooks:write`.
     */
    test(inbox: string, webhook: string, options?: RequestOptions): Promise<models.WebhookTest>;
    /**
     * List deliveries of a webhook of an inbox. Lists the events that were sent to a webhook, the
     * newest first, as long as the log keeps them. The key needs the scope `webhooks:write`.
     */
    deliveries(inbox: string, webhook: string, params?: InboxWebhooksDeliveriesParams, options?: RequestOptions): Pages<models.Delivery>;
    /**
     * Send one event to a webhook of an inbox again. Sends one event again, with the same
     * `webhook-id`, before those that wait. The key needs the scope `webhooks:write`.
     */
    redeliver(inbox: string, webhook: string, delivery: string, options?: RequestOptions): Promise<models.Delivery>;
    /**
     * Send all events since a time to a webhook of an inbox again. Goes back in the log to a
     * time: every event since that the webhook wants is sent, in order, with the same
     * `webhook-id`. The key needs the scope `webhooks:write`.
     */
    redeliverSince(inbox: string, webhook: string, params: InboxWebhooksRedeliverSinceParams, options?: RequestOptions): Promise<models.Redelivering>;
}
/** Every resource of a client. */
export declare abstract class Resources {
    readonly server: ServerResource;
    readonly clients: ClientsResource;
    readonly me: MeResource;
    readonly usage: UsageResource;
    readonly audit: AuditResource;
    readonly keys: KeysResource;
    readonly domains: DomainsResource;
    readonly orgs: OrgsResource;
    readonly inboxes: InboxesResource;
    readonly messages: MessagesResource;
    readonly drafts: DraftsResource;
    readonly threads: ThreadsResource;
    readonly folders: FoldersResource;
    readonly rules: RulesResource;
    readonly orgRules: OrgRulesResource;
    readonly approvals: ApprovalsResource;
    readonly outbound: OutboundResource;
    readonly filterRules: FilterRulesResource;
    readonly suppressions: SuppressionsResource;
    readonly spam: SpamResource;
    readonly spamSignatures: SpamSignaturesResource;
    readonly uploads: UploadsResource;
    readonly events: EventsResource;
    readonly webhooks: WebhooksResource;
    readonly inboxWebhooks: InboxWebhooksResource;
}

//! Examples of commands, as their help and their manual pages show them. A test parses each line.

/// What holds for all commands.
pub const ROOT: &str = "\
Exit codes: 0 it is done; 1 it was refused or has failed; 2 the command line is wrong; 3 an import
came to its end and some messages are not in it. `postern help COMMAND` has examples.";

/// `postern org`
pub const ORG: &str = "\
Examples:
  postern org create \"Example Ltd\"
  postern org pause org_1";

/// `postern inbox`
pub const INBOX: &str = "\
Examples:
  postern inbox create support
  postern inbox create support --domain agents.example --display-name \"Support\"
  postern inbox show support-a1b2c3@postern.localhost
  postern inbox credentials --mint";

/// `postern message`
pub const MESSAGE: &str = "\
Examples:
  postern message list bot@agents.example --unread
  postern message show bot@agents.example msg_1
  postern message update bot@agents.example msg_1 --add-label done --seen true
  postern message attachment bot@agents.example msg_1 att_2 --out plan.pdf";

/// `postern thread`
pub const THREAD: &str = "\
Examples:
  postern thread list bot@agents.example --unread
  postern thread show bot@agents.example thr_1";

/// `postern draft`
pub const DRAFT: &str = "\
Examples:
  postern draft create bot@agents.example --to ann@example.com --subject Offer
  postern draft update bot@agents.example msg_1 --subject \"Our offer\"
  postern draft send bot@agents.example msg_1";

/// `postern folder`
pub const FOLDER: &str = "\
Examples:
  postern folder list bot@agents.example
  postern folder create bot@agents.example Archive/2026";

/// `postern key`
pub const KEY: &str = "\
Examples:
  postern key create --inbox bot@agents.example
  postern key create --scopes admin --label deploy";

/// `postern domain`
pub const DOMAIN: &str = "\
Examples:
  postern domain create agents.example
  postern domain verify agents.example";

/// `postern spam`
pub const SPAM: &str = "\
Examples:
  postern spam check message.eml
  postern spam show support@agents.example
  postern spam set support@agents.example --policy junk --spam 5
  postern spam signatures of message.eml | postern spam signatures import -
  postern spam signatures import feed.txt --source feed --replace";

/// `postern filter`
pub const FILTER: &str = "\
Examples:
  postern filter block spam.example
  postern filter allow ann@spam.example";

/// `postern rule`
pub const RULE: &str = "\
Examples:
  postern rule create --inbox bot@example.com --when '{\"all\":[]}' --then '[\"flag\"]'
  postern rule test --inbox bot@example.com --when '{\"all\":[]}' --then '[\"flag\"]'
  postern rule list --inbox bot@example.com";

/// `postern webhook`
pub const WEBHOOK: &str = "\
Examples:
  postern webhook create https://hooks.example.com/postern --type message.received
  postern webhook test whk_01Hq7Zk3VdX
  postern webhook redeliver whk_01Hq7Zk3VdX --since 2026-01-31T12:00:00Z";

/// `postern group`
pub const GROUP: &str = "\
Examples:
  postern group list
  postern group ack workers 1234
  postern group replay workers";

/// `postern suppression`
pub const SUPPRESSION: &str = "\
Examples:
  postern suppression add ann@example.com --source \"asked for it\"
  postern suppression list";

/// `postern upload`
pub const UPLOAD: &str = "\
Examples:
  postern upload plan.pdf
  postern upload --delete upl_01Hq7Zk3VdX";

/// `postern approval`
pub const APPROVAL: &str = "\
Examples:
  postern approval list
  postern approval approve apr_1";

/// `postern send`
pub const SEND: &str = "\
Examples:
  postern send --from bot@agents.example --to ann@example.org --subject Hi --text \"Hello.\"
  postern send --from bot@agents.example --to ann@example.org --attach plan.pdf --html @page.html";

/// `postern import`
pub const IMPORT: &str = "\
Examples:
  postern import mbox Mail.mbox --inbox bot@agents.example
  postern import mbox ~/.thunderbird/p.default/Mail/server --inbox bot@agents.example --folder Old
  postern import maildir ~/Maildir --inbox bot@agents.example --dry-run

Stopped at any moment, it goes on when it is run again: no message comes twice.";

/// `postern export`
pub const EXPORT: &str = "\
Examples:
  postern export mbox inbox.mbox --inbox bot@agents.example --folder INBOX
  postern export maildir copy --inbox bot@agents.example

Stopped at any moment, it goes on when it is run again.";

/// `postern tail`
pub const TAIL: &str = "\
Examples:
  postern tail --type message.received --from example.org
  postern tail --since 0 --no-follow --json
  postern tail --watch lead@agents.example --verdict clean
  postern tail --type message.received --exec ./answer.sh --state answer.state --jobs 4
  postern tail --group workers --exec ./answer.sh --jobs 4 --lease 600

--exec runs the command with `sh -c`, with the JSON of one event on standard input, its type in
POSTERN_EVENT_TYPE and its number in POSTERN_EVENT_SEQ. A command that does not exit with 0 is run
again for the same event, after 1 s, then 2 s, up to a minute. --jobs runs several at once; the
events of one inbox still come one after the other. SIGINT and SIGTERM wait for running commands; a
second one does not.";

/// `postern mcp`
pub const MCP: &str = "\
Examples:
  postern mcp
  postern mcp --url https://mail.example.com --key-file key.txt";

/// `postern mcp-config`
pub const MCP_CONFIG: &str = "\
Examples:
  postern mcp-config --client claude --new-key --inbox bot@agents.example
  postern mcp-config --client cursor --stdio --new-key";

/// `postern queue`
pub const QUEUE: &str = "\
Examples:
  postern queue list --status deferred
  postern queue retry out_1";

/// `postern audit`
pub const AUDIT: &str = "\
Examples:
  postern audit
  postern audit --action message.sent --since 2026-01-31T00:00:00Z
  postern audit --by key_1 --limit 20";

/// `postern usage`
pub const USAGE: &str = "\
Examples:
  postern usage
  postern usage --days 7
  postern usage --inbox bot@agents.example";

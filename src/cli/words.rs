//! The words of an error of the API, turned into those of the command line: a route is a command, a
//! field is an option, and a waiting time is a number.
//!
//! Only for people: with `--json` the answer stands as it came.

use core::fmt::Write;

use serde_json::Value;

/// The reason and the remedy. `retry_after_s` is what the answer says of it.
pub fn of_error(error: &Value, retry_after_s: Option<u64>) -> String {
    let text = |name: &str| error[name].as_str().unwrap_or_default();
    let (message, hint) = (text("message"), text("hint"));
    let hint = match text("code") {
        "unauthorized" if hint.starts_with("Send `Authorization") => {
            return format!("{message} Give a valid one with --key or in POSTERN_KEY.");
        }
        "method_not_allowed" => {
            return "The server does not know this command: it may be older than this program, or \
                    --url may be wrong."
                .into();
        }
        "not_found" if message.contains("route") => {
            return "The server does not know this command: it may be older than this program, or \
                    --url may be wrong."
                .into();
        }
        "cursor_expired" => match error["oldest"].as_u64() {
            Some(oldest) => format!(
                "The oldest that it has: `postern tail --since {}`.",
                oldest.saturating_sub(1)
            ),
            None => hint.to_owned(),
        },
        _ => hint.to_owned(),
    };
    // The words behind these are values: of the server's lists, or of the request.
    let values_at = match error["field"].is_string() {
        true => [" must be ", " names "]
            .iter()
            .filter_map(|word| message.find(word))
            .min(),
        false => Some(0),
    };
    let (fields, values) = message.split_at(values_at.unwrap_or(message.len()));
    let said = [&*options(fields), values, " ", &*options(&hint)].concat();
    let mut all = commands(&said);
    let wait = retry_after_s.map_or("a while".into(), |seconds| format!("{seconds} s"));
    for (said, ours) in [
        ("for as long as Retry-After says", &*wait),
        ("send the request again", "run the command again"),
        ("send it again", "run the command again"),
        ("the key of the request", "your key"),
        ("The Idempotency-Key", "The --idempotency-key"),
    ] {
        all = all.replace(said, ours);
    }
    super::show::one_line(all.trim())
}

/// Each `POST /api/v1/keys` in the text becomes `postern key create`.
fn commands(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((at, method)) = first_method(rest) {
        let (before, found) = rest.split_at(at);
        let path = found.get(method.len() + 1..).unwrap_or_default();
        let end = path
            .find(|c: char| c.is_whitespace() || "`,;:\"".contains(c))
            .unwrap_or(path.len());
        let path = path.get(..end).unwrap_or_default().trim_end_matches('.');
        match command_of(method, path) {
            Some(command) => {
                let quoted = before.ends_with('`');
                let quote = if quoted { "" } else { "`" };
                let _ = write!(out, "{before}{quote}{command}{quote}");
            }
            None => {
                let _ = write!(out, "{before}{method} {path}");
            }
        }
        let used = method.len() + 1 + path.len();
        rest = found.get(used..).unwrap_or_default();
    }
    out + rest
}

/// The first method that a path of the API follows.
fn first_method(text: &str) -> Option<(usize, &'static str)> {
    let at = METHODS.iter().filter_map(|method| {
        let at = text.find(&format!("{method} /api/v1/"))?;
        Some((at, *method))
    });
    at.min()
}

/// The command that sends a request.
fn command_of(method: &str, path: &str) -> Option<&'static str> {
    let path = path.split('?').next()?.strip_prefix("/api/v1")?;
    let matches = |pattern: &str| {
        let (mut pattern, mut path) = (pattern.split('/'), path.split('/'));
        loop {
            match (pattern.next(), path.next()) {
                (None, None) => return true,
                (Some(part), Some(segment)) if part == segment || part == "*" => {}
                _ => return false,
            }
        }
    };
    COMMANDS
        .iter()
        .find(|(m, pattern, _)| *m == method && matches(pattern))
        .map(|(.., command)| *command)
}

/// Each field in backticks becomes its option.
fn options(text: &str) -> String {
    let mut out = text.to_owned();
    for (field, option) in OPTIONS {
        out = out.replace(&format!("`{field}`"), &format!("`{option}`"));
        // An element of a list: `attachments[0].filename`.
        let element = format!("`{field}[");
        out = out.replace(&element, &format!("`{option}["));
    }
    out
}

const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/// Method, path below `/api/v1`, command. `*` is any segment.
const COMMANDS: &[(&str, &str, &str)] = &[
    ("GET", "/me", "postern usage"),
    ("GET", "/usage", "postern usage --days"),
    ("GET", "/audit", "postern audit"),
    ("POST", "/keys", "postern key create"),
    ("GET", "/keys", "postern key list"),
    ("GET", "/keys/*", "postern key show"),
    ("DELETE", "/keys/*", "postern key revoke"),
    ("POST", "/domains", "postern domain create"),
    ("GET", "/domains", "postern domain list"),
    ("GET", "/domains/*", "postern domain show"),
    ("PATCH", "/domains/*", "postern domain catch-all"),
    ("DELETE", "/domains/*", "postern domain delete"),
    ("POST", "/domains/*/trust", "postern domain trust"),
    ("GET", "/domains/*/dns-records", "postern domain records"),
    ("POST", "/domains/*/verify", "postern domain verify"),
    (
        "POST",
        "/domains/*/rotate-dkim",
        "postern domain rotate-dkim",
    ),
    ("POST", "/filter-rules", "postern filter block"),
    ("GET", "/filter-rules", "postern filter list"),
    ("GET", "/filter-rules/*", "postern filter show"),
    ("DELETE", "/filter-rules/*", "postern filter delete"),
    ("POST", "/inboxes/*/rules", "postern rule create --inbox"),
    ("GET", "/inboxes/*/rules", "postern rule list --inbox"),
    ("GET", "/inboxes/*/rules/*", "postern rule show --inbox"),
    ("PATCH", "/inboxes/*/rules/*", "postern rule update --inbox"),
    (
        "DELETE",
        "/inboxes/*/rules/*",
        "postern rule delete --inbox",
    ),
    ("POST", "/inboxes/*/rules/test", "postern rule test --inbox"),
    ("POST", "/rules/test", "postern rule test"),
    ("POST", "/rules", "postern rule create"),
    ("GET", "/rules", "postern rule list"),
    ("GET", "/rules/*", "postern rule show"),
    ("PATCH", "/rules/*", "postern rule update"),
    ("DELETE", "/rules/*", "postern rule delete"),
    ("POST", "/suppressions", "postern suppression add"),
    ("GET", "/suppressions", "postern suppression list"),
    ("GET", "/suppressions/*", "postern suppression show"),
    ("DELETE", "/suppressions/*", "postern suppression delete"),
    ("POST", "/inboxes/*/webhooks", "postern webhook create --of"),
    ("GET", "/inboxes/*/webhooks", "postern webhook list --of"),
    ("GET", "/inboxes/*/webhooks/*", "postern webhook show --of"),
    (
        "PATCH",
        "/inboxes/*/webhooks/*",
        "postern webhook update --of",
    ),
    (
        "DELETE",
        "/inboxes/*/webhooks/*",
        "postern webhook delete --of",
    ),
    (
        "POST",
        "/inboxes/*/webhooks/*/test",
        "postern webhook test --of",
    ),
    (
        "GET",
        "/inboxes/*/webhooks/*/deliveries",
        "postern webhook deliveries --of",
    ),
    (
        "POST",
        "/inboxes/*/webhooks/*/deliveries/*/redeliver",
        "postern webhook redeliver --of",
    ),
    (
        "POST",
        "/inboxes/*/webhooks/*/redeliver",
        "postern webhook redeliver --of --since",
    ),
    (
        "POST",
        "/inboxes/*/webhooks/*/rotate-secret",
        "postern webhook rotate-secret --of",
    ),
    ("POST", "/webhooks", "postern webhook create"),
    ("GET", "/webhooks", "postern webhook list"),
    ("GET", "/webhooks/*", "postern webhook show"),
    ("PATCH", "/webhooks/*", "postern webhook update"),
    ("DELETE", "/webhooks/*", "postern webhook delete"),
    ("POST", "/webhooks/*/test", "postern webhook test"),
    (
        "GET",
        "/webhooks/*/deliveries",
        "postern webhook deliveries",
    ),
    (
        "POST",
        "/webhooks/*/deliveries/*/redeliver",
        "postern webhook redeliver",
    ),
    (
        "POST",
        "/webhooks/*/redeliver",
        "postern webhook redeliver --since",
    ),
    (
        "POST",
        "/webhooks/*/rotate-secret",
        "postern webhook rotate-secret",
    ),
    ("POST", "/orgs", "postern org create"),
    ("GET", "/orgs", "postern org list"),
    ("GET", "/orgs/*", "postern org show"),
    ("PATCH", "/orgs/*", "postern org send-mode"),
    ("POST", "/orgs/*/pause", "postern org pause"),
    ("POST", "/orgs/*/resume", "postern org resume"),
    ("DELETE", "/orgs/*", "postern org delete"),
    ("POST", "/inboxes", "postern inbox create"),
    ("GET", "/inboxes", "postern inbox list"),
    (
        "GET",
        "/inboxes/credentials/export",
        "postern inbox credentials",
    ),
    (
        "POST",
        "/inboxes/credentials/export",
        "postern inbox credentials --mint",
    ),
    ("GET", "/inboxes/*", "postern inbox show"),
    ("PATCH", "/inboxes/*", "postern inbox update"),
    ("DELETE", "/inboxes/*", "postern inbox delete"),
    ("GET", "/inboxes/*/mobileconfig", "postern inbox profile"),
    ("POST", "/inboxes/*/messages", "postern send"),
    ("POST", "/inboxes/*/import", "postern import"),
    ("GET", "/inboxes/*/export", "postern export"),
    ("GET", "/inboxes/*/messages", "postern message list"),
    ("GET", "/inboxes/*/messages/wait", "postern message wait"),
    ("POST", "/inboxes/*/messages/batch", "postern message batch"),
    ("GET", "/inboxes/*/messages/*", "postern message show"),
    ("PATCH", "/inboxes/*/messages/*", "postern message update"),
    ("DELETE", "/inboxes/*/messages/*", "postern message delete"),
    (
        "POST",
        "/inboxes/*/messages/*/admit",
        "postern message admit",
    ),
    ("POST", "/inboxes/*/messages/*/spam", "postern message spam"),
    (
        "POST",
        "/inboxes/*/messages/*/not-spam",
        "postern message not-spam",
    ),
    ("POST", "/spam/check", "postern spam check"),
    ("DELETE", "/spam/learned", "postern spam forget"),
    ("POST", "/spam/signatures", "postern spam signatures import"),
    ("GET", "/spam/signatures", "postern spam signatures list"),
    (
        "DELETE",
        "/spam/signatures",
        "postern spam signatures clear",
    ),
    ("GET", "/inboxes/*/spam", "postern spam show"),
    ("PUT", "/inboxes/*/spam", "postern spam set"),
    (
        "POST",
        "/inboxes/*/messages/*/reply",
        "postern message reply",
    ),
    (
        "POST",
        "/inboxes/*/messages/*/reply-all",
        "postern message reply-all",
    ),
    (
        "POST",
        "/inboxes/*/messages/*/forward",
        "postern message forward",
    ),
    ("GET", "/inboxes/*/messages/*/raw", "postern message raw"),
    ("GET", "/inboxes/*/drafts", "postern draft list"),
    ("POST", "/inboxes/*/drafts", "postern draft create"),
    ("GET", "/inboxes/*/drafts/*", "postern draft show"),
    ("PATCH", "/inboxes/*/drafts/*", "postern draft update"),
    ("DELETE", "/inboxes/*/drafts/*", "postern draft delete"),
    ("POST", "/inboxes/*/drafts/*/send", "postern draft send"),
    ("GET", "/messages", "postern message list"),
    ("GET", "/inboxes/*/threads", "postern thread list"),
    ("GET", "/inboxes/*/threads/*", "postern thread show"),
    ("GET", "/inboxes/*/folders", "postern folder list"),
    ("POST", "/inboxes/*/folders", "postern folder create"),
    ("PATCH", "/inboxes/*/folders/*", "postern folder rename"),
    ("DELETE", "/inboxes/*/folders/*", "postern folder delete"),
    ("GET", "/outbound", "postern queue list"),
    ("GET", "/outbound/*", "postern queue show"),
    ("POST", "/outbound/*/retry", "postern queue retry"),
    ("POST", "/outbound/*/cancel", "postern queue cancel"),
    ("GET", "/approvals", "postern approval list"),
    ("GET", "/approvals/*", "postern approval show"),
    ("POST", "/approvals/*/approve", "postern approval approve"),
    ("POST", "/approvals/*/decline", "postern approval decline"),
    (
        "GET",
        "/inboxes/*/messages/*/attachments/*",
        "postern message attachment",
    ),
    ("POST", "/uploads", "postern upload"),
    ("GET", "/uploads/*", "postern upload --show"),
    ("DELETE", "/uploads/*", "postern upload --delete"),
    ("GET", "/events", "postern tail"),
    ("GET", "/events/log", "postern tail --no-follow"),
    ("POST", "/events/ack", "postern group ack"),
    ("GET", "/events/groups", "postern group list"),
    ("GET", "/events/groups/*", "postern group show"),
    ("DELETE", "/events/groups/*", "postern group delete"),
    ("POST", "/events/groups/*/replay", "postern group replay"),
    ("GET", "/inboxes/*/watch", "postern tail --watch"),
    ("GET", "/inboxes/*/events", "postern tail --inbox"),
];

/// Field or parameter, and how the command line says it.
const OPTIONS: &[(&str, &str)] = &[
    ("to", "--to"),
    ("cc", "--cc"),
    ("bcc", "--bcc"),
    ("reply_to", "--reply-to"),
    ("subject", "--subject"),
    ("add_labels", "--add-label"),
    ("remove_labels", "--remove-label"),
    ("ids", "ID"),
    ("timeout", "--timeout"),
    ("text", "--text"),
    ("html", "--html"),
    ("markdown", "--markdown"),
    ("attachments", "--attach"),
    ("headers", "--header"),
    ("labels", "--label"),
    ("send_at", "--send-at"),
    ("in_reply_to", "--in-reply-to"),
    ("username", "USERNAME"),
    ("display_name", "--display-name"),
    ("parent", "--parent"),
    ("metadata", "--metadata"),
    ("client_id", "--client-id"),
    ("send_mode", "--send-mode"),
    ("receive_default", "--receive-default"),
    ("catch_all", "INBOX"),
    ("domain", "--domain"),
    ("label", "--label"),
    ("scopes", "--scopes"),
    ("inboxes", "--inbox"),
    ("inbox", "--inbox"),
    ("expires_at", "--expires-at"),
    ("retention_days", "--retention-days"),
    ("quota_bytes", "--quota-bytes"),
    ("limits", "--limit"),
    ("since", "--since"),
    ("until", "--until"),
    ("type", "--type"),
    ("from", "--from"),
    ("folder", "folder"),
    ("name", "NAME"),
    ("q", "--query"),
    ("upstream", "--upstream"),
    ("upstream.host", "--upstream"),
    ("upstream.port", "--upstream"),
    ("upstream.tls", "--upstream-tls"),
    ("upstream.user", "--upstream-user"),
    ("upstream.password", "--upstream-password-file"),
    ("upstream.address", "--upstream-address"),
    ("upstream.oauth.token_url", "--upstream-token-url"),
    ("upstream.oauth.client_id", "--upstream-client-id"),
    (
        "upstream.oauth.client_secret",
        "--upstream-client-secret-file",
    ),
    (
        "upstream.oauth.refresh_token",
        "--upstream-refresh-token-file",
    ),
    ("upstream.smtp", "--upstream-smtp"),
    ("upstream.smtp.host", "--upstream-smtp"),
    ("upstream.smtp.port", "--upstream-smtp"),
    ("upstream.smtp.tls", "--upstream-smtp-tls"),
    ("upstream.smtp.user", "--upstream-smtp-user"),
    ("upstream.smtp.password", "--upstream-smtp-password-file"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::ROUTES;
    use serde_json::json;

    #[test]
    fn hints_speak_of_commands() {
        for (error, retry_after_s, said) in [
            (
                json!({"code": "missing_scope", "message": "The key lacks the scope `keys:write`.",
                    "hint": "Use a key that has it; POST /api/v1/keys makes one."}),
                None,
                "The key lacks the scope `keys:write`. Use a key that has it; `postern key create` \
                 makes one.",
            ),
            (
                json!({"code": "rate_limited", "message": "Too many requests.",
                    "hint": "Wait for as long as Retry-After says."}),
                Some(12),
                "Too many requests. Wait 12 s.",
            ),
            (
                json!({"code": "invalid_field", "field": "reply_to",
                    "message": "`reply_to` must be addresses.",
                    "hint": "Correct the field and send the request again."}),
                None,
                "`--reply-to` must be addresses. Correct the field and run the command again.",
            ),
            // Values keep their words, and so do ids.
            (
                json!({"code": "invalid_field", "field": "when.all[0].field",
                    "message": "`when.all[0].field` must be `from`, `to` or `subject`.",
                    "hint": "Correct the field and send the request again."}),
                None,
                "`when.all[0].field` must be `from`, `to` or `subject`. Correct the field and run \
                 the command again.",
            ),
            (
                json!({"code": "invalid_field", "field": "scopes",
                    "message": "`scopes` names `label`, which is no scope: each must be `approve`.",
                    "hint": ""}),
                None,
                "`--scopes` names `label`, which is no scope: each must be `approve`.",
            ),
            (
                json!({"code": "not_found", "message": "There is no inbox `name`.",
                    "hint": "Use its id or its address."}),
                None,
                "There is no inbox `name`. Use its id or its address.",
            ),
            (
                json!({"code": "invalid_field", "field": "upstream.password",
                    "message": "`upstream.password` must be given again.", "hint": ""}),
                None,
                "`--upstream-password-file` must be given again.",
            ),
            (
                json!({"code": "unauthorized", "message": "The token logs in to no inbox.",
                    "hint": "Use a key, or POST /api/v1/inboxes/credentials/export."}),
                None,
                "The token logs in to no inbox. Use a key, or `postern inbox credentials --mint`.",
            ),
            (
                json!({"code": "cursor_expired", "message": "The log has no such cursor.",
                    "hint": "Read the messages afresh, then go on with after=41.", "oldest": 42}),
                None,
                "The log has no such cursor. The oldest that it has: `postern tail --since 41`.",
            ),
            (
                json!({"code": "unauthorized", "message": "The key is wrong, revoked or expired.",
                    "hint": "Send `Authorization: Bearer ap_sk_…` with a key that is valid."}),
                None,
                "The key is wrong, revoked or expired. Give a valid one with --key or in \
                 POSTERN_KEY.",
            ),
            (
                json!({"code": "conflict", "message": "a",
                    "hint": "See `GET /api/v1/inboxes/a@b.example/messages?limit=1`, or DELETE \
                             /api/v1/inboxes/inb_1."}),
                None,
                "a See `postern message list`, or `postern inbox delete`.",
            ),
        ] {
            assert_eq!(of_error(&error, retry_after_s), said);
        }
        // What has no command stays as it is; nothing is lost.
        for text in [
            "",
            "GET /api/v1/",
            "GET /api/v1/openapi.json.",
            "a GET /other b",
        ] {
            assert_eq!(commands(text), text);
        }
    }

    #[test]
    fn every_option_is_one_of_a_command() {
        use clap::CommandFactory;
        let (mut commands, mut known) = (vec![super::super::Cli::command()], Vec::new());
        while let Some(command) = commands.pop() {
            let longs = command.get_arguments().filter_map(|arg| arg.get_long());
            known.extend(longs.map(|long| format!("--{long}")));
            commands.extend(command.get_subcommands().cloned());
        }
        for (field, option) in OPTIONS.iter().filter(|(_, option)| option.starts_with('-')) {
            assert!(known.iter().any(|long| long == option), "{field}: {option}");
        }
    }

    #[test]
    fn no_command_takes_the_name_of_an_option_of_all() {
        use clap::CommandFactory;
        let root = super::super::Cli::command();
        let shared: Vec<_> = root.get_arguments().map(clap::Arg::get_id).collect();
        let (mut commands, mut wrong): (Vec<_>, Vec<_>) =
            (root.get_subcommands().collect(), Vec::new());
        while let Some(command) = commands.pop() {
            commands.extend(command.get_subcommands());
            let own = command.get_arguments().map(clap::Arg::get_id);
            let taken = own.filter(|id| shared.contains(id));
            wrong.extend(taken.map(|id| format!("{} {id}", command.get_name())));
        }
        assert_eq!(wrong, Vec::<String>::new());
    }

    #[test]
    fn every_route_has_a_command_or_a_reason() {
        // Not for the command line: other views of the same, and what is no part of the API.
        let without = [
            "/healthz",
            "/readyz",
            "/metrics",
            "/.well-known/autoconfig/mail/config-v1.1.xml",
            "/mail/config-v1.1.xml",
            "/autodiscover/autodiscover.xml",
            "/api/v1/openapi.json",
            "/api/v1/docs",
            // For pages of browsers, which may not hold the key; the command line has it.
            "/api/v1/events/ticket",
            // `postern tail` has the same events by a stream.
            "/api/v1/ws",
        ];
        for row in ROUTES.iter().filter(|row| row.operation().is_some()) {
            let path: String = row.path.replace(['{', '}'], "");
            assert!(
                command_of(row.method, &path).is_some() || without.contains(&row.path),
                "{} {}: has no command",
                row.method,
                row.path
            );
        }
    }
}

//! The accounts of inboxes that live elsewhere, in the bodies of inboxes. Secrets are in requests
//! only.

use super::fields::FieldKind::{Flag, Label, Line, Nested, Number, Object, OneOf, Text, Time};
use super::fields::{ANY, BodyTable, fields, octets};
use super::shapes::{Shape, shape};
use super::values::Values;
use crate::call::{
    NewUpstreamOAuth, NewUpstreamSmtp, REMOTE_URL_BYTES_MAX, Secret, TOKEN_BYTES_MAX,
    UpstreamOAuthRow, UpstreamPatch, UpstreamRow, UpstreamSmtpRow, UpstreamState, UpstreamTls,
};

pub(super) const NEW_UPSTREAM: BodyTable = BodyTable {
    name: "NewUpstream",
    says: "An account elsewhere, by IMAP.",
    optional: false,
    example: "",
    fields: fields! {
        host: required Label(HOST), r#""imap.example.com""#, "The IMAP server.";
        port: required PORT, "993", "Its port, 993 or 143.";
        tls: required OneOf(UpstreamTls::NAMES), r#""implicit""#,
            "When TLS begins; the certificate must verify in either case.";
        user: required Label(USER), r#""ann@example.com""#, "The user of the account.";
        password: optional Label(USER), r#""correct horse""#,
            "The password, or one for this program alone. It is never shown again.";
        oauth: optional Nested(&NEW_OAUTH),
            r#"{"token_url":"https://oauth.example.com/token","client_id":"postern","refresh_token":"1//0a"}"#,
            "In place of a password.";
        address: optional Line(octets(USER)), r#""ann@example.com""#,
            "The address of the account, where it is not `user`. Its domain may be anyone's, but not one of this server.";
        smtp: optional Nested(&NEW_SMTP),
            r#"{"host":"smtp.example.com","port":465,"tls":"implicit"}"#,
            "The server by which it sends. Without it sending is refused.";
    },
};

pub(super) const UPSTREAM_PATCH: BodyTable = BodyTable {
    name: "UpstreamPatch",
    says: "A change of an account elsewhere. What is left out stays. With another host the secrets are given again.",
    optional: false,
    example: "",
    fields: fields! {
        host: optional Label(HOST), r#""imap.example.com""#, "The IMAP server.";
        port: optional PORT, "993", "Its port.";
        tls: optional OneOf(UpstreamTls::NAMES), r#""implicit""#, "When TLS begins.";
        user: optional Label(USER), r#""ann@example.com""#, "The user of the account.";
        password: optional Label(USER), r#""correct horse""#,
            "A new password.";
        oauth: optional Nested(&NEW_OAUTH),
            r#"{"token_url":"https://oauth.example.com/token","client_id":"postern","refresh_token":"1//0a"}"#,
            "In place of a password.";
        smtp: clearable Nested(&NEW_SMTP),
            r#"{"host":"smtp.example.com","port":465,"tls":"implicit"}"#,
            "The server by which it sends; null is none.";
    },
};

const NEW_OAUTH: BodyTable = BodyTable {
    name: "NewUpstreamOAuth",
    says: "How an account elsewhere gets access tokens (RFC 6749 section 6).",
    optional: false,
    example: "",
    fields: fields! {
        token_url: required Label(REMOTE_URL_BYTES_MAX), r#""https://oauth.example.com/token""#,
            "The URL of the token server.";
        client_id: required Label(USER), r#""postern""#, "The client that was authorized.";
        client_secret: optional Label(USER), r#""s3cret""#,
            "Its secret; a public client has none. It is never shown again.";
        refresh_token: required Label(TOKEN_BYTES_MAX), r#""1//0a""#,
            "The refresh token. It is never shown again. Where the token server changes it, the new one is kept.";
    },
};

const NEW_SMTP: BodyTable = BodyTable {
    name: "NewUpstreamSmtp",
    says: "The server by which an account elsewhere sends.",
    optional: false,
    example: "",
    fields: fields! {
        host: required Label(HOST), r#""smtp.example.com""#, "The SMTP server.";
        port: required PORT, "465", "Its port: 465, 587, 2525 or 25.";
        tls: required OneOf(UpstreamTls::NAMES), r#""implicit""#, "When TLS begins.";
        user: optional Label(USER), r#""ann@example.com""#,
            "The user there; without it that of the account.";
        password: optional Label(USER), r#""correct horse""#,
            "The password there; without it the account logs in as over IMAP.";
    },
};

static SMTP: Shape<UpstreamSmtpRow> = shape! {
    "UpstreamSmtp", "The server by which an account elsewhere sends, without the password.";
    host: always Text(ANY), r#""smtp.example.com""#, "The SMTP server."
        => |slot, smtp| slot.text(&smtp.host);
    port: always PORT, "465", "Its port."
        => |slot, smtp| slot.number(u64::from(smtp.port));
    tls: always OneOf(UpstreamTls::NAMES), r#""implicit""#, "When TLS begins."
        => |slot, smtp| slot.text(smtp.tls.name());
    user: or_null Text(ANY), "null", "The user there; null is that of the account."
        => |slot, smtp| slot.text_or_null(smtp.user.as_deref());
    has_password: always Flag, "false", "It has a password of its own."
        => |slot, smtp| slot.flag(smtp.has_password);
};

static OAUTH_SHAPE: Shape<UpstreamOAuthRow> = shape! {
    "UpstreamOAuth", "How an account elsewhere gets access tokens, without the secrets.";
    token_url: always Text(ANY), r#""https://oauth.example.com/token""#,
        "The URL of the token server."
        => |slot, oauth| slot.text(&oauth.token_url);
    client_id: always Text(ANY), r#""postern""#, "The client that was authorized."
        => |slot, oauth| slot.text(&oauth.client_id);
};

pub(super) static UPSTREAM: Shape<UpstreamRow> = shape! {
    "Upstream", "An account elsewhere, without its secrets.";
    host: always Text(ANY), r#""imap.example.com""#, "The IMAP server."
        => |slot, upstream| slot.text(&upstream.host);
    port: always PORT, "993", "Its port."
        => |slot, upstream| slot.number(u64::from(upstream.port));
    tls: always OneOf(UpstreamTls::NAMES), r#""implicit""#, "When TLS begins."
        => |slot, upstream| slot.text(upstream.tls.name());
    user: always Text(ANY), r#""ann@example.com""#, "The user of the account."
        => |slot, upstream| slot.text(&upstream.user);
    oauth: always Object(&OAUTH_SHAPE), "{}", "How it gets access tokens, without the secrets."
        => |mut slot, upstream| match &upstream.oauth {
            Some(oauth) => OAUTH_SHAPE.write(slot.octets(), oauth),
            None => slot.null(),
        }, if |upstream| upstream.oauth.is_some();
    smtp: or_null Object(&SMTP), "null", "The server by which it sends; null is none."
        => |mut slot, upstream| match &upstream.smtp {
            Some(smtp) => SMTP.write(slot.octets(), smtp),
            None => slot.null(),
        };
    state: always OneOf(UpstreamState::NAMES), r#""idle""#,
        "How it stands with its connection; `idle` while no client listens."
        => |slot, upstream| slot.text(upstream.state.name());
    error: or_null Text(ANY), "null", "Why it fails, and what to do."
        => |slot, upstream| slot.text_or_null(upstream.error.as_deref());
    since: always Time, r#""2026-01-31T12:00:00.000Z""#, "Since when the state holds."
        => |slot, upstream| slot.time(upstream.since);
};

/// What a body says of an account. `is_new` is by the table of new ones.
pub(super) fn read(body: &mut Values, is_new: bool) -> Option<Box<UpstreamPatch>> {
    let mut account = body.nested("upstream").flatten()?;
    let smtp = account.nested("smtp");
    let oauth = account.nested("oauth").flatten();
    let mut patch = UpstreamPatch {
        host: account.text("host"),
        port: port(&mut account),
        tls: tls(&mut account),
        user: account.text("user"),
        password: account.text("password").map(Secret::new),
        oauth: oauth.map(oauth_of),
        address: None,
        smtp: smtp.map(|given| given.map(smtp_of)),
    };
    if is_new {
        patch.address = account.text("address");
    }
    Some(Box::new(patch))
}

fn oauth_of(mut values: Values) -> Box<NewUpstreamOAuth> {
    Box::new(NewUpstreamOAuth {
        token_url: values.text("token_url").unwrap_or_default(),
        client_id: values.text("client_id").unwrap_or_default(),
        client_secret: values.text("client_secret").map(Secret::new),
        refresh_token: Secret::new(values.text("refresh_token").unwrap_or_default()),
    })
}

fn smtp_of(mut values: Values) -> Box<NewUpstreamSmtp> {
    Box::new(NewUpstreamSmtp {
        host: values.text("host").unwrap_or_default(),
        port: port(&mut values).unwrap_or_default(),
        tls: tls(&mut values).unwrap_or(UpstreamTls::Implicit),
        user: values.text("user"),
        password: values.text("password").map(Secret::new),
    })
}

fn port(values: &mut Values) -> Option<u16> {
    u16::try_from(values.number("port")?).ok()
}

fn tls(values: &mut Values) -> Option<UpstreamTls> {
    UpstreamTls::named(&values.text("tls")?)
}

const PORT: super::fields::FieldKind = Number {
    min: 1,
    max: u16::MAX as u64,
};

// Octets of texts: of a name, and of a user or a password in an exchange of AUTH.
const HOST: usize = 255;
const USER: usize = 1000;

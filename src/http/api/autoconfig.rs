//! How mail programs find this server: autoconfiguration of Thunderbird, autodiscover of Outlook
//! (POX), and profiles of Apple.
//!
//! The names and ports are those of the configuration: no field of the request chooses them, so a
//! false Host leads a program nowhere. The public routes answer any address alike: they tell
//! nothing of which inboxes or domains exist. The rule: **no document has a password in it.** A
//! profile is a file that people send around; the program asks for the key once.

use super::codes;
use super::fields::FieldKind::Plain;
use super::fields::{FieldRow, octets, sometimes};
use super::operation::{Gives, Operation, ResponseContent, Takes};
use super::problems::Problem;
use super::routes::{RouteRequest, RouteResult, RouteStep};
use crate::call::{Answer, InboxRead, InboxRow, PublicEndpoints};
use crate::crypto::sha256_parts;
use crate::http::wire::response::{APPLE_PROFILE, MediaType, Response};
use crate::http::wire::xml::{self, element};
use crate::mail::Address;
use crate::mail::write::field::content_disposition;

/// A way to connect, as documents name it.
#[derive(Clone, Copy, Debug)]
struct ServerSettings<'a> {
    host: &'a str,
    port: u16,
    /// TLS begins with STARTTLS, not with the connection.
    is_starttls: bool,
}

/// The ways that this server has, the better one first: TLS from the first octet.
fn ways<'a>(
    host: &'a str,
    implicit: u16,
    starttls: u16,
) -> impl Iterator<Item = ServerSettings<'a>> {
    [(implicit, false), (starttls, true)]
        .into_iter()
        .filter(|(port, _)| *port != 0)
        .map(move |(port, is_starttls)| ServerSettings {
            host,
            port,
            is_starttls,
        })
}

fn imap(endpoints: &PublicEndpoints) -> impl Iterator<Item = ServerSettings<'_>> {
    ways(
        &endpoints.imap_host,
        endpoints.imap_port,
        endpoints.imap_starttls_port,
    )
}

fn smtp(endpoints: &PublicEndpoints) -> impl Iterator<Item = ServerSettings<'_>> {
    ways(
        &endpoints.smtp_host,
        endpoints.smtp_port,
        endpoints.smtp_starttls_port,
    )
}

/// The media type of the documents.
const XML: &str = "text/xml";

/// The parameter of both routes of Thunderbird.
const EMAIL_ADDRESS: &[FieldRow] = &[sometimes(
    "emailaddress",
    Plain(octets(ADDRESS_BYTES_MAX)),
    r#""support@agents.example""#,
    "The address that the program sets up. Its domain is repeated in the answer; every address \
     gets the same servers.",
)];

const SETTINGS: &[Gives] = &[Gives {
    status: 200,
    says: "The servers, ports and kinds of TLS (`clientConfig` of version 1.1).",
    content: ResponseContent::Other(XML),
}];

pub(crate) static WELL_KNOWN: Operation = Operation {
    id: "clients.autoconfig",
    summary: "Settings for Thunderbird",
    says: "How mail programs connect, in the form of Thunderbird, which others read too.",
    query: EMAIL_ADDRESS,
    takes: Takes::Nothing,
    gives: SETTINGS,
    errors: &[codes::INVALID_FIELD],
    run: autoconfig,
};

pub(crate) static AT_HOST: Operation = Operation {
    id: "clients.autoconfig_at_host",
    summary: "Settings for Thunderbird, at its older path",
    says: "The same at the path that programs ask for at `autoconfig.` before a domain.",
    query: EMAIL_ADDRESS,
    takes: Takes::Nothing,
    gives: SETTINGS,
    errors: &[codes::INVALID_FIELD],
    run: autoconfig,
};

fn autoconfig(request: &mut RouteRequest<'_>) -> RouteResult {
    let domain = match request.parameters.text("emailaddress") {
        None => request.shared.host.clone(),
        Some(address) => match Address::parse(&address) {
            Ok(address) => address.domain().to_owned(),
            Err(_) => return Err(Problem::invalid("emailaddress", "is not an address")),
        },
    };
    let endpoints = &request.shared.endpoints;
    let mut out = begin_document();
    out.push_str("<clientConfig version=\"1.1\"><emailProvider id=\"");
    xml::escape(&mut out, &domain);
    out.push_str("\">");
    element(&mut out, "domain", &domain);
    element(&mut out, "displayName", &request.shared.host);
    element(&mut out, "displayShortName", &request.shared.host);
    for way in imap(endpoints) {
        server(&mut out, ("incomingServer", "imap"), way);
    }
    for way in smtp(endpoints) {
        server(&mut out, ("outgoingServer", "smtp"), way);
    }
    out.push_str("</emailProvider></clientConfig>\n");
    Ok(RouteStep::Respond(document(out)))
}

/// One server of Thunderbird. A key is a password in clear text inside of TLS.
fn server(out: &mut String, (name, kind): (&str, &str), way: ServerSettings<'_>) {
    for part in ["<", name, " type=\"", kind, "\">"] {
        out.push_str(part);
    }
    let socket = if way.is_starttls { "STARTTLS" } else { "SSL" };
    element(out, "hostname", way.host);
    element(out, "port", &way.port.to_string());
    element(out, "socketType", socket);
    element(out, "authentication", "password-cleartext");
    element(out, "username", "%EMAILADDRESS%");
    for part in ["</", name, ">"] {
        out.push_str(part);
    }
}

pub(crate) static AUTODISCOVER: Operation = Operation {
    id: "clients.autodiscover",
    summary: "Settings for Outlook",
    says: "How mail programs connect, in the form of autodiscover (POX, MS-OXDSCLI). The body is \
           its request; a body that is none is told so in the answer, with 200.",
    query: &[],
    takes: Takes::Xml,
    gives: &[Gives {
        status: 200,
        says: "The servers, ports and kinds of TLS, or an error in the form of autodiscover.",
        content: ResponseContent::Other(XML),
    }],
    errors: &[],
    run: autodiscover,
};

/// The form of answers that is spoken here (MS-OXDSCLI section 3.1.5.2).
const RESPONSE_SCHEMA: &str =
    "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a";

fn autodiscover(request: &mut RouteRequest<'_>) -> RouteResult {
    let read = xml::first_texts(request.octets, ["EMailAddress", "AcceptableResponseSchema"]);
    let [address, schema] = read.unwrap_or_default();
    if schema.is_some_and(|schema| schema != RESPONSE_SCHEMA) {
        // ActiveSync and the like.
        return Ok(RouteStep::Respond(refuse(
            "601",
            "Provider is not available",
        )));
    }
    let parsed = address.as_deref().map(Address::parse);
    let (Some(address), Some(Ok(_))) = (address, parsed) else {
        return Ok(RouteStep::Respond(refuse("600", "Invalid Request")));
    };
    let endpoints = &request.shared.endpoints;
    let mut out = begin_answer();
    out.push_str("<User>");
    element(&mut out, "DisplayName", &address);
    out.push_str("</User><Account>");
    element(&mut out, "AccountType", "email");
    element(&mut out, "Action", "settings");
    // One of each: the program takes the first.
    let best = [
        ("IMAP", imap(endpoints).next()),
        ("SMTP", smtp(endpoints).next()),
    ];
    for (kind, way) in best {
        let Some(way) = way else { continue };
        out.push_str("<Protocol>");
        element(&mut out, "Type", kind);
        element(&mut out, "Server", way.host);
        element(&mut out, "Port", &way.port.to_string());
        element(&mut out, "LoginName", &address);
        element(&mut out, "DomainRequired", "off");
        element(&mut out, "SPA", "off");
        element(&mut out, "SSL", "on");
        let encryption = if way.is_starttls { "TLS" } else { "SSL" };
        element(&mut out, "Encryption", encryption);
        element(&mut out, "AuthRequired", "on");
        if kind == "SMTP" {
            element(&mut out, "UsePOPAuth", "off");
            element(&mut out, "SMTPLast", "off");
        }
        out.push_str("</Protocol>");
    }
    out.push_str("</Account></Response></Autodiscover>\n");
    Ok(RouteStep::Respond(document(out)))
}

fn refuse(code: &str, message: &str) -> Response {
    let mut out = begin_document();
    out.push_str(AUTODISCOVER_BEGIN);
    out.push_str("<Response><Error Time=\"00:00:00\" Id=\"0\">");
    element(&mut out, "ErrorCode", code);
    element(&mut out, "Message", message);
    out.push_str("<DebugData/></Error></Response></Autodiscover>\n");
    document(out)
}

fn begin_answer() -> String {
    let mut out = begin_document();
    out.push_str(AUTODISCOVER_BEGIN);
    out.push_str("<Response xmlns=\"");
    out.push_str(RESPONSE_SCHEMA);
    out.push_str("\">");
    out
}

const AUTODISCOVER_BEGIN: &str = "<Autodiscover xmlns=\"http://schemas.microsoft.com/exchange/\
                                  autodiscover/responseschema/2006\">";

fn begin_document() -> String {
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>".to_owned()
}

fn document(text: String) -> Response {
    Response::new(200, MediaType::Xml, text.into_bytes())
}

pub(crate) static PROFILE: Operation = Operation {
    id: "inboxes.mobileconfig",
    summary: "A profile for Apple devices",
    says: "A configuration profile that sets Apple Mail up for the inbox. It has no password in \
           it, so it is no secret: the device asks for the key. It is not signed. A new one of \
           the same inbox replaces it.",
    query: &[],
    takes: Takes::Nothing,
    gives: &[Gives {
        status: 200,
        says: "The profile, a property list in XML.",
        content: ResponseContent::Other(APPLE_PROFILE),
    }],
    errors: &[],
    run: profile,
};

fn profile(request: &mut RouteRequest<'_>) -> RouteResult {
    let call = InboxRead::Get {
        inbox: request.inbox()?,
    };
    Ok(RouteStep::Read(
        Box::new(call.into()),
        |answer, _, shared| match answer {
            Answer::Inboxes { rows, .. } => Some(property_list(
                rows.first()?,
                &shared.host,
                &shared.endpoints,
            )),
            _ => None,
        },
    ))
}

fn property_list(inbox: &InboxRow, host: &str, endpoints: &PublicEndpoints) -> Response {
    let id = inbox.id.to_string();
    let address = &inbox.address;
    let name = inbox.display_name.as_deref().unwrap_or(address);
    let mut out = begin_document();
    out.push_str(
        "<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \
         \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\"><plist version=\"1.0\"><dict>\
         <key>PayloadContent</key><array><dict>",
    );
    let mail = format!("{}.mail", reversed(host, &id));
    text(&mut out, "PayloadType", "com.apple.mail.managed");
    number(&mut out, "PayloadVersion", 1);
    text(&mut out, "PayloadIdentifier", &mail);
    text(&mut out, "PayloadUUID", &uuid("mail", host, &id));
    text(&mut out, "PayloadDisplayName", address);
    text(&mut out, "EmailAccountDescription", address);
    text(&mut out, "EmailAccountName", name);
    text(&mut out, "EmailAccountType", "EmailTypeIMAP");
    text(&mut out, "EmailAddress", address);
    let sides = [
        ("IncomingMailServer", imap(endpoints).next()),
        ("OutgoingMailServer", smtp(endpoints).next()),
    ];
    for (side, way) in sides {
        let Some(way) = way else { continue };
        text(
            &mut out,
            &format!("{side}Authentication"),
            "EmailAuthPassword",
        );
        text(&mut out, &format!("{side}HostName"), way.host);
        number(&mut out, &format!("{side}PortNumber"), way.port);
        flag(&mut out, &format!("{side}UseSSL"), true);
        text(&mut out, &format!("{side}Username"), address);
    }
    flag(&mut out, "OutgoingPasswordSameAsIncomingPassword", true);
    out.push_str("</dict></array>");
    text(&mut out, "PayloadType", "Configuration");
    number(&mut out, "PayloadVersion", 1);
    text(&mut out, "PayloadIdentifier", &reversed(host, &id));
    text(&mut out, "PayloadUUID", &uuid("profile", host, &id));
    text(&mut out, "PayloadDisplayName", address);
    text(&mut out, "PayloadOrganization", host);
    flag(&mut out, "PayloadRemovalDisallowed", false);
    out.push_str("</dict></plist>\n");
    let mut response = Response::new(200, MediaType::AppleProfile, out.into_bytes());
    let file = format!("{address}.mobileconfig");
    response.add("Content-Disposition", content_disposition(&file));
    response
}

fn text(out: &mut String, key: &str, value: &str) {
    element(out, "key", key);
    element(out, "string", value);
}

fn number(out: &mut String, key: &str, value: u16) {
    element(out, "key", key);
    element(out, "integer", &value.to_string());
}

fn flag(out: &mut String, key: &str, value: bool) {
    element(out, "key", key);
    out.push_str(if value { "<true/>" } else { "<false/>" });
}

/// `test.mx.inb_1` of the host `mx.test`: identifiers of profiles are reversed names.
fn reversed(host: &str, id: &str) -> String {
    let mut labels: Vec<&str> = host.split('.').collect();
    labels.reverse();
    labels.push(id);
    labels.join(".")
}

/// A UUID that stays the same for an inbox of this server (RFC 9562 section 5.8: version 8).
fn uuid(of: &str, host: &str, id: &str) -> String {
    let parts: [&[u8]; 6] = [
        b"postern profile ",
        of.as_bytes(),
        b" ",
        host.as_bytes(),
        b" ",
        id.as_bytes(),
    ];
    let digest = sha256_parts(parts);
    let mut octets = [0; 16];
    octets.copy_from_slice(digest.first_chunk::<16>().unwrap_or(&[0; 16]));
    let mut number = u128::from_be_bytes(octets);
    number = number & !(0xf << 76) | 0x8 << 76;
    number = number & !(0x3 << 62) | 0x2 << 62;
    let hex = format!("{number:032X}");
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    [
        part(0, 8),
        part(8, 12),
        part(12, 16),
        part(16, 20),
        part(20, 32),
    ]
    .join("-")
}

/// RFC 5321 section 4.5.3.1.3, without the angle brackets.
const ADDRESS_BYTES_MAX: usize = 254;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_stay_the_same() {
        let one = uuid("mail", "mx.test", "inb_1");
        assert_eq!(one, uuid("mail", "mx.test", "inb_1"));
        assert_ne!(one, uuid("profile", "mx.test", "inb_1"));
        assert_ne!(one, uuid("mail", "mx.test", "inb_2"));
        let shape: String = one
            .chars()
            .map(|c| if c.is_ascii_hexdigit() { 'x' } else { c })
            .collect();
        assert_eq!(shape, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx");
        assert_eq!(one.get(14..15), Some("8"));
        assert!(one.get(19..20).is_some_and(|c| "89AB".contains(c)));
        assert_eq!(
            reversed("mail.example.com", "inb_1"),
            "com.example.mail.inb_1"
        );
    }
}

//! Fuzz bodies of mail that leaves: its header, the parameters of RFC 3461, and held mail that is
//! edited before it leaves.

use std::net::IpAddr;

use postern::testing::call::{
    Limits, Listener, OrgId, OutboundId, OutboundLease, OutboundSettings, OutboundTransaction,
    Scopes,
};
use postern::testing::mail::parse::header::Headers;
use postern::testing::mail::write::outgoing::without_private_fields;
use postern::testing::mail::write::submit::check_octets;
use postern::testing::smtp::testing::{
    Extensions, SendPlan, SenderOf, WireBody, WireForm, read_mail, read_rcpt, write_mail,
    write_rcpt,
};

use super::rig::Rig;
use super::rig::queue::Manner;

/// A header block. The checks: what leaves has no private field for any reader, whatever ends its
/// lines; nothing else changes; and the result does not depend on how often it is done.
pub fn outgoing_header(data: &[u8]) {
    let kept = without_private_fields(data);
    assert_eq!(without_private_fields(&kept), kept, "done twice");
    for octets in [kept.clone(), wire(&kept)] {
        let headers = Headers::parse(&octets);
        for field in headers.fields() {
            assert!(!is_private(field.name), "{}", octets.escape_ascii());
        }
    }
    // What is left is the rest of the lines, in their order.
    let mut rest = data;
    for line in kept.split_inclusive(|octet| matches!(octet, b'\r' | b'\n')) {
        let at = memchr::memmem::find(rest, line).expect("a line that was there");
        rest = &rest[at + line.len()..];
    }
    if !Headers::parse(&wire(data))
        .fields()
        .any(|field| is_private(field.name))
    {
        let lower = wire(data).to_ascii_lowercase();
        let has_name = NAMES
            .iter()
            .any(|name| memchr::memmem::find(&lower, name).is_some());
        assert!(has_name || kept == data, "nothing private, and it changed");
    }
}

/// The octets as a receiver has them.
fn wire(octets: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut body = WireBody::new(WireForm::Counted);
    body.push(octets, &mut out);
    body.finish(&mut out);
    out
}

const NAMES: [&[u8]; 4] = [b"bcc", b"return-path", b"x-idempotency-key", b"x-postern-"];

fn is_private(name: &[u8]) -> bool {
    let name = name.trim_ascii_end().to_ascii_lowercase();
    let whole: [&[u8]; 4] = [b"bcc", b"resent-bcc", b"return-path", b"x-idempotency-key"];
    whole.contains(&&name[..]) || name.starts_with(b"x-postern-")
}

/// Parameters of MAIL and RCPT. The checks: what is read is written so that it reads the same, in
/// one line of printable ASCII.
pub fn smtp_parameters(data: &[u8]) {
    let text = String::from_utf8_lossy(&data[..data.len().min(1500)]);
    let (of_mail, of_rcpt) = text.split_once('\n').unwrap_or((&text, &text));
    let mut order = OutboundTransaction {
        lease: OutboundLease {
            id: OutboundId(1),
            attempt: 1,
        },
        org: OrgId(1),
        reverse_path: Some("a@x.test".into()),
        recipient: "b@y.test".into(),
        keys: None,
        size: 1,
        has_8bit: false,
        has_utf8_header: false,
        notify: 0,
        orcpt: None,
        ret_full: None,
        envid: None,
    };
    let offers = Extensions {
        dsn: true,
        ..Extensions::default()
    };
    if let Ok(mail) = read_mail(&format!("FROM:<a@x.test> {of_mail}"), SenderOf::Client) {
        (order.ret_full, order.envid) = (mail.ret_full, mail.envid.clone());
        let plan = SendPlan::of(&order, &offers).expect("nothing is in the way");
        let line = written(|out| write_mail(&order, &offers, plan, out), "MAIL ");
        let again = read_mail(&line, SenderOf::Client).expect("it reads back");
        assert_eq!((again.ret_full, again.envid), (mail.ret_full, mail.envid));
    }
    let read = |args: &str| read_rcpt(args, (true, SenderOf::Client), "mx.test");
    if let Ok(rcpt) = read(&format!("TO:<b@y.test> {of_rcpt}")) {
        (order.notify, order.orcpt) = (rcpt.notify, rcpt.orcpt.clone());
        let line = written(|out| write_rcpt(&order, &offers, out), "RCPT ");
        let again = read(&line).expect("it reads back");
        assert_eq!((again.notify, again.orcpt), (rcpt.notify, rcpt.orcpt));
    }
}

fn written(write: impl FnOnce(&mut Vec<u8>), verb: &str) -> String {
    let mut out = Vec::new();
    write(&mut out);
    let line = String::from_utf8(out).expect("text");
    let line = line.strip_suffix("\r\n").expect("a line");
    assert!(
        line.bytes()
            .all(|octet| octet == b' ' || octet.is_ascii_graphic()),
        "{line}"
    );
    line.strip_prefix(verb).expect("its verb").to_owned()
}

/// A message that is held, edited and approved. The first octet says which parts are edited; up to
/// a NUL stands the message, behind it the edit. The checks: no answer is a fault of the server;
/// what is refused leaves nothing and waits on; what is approved leaves once, with the same
/// Message-ID, without a hidden recipient, and with the subject that was decided on.
pub fn approval_edit(data: &[u8]) {
    let Some((&kind, data)) = data.split_first() else {
        return;
    };
    let data = &data[..data.len().min(8192)];
    let at = memchr::memchr(0, data).unwrap_or(data.len() / 2);
    let (message, edit) = data.split_at(at);
    let edit = String::from_utf8_lossy(edit);
    let edit = edit.trim_start_matches('\0');
    let mut held = HeldMail::new();
    if !held.submit(message) {
        return;
    }
    let approval = held.approval();
    let mut fields = Vec::new();
    let is_edited = |bit: u8| kind & bit != 0;
    for (bit, name) in [(1, "subject"), (2, "text"), (4, "html")] {
        if is_edited(bit) {
            fields.push(format!("\"{name}\":{}", json(edit)));
        }
    }
    let path = format!("/api/v1/approvals/{approval}/approve");
    let (status, _) = held.ask("POST", &path, &format!("{{{}}}", fields.join(",")));
    let taken = held.rig.queue.as_ref().unwrap().taken.clone();
    if status != 200 {
        assert!((400..500).contains(&status), "{status}");
        assert!(taken.is_empty());
        assert_eq!(held.approval(), approval, "it waits on");
        return;
    }
    assert_eq!(taken.len(), 1, "it leaves once");
    assert_eq!(taken[0].recipient, "ann@y.test");
    let octets = &taken[0].octets;
    assert_eq!(check_octets(octets), Ok(()));
    let headers = Headers::parse(octets);
    assert!(!headers.fields().any(|field| is_private(field.name)));
    let is_id = |name: &[u8]| name.eq_ignore_ascii_case(b"message-id");
    let ids: Vec<_> = headers.fields().filter(|field| is_id(field.name)).collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(ids[0].value.trim_ascii(), b"<m1@x.test>");
    if is_edited(1) {
        let subject = headers.first("subject").map(|field| field.decoded());
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(words(&subject.unwrap_or_default()), words(edit));
    }
}

/// A draft that is changed. The first octet says what is changed; up to a NUL stands the draft,
/// behind it the new text. The checks: no answer is a fault of the server; a change of the header
/// leaves the octets behind it as they are; a change of a text leaves every attachment as it is.
pub fn draft_patch(data: &[u8]) {
    let Some((&kind, data)) = data.split_first() else {
        return;
    };
    let data = &data[..data.len().min(8192)];
    let at = memchr::memchr(0, data).unwrap_or(data.len() / 2);
    let (message, edit) = data.split_at(at);
    let edit = String::from_utf8_lossy(edit);
    let edit = edit.trim_start_matches('\0');
    let mut held = HeldMail::new();
    if !held.submit(message) {
        return;
    }
    let decline = format!("/api/v1/approvals/{}/decline", held.approval());
    assert_eq!(held.ask("POST", &decline, "{}").0, 200);
    let (_, drafts) = held.ask("GET", "/api/v1/inboxes/bot@x.test/drafts", "");
    let at = drafts.find("\"id\":\"msg_").expect("a draft");
    let id = drafts[at + 6..].split('"').next().unwrap().to_owned();
    let draft = format!("/api/v1/inboxes/bot@x.test/drafts/{id}");
    let raw = format!("/api/v1/inboxes/bot@x.test/messages/{id}/raw");
    let body_of = |said: &str| {
        let (_, message) = said.split_once("\r\n\r\n").expect("a response");
        let (_, body) = message.split_once("\r\n\r\n").unwrap_or_default();
        body.to_owned()
    };
    let files_of = |said: &str| {
        let (_, body) = said.split_once("\r\n\r\n").expect("a response");
        let value: serde_json::Value = serde_json::from_str(body).expect("JSON");
        let files = value["attachments"].as_array().cloned().unwrap_or_default();
        let facts = files.iter().map(|file| {
            let of = |name: &str| file[name].to_string();
            (of("filename"), of("size"), of("content_id"))
        });
        facts.collect::<Vec<_>>()
    };
    let (before, files) = (held.ask("GET", &raw, "").1, held.ask("GET", &draft, "").1);
    let field = ["subject", "text", "html", "markdown"][usize::from(kind & 3)];
    let patch = format!("{{\"{field}\":{}}}", json(edit));
    let (status, _) = held.ask("PATCH", &draft, &patch);
    assert!(status == 200 || (400..500).contains(&status), "{status}");
    let (after, files_after) = (held.ask("GET", &raw, "").1, held.ask("GET", &draft, "").1);
    if status != 200 || field == "subject" {
        assert_eq!(body_of(&before), body_of(&after), "the body stays");
    }
    // What is beyond a bound is one part, whatever its kind.
    if !files.contains("\"truncated\":true") {
        let sizes = |said: &str| {
            let mut sizes: Vec<_> = files_of(said)
                .into_iter()
                .map(|(_, size, _)| size)
                .collect();
            sizes.sort();
            sizes
        };
        assert_eq!(sizes(&files), sizes(&files_after), "no attachment is lost");
    }
    let (status, _) = held.ask("POST", &format!("{draft}/send"), "{}");
    assert!(status == 202 || (400..500).contains(&status), "{status}");
}

/// A server with an inbox whose mail is held, and a server that takes all mail.
struct HeldMail {
    rig: Rig,
    key: String,
}

impl HeldMail {
    fn new() -> HeldMail {
        let outbound = Some(OutboundSettings::default());
        let mut rig = Rig::with(7, Limits::default(), Default::default(), outbound);
        rig.dns.learn("y.test MX 10 mx.y.test").unwrap();
        rig.dns.learn("mx.y.test A 203.0.114.1").unwrap();
        let host = IpAddr::from([203, 0, 114, 1]);
        let queue = rig.queue.as_mut().unwrap();
        queue.hosts.insert(host, Manner::Serves(Vec::new()));
        let org = rig.make_org("fuzz");
        rig.make_inbox(org, "bot@x.test", None);
        let key = rig.make_key(org, Scopes::ADMIN, None, None);
        let mut held = HeldMail { rig, key };
        let path = "/api/v1/inboxes/bot@x.test";
        let (status, _) = held.ask("PATCH", path, "{\"send_mode\":\"hold\"}");
        assert_eq!(status, 200);
        held
    }

    /// Submits a message; `false` when it is refused.
    fn submit(&mut self, message: &[u8]) -> bool {
        let id = self
            .rig
            .open(Listener::Submissions, IpAddr::from([10, 0, 0, 1]));
        let plain = format!("\0bot@x.test\0{}", self.key);
        let plain = data_encoding::BASE64.encode(plain.as_bytes());
        let begin = format!(
            "EHLO fuzz\r\nAUTH PLAIN {plain}\r\nMAIL FROM:<bot@x.test>\r\nRCPT TO:<ann@y.test>\r\n\
             DATA\r\n"
        );
        self.rig.send(id, begin.as_bytes(), usize::MAX);
        let mut octets = b"From: bot@x.test\r\nMessage-ID: <m1@x.test>\r\n".to_vec();
        let mut body = WireBody::new(WireForm::Dotted);
        body.push(message, &mut octets);
        body.finish(&mut octets);
        self.rig.send(id, &octets, usize::MAX);
        let said = String::from_utf8_lossy(&self.rig.take(id)).into_owned();
        self.rig.drop_conn(id);
        said.contains("queued as")
    }

    /// The id of the approval that waits.
    fn approval(&mut self) -> String {
        let (status, body) = self.ask("GET", "/api/v1/approvals?status=held", "");
        assert_eq!(status, 200);
        let at = body.find("\"id\":\"apr_").expect("an approval");
        let id = &body[at + 6..];
        id[..id.find('"').unwrap()].to_owned()
    }

    /// Status and body of one request.
    fn ask(&mut self, method: &str, path: &str, body: &str) -> (u16, String) {
        let id = self.rig.open(Listener::Https, IpAddr::from([10, 0, 0, 1]));
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: mx.test\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.key,
            body.len()
        );
        self.rig.send(id, request.as_bytes(), usize::MAX);
        let said = String::from_utf8_lossy(&self.rig.take(id)).into_owned();
        let status = said.split(' ').nth(1).and_then(|s| s.parse().ok());
        (status.expect("a status"), said)
    }
}

/// A text as JSON.
fn json(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if (c as u32) < 32 => out += &format!("\\u{:04x}", c as u32),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

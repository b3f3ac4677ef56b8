//! Mail whose structure two readers could take for different things: REST and IMAP have the same
//! parts of it, with the same types and octets, and no name of a file gets out of its field.

use std::net::IpAddr;

use postern::testing::call::Listener;
use serde_json::Value;

use crate::structure::{Item, ListedPart, item, list_parts};
use crate::world::World;

/// Fields about the structure of a whole message.
const HEADS: [&str; 14] = [
    "Content-Type: multipart/mixed; boundary=b",
    "Content-Type: multipart/mixed; boundary=b\r\nContent-Type: text/plain",
    "Content-Type: text/plain\r\nContent-Type: multipart/mixed; boundary=b",
    "Content-Type: multipart/mixed; boundary=b; boundary=c",
    "Content-Type: multipart/mixed; boundary=c; boundary=b",
    "Content-Type: multipart/mixed; boundary=\"b \"",
    "Content-Type: multipart/mixed; boundary*=us-ascii''b",
    "Content-Type: multipart/mixed; boundary*0=b",
    "CONTENT-TYPE: MULTIPART/MIXED; BOUNDARY=b",
    "Content-Type: multipart/mixed (a comment; boundary=c); boundary=b",
    "Content-Type:\r\n multipart/mixed;\r\n\tboundary=\"b\"",
    "Content-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: base64",
    "Content-Type: multipart/mixed; boundary=\"\"",
    "Content-Type: multipart/mixed",
];

/// Bodies: `F` stands for a file of each kind in [`FILES`], `T` for a text.
const BODIES: [&str; 9] = [
    "--b\r\nT--b\r\nF--b--\r\n",
    "--b\r\nT--c\r\nF--b\r\nF--b--\r\n",
    "--b\r\nT--b--\r\n--b\r\nF--b--\r\n",
    "--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nT--b\r\nF--b--\r\n--b--\r\n",
    "--b\r\nT--b\r\nF",
    "preamble\r\n--b \t\r\nT--bx\r\nF--b\r\nF--b-- \r\nepilogue\r\n--b\r\nF",
    "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: in\r\nContent-Type: multipart/mixed; boundary=d\r\n\r\n--d\r\nT--d\r\nF--d--\r\n--b\r\nF--b--\r\n",
    "F",
    "",
];

const FILES: [&str; 9] = [
    "Content-Type: application/x-a; name=\"a.bin\"\r\n\r\nocTets\r\n",
    "Content-Type: application/x-b\r\nContent-Transfer-Encoding: base64\r\nContent-Transfer-Encoding: 7bit\r\n\r\nb2NUZXRz\r\n",
    "Content-Type: application/x-c\r\nContent-Type: text/plain\r\nContent-Disposition: attachment\r\n\r\nocTets\r\n",
    "Content-Type: application/x-d\r\nContent-Disposition: attachment; filename=\"../../etc/passwd\"\r\n\r\nocTets\r\n",
    "Content-Type: application/x-e\r\nContent-Disposition: attachment; filename*=utf-8''%2e%2e%5cC%3a%5cx%0d%0aX-Evil%3a1\r\n\r\nocTets\r\n",
    "Content-Type: application/x-f\r\nContent-Disposition: attachment; filename=\"a\\\"; X-Evil=\\\"1\"\r\n\r\nocTets\r\n",
    "Content-Type: application/x-g\r\nContent-Disposition: attachment; filename=\"=?utf-8?b?4oCuZXhlLmdwagANCg==?=\"\r\n\r\nocTets\r\n",
    "Content-Type: application/x-h\r\nContent-Disposition: inline; filename=\"one\"; filename=\"two\"\r\nContent-Transfer-Encoding: BASE64\r\n\r\nb2NUZXRz\r\n",
    "Content-Type: application/x-i; name*0=\"long\"; name*1*=%2F..%2Fname\r\n\r\nocTets\r\n",
];

const TEXT: &str = "Content-Type: text/plain\r\n\r\nThe text.\r\n";

/// The parts of the newest message, by its BODYSTRUCTURE.
pub fn structure(world: &mut World, conn: u64) -> Vec<ListedPart> {
    list_parts(&fetch(world, conn, "BODYSTRUCTURE"))
}

/// The octets of a section of the newest message.
pub fn octets(world: &mut World, conn: u64, section: &str) -> Vec<u8> {
    match fetch(world, conn, &format!("BODY.PEEK[{section}]")) {
        Item::Text(octets) => octets,
        Item::List(_) => panic!("{section}"),
    }
}

/// One item of the newest message.
fn fetch(world: &mut World, conn: u64, what: &str) -> Item {
    world.rig.send(
        conn,
        format!("f FETCH * ({what})\r\n").as_bytes(),
        usize::MAX,
    );
    let said = world.rig.take(conn);
    assert!(
        said.starts_with(b"* "),
        "{what}: {}",
        String::from_utf8_lossy(&said)
    );
    let start = said.iter().position(|&b| b == b'(').unwrap();
    // `BODY.PEEK[1]` is answered as `BODY[1]`; neither name has a space.
    let behind = said[start..].iter().position(|&b| b == b' ').unwrap();
    item(&said[start + behind..]).0
}

#[test]
fn rest_and_imap_have_the_same_parts() {
    let mut world = World::new();
    let side = world.one.clone();
    let conn = world
        .rig
        .open(Listener::Imaps, IpAddr::from([192, 0, 2, 9]));
    let login = format!(
        "a LOGIN {} {}\r\nb EXAMINE INBOX\r\n",
        side.address, side.admin
    );
    world.rig.send(conn, login.as_bytes(), usize::MAX);
    world.rig.take(conn);
    let (mut shapes, mut files) = (0, 0);
    for (h, head) in HEADS.iter().enumerate() {
        for (b, body) in BODIES.iter().enumerate() {
            let mut n = h + b;
            let body: String = (body.chars())
                .map(|c| match c {
                    'T' => TEXT.to_owned(),
                    'F' => {
                        n += 1;
                        FILES[n % FILES.len()].to_owned()
                    }
                    c => c.to_string(),
                })
                .collect();
            let mail = format!(
                "From: ann@else.test\r\nSubject: odd\r\nMIME-Version: 1.0\r\n{head}\r\n\r\n{body}"
            );
            world.deliver_octets(&side, mail.as_str());
            world.rig.send(conn, b"n NOOP\r\n", usize::MAX);
            world.rig.take(conn);
            shapes += 1;
            files += compare(&mut world, conn, &mail);
        }
    }
    world.check();
    assert!(shapes > 100 && files > 50, "{shapes} {files}");
}

/// Compares the newest message; how many attachments it has.
fn compare(world: &mut World, conn: u64, mail: &str) -> usize {
    let side = world.one.clone();
    let path = format!("/api/v1/inboxes/{}/messages", side.inbox);
    let list = world.ask(
        Some(&side.admin),
        "GET",
        &format!("{path}?limit=1"),
        None,
        "",
    );
    let list: Value = serde_json::from_str(&list.body).unwrap();
    let path = format!("{path}/{}", list["data"][0]["id"].as_str().unwrap());
    let open = world.ask(Some(&side.admin), "GET", &path, None, "");
    let open: Value = serde_json::from_str(&open.body).expect(&open.whole);
    let all = structure(world, conn);
    let attachments = open["attachments"].as_array().unwrap();
    for attachment in attachments {
        let id = attachment["id"].as_str().unwrap();
        let index: usize = id.strip_prefix("att_").unwrap().parse().unwrap();
        let shown = format!("{id} of {all:?} in {mail}");
        let part = all.get(index).expect(&shown);
        let said = attachment["content_type"].as_str().unwrap().to_lowercase();
        assert_eq!(said, part.kind, "{shown}");
        let name = attachment["filename"].as_str().unwrap();
        let is_plain = !name.contains(['/', '\\']) && !name.chars().any(char::is_control);
        assert!(is_plain, "{name:?}: {shown}");
        let file = world.ask(
            Some(&side.admin),
            "GET",
            &format!("{path}/attachments/{id}"),
            None,
            "",
        );
        assert_eq!(file.status, 200, "{shown}: {}", file.whole);
        let head = file.head.to_lowercase();
        assert!(
            !head.contains("\r\nx-evil") && !head.contains(".."),
            "{shown}: {head}"
        );
        for line in [
            "x-content-type-options: nosniff",
            "content-security-policy: sandbox",
            "content-disposition: attachment",
        ] {
            assert!(head.contains(line), "{shown}: {head}");
        }
        assert_eq!(
            attachment["size"].as_u64(),
            Some(file.body.len() as u64),
            "{shown}"
        );
        if part.is_leaf {
            let raw = octets(world, conn, &part.section);
            let raw = String::from_utf8_lossy(&raw).into_owned();
            let decoded = data_encoding::BASE64.decode(raw.trim_end().as_bytes());
            let is_same =
                raw == file.body || decoded.is_ok_and(|octets| octets == file.body.as_bytes());
            assert!(is_same, "{raw:?} {:?} {shown}", file.body);
        }
    }
    // Every part that is no text and has none below it is an attachment.
    let files = all
        .iter()
        .filter(|part| part.is_leaf && !part.kind.starts_with("text/"));
    let ids: Vec<&str> = attachments
        .iter()
        .filter_map(|a| a["content_type"].as_str())
        .collect();
    for ListedPart { kind, .. } in files {
        assert!(
            ids.iter().any(|id| id.eq_ignore_ascii_case(kind)),
            "{kind}: {ids:?} in {mail}"
        );
    }
    attachments.len()
}

//! Mail whose structure two readers could take for different things: REST and IMAP have the same
//! parts of it, with the same types and octets, and no name of a file gets out of its field.

use std::net::IpAddr;

use postern::testing::call::Listener;
use serde_json::Value;

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

/// A value of the syntax of IMAP.
#[derive(Debug)]
enum Item {
    List(Vec<Item>),
    Text(String),
}

impl Item {
    fn text(&self) -> String {
        match self {
            Item::Text(text) => text.to_lowercase(),
            Item::List(_) => String::new(),
        }
    }
}

/// Reads one item; what is behind it.
fn item(text: &str) -> (Item, &str) {
    let text = text.trim_start_matches([' ', '\r', '\n']);
    if let Some(mut rest) = text.strip_prefix('(') {
        let mut items = Vec::new();
        loop {
            rest = rest.trim_start_matches(' ');
            if let Some(rest) = rest.strip_prefix(')') {
                return (Item::List(items), rest);
            }
            let (one, after) = item(rest);
            items.push(one);
            rest = after;
        }
    }
    if let Some(rest) = text.strip_prefix('{') {
        let (n, rest) = rest.split_once("}\r\n").unwrap();
        let (octets, rest) = rest.split_at(n.parse().unwrap());
        return (Item::Text(octets.to_owned()), rest);
    }
    if let Some(rest) = text.strip_prefix('"') {
        let mut out = String::new();
        let mut chars = rest.char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => return (Item::Text(out), &rest[at + 1..]),
                '\\' => out.extend(chars.next().map(|(_, c)| c)),
                c => out.push(c),
            }
        }
        panic!("a string without an end: {text}");
    }
    let end = text.find([' ', ')', '\r']).unwrap_or(text.len());
    (Item::Text(text[..end].to_owned()), &text[end..])
}

/// Every part in order: its section, its type, and whether it has none below it.
fn parts(structure: &Item, section: &str, all: &mut Vec<(String, String, bool)>) {
    let Item::List(items) = structure else {
        panic!("{structure:?}")
    };
    let below = |n: usize| match section {
        "" => n.to_string(),
        section => format!("{section}.{n}"),
    };
    if let Some(Item::List(_)) = items.first() {
        let subtype = items.iter().find(|item| matches!(item, Item::Text(_)));
        let kind = format!("multipart/{}", subtype.map(Item::text).unwrap_or_default());
        all.push((section.to_owned(), kind, false));
        for (n, child) in items
            .iter()
            .take_while(|i| matches!(i, Item::List(_)))
            .enumerate()
        {
            parts(child, &below(n + 1), all);
        }
        return;
    }
    let kind = format!("{}/{}", items[0].text(), items[1].text());
    let is_message = kind == "message/rfc822" && items.len() > 9;
    let own = if section.is_empty() { "1" } else { section };
    all.push((own.to_owned(), kind, !is_message));
    if is_message {
        let inner = &items[8];
        let is_multipart =
            matches!(inner, Item::List(of) if matches!(of.first(), Some(Item::List(_))));
        let place = if is_multipart {
            own.to_owned()
        } else {
            format!("{own}.1")
        };
        parts(inner, &place, all);
    }
}

/// One response to a FETCH.
fn fetch(world: &mut World, conn: u64, what: &str) -> String {
    world.rig.send(
        conn,
        format!("f FETCH * ({what})\r\n").as_bytes(),
        usize::MAX,
    );
    let said = world.rig.take(conn);
    String::from_utf8_lossy(&said).into_owned()
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
            world.deliver_octets(&side, &mail);
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
    let said = fetch(world, conn, "BODYSTRUCTURE");
    let at = said.find("BODYSTRUCTURE ").expect(&said) + "BODYSTRUCTURE ".len();
    let (structure, _) = item(&said[at..]);
    let mut all = Vec::new();
    parts(&structure, "", &mut all);
    let attachments = open["attachments"].as_array().unwrap();
    for attachment in attachments {
        let id = attachment["id"].as_str().unwrap();
        let index: usize = id.strip_prefix("att_").unwrap().parse().unwrap();
        let shown = format!("{id} of {all:?} in {mail}");
        let (section, kind, is_leaf) = all.get(index).expect(&shown);
        let said = attachment["content_type"].as_str().unwrap().to_lowercase();
        assert_eq!(&said, kind, "{shown}");
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
        if *is_leaf {
            let said = fetch(world, conn, &format!("BODY.PEEK[{section}]"));
            let at = said.find("] ").expect(&said) + 2;
            let raw = match item(&said[at..]).0 {
                Item::Text(text) => text,
                Item::List(_) => panic!("{said}"),
            };
            let decoded = data_encoding::BASE64.decode(raw.trim_end().as_bytes());
            let is_same =
                raw == file.body || decoded.is_ok_and(|octets| octets == file.body.as_bytes());
            assert!(is_same, "{raw:?} {:?} {shown}", file.body);
        }
    }
    // Every part that is no text and has none below it is an attachment.
    let files = all
        .iter()
        .filter(|(_, kind, is_leaf)| *is_leaf && !kind.starts_with("text/"));
    let ids: Vec<&str> = attachments
        .iter()
        .filter_map(|a| a["content_type"].as_str())
        .collect();
    for (_, kind, _) in files {
        assert!(
            ids.iter().any(|id| id.eq_ignore_ascii_case(kind)),
            "{kind}: {ids:?} in {mail}"
        );
    }
    attachments.len()
}

//! Fuzz bodies of `postern::testing::mail`: one function for a target, each total.
//!
//! The checks, strongest first: written text parses to the same value, every section number leads
//! back to its part, pieces decode like the whole, sizes keep their bounds, nothing panics.

use postern::testing::mail::digest::analyse;
use postern::testing::mail::digest::{AddressItem, Digest, PartStep};
use postern::testing::mail::parse::address::Address;
use postern::testing::mail::parse::address_list::{parse_list, parse_single_from};
use postern::testing::mail::parse::charset::{self, Charset, CharsetDecoder};
use postern::testing::mail::parse::dsn::{MailReport, RECIPIENTS_MAX, read_report};
use postern::testing::mail::parse::header::{self, Headers};
use postern::testing::mail::parse::transfer::{self, Decoder, Encoding};
use postern::testing::mail::parse::{date, param};
use postern::testing::mail::text::html::{Addresses, read, read_markdown};
use postern::testing::mail::text::links::links;
use postern::testing::mail::text::needles::Needles;
use postern::testing::mail::text::search::{Needle, Scope, searchable};
use postern::testing::mail::text::{attachments, decode_part, extracted_of, text_of};
use postern::testing::mail::text::{codes, pages, reply};
use postern::testing::mail::write::compose::{AttachedFile, Compose, compose as write_mail};
use postern::testing::mail::write::dsn::{Dsn, DsnAction, write_dsn};
use postern::testing::mail::write::encode;
use postern::testing::mail::write::markdown::render;
use postern::testing::mail::write::submit::{check_octets, submission_fixups};
use postern::testing::mail::write::{field, word};
use postern::testing::mail::{Bounds, time, utf7};

/// Header blocks, dates, ids, parameters, encoded words, and the writing of fields.
pub fn header(data: &[u8]) {
    let headers = Headers::parse(data);
    let mut at = 0;
    for field in headers.fields() {
        assert_eq!(field.start, at, "fields leave no gap");
        at = field.end;
        assert!(field.decoded().len() <= field.value.len() * 4 + 4);
        assert!(!field.decoded().chars().any(char::is_control));
        for id in header::message_ids(field.value) {
            assert!(id.len() <= header::MESSAGE_ID_MAX * 3);
        }
        if let Some(date) = date::parse(field.value) {
            let written = time::rfc5322(date.unix_s * 1_000);
            assert_eq!(
                date::parse(written.as_bytes()).map(|d| d.unix_s),
                Some(date.unix_s)
            );
        }
        let value = param::ParamValue::parse(field.value, 64);
        assert!(value.params.len() <= 64);
        let pairs = value.params.iter().map(|p| (&*p.name, &*p.value));
        let _ = param::decoded(pairs, "filename");
    }
    assert!(headers.body_start() <= data.len() && headers.body_start() - at <= 2);
    let text = String::from_utf8_lossy(data);
    let disposition = field::content_disposition(&text);
    assert!(!disposition.chars().any(char::is_control) && disposition.is_ascii());
    if field::is_value(&text) && !text.chars().any(|c| c == '\u{fffd}') {
        let mut out = Vec::new();
        let encoded = word::encode(text.trim());
        field::fold("Subject", &encoded, &mut out);
        out.extend_from_slice(b"\r\n");
        let back = Headers::parse(&out);
        assert_eq!(back.fields().count(), 1);
        let decoded = back
            .first("subject")
            .map(|f| f.decoded())
            .unwrap_or_default();
        assert_eq!(decoded, text.trim(), "{encoded}");
    }
    if let Some(name) = utf7::utf7_decode(data) {
        assert_eq!(utf7::utf7_encode(&name).as_bytes(), data);
    }
}

/// Reports of other servers, and a notification of our own made of any words.
pub fn report(data: &[u8]) {
    let bounds = Bounds::default();
    match read_report(data, &bounds) {
        Some(MailReport::Delivery(status)) => assert!(status.recipients.len() <= RECIPIENTS_MAX),
        Some(MailReport::Complaint { recipients, .. }) => {
            assert!(recipients.len() <= RECIPIENTS_MAX);
        }
        None => {}
    }
    let text = String::from_utf8_lossy(data);
    let half = text.char_indices().nth(text.chars().count() / 2);
    let (one, two) = text.split_at(half.map_or(0, |(at, _)| at));
    let to = Address::parse("bot@a.example").unwrap();
    let raw = write_dsn(&Dsn {
        reporting_mta: "mx.a.example",
        to: &to,
        action: DsnAction::Failed,
        recipient: "ann@b.example",
        original_recipient: Some(one),
        envelope_id: Some(two),
        status: one,
        remote_mta: Some(two),
        diagnostic: one,
        is_smtp_reply: data.len().is_multiple_of(2),
        arrived_at: 0,
        attempted_at: 0,
        retry_until: None,
        original: data,
        is_full: data.len().is_multiple_of(3),
        now: 0,
        message_id: "<d1@mx.a.example>",
        seed: [0; 16],
    });
    assert_eq!(check_octets(&raw), Ok(()));
    let Some(MailReport::Delivery(status)) = read_report(&raw, &bounds) else {
        panic!("the notification does not read back");
    };
    assert_eq!(status.recipients.len(), 1);
    assert_eq!(status.recipients[0].recipient, "ann@b.example");
}

/// Octets of any charset: the first octet chooses the label, the second the length of the pieces.
pub fn charset(data: &[u8]) {
    let [label, size, octets @ ..] = data else {
        return;
    };
    let label = LABELS[usize::from(*label) % LABELS.len()].as_bytes();
    let text = charset::decode(Some(label), octets);
    assert!(text.len() <= octets.len() * 3 + 3);
    let chosen = Charset::of(Some(label), octets);
    let mut decoder = CharsetDecoder::new(chosen);
    let mut pieced = String::new();
    for piece in octets.chunks(usize::from(*size % 7) + 1) {
        decoder.push(piece, false, &mut pieced);
    }
    decoder.push(b"", true, &mut pieced);
    assert_eq!(
        pieced,
        chosen.decode(octets),
        "pieces decode like the whole"
    );
}

/// One label for each decoder, labels that decide nothing, and octets that are no label.
const LABELS: [&str; 20] = [
    "utf-8",
    "us-ascii",
    "x-unknown",
    "iso-8859-1",
    "koi8-r",
    "windows-874",
    "cp932",
    "gb18030",
    "big5",
    "euc-kr",
    "euc-jp",
    "iso-2022-jp",
    "iso-2022-kr",
    "iso-2022-cn",
    "hz-gb-2312",
    "utf-7",
    "utf-16",
    "utf-32",
    "ibm437",
    "\u{e9}",
];

/// Addresses and address lists.
pub fn address(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(address) = Address::parse(text)
    {
        let written = address.to_string();
        assert_eq!(Address::parse(&written).as_ref(), Ok(&address), "{written}");
        assert!(written.len() <= 320 && !written.chars().any(char::is_control));
        // Folding may lengthen a local part beyond its limit; such an address has no canonical
        // address to parse.
        let canonical = address.canonical();
        if let Ok(again) = Address::parse(&canonical) {
            assert_eq!(again.canonical(), canonical);
        }
        if let Some(user) = address.without_plus() {
            assert_eq!(Address::parse(&user.to_string()), Ok(user));
        }
    }
    let list = parse_list(data, &Bounds::default());
    for mailbox in list.mailboxes() {
        if let Some(address) = mailbox.address() {
            assert_eq!(Address::parse(&address.to_string()), Ok(address));
        }
    }
    if let Ok(from) = parse_single_from([data]) {
        assert_eq!(
            list.mailboxes().count(),
            1,
            "one author is one to lenient readers too"
        );
        assert_eq!(
            list.mailboxes().next().and_then(|m| m.address()),
            Some(from)
        );
    }
}

/// Whole messages, everything that is read of them, and octets that are no digest.
pub fn mime(data: &[u8]) {
    damaged(data);
    let bounds = Bounds {
        mime_parts: 60,
        mime_depth: 8,
        ..Bounds::default()
    };
    let Ok(found) = analyse(data, &bounds) else {
        return;
    };
    let Some(digest) = Digest::open(&found.digest) else {
        panic!("a fresh digest opens")
    };
    damaged(&found.digest);
    assert_eq!(digest.size() as usize, data.len());
    assert!(found.preview.chars().count() <= 200);
    assert!(found.digest.len() <= data.len() * 4 + 1_024);
    let mut open = Vec::new();
    let mut message_end = None;
    let mut walk = digest.walk();
    while let Some(step) = walk.next() {
        let path = walk.path().to_vec();
        if let PartStep::Open(part) | PartStep::Leaf(part) = &step
            && let Some(end) = message_end.take()
        {
            assert!(part.header.end <= end && part.body.end <= end);
        }
        match step {
            PartStep::Open(part) => {
                let is_message = part.envelope.is_some();
                message_end = is_message.then_some(part.body.end);
                assert!(part.body.end <= data.len());
                open.push(part.index);
            }
            PartStep::Close(part) => assert_eq!(open.pop(), Some(part.index)),
            PartStep::Leaf(part) => {
                assert!(part.body.end <= data.len() && part.header.end == part.body.start);
                assert_eq!(
                    digest.section(&path).map(|p| p.index),
                    Some(part.index),
                    "{path:?}"
                );
                let decoded = decode_part(data, &part);
                assert!(decoded.len() <= part.size());
                let octets = data.get(part.body.clone()).unwrap_or_default();
                assert_eq!(transfer::decoded_len(part.encoding, octets), decoded.len());
                in_pieces(
                    part.encoding,
                    data.get(part.body.clone()).unwrap_or(b""),
                    &decoded,
                );
            }
        }
    }
    assert!(open.is_empty());
    let body = text_of(data, &digest);
    assert!(body.attached_at <= body.text.len());
    assert!(extracted_of("", &body).len() <= body.text.len() + 2);
    assert!(
        !body
            .text
            .chars()
            .any(|c| c.is_control() && c != '\n' && c != '\t')
    );
    if data
        .get(digest.header_len() as usize..)
        .is_some_and(|b| !b.trim_ascii().is_empty())
    {
        assert!(
            !body.text.trim().is_empty(),
            "no empty text for a mail with a body"
        );
    }
    downloads(data, &digest);
    search(data, &digest);
    let fixups = submission_fixups(data, "<id@x.test>", 0);
    let sent = fixups.apply(data);
    let headers = Headers::parse(&sent);
    assert!(headers.first("bcc").is_none() && headers.first("resent-bcc").is_none());
    let _ = check_octets(data);
}

/// The attachments, and what a download gives.
fn downloads(data: &[u8], digest: &Digest<'_>) {
    for attachment in attachments(data, digest) {
        assert!(
            !attachment.filename.is_empty()
                && !attachment.filename.contains(['/', '\\', '\r', '\n', '\0'])
        );
        assert_eq!(
            digest.section(&attachment.section).map(|p| p.index),
            Some(attachment.part)
        );
        let part = digest.part(attachment.part);
        assert_eq!(
            part.as_ref().map(|part| decode_part(data, part).len()),
            Some(attachment.size),
            "the size of an attachment is that of its download"
        );
        let mut pieced = Vec::new();
        let mut decoder = Decoder::new(attachment.encoding);
        for piece in data[attachment.body.clone()].chunks(attachment.index % 5 + 1) {
            decoder.push(piece, &mut pieced);
        }
        decoder.finish(&mut pieced);
        assert_eq!(
            part.map(|part| decode_part(data, &part) == pieced),
            Some(true),
            "a download in pieces is the whole"
        );
    }
}

/// Many needles at once, against one after the other.
fn search(data: &[u8], digest: &Digest<'_>) {
    let mut words: Vec<String> = vec![String::new(), "n\u{e4}edle".to_owned()];
    for chunk in searchable(data, digest).take(8) {
        let own = chunk.text.split_whitespace().take(4);
        words.extend(own.map(|word| word.chars().skip(1).take(20).collect()));
    }
    let mut needles = Needles::new(words.iter().map(String::as_str));
    for scope in [Scope::All, Scope::Body] {
        let mut hits = needles.no_hits();
        let mut found = vec![false; words.len()];
        for chunk in searchable(data, digest).filter(|chunk| chunk.is_in(scope)) {
            needles.find(&chunk.text, &mut hits);
            for (found, word) in found.iter_mut().zip(&words) {
                *found |= Needle::new(word).is_in(&chunk.text);
            }
        }
        for (n, found) in found.iter().enumerate() {
            assert_eq!(needles.has(&hits, n), *found, "{:?}", words[n]);
        }
    }
}

/// HTML to text, and the codes and links in text.
pub fn html(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let page = read(&text, 4_096, Addresses::Shown);
    assert!(page.text.len() <= 4_096);
    let words = read(&text, 4_096, Addresses::Omitted);
    assert!(words.links.is_empty());
    // Both have read the whole page.
    if page.text.len() < 4_000 {
        assert_eq!(words.hidden_content, page.hidden_content);
        assert!(words.text.len() <= page.text.len());
    }
    let marked = read_markdown(&text, 4_096);
    assert!(marked.text.len() <= 4_096);
    if marked.text.len() < 4_000 && page.text.len() < 4_000 {
        assert_eq!(marked.hidden_content, page.hidden_content);
    }
    text_pages(&marked.text, data.len());
    assert!(
        !page
            .text
            .chars()
            .any(|c| c.is_control() && c != '\n' && c != '\t')
    );
    for line in [&*text, &page.text] {
        reply_text(line);
        for link in links(line, &page.links) {
            assert!(
                !link
                    .url
                    .chars()
                    .any(|c| c.is_control() || c.is_whitespace())
            );
        }
    }
}

/// Pages of a text joined are the text.
fn text_pages(text: &str, seed: usize) {
    let (mut joined, mut offset) = (String::new(), 0);
    loop {
        let page = pages::page(text, offset, Some(1 + seed % 97));
        joined.push_str(page.text);
        match page.next_offset {
            Some(next) => {
                assert!(next > offset);
                offset = next;
            }
            None => break,
        }
    }
    assert_eq!(joined, text);
    assert_eq!(pages::measure(text).0, text.chars().count());
}

/// The new part of a reply with the first line as its subject, the preview, and the codes.
fn reply_text(text: &str) {
    let (subject, rest) = text.split_once('\n').unwrap_or(("", text));
    for (subject, text) in [("", text), (subject, rest)] {
        let new = reply::extracted_text(subject, text);
        assert!(new.len() <= text.len() && new.trim().len() == new.len());
        assert_eq!(new.is_empty(), text.trim().is_empty());
        assert!(reply::without_addresses(&new).len() <= new.len());
        let found = codes::find_in_mail(subject, &new);
        assert!(found.len() <= codes::CODES_MAX);
        for found in found {
            assert!((4..=19).contains(&found.code.len()), "{found:?}");
            assert!(
                found
                    .code
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-')
            );
            assert!(!found.words.chars().any(char::is_control));
        }
    }
}

/// Composing: fields are the lines of the data. The result reads back and contains no smuggled
/// line.
pub fn compose(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut fields = text.split('|');
    let mut next = || fields.next().unwrap_or("");
    let (subject, name, custom, body, page, filename) =
        (next(), next(), next(), next(), next(), next());
    let Ok(address) = Address::parse("bot@x.test") else {
        return;
    };
    let files = [AttachedFile {
        filename,
        content_type: "application/pdf",
        content: data,
        content_id: None,
        inline: false,
    }];
    let mail = Compose {
        from: Some(&address),
        from_name: Some(name),
        to: &[(Some(name), &address)],
        subject,
        text: Some(body),
        html: (!page.is_empty()).then_some(page),
        attachments: if filename.is_empty() { &[] } else { &files },
        headers: &[("X-Custom", custom)],
        message_id: "<m@x.test>",
        ..Compose::default()
    };
    let Ok(raw) = write_mail(&mail) else { return };
    assert_eq!(check_octets(&raw), Ok(()));
    let names: Vec<String> = Headers::parse(&raw)
        .fields()
        .map(|f| String::from_utf8_lossy(f.name).into_owned())
        .collect();
    assert!(
        names.iter().all(|n| [
            "From",
            "To",
            "Subject",
            "Date",
            "Message-ID",
            "X-Custom",
            "MIME-Version"
        ]
        .contains(&n.as_str())
            || n.starts_with("Content-")),
        "{names:?}"
    );
    let Ok(found) = analyse(
        &raw,
        &Bounds {
            header_field_bytes: 1 << 20,
            header_bytes: 1 << 22,
            ..Bounds::default()
        },
    ) else {
        panic!("our own mail is within bounds");
    };
    assert!(!found.is_ambiguous && !found.is_truncated);
    assert_eq!(found.from.len(), 1);
    assert_eq!(found.from.first().and_then(|m| m.address()), Some(address));
    let Some(digest) = Digest::open(&found.digest) else {
        panic!("a fresh digest opens")
    };
    for attachment in attachments(&raw, &digest) {
        let Some(part) = digest.part(attachment.part) else {
            panic!("an attachment is a part")
        };
        assert_eq!(&*decode_part(&raw, &part), data);
    }
}

fn in_pieces(encoding: Encoding, body: &[u8], whole: &[u8]) {
    let mut out = Vec::new();
    let mut decoder = Decoder::new(encoding);
    for piece in body.chunks(7) {
        decoder.push(piece, &mut out);
    }
    decoder.finish(&mut out);
    assert_eq!(out, whole);
    let mut again = Vec::new();
    encode::encode_quoted(whole, &mut again);
    assert_eq!(&*transfer::decode(Encoding::QuotedPrintable, &again), whole);
}

fn damaged(bytes: &[u8]) {
    let Some(digest) = Digest::open(bytes) else {
        return;
    };
    let envelope = digest.envelope();
    for item in envelope.to {
        if let AddressItem::GroupStart(name) = item {
            let _ = name.len();
        }
    }
    assert!(digest.walk().count() <= digest.part_count() * 2);
    let _ = attachments(bytes, &digest).count();
    let _ = (digest.section(&[1]), digest.section(&[1, 2, 3]));
}

/// A JSON object is taken, and nothing else; cutting it off is never an object.
pub fn json_object(data: &[u8]) {
    use postern::testing::mail::parse::json_object::is_object;
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if !is_object(text) {
        return;
    }
    let trimmed = text.trim_matches([' ', '\t', '\r', '\n']);
    assert!(trimmed.starts_with('{') && trimmed.ends_with('}'));
    assert!(is_object(trimmed));
    for end in trimmed.char_indices().map(|(at, _)| at) {
        assert!(!is_object(&trimmed[..end]));
    }
}

/// What Markdown becomes has only the tags of its writer, and links that a mail may have.
pub fn markdown(data: &[u8]) {
    const TAGS: &[&str] = &[
        "p",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "blockquote",
        "pre",
        "code",
        "ul",
        "ol",
        "li",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "em",
        "strong",
        "del",
        "a",
        "img",
        "br",
        "hr",
    ];
    let source = String::from_utf8_lossy(&data[..data.len().min(16 << 10)]);
    let found = render(&source);
    assert!(found.html.len() <= source.len() * 40 + (16 << 20));
    let mut rest = found.html.as_str();
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        let tag = &rest[..rest.find('>').expect("a tag ends")];
        let name = tag.trim_start_matches('/');
        let name = &name[..name.find(' ').unwrap_or(name.len())];
        assert!(TAGS.contains(&name), "{tag}");
        for part in tag.split('"').skip(1).step_by(2) {
            assert!(!part.contains(['<', '\'']), "{tag}");
        }
        let target = |field: &str| {
            let (_, value) = tag.split_once(field)?;
            Some(value.split('"').next().unwrap_or("").to_ascii_lowercase())
        };
        for (field, schemes) in [
            ("a href=\"", ["http:", "https:", "mailto:"]),
            ("img src=\"", ["http:", "https:", "cid:"]),
        ] {
            if let Some(target) = target(field) {
                assert!(
                    schemes.iter().any(|scheme| target.starts_with(scheme)),
                    "{tag}"
                );
            }
        }
    }
}

/// A query of the API: each term has something in it, a dash does not change what it is, and the
/// query of its first terms is the beginning of it.
pub fn query(data: &[u8]) {
    use postern::testing::mail::text::query::{QueryTerm, parse};
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let Ok(parts) = parse(text) else {
        return;
    };
    assert!(parts.len() <= 10);
    assert_eq!(parts.is_empty(), text.trim().is_empty());
    for part in &parts {
        match &part.term {
            QueryTerm::Anywhere(text) | QueryTerm::From(text) | QueryTerm::Subject(text) => {
                assert!(!text.is_empty());
            }
            _ => {}
        }
    }
    for (at, _) in text
        .char_indices()
        .filter(|(_, c)| c.is_whitespace())
        .take(20)
    {
        if let Ok(first) = parse(&text[..at]) {
            assert!(parts.starts_with(&first), "{text:?}");
        }
    }
}

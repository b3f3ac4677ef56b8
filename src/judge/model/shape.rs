//! The form of a message as tokens: sizes in steps, links, names, and how the header fits the text.

use super::kind::TokenKind;
use super::words::is_unspaced;
use crate::judge::view::MailView;
use crate::mail::unicode;

/// Calls `found` with each token of form.
pub(super) fn each_shape(view: &MailView, found: &mut impl FnMut(TokenKind, &[u8])) {
    let sender = view
        .from
        .as_ref()
        .map(|from| organizational(&from.domain))
        .unwrap_or_default();
    links(view, &sender, found);
    header(view, &sender, found);
    subject(&view.subject, found);
    texts(view, found);
}

fn put(found: &mut impl FnMut(TokenKind, &[u8]), name: &str, value: usize) {
    let mut octets = [0; 24];
    let len = name.len().min(16);
    for (place, octet) in octets.iter_mut().zip(name.as_bytes().iter().take(len)) {
        *place = *octet;
    }
    let digits = [b'0' + (value / 10 % 10) as u8, b'0' + (value % 10) as u8];
    for (place, octet) in octets.iter_mut().skip(len).zip(digits) {
        *place = octet;
    }
    found(TokenKind::Shape, octets.get(..len + 2).unwrap_or_default());
}

/// The number of binary digits, at most `most`: sizes count in steps of two.
fn step(value: usize, most: usize) -> usize {
    ((usize::BITS - value.leading_zeros()) as usize).min(most)
}

/// The domain under which a name was registered, as its last two labels tell, or its last three
/// below endings such as `co.uk`. In lower case.
fn organizational(host: &str) -> String {
    let host = unicode::prefix(host.trim_end_matches('.'), HOST_MAX);
    let labels: Vec<&str> = host.rsplit('.').take(3).collect();
    let kept = match labels.as_slice() {
        [top, second, _] if top.len() == 2 && second.len() <= 3 => 3,
        _ => 2,
    };
    let mut kept: Vec<&str> = labels.into_iter().take(kept).collect();
    kept.reverse();
    kept.join(".").to_ascii_lowercase()
}

/// The last label of a domain behind a dot.
fn ending(domain: &str) -> Vec<u8> {
    let label = domain.rsplit('.').next().unwrap_or_default();
    [b'.'].into_iter().chain(label.bytes().take(20)).collect()
}

/// The host of an address of a page.
fn host(url: &str) -> Option<&str> {
    let (scheme, rest) = url.split_once(':')?;
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return None;
    }
    let rest = rest.trim_start_matches('/');
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let authority = rest.get(..end)?;
    let host = authority.rsplit('@').next()?;
    Some(host.split(':').next().unwrap_or(host))
}

fn links(view: &MailView, sender: &str, found: &mut impl FnMut(TokenKind, &[u8])) {
    let mut domains: Vec<String> = Vec::new();
    let mut is_own = false;
    for link in view.links.iter().take(LINKS_MAX) {
        let Some(host) = host(&link.url) else {
            if link
                .url
                .get(..7)
                .is_some_and(|s| s.eq_ignore_ascii_case("mailto:"))
            {
                found(TokenKind::Shape, b"mailto");
            }
            continue;
        };
        if !host.is_empty() && host.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
            found(TokenKind::Shape, b"numeric-host");
            continue;
        }
        let domain = organizational(host);
        is_own |= domain == sender;
        domains.push(domain);
    }
    domains.sort_unstable();
    domains.dedup();
    for domain in &domains {
        found(TokenKind::Link, domain.as_bytes());
        found(TokenKind::Link, &ending(domain));
    }
    put(found, "links", step(view.links.len(), 6));
    put(found, "domains", step(domains.len(), 4));
    if !domains.is_empty() {
        put(found, "own-link", usize::from(is_own));
    }
}

fn header(view: &MailView, sender: &str, found: &mut impl FnMut(TokenKind, &[u8])) {
    found(TokenKind::Sender, sender.as_bytes());
    found(TokenKind::Sender, &ending(sender));
    let header = &view.header;
    let own_id = header
        .message_id_domain
        .as_ref()
        .map(|domain| 1 + usize::from(organizational(domain) == sender));
    put(found, "id", own_id.unwrap_or(0));
    let reply_to = view
        .reply_to
        .as_ref()
        .map(|to| 1 + usize::from(organizational(&to.domain) == sender));
    put(found, "reply-to", reply_to.unwrap_or(0));
    put(found, "answer", usize::from(header.is_answer));
    put(found, "recipients", step(header.recipients, 4));
    if let Some(from) = &view.from {
        let name = from.name.as_deref().unwrap_or_default().trim();
        put(found, "name", usize::from(!name.is_empty()));
        if name.contains('@') {
            found(TokenKind::Shape, b"name-address");
        }
        let digits = from.local.bytes().filter(u8::is_ascii_digit).count();
        put(found, "digits", step(digits, 3));
    }
    for file in view.files.iter().take(8) {
        let mut octets = b"file.".to_vec();
        let kind = file.content_type.split('/').next().unwrap_or_default();
        octets.extend(kind.bytes().take(20));
        found(TokenKind::Shape, &octets);
    }
}

fn subject(subject: &str, found: &mut impl FnMut(TokenKind, &[u8])) {
    let subject = unicode::prefix(subject, SUBJECT_MAX);
    let (mut letters, mut capitals, mut bangs) = (0_usize, 0_usize, 0_usize);
    for c in subject.chars() {
        letters += usize::from(c.is_alphabetic());
        capitals += usize::from(c.is_uppercase());
        bangs += usize::from(c == '!');
    }
    put(found, "s-capitals", capitals * 4 / letters.max(1));
    put(found, "s-bangs", step(bangs, 2));
    put(found, "s-length", step(subject.len(), 8));
    if subject.contains("    ") {
        found(TokenKind::Shape, b"s-gap");
    }
    // A number or letters of chance at the end make every copy another text.
    if let Some(last) = subject.split_whitespace().last() {
        let last = last.trim_matches(|c: char| !c.is_alphanumeric());
        let is_small = (3..=14).contains(&last.len())
            && last
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        if is_small && !last.bytes().any(|b| b"aeiouy".contains(&b)) {
            found(TokenKind::Shape, b"s-chance");
        }
    }
    let is_answer = subject
        .split_once(':')
        .is_some_and(|(start, _)| ANSWERS.iter().any(|a| start.eq_ignore_ascii_case(a)));
    put(found, "s-answer", usize::from(is_answer));
}

fn texts(view: &MailView, found: &mut impl FnMut(TokenKind, &[u8])) {
    let text = unicode::prefix(&view.text, TEXT_MAX);
    let (mut words, mut capitals, mut longest) = (0_usize, 0_usize, 0_usize);
    let (mut bangs, mut money, mut quoted, mut has_signature) = (0_usize, 0_usize, 0_usize, false);
    for line in text.lines() {
        quoted += usize::from(line.starts_with('>'));
        has_signature |= line == "-- ";
        for word in line.split_ascii_whitespace() {
            words += 1;
            longest = longest.max(word.len());
            let octets = word.as_bytes();
            let (mut has_bang, mut has_small, mut has_capital) = (false, false, false);
            for octet in octets {
                has_bang |= *octet == b'!';
                has_small |= octet.is_ascii_lowercase();
                has_capital |= octet.is_ascii_uppercase();
            }
            bangs += usize::from(has_bang);
            money += usize::from(octets.first() == Some(&b'$') && octets.len() > 1);
            capitals += usize::from(octets.len() > 2 && has_capital && !has_small);
        }
    }
    put(found, "words", step(words, 12));
    put(found, "capitals", (capitals * 12 / words.max(1)).min(6));
    put(found, "bangs", step(bangs, 5));
    put(found, "money", step(money, 4));
    put(found, "quoted", step(quoted, 4));
    put(found, "longest", step(longest, 8));
    put(found, "signature", usize::from(has_signature));
    let both = usize::from(!view.alternative.trim().is_empty());
    put(found, "page", usize::from(view.has_page) * 2 + both);
    put(
        found,
        "forms",
        step(view.unseen.forms + view.unseen.password_fields, 1),
    );
    scripts(text, found);
}

/// The scripts of a text and their share in steps of two. Latin letters of English tell nothing.
fn scripts(text: &str, found: &mut impl FnMut(TokenKind, &[u8])) {
    let names = [
        "accented", "greek", "cyrillic", "hebrew", "arabic", "indic", "unspaced", "broken",
    ];
    let mut counts = [0_usize; 8];
    let mut letters = 0_usize;
    let text = unicode::prefix(text, SCRIPTS_MAX);
    if text.is_ascii() {
        return;
    }
    for c in text.chars() {
        letters += usize::from(c.is_alphabetic());
        let script = match c {
            '\0'..='\u{bf}' => continue,
            '\u{c0}'..='\u{24f}' => 0,
            '\u{370}'..='\u{3ff}' => 1,
            '\u{400}'..='\u{52f}' => 2,
            '\u{590}'..='\u{5ff}' => 3,
            '\u{600}'..='\u{77f}' => 4,
            '\u{900}'..='\u{dff}' => 5,
            '\u{fffd}' => 7,
            c if is_unspaced(c) => 6,
            _ => continue,
        };
        if let Some(count) = counts.get_mut(script) {
            *count += 1;
        }
    }
    for (name, count) in names.iter().zip(counts) {
        if count > 0 {
            put(found, name, step(16 * count / letters.max(1), 4));
        }
    }
}

/// Marks of an answer before a subject, in the languages of mail programs.
const ANSWERS: &[&str] = &[
    "re", "aw", "sv", "antw", "odp", "fw", "fwd", "wg", "tr", "rv", "vs",
];
const HOST_MAX: usize = 255;
const LINKS_MAX: usize = 200;
const SUBJECT_MAX: usize = 1_000;
const TEXT_MAX: usize = 8 * 1024;
const SCRIPTS_MAX: usize = 2 * 1024;

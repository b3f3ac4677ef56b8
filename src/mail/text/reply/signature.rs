//! Signatures: text below `-- ` (RFC 3676 section 4.3), and the line that a device adds.
//!
//! A signature is short and the last text of its author. Anything else below such a line stays.

use std::collections::HashSet;
use std::sync::LazyLock;

use super::history::{self, Lines, MailKind};
use super::words;
use crate::mail::text::stems::Stems;
use crate::mail::unicode::fold;

/// Whether a line begins a signature. Without its space the line is also a rule between two parts
/// of a text, so it counts only below an empty line and above one short paragraph.
pub(super) fn starts(lines: &Lines<'_>, at: usize, mail: MailKind) -> bool {
    let line = lines.get(at).unwrap_or("");
    if line.trim_end() != "--" {
        return false;
    }
    let is_exact = line.starts_with("-- ");
    let is_below_blank = at == 0
        || lines
            .get(at - 1)
            .is_some_and(|above| above.trim().is_empty());
    if !is_exact && !is_below_blank {
        return false;
    }
    let (max, is_paragraph) = if is_exact {
        (SIGNATURE_MAX, false)
    } else {
        (BARE_SIGNATURE_MAX, true)
    };
    let (mut n, mut is_blank) = (0, false);
    for next in at + 1..lines.len().min(at + LINES_LOOKED_AT) {
        let line = lines.get(next).map_or("", str::trim);
        if line.is_empty() {
            is_blank = n > 0;
            continue;
        }
        if is_history(lines, next, mail) {
            return n > 0;
        }
        n += 1;
        if n > max || (is_paragraph && is_blank) {
            return false;
        }
    }
    n > 0 && lines.next_text(at + LINES_LOOKED_AT).is_none()
}

/// Whether a line is what a device or program adds below a mail: "Sent from my iPhone". It is
/// short, names the device, and only history may follow.
pub(super) fn is_of_device(lines: &Lines<'_>, at: usize, mail: MailKind) -> bool {
    let line = lines.get(at).map_or("", str::trim);
    if !may_be_of_device(lines, at) {
        return false;
    }
    // "Get Outlook for iOS<https://...>"
    let line = line.split(['<', '[']).next().unwrap_or("").trim_end();
    let line = line.split("http").next().unwrap_or("").trim();
    if line.chars().count() > 70 || line.split_whitespace().count() > 11 {
        return false;
    }
    let folded = fold(line);
    let bare = folded.trim_matches(|c: char| !c.is_alphanumeric());
    let says_so = SENT_FROM.starts(bare)
        || words::SENT_FROM_AT_END
            .iter()
            .any(|end| bare.ends_with(end));
    let is_one = says_so
        && DEVICES.is_in(bare)
        && !bare.contains(['.', ',', ':', ';', '#']) | is_known_mark(bare);
    is_one && ends_here(lines, at, mail)
}

/// Names of programs have points, and some lines name the network.
fn is_known_mark(bare: &str) -> bool {
    [
        "web.de", "mail.ru", "verizon", "t-mobile", "at&t", "o2", "gmx",
    ]
    .iter()
    .any(|name| bare.contains(name))
}

/// Whether a line may be what a device adds, by its first letters and by what follows. Most lines
/// are refused here.
pub(super) fn may_be_of_device(lines: &Lines<'_>, at: usize) -> bool {
    let first = lines.first_octet(at);
    // The first letters of the lines of the table, and of those that begin with the device.
    if first < 0x80 && !b"segvditwopnbhualkmxy".contains(&first.to_ascii_lowercase()) {
        return false;
    }
    let line = lines.get(at).unwrap_or("").trim_ascii().as_bytes();
    if line.len() > DEVICE_LINE_MAX {
        return false;
    }
    // "On ... wrote:" may be wrapped: its last line tells.
    let next = lines.next_text(at + 1);
    if next.is_some_and(|next| !lines.may_begin_in(next..next + 4)) {
        return false;
    }
    if first >= 0x80 {
        let head = lines
            .get(at)
            .and_then(|line| line.trim_start().chars().next());
        let lower = head.and_then(|c| c.to_lowercase().next());
        if !lower.is_some_and(|c| DEVICE_CHARS.contains(&c)) {
            return false;
        }
    }
    if let Some(head) = line.first_chunk::<4>()
        && line.is_ascii()
    {
        let head = head.map(|b| b.to_ascii_lowercase());
        let ends = |end: &&str| {
            let tail = line
                .len()
                .checked_sub(end.len())
                .and_then(|at| line.get(at..));
            tail.is_some_and(|tail| tail.eq_ignore_ascii_case(end.as_bytes()))
        };
        if !DEVICE_HEADS.contains(&&head) && !words::SENT_FROM_AT_END.iter().any(ends) {
            return false;
        }
    }
    true
}

/// Whether nothing but history follows a line.
fn ends_here(lines: &Lines<'_>, at: usize, mail: MailKind) -> bool {
    let next = lines.next_text(at + 1);
    let Some(next) = next else { return true };
    if is_history(lines, next, mail) {
        return true;
    }
    // "On ... wrote:" may be wrapped: its last line counts.
    (next + 1..next + 4)
        .any(|last| history::attribution(lines, last).is_some_and(|n| last + 1 - n == next))
        || lines.get(next).is_some_and(|line| line.trim_end() == "--")
}

fn is_history(lines: &Lines<'_>, at: usize, mail: MailKind) -> bool {
    lines.first_octet(at) == b'>'
        || history::starts_forward(lines, at)
        || history::starts_history(lines, at, mail)
        || history::attribution(lines, at).is_some()
}

static SENT_FROM: LazyLock<Stems> = LazyLock::new(|| Stems::of(words::SENT_FROM));
static DEVICES: LazyLock<Stems> = LazyLock::new(|| Stems::of(words::DEVICES));

/// How the others begin, and names of devices.
static DEVICE_CHARS: LazyLock<HashSet<char>> = LazyLock::new(|| {
    let all = words::SENT_FROM.iter().chain(words::DEVICES);
    all.filter_map(|word| word.chars().next()).collect()
});
/// How those lines of the table begin that are ASCII.
#[rustfmt::skip]
static DEVICE_HEADS: &[&[u8; 4]] = &[
    b"sent", b"get ", b"von ", b"gese", b"dies", b"envo", b"envi", b"obte", b"invi", b"scar", b"otti", b"verz", b"vers", b"outl",
    b"skic", b"send", b"hent", b"wysl", b"pobi", b"odes", b"odos", b"trim", b"elku", b"diki",
];
/// Lines of a signature.
const SIGNATURE_MAX: usize = 15;
/// Lines of a signature below `--` without its space.
const BARE_SIGNATURE_MAX: usize = 7;
/// Lines that are read behind the line that begins it.
const LINES_LOOKED_AT: usize = 40;
const DEVICE_LINE_MAX: usize = 250;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_ascii_line_has_a_head() {
        let lines = words::SENT_FROM.iter().filter(|line| line.is_ascii());
        for line in lines {
            let head = line.as_bytes().first_chunk::<4>();
            assert!(
                head.is_some_and(|head| DEVICE_HEADS.contains(&head)),
                "{line}"
            );
        }
    }
}

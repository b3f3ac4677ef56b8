//! Signatures: text below `-- ` (RFC 3676 section 4.3), and the line that a device adds.
//!
//! A signature is short and the last text of its author. Anything else below such a line stays.

use super::history::{self, Lines, MailKind};
use super::words;
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
    if line.len() > DEVICE_LINE_MAX || !may_name_device(line) {
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
    let says_so = words::SENT_FROM.iter().any(|start| bare.starts_with(start))
        || words::SENT_FROM_AT_END
            .iter()
            .any(|end| bare.ends_with(end));
    let is_one = says_so
        && words::DEVICES.iter().any(|device| bare.contains(device))
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

/// Whether a line has the letters of a device in any case. Most lines are refused here.
fn may_name_device(line: &str) -> bool {
    if !line.is_ascii() {
        return true;
    }
    let head = line.trim_start_matches(|c: char| !c.is_ascii_alphabetic());
    let first = head.bytes().next().map_or(0, |b| b.to_ascii_lowercase());
    // The first letters of the lines of the table, and of those that begin with the device.
    b"segvditwopnbhualk".contains(&first)
}

/// Whether nothing but history follows a line.
fn ends_here(lines: &Lines<'_>, at: usize, mail: MailKind) -> bool {
    let next = (at + 1..lines.len())
        .take(BLANKS_MAX)
        .find(|next| lines.get(*next).is_some_and(|line| !line.trim().is_empty()));
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
    lines
        .get(at)
        .is_some_and(|line| line.trim_start().starts_with('>'))
        || history::starts_forward(lines, at)
        || history::starts_history(lines, at, mail)
        || history::attribution(lines, at).is_some()
}

/// Lines of a signature.
const SIGNATURE_MAX: usize = 15;
/// Lines of a signature below `--` without its space.
const BARE_SIGNATURE_MAX: usize = 7;
/// Lines that are read behind the line that begins it.
const LINES_LOOKED_AT: usize = 40;
const DEVICE_LINE_MAX: usize = 250;
const BLANKS_MAX: usize = 32;

//! Bounds of the values that clients write, each in one unit, with the check of a line of text. The
//! protocols describe and refuse with them; the service refuses with the same.
//!
//! These are no limits of the configuration: rows of the store and pages of the API rely on them.
//! The limits that an operator may change are in `limits.rs`.

/// Octets of a name for people: the label of a key, the name of an organization, the display
/// name of an inbox. It is one line on a screen.
pub const LABEL_BYTES_MAX: usize = 200;
/// Octets of a client's own id for an inbox: enough for a UUID with a prefix.
pub const CLIENT_ID_BYTES_MAX: usize = 128;
/// Octets of a client's own JSON object at an inbox: lists read it with every row.
pub const METADATA_BYTES_MAX: usize = 8192;
/// Octets of a client's own JSON object at a message. It is in each event about it.
pub const MESSAGE_METADATA_BYTES_MAX: usize = 8192;
/// Days for which an inbox keeps a message, where it does not keep it for ever: a hundred years.
pub const RETENTION_DAYS_MAX: u32 = 36_500;
/// Inboxes that a key can be bound to.
pub const KEY_INBOXES_MAX: usize = 1000;
/// Rows of one page of any list.
pub const PAGE_ROWS_MAX: usize = 200;
/// Words of one search. Each is searched in the whole text of every message.
pub const SEARCH_WORDS_MAX: usize = 10;
/// Messages that one batch changes. The answer names each of them.
pub const BATCH_IDS_MAX: usize = 1000;
/// Seconds that one request may wait for a message.
pub const WAIT_S_MAX: u64 = 300;
/// Octets of an `Idempotency-Key`, over HTTP and SMTP.
pub const IDEMPOTENCY_KEY_BYTES_MAX: usize = 255;
/// Octets of a label of a message, which is a keyword in IMAP.
pub const KEYWORD_BYTES_MAX: usize = 64;

/// Checks a line for people: it is not empty, it fits into `bytes_max` octets, and no character in
/// it is a control or a line separator. The error completes a sentence that begins with the name of
/// the field.
pub fn check_line(text: &str, bytes_max: usize) -> Result<(), String> {
    if text.is_empty() {
        return Err("is empty".to_owned());
    }
    if text.len() > bytes_max {
        return Err(format!("must be at most {bytes_max} octets long"));
    }
    match is_one_line(text) {
        true => Ok(()),
        false => Err("has a control character in it".to_owned()),
    }
}

/// Whether a text has no control character and no character that some reader takes for the end of a
/// line (U+0085 is a control).
pub fn is_one_line(text: &str) -> bool {
    !text
        .chars()
        .any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'))
}

/// Checks a label of a message, which is a keyword in IMAP: an atom (RFC 3501 section 9). The error
/// completes a sentence that begins with the name of the field.
pub fn check_keyword(word: &str) -> Result<(), String> {
    let is_atom = |b: u8| b.is_ascii_graphic() && !b"(){%*\"\\]".contains(&b);
    let is_long = word.is_empty() || word.len() > KEYWORD_BYTES_MAX;
    if !is_long && word.bytes().all(is_atom) {
        return Ok(());
    }
    let shown: String = word.chars().take(KEYWORD_BYTES_MAX).collect();
    Err(format!(
        "names {shown:?}, which is no label: those have 1 to {KEYWORD_BYTES_MAX} ASCII \
         characters, no spaces and none of ( ) {{ ] % * \" \\"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        for bad in [
            "a\rb", "a\nb", "a\r\nb", "\0", "\u{85}", "\u{2028}", "\u{2029}", "\x0b", "\x7f",
        ] {
            assert!(!is_one_line(bad), "{bad:?}");
            assert!(check_line(bad, 10).is_err(), "{bad:?}");
        }
        assert!(is_one_line("%0d%0aX: y — ü"));
        for (text, why) in [
            ("", Err("is empty".to_owned())),
            ("abc", Ok(())),
            ("äbc", Err("must be at most 3 octets long".to_owned())),
        ] {
            assert_eq!(check_line(text, 3), why);
        }
    }
}

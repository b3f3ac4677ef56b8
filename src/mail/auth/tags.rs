//! Tag lists, `name=value; name=value`: the syntax of DKIM fields and keys (RFC 6376 section 3.2),
//! of ARC and of DMARC records. Not the meaning of any tag.

use memchr::memchr;

/// The tags of one list, in their order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TagList<'a>(Vec<(&'a [u8], &'a [u8])>);

impl<'a> TagList<'a> {
    /// Reads a list. `None` when it is no list: a part without `=`, a name that is no name, a name
    /// that stands twice, or more than [`TAGS_MAX`] tags. Empty parts are passed over.
    pub fn parse(text: &'a [u8]) -> Option<TagList<'a>> {
        let mut tags: Vec<(&[u8], &[u8])> = Vec::new();
        for part in text.split(|&b| b == b';') {
            let part = part.trim_ascii();
            if part.is_empty() {
                continue;
            }
            let at = memchr(b'=', part)?;
            let name = part.get(..at)?.trim_ascii_end();
            let value = part.get(at + 1..)?.trim_ascii_start();
            let is_name = name.first().is_some_and(u8::is_ascii_alphabetic)
                && name.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_');
            let is_again = tags.iter().any(|(known, _)| *known == name);
            if !is_name || is_again || tags.len() == TAGS_MAX {
                return None;
            }
            tags.push((name, value));
        }
        Some(TagList(tags))
    }

    /// The value of a tag, without outer white space. Names are compared with case (RFC 6376
    /// section 3.2).
    pub fn get(&self, name: &str) -> Option<&'a [u8]> {
        let mut tags = self.0.iter();
        tags.find(|(known, _)| *known == name.as_bytes())
            .map(|(_, value)| *value)
    }

    /// The value of a tag as text; `None` also for octets that are no UTF-8.
    pub fn text(&self, name: &str) -> Option<&'a str> {
        core::str::from_utf8(self.get(name)?).ok()
    }

    /// The first tag.
    pub fn first(&self) -> Option<(&'a [u8], &'a [u8])> {
        self.0.first().copied()
    }
}

/// Octets of base64 with white space anywhere (RFC 6376 section 2.10).
pub fn base64(value: &[u8]) -> Option<Vec<u8>> {
    let compact: Vec<u8> = value
        .iter()
        .copied()
        .filter(|b| !b.is_ascii_whitespace())
        .collect();
    let bare = compact.strip_suffix(b"==").or(compact.strip_suffix(b"="));
    let bare = bare.unwrap_or(&compact);
    data_encoding::BASE64_NOPAD.decode(bare).ok()
}

/// The parts of a list with colons, without white space.
pub fn colon_list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&b| b == b':').map(<[u8]>::trim_ascii)
}

/// Tags of one list. The RFCs define at most 15.
pub const TAGS_MAX: usize = 64;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn lists_and_what_is_none() {
        let list = TagList::parse(b" v = 1 ;\r\n\ta=rsa ; b=a b\r\n c=; ;").unwrap();
        assert_eq!(list.get("v"), Some(&b"1"[..]));
        assert_eq!(list.text("a"), Some("rsa"));
        assert_eq!(list.get("b"), Some(&b"a b\r\n c="[..]));
        assert_eq!(list.get("A"), None);
        assert_eq!(TagList::parse(b"").unwrap().first(), None);
        for wrong in ["v", "v=1;v=2", "=1", "1a=b", "a b=c", "a=1;b"] {
            assert_eq!(TagList::parse(wrong.as_bytes()), None, "{wrong}");
        }
        let many: Vec<String> = (0..=TAGS_MAX).map(|n| format!("t{n}=")).collect();
        assert_eq!(TagList::parse(many.join(";").as_bytes()), None);
        assert!(TagList::parse(many[1..].join(";").as_bytes()).is_some());
    }

    #[test]
    fn base64_with_folds() {
        assert_eq!(base64(b"aGV\r\n sbG8 =").as_deref(), Some(&b"hello"[..]));
        assert_eq!(base64(b"").as_deref(), Some(&b""[..]));
        assert_eq!(base64(b"a*b="), None);
    }
}

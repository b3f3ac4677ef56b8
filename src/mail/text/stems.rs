//! Beginnings of words to look for in short folded texts, many at once.
//!
//! They lie by their first octet, so that a place in a text is compared with few of them. It is no
//! automaton: the tables are small and most texts are one sentence.

/// A set of words or beginnings of words.
pub(super) struct Stems(Vec<Vec<&'static str>>);

impl Stems {
    /// The words of a table.
    pub fn of(all: &[&'static str]) -> Stems {
        let mut by_octet = vec![Vec::new(); 256];
        for stem in all {
            let octet = stem.bytes().next().map(usize::from);
            if let Some(slot) = octet.and_then(|octet| by_octet.get_mut(octet)) {
                slot.push(*stem);
            }
        }
        Stems(by_octet)
    }

    /// The stems that may begin with an octet.
    fn bucket(&self, octet: u8) -> &[&'static str] {
        self.0.get(usize::from(octet)).map_or(&[], Vec::as_slice)
    }

    /// Whether a text begins with one of them.
    pub fn starts(&self, text: &str) -> bool {
        let octet = text.bytes().next().unwrap_or(0);
        self.bucket(octet).iter().any(|stem| text.starts_with(stem))
    }

    /// Whether a text has one of them anywhere.
    pub fn is_in(&self, text: &str) -> bool {
        text.bytes().enumerate().any(|(at, octet)| {
            let bucket = self.bucket(octet);
            // An octet within a character begins no stem.
            !bucket.is_empty() && {
                let rest = text.as_bytes().get(at..).unwrap_or(b"");
                let second = rest.get(1);
                bucket.iter().map(|stem| stem.as_bytes()).any(|stem| {
                    // Most stems differ here, and a comparison of one octet is no call.
                    (stem.len() < 2 || stem.get(1) == second) && rest.starts_with(stem)
                })
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stems_are_found_where_they_stand() {
        let stems = Stems::of(&["code", "код", "コード"]);
        for (text, starts, is_in) in [
            ("codes", true, true),
            ("the код", false, true),
            ("認証コード", false, true),
            ("cod", false, false),
            ("", false, false),
        ] {
            assert_eq!(
                (stems.starts(text), stems.is_in(text)),
                (starts, is_in),
                "{text}"
            );
        }
    }
}

//! The JSON of events that were written for one connection of a worker, for the next one whose key
//! sees the same. A worker lends it to the connection whose turn it is ([`super::Output`]).
//!
//! It is bounded: when it is full, it begins anew. A worker tells the connections of an
//! organization one event after the other, so the last events are all that it needs.

use core::ops::Range;
use std::collections::HashMap;

use crate::call::{EventKind, EventSight, OrgId};

/// The texts.
#[derive(Debug, Default)]
pub struct Renderings {
    places: HashMap<RenderingKey, Range<usize>>,
    /// The one that was written last: a thousand connections are told one event one by one.
    last: Option<(RenderingKey, Range<usize>)>,
    texts: Vec<u8>,
}

/// What a text depends on: the event, which never changes, and what its reader sees of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct RenderingKey {
    /// The organization, in whose log the event is.
    pub org: OrgId,
    /// Its number there.
    pub seq: u64,
    /// The type that it has for the reader.
    pub kind: EventKind,
    /// What the reader sees of it.
    pub sight: EventSight,
}

impl Renderings {
    /// Appends the text of `key` to `out`; `render` appends it where it is not kept.
    pub fn write(
        &mut self,
        key: RenderingKey,
        out: &mut Vec<u8>,
        render: impl FnOnce(&mut Vec<u8>),
    ) {
        let last = self.last.as_ref().filter(|(last, _)| *last == key);
        let kept = last.map_or_else(|| self.places.get(&key), |(_, place)| Some(place));
        if let Some(place) = kept.cloned()
            && let Some(text) = self.texts.get(place.clone())
        {
            out.extend_from_slice(text);
            self.last = Some((key, place));
            return;
        }
        let from = out.len();
        render(out);
        let text = out.get(from..).unwrap_or_default();
        if text.len() > TEXT_MAX {
            return;
        }
        if self.texts.len() + text.len() > TEXTS_MAX || self.places.len() >= PLACES_MAX {
            self.texts.clear();
            self.places.clear();
            self.last = None;
        }
        let at = self.texts.len();
        self.texts.extend_from_slice(text);
        self.places.insert(key, at..self.texts.len());
    }
}

/// Octets of one text: a received message has one or two thousand.
const TEXT_MAX: usize = 32 << 10;
/// Octets of all: those of the largest group that the writer commits, for readers of two kinds.
const TEXTS_MAX: usize = 512 << 10;
/// Texts.
const PLACES_MAX: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    fn key(seq: u64) -> RenderingKey {
        RenderingKey {
            org: OrgId(1),
            seq,
            kind: EventKind::MessageReceived,
            sight: EventSight::default(),
        }
    }

    /// Writes and says whether it was rendered.
    fn written(all: &mut Renderings, key: RenderingKey, text: &[u8]) -> (Vec<u8>, bool) {
        let (mut out, mut is_new) = (b"before ".to_vec(), false);
        all.write(key, &mut out, |out| {
            is_new = true;
            out.extend_from_slice(text);
        });
        (out.split_off(7), is_new)
    }

    #[test]
    fn equal_readers_share_a_text_and_others_do_not() {
        let mut all = Renderings::default();
        assert_eq!(written(&mut all, key(1), b"one"), (b"one".to_vec(), true));
        assert_eq!(written(&mut all, key(1), b"two"), (b"one".to_vec(), false));
        let others = [
            key(2),
            RenderingKey {
                org: OrgId(2),
                ..key(1)
            },
            RenderingKey {
                kind: EventKind::MessageUpdated,
                ..key(1)
            },
            RenderingKey {
                sight: EventSight {
                    shows_mail: true,
                    ..EventSight::default()
                },
                ..key(1)
            },
            RenderingKey {
                sight: EventSight {
                    shows_addresses: true,
                    ..EventSight::default()
                },
                ..key(1)
            },
            RenderingKey {
                sight: EventSight {
                    has_left: true,
                    ..EventSight::default()
                },
                ..key(1)
            },
        ];
        for other in others {
            assert_eq!(written(&mut all, other, b"x"), (b"x".to_vec(), true));
        }
        assert_eq!(written(&mut all, key(1), b"two"), (b"one".to_vec(), false));
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut all = Renderings::default();
        let large = vec![b'x'; TEXT_MAX + 1];
        assert!(written(&mut all, key(1), &large).1);
        assert!(written(&mut all, key(1), &large).1);
        let half = vec![b'x'; TEXT_MAX / 2];
        for seq in 0..10_000 {
            let text = match seq % 2000 < 1000 {
                true => &half[..],
                false => b"x",
            };
            assert!(written(&mut all, key(seq + 2), text).1);
            assert!(!written(&mut all, key(seq + 2), text).1);
            assert!(all.texts.len() <= TEXTS_MAX && all.places.len() <= PLACES_MAX);
        }
        assert!(all.texts.capacity() <= 2 * TEXTS_MAX);
    }
}

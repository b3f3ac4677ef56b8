//! The phrases of orders and of baits, found together: one pass over a folded text.

use std::sync::LazyLock;

use super::bait::{self, BaitReader, BaitSet};
use super::lexicon;
use super::phrases::{PhraseHit, PhraseSet};
use crate::pace;

/// What a folded text has of both.
#[derive(Debug, Default)]
pub struct FoundPhrases {
    /// The phrases of `lexicon`, by the order of [`lexicon::phrases`], in the order of their ends;
    /// of those with one end the longest is first.
    pub orders: Vec<PhraseHit>,
    /// What the others speak of.
    pub baits: BaitSet,
}

impl FoundPhrases {
    /// Reads a folded text.
    pub fn of(text: &str) -> FoundPhrases {
        let mut orders = Vec::new();
        let mut baits = BaitReader::default();
        let book = &*BOOK;
        book.set
            .each(text, |hit| match hit.phrase.checked_sub(book.orders) {
                Some(phrase) => baits.take(text, hit.start, phrase),
                None => {
                    pace::spend(HIT_WORK);
                    orders.push(hit);
                }
            });
        orders.sort_unstable();
        FoundPhrases {
            orders,
            baits: baits.finish(),
        }
    }
}

/// Octets of memory of the phrases.
pub fn bytes() -> usize {
    BOOK.set.bytes()
}

struct Phrasebook {
    /// The phrases of orders, and those of baits behind them.
    set: PhraseSet,
    /// How many are of orders.
    orders: usize,
}

static BOOK: LazyLock<Phrasebook> = LazyLock::new(|| Phrasebook {
    set: PhraseSet::of(lexicon::phrases().chain(bait::phrases())),
    orders: lexicon::phrases().count(),
});

/// Nanoseconds of a phrase that is found.
const HIT_WORK: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_phrases_begin_alike() {
        assert!(BOOK.set.alike() <= 80, "{}", BOOK.set.alike());
        let all = BOOK.orders + bait::phrases().count();
        assert!(all < usize::from(u16::MAX));
    }
}

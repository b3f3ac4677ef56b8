//! What the indexes say of SEARCH: which messages of a mailbox may match, by their words, or else
//! by their flags, keywords and times of receipt. The search then looks at those alone. It narrows
//! and never decides: a message that the index names is read as any other.

use crate::call::{GramQuery, InboxId, Narrowing, SearchKey, SearchProgress, UidSet};
use crate::mail::text::grams::{GramField, folded_grams};
use crate::store::{ColumnBounds, Error, MailboxRecord, Store};

/// The grams that every match of a key has. The depth of a key is bounded.
pub(super) fn grams_of(key: &SearchKey) -> GramQuery {
    let open = || GramQuery::Grams(Vec::new());
    match key {
        SearchKey::Header(name, text) => {
            GramQuery::Grams(folded_grams(text, GramField::of_name(name.as_bytes())))
        }
        SearchKey::Body(text) | SearchKey::Text(text) => {
            GramQuery::Grams(folded_grams(text, GramField::Anywhere))
        }
        SearchKey::And(all) => {
            let all = all.iter().map(grams_of).filter(|query| !query.is_open());
            GramQuery::All(all.collect())
        }
        SearchKey::Or(a, b) => {
            let any = vec![grams_of(a), grams_of(b)];
            match any.iter().any(GramQuery::is_open) {
                true => open(),
                false => GramQuery::Any(any),
            }
        }
        _ => open(),
    }
}

/// Goes on with the narrowing until it is done or `is_over`; whether it is done. Without help of
/// the index it is done at once.
pub(super) fn narrow(
    store: &Store,
    (inbox, mailbox): (InboxId, &MailboxRecord),
    (query, bounds, within): (&GramQuery, &ColumnBounds, &UidSet),
    progress: &mut SearchProgress,
    mut is_over: impl FnMut() -> bool,
) -> Result<bool, Error> {
    if progress.narrowing == Narrowing::NotAsked {
        progress.narrowing = match query.is_open() {
            true => match store.kept_uids(mailbox, bounds)? {
                Some(uids) => Narrowing::Narrowed(uids.intersection(within)),
                None => Narrowing::Open,
            },
            false => Narrowing::Asking {
                walk: Box::default(),
                is_walked: false,
                uids: Vec::new(),
            },
        };
    }
    let Narrowing::Asking {
        walk,
        is_walked,
        uids,
    } = &mut progress.narrowing
    else {
        return Ok(true);
    };
    if !*is_walked {
        match store.ask_signatures(inbox, query, walk, &mut is_over)? {
            Some(true) => *is_walked = true,
            Some(false) => return Ok(false),
            None => {
                progress.narrowing = Narrowing::Open;
                return Ok(true);
            }
        }
    }
    while !walk.bodies.is_empty() {
        let rest = walk.bodies.len().saturating_sub(BODIES_AT_ONCE);
        let bodies = walk.bodies.split_off(rest);
        store.uids_of_bodies(mailbox, &bodies, uids)?;
        if !walk.bodies.is_empty() && is_over() {
            return Ok(false);
        }
    }
    uids.sort_unstable();
    let found: UidSet = uids.iter().copied().collect();
    progress.narrowing = Narrowing::Narrowed(found.intersection(within));
    Ok(true)
}

/// Bodies whose messages are looked up between two looks at the clock.
const BODIES_AT_ONCE: usize = 128;

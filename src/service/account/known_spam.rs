//! Changes of the list of known spam, which is of the server: the operator imports it and deletes
//! from it. Who asks for it is `service/known_spam.rs`; what a hash is of is `judge::known_spam`.

use crate::call::{
    Answer, Countable, KNOWN_SPAM_LINES_MAX, KNOWN_SPAM_SOURCE_BYTES_MAX, KNOWN_SPAM_SOURCES_MAX,
    KnownSpamDeletion, KnownSpamImported, KnownSpamWrite, Refusal, RefusedLine, Write, Written,
};
use crate::judge::known_spam::read_line;
use crate::service::context::{Carried, WriteContext};
use crate::service::field::{check_text, invalid};
use crate::store::{KnownSpamRow, Store};

/// Adds the entries of a text to a source. Lines that are no entry are told and left out.
///
/// # Errors
/// `Invalid` for a name that is none and for too many lines; `Limit` where the list is full. Then
/// nothing is added.
pub fn import(
    context: &mut WriteContext<'_>,
    source: &str,
    text: &str,
) -> Result<Written, Refusal> {
    check_text(source, "source", KNOWN_SPAM_SOURCE_BYTES_MAX)?;
    if text.lines().nth(KNOWN_SPAM_LINES_MAX).is_some() {
        let why = format!("must have at most {KNOWN_SPAM_LINES_MAX} lines");
        return Err(invalid("entries", why));
    }
    let mut done = KnownSpamImported::default();
    let mut named = Vec::new();
    for (at, line) in text.lines().enumerate() {
        match read_line(line) {
            Ok(entry) => named.extend(entry),
            Err(why) => done.refused.push(RefusedLine { line: at + 1, why }),
        }
    }
    let store = context.store;
    let sources = store.known_spam_sources()?;
    let known = sources.iter().find(|row| row.source.name == source);
    let all: u64 = sources.iter().flat_map(|row| row.source.entries).sum();
    let before = known.map_or(0, |row| row.source.imported_at);
    done.imported_at = context.now.unix_ms.max(before.saturating_add(1));
    if !named.is_empty() {
        let id = match known {
            Some(row) => row.id,
            None if sources.len() >= KNOWN_SPAM_SOURCES_MAX => {
                return Err(Refusal::Limit {
                    what: Countable::KnownSpamSources,
                    max: KNOWN_SPAM_SOURCES_MAX as u64,
                });
            }
            None => store.insert_known_spam_source(source)?,
        };
        let mut more = [0; 3];
        for entry in named {
            let row = KnownSpamRow {
                entry,
                source: id,
                at: done.imported_at,
            };
            if store.put_known_spam(&row)? {
                if let Some(n) = more.get_mut(usize::from(entry.kind.number())) {
                    *n += 1;
                }
                done.fresh.push(entry);
            } else {
                done.present += 1;
            }
        }
        check_room(context, all.saturating_add(done.fresh.len() as u64))?;
        store.change_known_spam_source(id, (more, done.imported_at))?;
        context.service.known_spam.begin();
    }
    done.version = store.next_known_spam_version()?;
    log::info!(
        "known spam imported source=\"{source}\" added={} present={} refused={}",
        done.fresh.len(),
        done.present,
        done.refused.len()
    );
    Ok(Written::KnownSpamImported(Box::new(done)))
}

fn check_room(context: &WriteContext<'_>, entries: u64) -> Result<(), Refusal> {
    let max = context.shared.limits.known_spam_entries as u64;
    match entries > max {
        true => Err(Refusal::Limit {
            what: Countable::KnownSpam,
            max,
        }),
        false => Ok(()),
    }
}

/// Deletes a slice of the entries that are meant.
pub fn delete(
    context: &mut WriteContext<'_>,
    deletion: &KnownSpamDeletion,
) -> Result<Carried, Refusal> {
    let store = context.store;
    let sources = store.known_spam_sources()?;
    let mut next = KnownSpamDeletion {
        gone: Vec::new(),
        ..deletion.clone()
    };
    let meant = deletion.source.as_ref();
    let meant = meant.map(|name| sources.iter().find(|row| row.source.name == *name));
    let only = match meant {
        Some(Some(row)) => Some(row.id),
        // A source that is not there has no entries.
        Some(None) => {
            next.version = store.next_known_spam_version()?;
            return Ok(Carried::Done(Written::KnownSpamDeleted(Box::new(next))));
        }
        None => None,
    };
    let page = store.known_spam_page(deletion.after, SLICE_ROWS)?;
    let is_meant = |row: &&KnownSpamRow| {
        only.is_none_or(|id| row.source == id)
            && deletion.before.is_none_or(|before| row.at < before)
    };
    let mut fewer: Vec<(i64, [i64; 3])> = Vec::new();
    for row in page.iter().filter(is_meant) {
        if !store.delete_known_spam(row)? {
            next.gone.push(row.entry);
        }
        next.deleted += 1;
        let at = usize::from(row.entry.kind.number());
        let of_source = match fewer.iter_mut().find(|(id, _)| *id == row.source) {
            Some((_, counts)) => counts,
            None => {
                fewer.push((row.source, [0; 3]));
                match fewer.last_mut() {
                    Some((_, counts)) => counts,
                    None => continue,
                }
            }
        };
        if let Some(n) = of_source.get_mut(at) {
            *n -= 1;
        }
    }
    for (id, counts) in fewer {
        store.change_known_spam_source(id, (counts, 0))?;
    }
    next.version = store.next_known_spam_version()?;
    next.after = page.last().map(|row| (row.entry, row.source));
    if page.len() == SLICE_ROWS {
        let rest = Write::KnownSpam(KnownSpamWrite::Delete(Box::new(next)));
        return Ok(Carried::Rest(Box::new(rest)));
    }
    store.delete_empty_known_spam_sources()?;
    log::info!("known spam deleted entries={}", next.deleted);
    Ok(Carried::Done(Written::KnownSpamDeleted(Box::new(next))))
}

/// Lists the sources.
pub fn list_sources(store: &Store) -> Result<Answer, Refusal> {
    let rows = store.known_spam_sources()?;
    let sources = rows.into_iter().map(|row| row.source).collect();
    Ok(Answer::KnownSpam(sources))
}

/// Rows of one slice: about three milliseconds of work.
const SLICE_ROWS: usize = 500;

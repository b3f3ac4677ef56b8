//! The index of searches: every message of an inbox has a signature there, every block is whole,
//! and, when each message is read again, every signature has the grams of its message.
//!
//! It holds the bodies of one inbox in memory, and the cells of one block.

use core::ops::ControlFlow;

use super::{Fault, Findings, ReadAgain};
use crate::call::{BodyId, Signature};
use crate::store::{Error, Store, format, uint32};

/// Every message of every inbox has its signature, and every block all of its cells.
pub(super) fn rows(store: &Store, found: &mut Findings) -> Result<(), Error> {
    let inboxes = store.all(
        "SELECT id, org FROM inbox WHERE id NOT IN (SELECT inbox FROM unsigned) ORDER BY id",
        [],
        |r| Ok((r.get::<_, i64>(0)?, r.get::<_, i64>(1)?)),
    )?;
    for (inbox, org) in inboxes {
        for body in store.missing_signatures(crate::call::InboxId(inbox), FAULTS_AN_INBOX)? {
            let what = "a message is not in the index of searches";
            let fault = Fault::of("signature", what);
            found.add(
                fault
                    .at(format!("inbox={inbox} body={body}"))
                    .in_org(Some(org)),
            );
        }
    }
    for block in blocks(store)? {
        if let Err(what) = store.block_cells(block)? {
            let org = store.one(
                "SELECT i.org FROM signature_block b JOIN inbox i ON i.id = b.inbox
                 WHERE b.id = ?1",
                [block],
                |r| r.get(0),
            )?;
            let fault = Fault::of("signature_block", what);
            found.add(fault.at(format!("id={block}")).in_org(org));
        }
    }
    let _ = store.each("SELECT inbox, id, grams FROM signature", [], |r| {
        let octets = r.get_ref(2)?.as_blob().unwrap_or_default();
        if Signature::of_octets(octets).is_none() {
            let at = format!("inbox={} id={}", r.get::<_, i64>(0)?, r.get::<_, i64>(1)?);
            found.add(Fault::of("signature", "it is no list of grams").at(at));
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(())
}

/// Makes the grams of every message again: each must be in the signatures of its body.
pub(super) fn read_again(
    store: &Store,
    reader: ReadAgain<'_>,
    found: &mut Findings,
) -> Result<(), Error> {
    for block in blocks(store)? {
        let (Ok(cells), Some(bodies)) = (store.block_cells(block)?, store.block_bodies(block)?)
        else {
            continue;
        };
        let mut columns = vec![Vec::new(); bodies.len()];
        for (gram, bits) in cells.rows() {
            for (at, column) in columns.iter_mut().enumerate() {
                if (bits.get(at / 64)).is_some_and(|word| word >> (at % 64) & 1 == 1) {
                    column.push(gram);
                }
            }
        }
        for (of, column) in bodies.iter().zip(columns) {
            if let Some(made) = made_again(store, of.body, reader)?
                && !has_all(&column, &made)
            {
                let at = format!("id={block} body={}", of.body.0);
                found.add(lacks("signature_block", at));
            }
        }
    }
    let mut after = (i64::MIN, i64::MIN);
    loop {
        let page = store.all(
            "SELECT inbox, id, body, grams FROM signature WHERE (inbox, id) > (?1, ?2)
             ORDER BY inbox, id LIMIT 500",
            [after.0, after.1],
            |r| {
                let at = (r.get::<_, i64>(0)?, r.get::<_, i64>(1)?);
                Ok((at, BodyId(r.get(2)?), r.get::<_, Vec<u8>>(3)?))
            },
        )?;
        let Some((last, ..)) = page.last() else { break };
        after = *last;
        for ((inbox, id), body, octets) in page {
            let stored = Signature::of_octets(&octets);
            let both = stored.zip(made_again(store, body, reader)?);
            if both.is_some_and(|(stored, made)| !has_all(&stored.grams(), &made)) {
                found.add(lacks("signature", format!("inbox={inbox} id={id}")));
            }
        }
    }
    Ok(())
}

/// Whether grams, ascending, have all of a signature.
fn has_all(grams: &[u16], made: &Signature) -> bool {
    let made = made.grams();
    made.iter().all(|gram| grams.binary_search(gram).is_ok())
}

fn lacks(table: &'static str, at: String) -> Fault {
    Fault::of(
        table,
        "a signature lacks a gram of its message, so a search can miss it",
    )
    .at(at)
}

/// The signature that the octets of a body give; `None` if it is gone or cannot be read, which
/// other checks tell.
fn made_again(
    store: &Store,
    body: BodyId,
    reader: ReadAgain<'_>,
) -> Result<Option<Signature>, Error> {
    let size = store.one(
        "SELECT size, summary FROM body WHERE id = ?1 AND refs <> 0",
        [body.0],
        |r| {
            let summary = r.get_ref(1)?.as_blob().unwrap_or_default();
            Ok((uint32(r.get(0)?), format::decode_summary(summary)))
        },
    )?;
    let Some((size, summary)) = size else {
        return Ok(None);
    };
    let octets = store.body_octets(body, size).ok();
    let read = octets.and_then(|octets| reader(&octets));
    Ok(read.map(|read| {
        let mut signature = read.signature;
        if let Ok(summary) = &summary {
            signature.add_facts(summary.signed_facts());
        }
        signature
    }))
}

fn blocks(store: &Store) -> Result<Vec<i64>, Error> {
    store.all("SELECT id FROM signature_block ORDER BY id", [], |r| {
        r.get(0)
    })
}

/// Messages without a signature that are named for one inbox.
const FAULTS_AN_INBOX: usize = 3;

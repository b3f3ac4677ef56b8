//! Compares the log of each organization with the entries.

use core::ops::ControlFlow;
use std::collections::HashMap;

use super::{Fault, Findings};
use crate::call::{Change, MailboxId, OrgId, Topic};
use crate::store::{Error, Store, uint, uint32};

/// The logs of all organizations.
pub(super) fn logs(store: &Store, found: &mut Findings) -> Result<(), Error> {
    for org in store.all("SELECT id FROM org", [], |r| r.get(0).map(OrgId))? {
        match log(store, org, found) {
            Err(error @ Error::UnknownVersion { .. }) => {
                let fault = Fault::of("event", error.to_string()).in_org(Some(org.0));
                found.add_error(fault, error);
            }
            done => done?,
        }
    }
    Ok(())
}

/// Compares the last row of the log for each UID with the entries. An entry that arrived and was
/// not expunged is there. An entry that is there was last changed by the row that it names.
fn log(store: &Store, org: OrgId, found: &mut Findings) -> Result<(), Error> {
    let Some(state) = store.log_state(org)? else {
        return Ok(());
    };
    // (mailbox, UID): the number of the last row that names it.
    let mut told: HashMap<(MailboxId, u32), u64> = HashMap::new();
    let mut after = state.oldest.saturating_sub(1);
    while after < state.head {
        let Some(page) = store.events_after(org, Topic::Org(org), after, PAGE_ROWS)? else {
            break;
        };
        if page.scanned_to <= after {
            found.add(
                Fault::of("event", format!("the log cannot be read after {after}"))
                    .in_org(Some(org.0)),
            );
            break;
        }
        after = page.scanned_to;
        for event in page.events {
            match (&event.change, event.mailbox) {
                (Change::Arrived(_) | Change::Copied(_) | Change::Flagged(_), Some(mailbox)) => {
                    for uid in event.uids.iter() {
                        told.insert((mailbox, uid), event.seq);
                    }
                }
                (Change::Expunged { .. }, Some(mailbox)) => {
                    for uid in event.uids.iter() {
                        told.remove(&(mailbox, uid));
                    }
                }
                (Change::MailboxDeleted { .. }, Some(mailbox)) => {
                    told.retain(|(m, _), _| *m != mailbox);
                }
                (Change::InboxDeleted, _) => {
                    // The mailboxes of the inbox are gone without rows of their own.
                    let gone = missing_mailboxes(store, org, &told)?;
                    told.retain(|(m, _), _| !gone.contains(m));
                }
                (
                    Change::Arrived(_)
                    | Change::Copied(_)
                    | Change::Flagged(_)
                    | Change::Expunged { .. }
                    | Change::MailboxDeleted { .. },
                    None,
                )
                | (
                    Change::MailboxCreated { .. }
                    | Change::MailboxRenamed { .. }
                    | Change::InboxCreated
                    | Change::InboxUpdated
                    | Change::KeyRevoked { .. },
                    _,
                ) => {}
            }
        }
    }
    let _ = store.each(
        "SELECT mailbox, uid, modseq FROM entry
         WHERE org = ?1 AND mailbox NOT IN (SELECT id FROM doomed WHERE kind = 1)",
        [org.0],
        |r| {
            let mailbox = MailboxId(r.get(0)?);
            let (uid, modseq) = (uint32(r.get(1)?), uint(r.get(2)?));
            match told.remove(&(mailbox, uid)) {
                Some(seq) if seq == modseq => {}
                None if modseq < state.oldest => {}
                told => found.add(
                    Fault::of(
                        "entry",
                        format!(
                            "entry's last change is not in the log: modseq {modseq} log {}",
                            told.unwrap_or(0)
                        ),
                    )
                    .at(format!("mailbox={} uid={uid}", mailbox.0))
                    .in_org(Some(org.0)),
                ),
            }
            Ok(ControlFlow::Continue(()))
        },
    )?;
    let mut left: Vec<_> = told.into_iter().collect();
    left.sort_unstable();
    for ((mailbox, uid), seq) in left {
        found.add(
            Fault::of("entry", format!("entry of event {seq} is not there"))
                .at(format!("mailbox={} uid={uid}", mailbox.0))
                .in_org(Some(org.0)),
        );
    }
    Ok(())
}

fn missing_mailboxes(
    store: &Store,
    org: OrgId,
    told: &HashMap<(MailboxId, u32), u64>,
) -> Result<Vec<MailboxId>, Error> {
    let mut named: Vec<MailboxId> = told.keys().map(|(mailbox, _)| *mailbox).collect();
    named.sort_unstable();
    named.dedup();
    let mut missing = Vec::new();
    for mailbox in named {
        let there = store.one(
            "SELECT 1 FROM mailbox WHERE id = ?1 AND org = ?2",
            [mailbox.0, org.0],
            |_| Ok(()),
        )?;
        if there.is_none() {
            missing.push(mailbox);
        }
    }
    Ok(missing)
}

/// Rows of the log read at once.
const PAGE_ROWS: usize = 500;

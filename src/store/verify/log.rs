//! Compares the log of each organization with the entries.

use core::ops::ControlFlow;

use rusqlite::{Connection, OptionalExtension};

use super::{Fault, Findings};
use crate::call::{Change, MailboxId, OrgId, Topic, UidSet};
use crate::store::{Error, Store, int, uint, uint32};

/// The logs of all organizations.
pub(super) fn logs(store: &Store, found: &mut Findings) -> Result<(), Error> {
    let told = ToldUids::new()?;
    let living = "SELECT id FROM org WHERE id NOT IN (SELECT id FROM doomed WHERE kind = 3)";
    // The rows of an organization that has ended go without rows in its log.
    for org in store.all(living, [], |r| r.get(0).map(OrgId))? {
        told.clear()?;
        match log(store, org, &told, found) {
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
fn log(store: &Store, org: OrgId, told: &ToldUids, found: &mut Findings) -> Result<(), Error> {
    let Some(state) = store.log_state(org)? else {
        return Ok(());
    };
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
                    told.put(mailbox, &event.uids, event.seq)?;
                }
                (Change::Expunged { .. }, Some(mailbox)) => {
                    told.remove(mailbox, &event.uids)?;
                }
                (Change::MailboxDeleted { .. }, Some(mailbox)) => {
                    told.forget(mailbox)?;
                }
                (Change::InboxDeleted, _) => {
                    // The mailboxes of the inbox are gone without rows of their own.
                    for mailbox in told.mailboxes()? {
                        if !has_mailbox(store, org, mailbox)? {
                            told.forget(mailbox)?;
                        }
                    }
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
                    | Change::Approval(_)
                    | Change::InboxCreated
                    | Change::InboxUpdated
                    | Change::InboxMoved { .. }
                    | Change::KeyRevoked { .. }
                    | Change::DomainVerified { .. }
                    | Change::WebhookDisabled(_)
                    | Change::OrgDeleted
                    | Change::GroupReady { .. }
                    | Change::Acknowledged { .. }
                    | Change::Outbound(_)
                    | Change::AutoReplied { .. },
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
            match told.take(mailbox, uid)? {
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
    told.each(|mailbox, uid, seq| {
        found.add(
            Fault::of("entry", format!("entry of event {seq} is not there"))
                .at(format!("mailbox={mailbox} uid={uid}"))
                .in_org(Some(org.0)),
        );
    })
}

fn has_mailbox(store: &Store, org: OrgId, mailbox: MailboxId) -> Result<bool, Error> {
    let there = store.one(
        "SELECT 1 FROM mailbox WHERE id = ?1 AND org = ?2",
        [mailbox.0, org.0],
        |_| Ok(()),
    )?;
    Ok(there.is_some())
}

/// The number of the last row of a log that names a UID, for each UID that is there by the log. A
/// log can name millions, so they are in a temporary file of SQLite and not in memory.
struct ToldUids(Connection);

impl ToldUids {
    fn new() -> Result<ToldUids, Error> {
        let sql = Connection::open("")?;
        sql.execute_batch(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -8000;
             CREATE TABLE told (mailbox INTEGER, uid INTEGER, seq INTEGER,
                 PRIMARY KEY (mailbox, uid)) WITHOUT ROWID;
             BEGIN",
        )?;
        Ok(ToldUids(sql))
    }

    fn run(&self, sql: &str, params: impl rusqlite::Params) -> Result<(), Error> {
        self.0.prepare_cached(sql)?.execute(params)?;
        Ok(())
    }

    fn clear(&self) -> Result<(), Error> {
        self.run("DELETE FROM told", [])
    }

    fn put(&self, mailbox: MailboxId, uids: &UidSet, seq: u64) -> Result<(), Error> {
        for uid in uids.iter() {
            self.run(
                "INSERT OR REPLACE INTO told (mailbox, uid, seq) VALUES (?1, ?2, ?3)",
                [mailbox.0, uid.into(), int(seq)],
            )?;
        }
        Ok(())
    }

    fn remove(&self, mailbox: MailboxId, uids: &UidSet) -> Result<(), Error> {
        for &(low, high) in uids.ranges() {
            self.run(
                "DELETE FROM told WHERE mailbox = ?1 AND uid BETWEEN ?2 AND ?3",
                [mailbox.0, low.into(), high.into()],
            )?;
        }
        Ok(())
    }

    fn forget(&self, mailbox: MailboxId) -> Result<(), Error> {
        self.run("DELETE FROM told WHERE mailbox = ?1", [mailbox.0])
    }

    /// The row of a UID, which is forgotten.
    fn take(&self, mailbox: MailboxId, uid: u32) -> Result<Option<u64>, Error> {
        let mut take = self
            .0
            .prepare_cached("DELETE FROM told WHERE mailbox = ?1 AND uid = ?2 RETURNING seq")?;
        let seq = take.query_row([mailbox.0, uid.into()], |r| r.get::<_, i64>(0));
        Ok(seq.optional()?.map(uint))
    }

    fn mailboxes(&self) -> Result<Vec<MailboxId>, Error> {
        let mut all = self.0.prepare_cached("SELECT DISTINCT mailbox FROM told")?;
        let rows = all.query_map([], |r| r.get(0).map(MailboxId))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Mailbox, UID and row of what is left, in that order.
    fn each(&self, mut tell: impl FnMut(i64, u32, u64)) -> Result<(), Error> {
        let mut all =
            (self.0).prepare_cached("SELECT mailbox, uid, seq FROM told ORDER BY mailbox, uid")?;
        let mut rows = all.query([])?;
        while let Some(r) = rows.next()? {
            tell(r.get(0)?, r.get(1)?, uint(r.get(2)?));
        }
        Ok(())
    }
}

/// Rows of the log read at once.
const PAGE_ROWS: usize = 500;

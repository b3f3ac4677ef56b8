//! Mailboxes, their counters and subscriptions, and the part of an inbox that deliveries use.
//!
//! It does not check names: the service knows which names are allowed. The rule: the parents of a
//! mailbox exist. Creating a mailbox creates them, and a mailbox with children cannot be deleted.

use std::sync::Arc;

use rusqlite::{Params, Row, params};

use super::quota::{ENTRY_BYTES, MAILBOX_BYTES, SUBSCRIPTION_BYTES};
use super::{Error, Store, format, int, uint, uint32};
use crate::call::{
    INBOX, InboxId, InboxPath, MailboxCounts, MailboxId, MailboxRow, Noun, Now, OrgId, Refusal,
    SpecialUse,
};

/// The part of an inbox that deliveries and events use.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InboxPlace {
    /// Its organization.
    pub org: OrgId,
    /// Id, address, ancestors.
    pub path: Arc<InboxPath>,
    /// Octets that count in its quota: its mail, and what its rows cost on disk.
    pub stored: u64,
    /// The name that recipients see.
    pub display_name: Option<String>,
    /// Bounds that are stricter than those of every inbox.
    pub bounds: InboxBounds,
}

/// Bounds of one inbox that the hot paths ask; the highest number where it has none of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InboxBounds {
    /// Octets that it stores.
    pub quota_bytes: u64,
    /// Messages that it sends in a day.
    pub sends_per_day: u64,
    /// Messages that it receives in a minute.
    pub receives_per_minute: u64,
}

/// A mailbox row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MailboxRecord {
    /// Its id.
    pub id: MailboxId,
    /// Its organization.
    pub org: OrgId,
    /// Its inbox.
    pub inbox: InboxId,
    /// Full name.
    pub name: String,
    /// Its special use (RFC 6154).
    pub special: Option<SpecialUse>,
    /// UIDVALIDITY (RFC 3501 section 2.3.1.1).
    pub uidvalidity: u32,
    /// The UID that the next entry gets.
    pub uidnext: u32,
    /// UIDs above this one are `\Recent` to the next session.
    pub recent_above: u32,
    /// HIGHESTMODSEQ (RFC 7162).
    pub highest_modseq: u64,
    /// Expunged UIDs are known from this MODSEQ on.
    pub expunged_floor: u64,
    /// Entries.
    pub messages: u32,
    /// Without `\Seen`.
    pub unseen: u32,
    /// With `\Deleted`.
    pub deleted: u32,
    /// Octets.
    pub bytes: u64,
    /// Octets that its entries cost on disk besides.
    pub cost: u64,
}

/// The change of the counters of a mailbox.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Delta {
    pub uids: u32,
    pub messages: i64,
    pub unseen: i64,
    pub deleted: i64,
    pub bytes: i64,
    /// What the entries cost on disk beyond the fixed cost of each.
    pub extra: i64,
}

impl MailboxRecord {
    /// Its counters. The recent messages are counted apart: that takes a walk over them.
    pub fn counts(&self) -> MailboxCounts {
        MailboxCounts {
            messages: self.messages,
            unseen: self.unseen,
            deleted: self.deleted,
            recent: 0,
            size: self.bytes,
            highest_modseq: self.highest_modseq,
        }
    }

    /// The row as LIST and STATUS show it. The caller gives the values that need another query.
    pub fn row(&self, subscribed: bool, counts: Option<MailboxCounts>) -> MailboxRow {
        MailboxRow {
            id: self.id,
            name: self.name.clone(),
            special: self.special,
            subscribed,
            uidvalidity: self.uidvalidity,
            uidnext: self.uidnext,
            counts,
        }
    }
}

impl Store {
    /// The inbox with this id, of any organization: a delivery comes from outside.
    pub fn place(&self, inbox: InboxId) -> Result<Option<InboxPlace>, Error> {
        self.held_place(inbox)
    }

    /// The inbox of `org` with this id.
    pub fn place_of(&self, org: OrgId, inbox: InboxId) -> Result<Option<InboxPlace>, Error> {
        Ok(self.place(inbox)?.filter(|place| place.org == org))
    }

    /// The inbox of `org` whose address has this canonical form.
    pub fn inbox_named(&self, org: OrgId, canonical: &str) -> Result<Option<InboxId>, Error> {
        let found = self.one(
            "SELECT inbox FROM address WHERE canonical = ?1 AND org = ?2",
            (canonical, org.0),
            |r| r.get::<_, Option<i64>>(0),
        )?;
        Ok(found.flatten().map(InboxId))
    }

    /// A mailbox from memory if the open group holds it, else from its row. The group holds it
    /// from then on.
    fn held_or_read(
        &self,
        is: impl Fn(&MailboxRecord) -> bool,
        sql: &'static str,
        params: impl Params,
    ) -> Result<Option<MailboxRecord>, Error> {
        let held = self.held_mailbox(is);
        if held.is_some() {
            return Ok(held);
        }
        let found = self.direct().one(sql, params, read_mailbox)?;
        if let Some(mailbox) = &found {
            self.keep_mailbox(mailbox);
        }
        Ok(found)
    }

    /// One mailbox by id.
    pub fn mailbox(
        &self,
        org: OrgId,
        inbox: InboxId,
        id: MailboxId,
    ) -> Result<Option<MailboxRecord>, Error> {
        self.held_or_read(
            |held| held.id == id && held.inbox == inbox && held.org == org,
            "SELECT id, org, inbox, name, special, uidvalidity, uidnext, recent_above,
                 highest_modseq, expunged_floor, messages, unseen, deleted, bytes, cost
             FROM mailbox WHERE id = ?1 AND inbox = ?2 AND org = ?3
                 AND EXISTS (SELECT 1 FROM inbox WHERE id = mailbox.inbox)",
            [id.0, inbox.0, org.0],
        )
    }

    /// One mailbox by name.
    pub fn mailbox_named(
        &self,
        org: OrgId,
        inbox: InboxId,
        name: &str,
    ) -> Result<Option<MailboxRecord>, Error> {
        self.held_or_read(
            |held| held.inbox == inbox && held.name == name && held.org == org,
            "SELECT id, org, inbox, name, special, uidvalidity, uidnext, recent_above,
                 highest_modseq, expunged_floor, messages, unseen, deleted, bytes, cost
             FROM mailbox WHERE inbox = ?1 AND name = ?2 AND org = ?3
                 AND EXISTS (SELECT 1 FROM inbox WHERE id = mailbox.inbox)",
            (inbox.0, name, org.0),
        )
    }

    /// The mailbox with a special use; its name may have changed.
    pub fn mailbox_special(
        &self,
        org: OrgId,
        inbox: InboxId,
        special: SpecialUse,
    ) -> Result<Option<MailboxRecord>, Error> {
        let held = self.held_mailbox(|held| {
            held.inbox == inbox && held.special == Some(special) && held.org == org
        });
        if held.is_some() {
            return Ok(held);
        }
        let found = self.direct().one(
            "SELECT id, org, inbox, name, special, uidvalidity, uidnext, recent_above,
                 highest_modseq, expunged_floor, messages, unseen, deleted, bytes, cost
             FROM mailbox WHERE inbox = ?1 AND special = ?2 AND org = ?3
                 AND EXISTS (SELECT 1 FROM inbox WHERE id = mailbox.inbox)",
            [inbox.0, special_number(special), org.0],
            read_mailbox,
        )?;
        if let Some(mailbox) = &found {
            self.keep_mailbox(mailbox);
        }
        Ok(found)
    }

    /// Every mailbox of an inbox in the order of names, and whether it is subscribed to.
    pub fn mailboxes(
        &self,
        org: OrgId,
        inbox: InboxId,
    ) -> Result<Vec<(MailboxRecord, bool)>, Error> {
        self.mailboxes_after((org, inbox), "", usize::MAX)
    }

    /// Up to `limit` of them whose names come after `name`.
    pub fn mailboxes_after(
        &self,
        (org, inbox): (OrgId, InboxId),
        name: &str,
        limit: usize,
    ) -> Result<Vec<(MailboxRecord, bool)>, Error> {
        self.all(
            "SELECT id, org, inbox, name, special, uidvalidity, uidnext, recent_above,
                 highest_modseq, expunged_floor, messages, unseen, deleted, bytes, cost,
                 EXISTS (SELECT 1 FROM subscription s
                         WHERE s.inbox = mailbox.inbox AND s.name = mailbox.name)
             FROM mailbox WHERE inbox = ?1 AND org = ?2
                 AND EXISTS (SELECT 1 FROM inbox WHERE id = mailbox.inbox)
                 AND name > ?3
             ORDER BY name LIMIT ?4",
            params![inbox.0, org.0, name, int(limit as u64)],
            |r| Ok((read_mailbox(r)?, r.get(15)?)),
        )
    }

    /// Moves the `\Recent` watermark up to the last entry.
    pub fn claim_recent(&self, mailbox: &MailboxRecord) -> Result<(), Error> {
        if mailbox.recent_above.saturating_add(1) >= mailbox.uidnext {
            return Ok(());
        }
        self.run(
            "UPDATE mailbox SET recent_above = uidnext - 1 WHERE id = ?1 AND org = ?2",
            [mailbox.id.0, mailbox.org.0],
        )
        .map(drop)
    }

    /// Makes INBOX and the special mailboxes of a new inbox, and subscribes to them. `modseq` is
    /// the number of the event that announces the inbox.
    pub fn make_standard_mailboxes(
        &self,
        now: Now,
        org: OrgId,
        inbox: InboxId,
        modseq: u64,
    ) -> Result<(), Error> {
        self.make_mailbox(now, org, inbox, INBOX, None, modseq)?;
        self.subscribe(inbox, INBOX, true)?;
        for (special, name, _) in SpecialUse::ALL {
            self.make_mailbox(now, org, inbox, name, Some(special), modseq)?;
            self.subscribe(inbox, name, true)?;
        }
        Ok(())
    }

    /// Makes an empty mailbox. `Exists` when the name is taken.
    pub fn make_mailbox(
        &self,
        now: Now,
        org: OrgId,
        inbox: InboxId,
        name: &str,
        special: Option<SpecialUse>,
        modseq: u64,
    ) -> Result<MailboxId, Error> {
        let id = MailboxId(self.new_id(now));
        let uidvalidity = self.new_uidvalidity(now)?;
        let made = self.run(
            "INSERT INTO mailbox (id, org, inbox, name, special, uidvalidity, highest_modseq,
                 expunged_floor)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7) ON CONFLICT (inbox, name) DO NOTHING",
            (
                id.0,
                org.0,
                inbox.0,
                name,
                special.map(special_number),
                uidvalidity,
                int(modseq),
            ),
        )?;
        if made == 0 {
            return Err(Refusal::Exists(Noun::Mailbox).into());
        }
        if special.is_none() && name != INBOX {
            self.count_cost(inbox, MAILBOX_BYTES)?;
        }
        Ok(id)
    }

    /// How many mailboxes an inbox has.
    pub fn mailbox_count(&self, org: OrgId, inbox: InboxId) -> Result<usize, Error> {
        let n = self.one(
            "SELECT count(*) FROM mailbox WHERE inbox = ?1 AND org = ?2",
            [inbox.0, org.0],
            |r| r.get::<_, i64>(0),
        )?;
        Ok(usize::try_from(n.unwrap_or(0)).unwrap_or(0))
    }

    /// Names and ids of the mailboxes below one. `0` follows `/`, so this is one range.
    pub fn children(
        &self,
        org: OrgId,
        inbox: InboxId,
        name: &str,
        max: usize,
    ) -> Result<Vec<(MailboxId, String)>, Error> {
        self.all(
            "SELECT id, name FROM mailbox
             WHERE inbox = ?1 AND name >= ?2 || '/' AND name < ?2 || '0' AND org = ?3
             ORDER BY name LIMIT ?4",
            (inbox.0, name, org.0, int(max as u64)),
            |r| Ok((MailboxId(r.get(0)?), r.get(1)?)),
        )
    }

    /// Gives a mailbox another name. `Exists` when it is taken.
    pub fn rename_mailbox(
        &self,
        org: OrgId,
        inbox: InboxId,
        id: MailboxId,
        name: &str,
    ) -> Result<(), Error> {
        let renamed = self.run(
            "UPDATE OR IGNORE mailbox SET name = ?4 WHERE id = ?1 AND inbox = ?2 AND org = ?3",
            (id.0, inbox.0, org.0, name),
        )?;
        if renamed == 0 {
            return Err(Refusal::Exists(Noun::Mailbox).into());
        }
        Ok(())
    }

    /// Removes a mailbox with all its entries. [`Store::reclaim`] removes the rows of the entries
    /// later: no query finds an entry without its mailbox. Its UIDVALIDITY is never given again.
    pub fn delete_mailbox(&self, mailbox: &MailboxRecord) -> Result<(), Error> {
        let (org, inbox) = (mailbox.org, mailbox.inbox);
        let Some(mailbox) = self.mailbox(org, inbox, mailbox.id)? else {
            return Ok(());
        };
        let is_standard = mailbox.special.is_some() || mailbox.name == INBOX;
        let own = if is_standard { 0 } else { MAILBOX_BYTES };
        let fixed = i64::from(mailbox.messages) * ENTRY_BYTES;
        self.count_inbox(inbox, -i64::from(mailbox.messages), -int(mailbox.bytes))?;
        self.count_cost(inbox, fixed - int(mailbox.cost) - own)?;
        self.mark_mailbox(mailbox.id.0)?;
        self.run(
            "DELETE FROM mailbox WHERE id = ?1 AND org = ?2",
            [mailbox.id.0, org.0],
        )?;
        Ok(())
    }

    /// Subscribes to a name or unsubscribes from it; whether that changed anything.
    pub fn subscribe(&self, inbox: InboxId, name: &str, on: bool) -> Result<bool, Error> {
        let changed = if on {
            self.run(
                "INSERT OR IGNORE INTO subscription (inbox, name) VALUES (?1, ?2)",
                (inbox.0, name),
            )?
        } else {
            self.run(
                "DELETE FROM subscription WHERE inbox = ?1 AND name = ?2",
                (inbox.0, name),
            )?
        };
        // Those that every inbox has at first are part of the cost of the inbox.
        let is_standard = name == INBOX || SpecialUse::ALL.iter().any(|(_, own, _)| *own == name);
        if changed > 0 && !is_standard {
            let cost = if on {
                SUBSCRIPTION_BYTES
            } else {
                -SUBSCRIPTION_BYTES
            };
            self.count_cost(inbox, cost)?;
        }
        Ok(changed > 0)
    }

    /// Whether a name is subscribed to.
    pub fn is_subscribed(&self, inbox: InboxId, name: &str) -> Result<bool, Error> {
        let found = self.direct().one(
            "SELECT 1 FROM subscription WHERE inbox = ?1 AND name = ?2",
            (inbox.0, name),
            |_| Ok(()),
        )?;
        Ok(found.is_some())
    }

    /// The names that are subscribed to; a mailbox need not exist.
    pub fn subscribed(&self, inbox: InboxId) -> Result<Vec<String>, Error> {
        self.all(
            "SELECT name FROM subscription WHERE inbox = ?1 ORDER BY name",
            [inbox.0],
            |r| r.get(0),
        )
    }
}

/// Reads three bounds from this column on.
pub(super) fn read_bounds(r: &Row<'_>, column: usize) -> rusqlite::Result<InboxBounds> {
    let bound = |at: usize| -> rusqlite::Result<u64> {
        let own = r.get::<_, Option<i64>>(column + at)?;
        Ok(own.map_or(u64::MAX, uint))
    };
    Ok(InboxBounds {
        quota_bytes: bound(0)?,
        sends_per_day: bound(1)?,
        receives_per_minute: bound(2)?,
    })
}

/// Reads `org, address, ancestors, bytes, display_name` and the three bounds of an inbox.
pub(super) fn read_place(inbox: InboxId, r: &Row<'_>) -> Result<InboxPlace, Error> {
    let ancestors = r.get_ref(2)?.as_blob();
    let ancestors = ancestors.map_err(|_| Error::Corrupt("ancestors"))?;
    Ok(InboxPlace {
        org: OrgId(r.get(0)?),
        path: Arc::new(InboxPath {
            id: inbox,
            address: r.get(1)?,
            ancestors: format::decode_ancestors(ancestors)?,
        }),
        stored: uint(r.get(3)?),
        display_name: r.get(4)?,
        bounds: read_bounds(r, 5)?,
    })
}

pub(super) fn read_mailbox(r: &Row<'_>) -> rusqlite::Result<MailboxRecord> {
    Ok(MailboxRecord {
        id: MailboxId(r.get(0)?),
        org: OrgId(r.get(1)?),
        inbox: InboxId(r.get(2)?),
        name: r.get(3)?,
        special: r.get::<_, Option<i64>>(4)?.and_then(special_of),
        uidvalidity: uint32(r.get(5)?),
        uidnext: uint32(r.get(6)?),
        recent_above: uint32(r.get(7)?),
        highest_modseq: uint(r.get(8)?),
        expunged_floor: uint(r.get(9)?),
        messages: uint32(r.get(10)?),
        unseen: uint32(r.get(11)?),
        deleted: uint32(r.get(12)?),
        bytes: uint(r.get(13)?),
        cost: uint(r.get(14)?),
    })
}

fn special_number(special: SpecialUse) -> i64 {
    match special {
        SpecialUse::Sent => 1,
        SpecialUse::Drafts => 2,
        SpecialUse::Trash => 3,
        SpecialUse::Junk => 4,
    }
}

pub(super) fn special_of(number: i64) -> Option<SpecialUse> {
    SpecialUse::ALL
        .iter()
        .map(|(special, ..)| *special)
        .find(|special| special_number(*special) == number)
}

//! Messages as REST lists and shows them: entries of an inbox, newest first, with the stored
//! parts of their body.
//!
//! It has no filter: the caller looks at each row and says whether to go on.

use core::ops::ControlFlow;

use rusqlite::types::ValueRef;
use rusqlite::{CachedStatement, Row};

use super::arrival::{arrival_of, verdict_of};
use super::entry::{UNLIKE_CHECKSUM, read_state};
use super::mailbox::special_of;
use super::{Error, MailboxRecord, Store, format, uint32};
use crate::call::{
    Arrival, BULK_DETAIL_BYTES_MAX, BodyId, EntryId, EntryState, InboxId, MailboxId, MessageDetail,
    OrgId, ReceivedBody, SenderAuth, SpamReport, SpecialUse, Summary, ThreadId, Verdict,
};

/// One message with all that is stored beside its octets.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MessageRecord {
    /// What stands beside the body.
    pub entry: ListedEntry,
    /// Octets of the body.
    pub body_size: u32,
    /// `Message-ID` with its brackets, or empty.
    pub message_id: String,
    /// What lists show.
    pub summary: Summary,
    /// Envelope and structure.
    pub digest: Vec<u8>,
}

/// What is stored of a message beside its body: all that can change of it, and what never does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListedEntry {
    /// Its organization.
    pub org: OrgId,
    /// Its inbox.
    pub inbox: InboxId,
    /// Its mailbox.
    pub mailbox: MailboxId,
    /// The mailbox's name.
    pub folder: String,
    /// The mailbox's special use.
    pub special: Option<SpecialUse>,
    /// UID, id, MODSEQ, flags, keywords.
    pub state: EntryState,
    /// The conversation.
    pub thread: ThreadId,
    /// How it came to be.
    pub arrival: Arrival,
    /// What is known of its sender.
    pub auth: SenderAuth,
    /// Internal date.
    pub received_at: i64,
    /// Octets with the prefix.
    pub size: u32,
    /// Octets before the body; they belong to this entry alone.
    pub prefix: Vec<u8>,
    /// The body, which never changes.
    pub body: BodyId,
    /// The client's own JSON of a message that it has sent.
    pub metadata: Option<String>,
    /// That of the message which this one answers.
    pub in_reply_to_metadata: Option<String>,
    /// The verdict of the filter; `None` when it was not judged.
    pub verdict: Option<Verdict>,
    /// The judgement of the filter, as it is stored.
    pub report: Option<Box<[u8]>>,
}

impl ListedEntry {
    /// The judgement of the filter; `None` when the message was not judged.
    pub fn report(&self) -> Result<Option<SpamReport>, Error> {
        let report = self.report.as_deref().map(format::decode_report);
        report.transpose().map_err(|error| match error {
            Error::Corrupt(what) => Error::DamagedRow {
                table: "entry",
                row: self.state.id.0,
                org: self.org.0,
                what,
            },
            other => other,
        })
    }
}

/// A row of a list whose body has not been read.
pub struct ListedRow<'r, 's> {
    /// What stands beside the body.
    pub entry: ListedEntry,
    body: &'r mut CachedStatement<'s>,
}

impl ListedRow<'_, '_> {
    /// Reads the body; `None` when it has no row.
    pub fn read(self) -> Result<Option<MessageRecord>, Error> {
        let mut rows = self.body.query([self.entry.body.0])?;
        match rows.next()? {
            Some(row) => read_body(row, 0, self.entry).map(Some),
            None => Ok(None),
        }
    }
}

/// The position in a list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ListPosition {
    /// Through the whole inbox, at ids below this.
    Id(i64),
    /// Through one mailbox, at UIDs below this.
    Uid(MailboxId, u32),
}

impl Store {
    /// Messages of an inbox below a position, newest first, each with its own position, until
    /// `look` breaks. A deleted message that still has its row comes with `None`, and in a list of
    /// the whole inbox also one in a special mailbox, unless they are `with_special`. There can be
    /// many such rows, so `look` also bounds the time.
    pub fn messages_below(
        &self,
        (org, inbox): (OrgId, InboxId),
        below: ListPosition,
        with_special: bool,
        mut look: impl FnMut(ListPosition, Option<ListedRow<'_, '_>>) -> Result<ControlFlow<()>, Error>,
    ) -> Result<(), Error> {
        let mut body = self.direct().prepare(BODY)?;
        let (sql, params) = match below {
            ListPosition::Id(id) => (BY_ID, [inbox.0, id, org.0, 0, with_special.into()]),
            ListPosition::Uid(mailbox, uid) => (BY_UID, [inbox.0, uid.into(), org.0, mailbox.0, 1]),
        };
        self.each(sql, params, |r| {
            let at = match below {
                ListPosition::Id(_) => ListPosition::Id(r.get(1)?),
                ListPosition::Uid(mailbox, _) => ListPosition::Uid(mailbox, uint32(r.get(0)?)),
            };
            let entry = read_entry(r, (org, inbox))?;
            let row = entry.map(|entry| ListedRow {
                entry,
                body: &mut body,
            });
            look(at, row)
        })
        .map(drop)
    }

    /// The newest id of an inbox below `id`, of a message or of a row that a deletion has left.
    pub fn newest_below(
        &self,
        (org, inbox): (OrgId, InboxId),
        id: i64,
    ) -> Result<Option<i64>, Error> {
        self.direct()
            .one(NEWEST, [inbox.0, id, org.0], |r| r.get(0))
    }

    /// The newest position of an inbox below one, in the order of the time of receipt and of ids.
    /// Rows that a deletion has left count, too.
    pub fn received_below(
        &self,
        (org, inbox): (OrgId, InboxId),
        below: (i64, i64),
    ) -> Result<Option<(i64, i64)>, Error> {
        self.direct()
            .one(RECEIVED_BELOW, [inbox.0, below.0, below.1, org.0], |r| {
                Ok((r.get(0)?, r.get(1)?))
            })
    }

    /// The positions in that order of the entries of an inbox that have one of these bodies. All of
    /// them were received at the same time, and ascend.
    pub fn positions_of(
        &self,
        inbox: InboxId,
        same: &[ReceivedBody],
    ) -> Result<Vec<(i64, i64)>, Error> {
        let mut positions = Vec::with_capacity(same.len());
        let Some(received_at) = same.first().map(|of| of.received_at) else {
            return Ok(positions);
        };
        let _ = self.direct().each(
            "SELECT id, body FROM entry INDEXED BY entry_received
             WHERE inbox = ?1 AND received_at = ?2 ORDER BY id",
            [inbox.0, received_at],
            |r| {
                let body = r.get::<_, i64>(1)?;
                if same.binary_search_by_key(&body, |of| of.body.0).is_ok() {
                    positions.push((received_at, r.get(0)?));
                }
                Ok(ControlFlow::Continue(()))
            },
        )?;
        Ok(positions)
    }

    /// One message.
    pub fn message(
        &self,
        org: OrgId,
        inbox: InboxId,
        id: EntryId,
    ) -> Result<Option<MessageRecord>, Error> {
        self.message_in((org, inbox), id, true)
    }

    /// The same; one in a special mailbox only `with_special`.
    pub fn message_in(
        &self,
        (org, inbox): (OrgId, InboxId),
        id: EntryId,
        with_special: bool,
    ) -> Result<Option<MessageRecord>, Error> {
        let mut found = None;
        let only = [
            inbox.0,
            id.0.saturating_add(1),
            org.0,
            id.0,
            with_special.into(),
        ];
        let _ = self.each(ONE, only, |r| {
            found = read_record(r, (org, inbox))?;
            if let Some(found) = &found
                && !r.get::<_, bool>(22)?
            {
                return Err(damaged(org, found.entry.body, UNLIKE_CHECKSUM));
            }
            Ok(ControlFlow::Break(()))
        })?;
        Ok(found)
    }
}

impl Store {
    /// What an event tells of the entries from `low` to `high`, ascending, until their summaries
    /// are as long as one row may have them.
    pub(super) fn details(
        &self,
        mailbox: &MailboxRecord,
        (low, high): (u32, u32),
    ) -> Result<Vec<MessageDetail>, Error> {
        let mut details = Vec::new();
        let mut octets = 0;
        let _ = self.direct().each(
            "SELECT e.thread, e.size, e.arrival, b.summary, e.report
             FROM entry e JOIN body b ON b.id = e.body
             WHERE e.mailbox = ?1 AND e.uid BETWEEN ?2 AND ?3 AND e.org = ?4 ORDER BY e.uid",
            [mailbox.id.0, low.into(), high.into(), mailbox.org.0],
            |r| {
                let summary = blob(r, 3)?;
                let report = r.get_ref(4)?.as_blob_or_null().unwrap_or_default();
                octets += summary.len() + report.map_or(0, <[u8]>::len);
                if octets > BULK_DETAIL_BYTES_MAX {
                    return Ok(ControlFlow::Break(()));
                }
                details.push(MessageDetail {
                    thread: ThreadId(r.get(0)?),
                    size: uint32(r.get(1)?),
                    auth: arrival_of(r.get(2)?).1,
                    summary: format::decode_summary(summary)?,
                    spam: report.map(format::decode_report).transpose()?.map(Box::new),
                });
                Ok(ControlFlow::Continue(()))
            },
        )?;
        Ok(details)
    }
}

/// A body whose row is damaged.
fn damaged(org: OrgId, body: BodyId, what: &'static str) -> Error {
    Error::DamagedRow {
        table: "body",
        row: body.0,
        org: org.0,
        what,
    }
}

/// The same error with the row that it is about.
fn named(error: Error, org: OrgId, body: BodyId) -> Error {
    match error {
        Error::Corrupt(what) => damaged(org, body, what),
        other => other,
    }
}

fn blob<'r>(r: &'r Row<'_>, column: usize) -> Result<&'r [u8], Error> {
    let value = r.get_ref(column)?;
    value.as_blob().map_err(|_| Error::Corrupt("summary"))
}

/// The columns of an entry; `None` when its mailbox is gone.
fn read_entry(r: &Row<'_>, (org, inbox): (OrgId, InboxId)) -> Result<Option<ListedEntry>, Error> {
    let Some(folder) = r.get(6)? else {
        return Ok(None);
    };
    let number = r.get(8)?;
    let (arrival, auth) = arrival_of(number);
    Ok(Some(ListedEntry {
        org,
        inbox,
        state: read_state(r)?,
        mailbox: MailboxId(r.get(5)?),
        folder,
        thread: ThreadId(r.get(7)?),
        arrival,
        auth,
        received_at: r.get(9)?,
        size: uint32(r.get(10)?),
        prefix: r.get::<_, Option<Vec<u8>>>(11)?.unwrap_or_default(),
        body: BodyId(r.get(12)?),
        special: r.get::<_, Option<i64>>(13)?.and_then(special_of),
        metadata: r.get(14)?,
        in_reply_to_metadata: r.get(15)?,
        verdict: verdict_of(number),
        report: r.get::<_, Option<Vec<u8>>>(16)?.map(Vec::into_boxed_slice),
    }))
}

/// The columns of an entry and of its body behind them; `None` when its mailbox is gone or not
/// wanted.
pub(super) fn read_record(
    r: &Row<'_>,
    place: (OrgId, InboxId),
) -> Result<Option<MessageRecord>, Error> {
    let entry = read_entry(r, place)?;
    let has_body = r.get_ref(17)? != ValueRef::Null;
    match entry.filter(|_| has_body) {
        Some(entry) => read_body(r, 17, entry).map(Some),
        None => Ok(None),
    }
}

/// The columns of the body of an entry, from column `at` on.
fn read_body(r: &Row<'_>, at: usize, entry: ListedEntry) -> Result<MessageRecord, Error> {
    let (org, body) = (entry.org, entry.body);
    let summary = blob(r, at + 2)?;
    Ok(MessageRecord {
        entry,
        body_size: uint32(r.get(at + 1)?),
        summary: format::decode_summary(summary).map_err(|e| named(e, org, body))?,
        message_id: r.get(at + 3)?,
        digest: format::decode_digest(r.get(at + 4)?)?,
    })
}

const BODY: &str = "SELECT id, size, summary, message_id, digest FROM body WHERE id = ?1";

// The columns of `read_entry`, then more columns. A deleted mailbox has no row in `mailbox`.
macro_rules! entries {
    ($more:literal, $from:literal, $which:literal) => {
        concat!(
            "SELECT e.uid, e.id, e.modseq, e.flags, e.keywords, e.mailbox, m.name,
                 e.thread, e.arrival, e.received_at, e.size, e.prefix, e.body, m.special,
                 own.json, answered.json, e.report",
            $more,
            " FROM entry e ",
            $from,
            " LEFT JOIN metadata own ON own.entry = e.id
              LEFT JOIN metadata answered ON answered.entry = own.answers
              WHERE ",
            $which
        )
    };
}

const BY_ID: &str = entries!(
    "",
    "INDEXED BY entry_id LEFT JOIN mailbox m ON m.id = e.mailbox AND (?5 OR m.special IS NULL)",
    "e.inbox = ?1 AND e.id < ?2 AND e.id >= ?4 AND e.org = ?3 ORDER BY e.id DESC"
);

const BY_UID: &str = entries!(
    "",
    "LEFT JOIN mailbox m ON m.id = e.mailbox AND ?5",
    "e.mailbox = ?4 AND e.uid < ?2 AND e.org = ?3 AND e.inbox = ?1 ORDER BY e.uid DESC"
);

// One message, with its checksums compared.
const ONE: &str = entries!(
    ", b.id, b.size, b.summary, b.message_id, b.digest,
     coalesce(b.sum = row_sum(b.id, b.org, b.size, b.header_len, b.message_id, b.digest,
         b.summary), 1)
     AND coalesce(e.sum = row_sum(e.id, e.org, e.inbox, e.body, e.thread, e.arrival,
         e.received_at, e.size, e.prefix), 1)
     AND coalesce(e.state_sum = row_sum(e.mailbox, e.uid, e.id, e.modseq, e.flags,
         e.keywords), 1)
     AND coalesce(e.report_sum = row_sum(e.id, e.report), 1)",
    "INDEXED BY entry_id LEFT JOIN mailbox m ON m.id = e.mailbox AND (?5 OR m.special IS NULL)
     LEFT JOIN body b ON b.id = e.body AND m.id IS NOT NULL",
    "e.inbox = ?1 AND e.id < ?2 AND e.id >= ?4 AND e.org = ?3 ORDER BY e.id DESC"
);

// 3 is Trash and 4 is Junk (see mailbox.rs).
macro_rules! of_thread {
    ($which:literal) => {
        entries!(
            ", b.id, b.size, b.summary, b.message_id, b.digest",
            "INDEXED BY entry_thread LEFT JOIN mailbox m ON m.id = e.mailbox
                 AND (?5 OR m.special IS NULL OR m.special NOT IN (3, 4) OR m.id = ?6)
             LEFT JOIN body b ON b.id = e.body AND m.id IS NOT NULL",
            $which
        )
    };
}

/// The messages of a conversation below an id, for [`read_record`].
pub(super) const THREAD_BELOW: &str =
    of_thread!("e.inbox = ?1 AND e.thread = ?2 AND e.id < ?3 AND e.org = ?4 ORDER BY e.id DESC");

/// Those above an id.
pub(super) const THREAD_ABOVE: &str =
    of_thread!("e.inbox = ?1 AND e.thread = ?2 AND e.id > ?3 AND e.org = ?4 ORDER BY e.id");

const NEWEST: &str = "SELECT id FROM entry INDEXED BY entry_id
 WHERE inbox = ?1 AND id < ?2 AND org = ?3 ORDER BY id DESC LIMIT 1";

const RECEIVED_BELOW: &str = "SELECT received_at, id FROM entry INDEXED BY entry_received
 WHERE inbox = ?1 AND (received_at, id) < (?2, ?3) AND org = ?4
 ORDER BY received_at DESC, id DESC LIMIT 1";

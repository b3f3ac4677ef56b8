//! Compares every row with its checksums (see `store/sum.rs`).

use rusqlite::types::ValueRef;

use super::{Fault, Findings};
use crate::store::sum::{SummedTable, TABLES};
use crate::store::{Error, Store};

/// Every row of every table that has checksums.
pub(super) fn sums(store: &Store, found: &mut Findings) -> Result<(), Error> {
    let is_summed = store.is_summed()?;
    for table in TABLES {
        let must_have = is_summed || !table.filled_later;
        found.check(table.name, |found| of_table(store, table, must_have, found));
    }
    if !is_summed {
        found.notes.push(
            "rows of an older release have no checksums yet; the server makes them while it is idle"
                .into(),
        );
    }
    Ok(())
}

fn of_table(
    store: &Store,
    table: &SummedTable,
    must_have: bool,
    found: &mut Findings,
) -> Result<(), Error> {
    for (column, over) in table.sums {
        let covered = over.join(", ");
        // A comparison with NULL is not true: a checksum that may be missing is passed over.
        let differs = if must_have { "IS NOT" } else { "<>" };
        let sql = format!(
            "SELECT {}, {}, {column} IS NULL FROM {} WHERE {column} {differs} row_sum({covered})",
            table.key.join(", "),
            org_of(table),
            table.name,
        );
        let mut statement = store.sql.prepare(&sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let mut key = Vec::with_capacity(table.key.len());
            for (n, name) in table.key.iter().enumerate() {
                key.push(format!("{name}={}", shown(row.get_ref(n)?)));
            }
            let n = table.key.len();
            let what = match row.get(n + 1)? {
                true => "the row has no checksum".to_owned(),
                false => format!("the row differs from its checksum of {covered}"),
            };
            found.add(
                Fault::of(table.name, what)
                    .at(key.join(" "))
                    .in_org(row.get(n).unwrap_or(None)),
            );
        }
    }
    Ok(())
}

/// A part of a key. A text of a peer is not shown as it is: it may be an address.
fn shown(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Integer(n) => n.to_string(),
        ValueRef::Text(text) => {
            let text: String = String::from_utf8_lossy(text)
                .chars()
                .take(TEXT_CHARS)
                .collect();
            format!("{text:?}")
        }
        ValueRef::Null | ValueRef::Real(_) | ValueRef::Blob(_) => "?".to_owned(),
    }
}

/// SQL for the organization of a row.
fn org_of(table: &SummedTable) -> &'static str {
    match table.name {
        "org" => "id",
        // Those of the shared domain are of none.
        "dkim" => "(SELECT org FROM domain WHERE id = dkim.domain)",
        "key_inbox" => "(SELECT org FROM key WHERE id = key_inbox.key)",
        "day_count" => {
            "CASE kind WHEN 1 THEN (SELECT org FROM key WHERE id = day_count.id)
                       ELSE (SELECT org FROM inbox WHERE id = day_count.id) END"
        }
        "event_pending" => "(SELECT org FROM event_group WHERE id = event_pending.grp)",
        "known_sender" => "(SELECT org FROM inbox WHERE id = known_sender.inbox)",
        "sender_past" => "(SELECT org FROM inbox WHERE id = sender_past.inbox)",
        "subscription" => "(SELECT org FROM inbox WHERE id = subscription.inbox)",
        "signature" => "(SELECT org FROM inbox WHERE id = signature.inbox)",
        "signature_block" => "(SELECT org FROM inbox WHERE id = signature_block.inbox)",
        "unsigned" => "(SELECT org FROM inbox WHERE id = unsigned.inbox)",
        "reference" => "(SELECT org FROM inbox WHERE id = reference.inbox)",
        "expunged" => "(SELECT org FROM mailbox WHERE id = expunged.mailbox)",
        "recount" => "(SELECT org FROM body WHERE id = recount.body)",
        "meta" | "doomed" | "known_spam" | "known_spam_source" => "NULL",
        _ => "org",
    }
}

/// Characters that are shown of a text in a key.
const TEXT_CHARS: usize = 64;

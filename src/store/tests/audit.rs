//! The audit in the store: the order of its rows, what is deleted of it, and its damage; and the
//! days of usage.

use super::damage::{CHECKSUM, Kind};
use super::*;

const DAY_MS: i64 = 86_400_000;

fn act(at: i64) -> AuditRow {
    AuditRow {
        id: AuditId(0),
        at,
        action: AuditAction::KeyCreated,
        key: Some(KeyId(3)),
        target: Some(AuditTarget::Key(KeyId(4))),
        request_id: Some(RequestId::Http(u64::MAX)),
    }
}

/// The same row with the id that it has got.
fn insert(store: &Store, row: AuditRow) -> AuditRow {
    let id = store.insert_audit(ORG, &row).unwrap();
    AuditRow { id, ..row }
}

fn all(store: &Store) -> Vec<AuditRow> {
    store
        .audit_page(ORG, AuditId(0), (None, None), 100)
        .unwrap()
}

/// What `postern verify` finds wrong about the audit.
fn wrong(store: &Store) -> Vec<String> {
    let lines = verify(store, false).into_iter();
    lines.filter(|line| line.contains("audit")).collect()
}

#[test]
fn acts_are_read_back_newest_first_and_by_time() {
    let store = world();
    let times = [NOW.unix_ms, NOW.unix_ms + DAY_MS, NOW.unix_ms + 2 * DAY_MS];
    let rows: Vec<AuditRow> = times.iter().map(|at| insert(&store, act(*at))).collect();
    let bare = AuditRow {
        key: None,
        target: None,
        request_id: None,
        ..act(times[2])
    };
    let bare = insert(&store, bare);
    assert_eq!(all(&store), [bare, rows[2], rows[1], rows[0]]);
    let page = |before, span| store.audit_page(ORG, before, span, 2).unwrap();
    assert_eq!(page(rows[2].id, (None, None)), [rows[1], rows[0]]);
    assert_eq!(page(AuditId(0), (None, Some(times[1]))), [rows[0]]);
    assert_eq!(
        page(AuditId(0), (Some(times[1]), Some(times[2]))),
        [rows[1]]
    );
    // Another organization has none of them.
    let other = store
        .audit_page(OrgId(2), AuditId(0), (None, None), 9)
        .unwrap();
    assert!(other.is_empty());
    assert_eq!(wrong(&store), Vec::<String>::new());
}

#[test]
fn old_acts_go_in_slices_and_leave_no_gap() {
    let store = world();
    for day in 0..10 {
        insert(&store, act(NOW.unix_ms + day * DAY_MS));
    }
    let now = Now {
        mono_ms: 0,
        unix_ms: NOW.unix_ms + 9 * DAY_MS,
    };
    // Six are older than three days; two go at once.
    let mut slices = 0;
    while store.trim_audit(now, 3 * DAY_MS, 2).unwrap() {
        slices += 1;
        assert!(slices < 100);
        assert_eq!(wrong(&store), Vec::<String>::new());
    }
    assert!(slices >= 3, "{slices}");
    assert_eq!(all(&store).len(), 4);
    insert(&store, act(now.unix_ms + 1));
    assert_eq!(wrong(&store), Vec::<String>::new());
}

#[test]
fn ids_ascend_when_the_clock_goes_back() {
    let store = world();
    let first = insert(&store, act(NOW.unix_ms));
    let second = insert(&store, act(NOW.unix_ms - DAY_MS));
    let third = insert(&store, act(NOW.unix_ms));
    assert!(first.id < second.id && second.id < third.id);
    assert_eq!(all(&store), [third, second, first]);
}

#[test]
fn an_act_goes_with_its_call() {
    let store = world();
    store.begin().unwrap();
    store.savepoint().unwrap();
    insert(&store, act(NOW.unix_ms));
    store.rollback_to().unwrap();
    store.commit().unwrap();
    assert!(all(&store).is_empty());
}

#[test]
fn a_missing_act_is_found() {
    let store = world();
    for n in 0..3 {
        insert(&store, act(NOW.unix_ms + n));
    }
    store.run("DELETE FROM audit WHERE nth = 2", []).unwrap();
    let found = wrong(&store);
    assert!(
        found
            .iter()
            .any(|line| line.contains("audit of the organization has a gap")),
        "{found:?}"
    );
}

#[test]
fn days_are_counted_with_their_group_and_taken_back_with_their_call() {
    let store = world();
    let day = NOW.unix_ms / DAY_MS;
    let days = |inbox| store.usage_days(ORG, inbox, (day, day)).unwrap();
    let before = days(None)
        .first()
        .map_or((0, 0), |row| (row.sent, row.received));
    store.begin().unwrap();
    store.savepoint().unwrap();
    deliver(&store, "INBOX", b"octets", Flags::NONE);
    store.count_sends(ORG, INBOX, day, 2).unwrap();
    store.release().unwrap();
    store.savepoint().unwrap();
    deliver(&store, "INBOX", b"undone", Flags::NONE);
    store.count_sends(ORG, INBOX, day, 5).unwrap();
    store.rollback_to().unwrap();
    store.commit().unwrap();
    for inbox in [None, Some(INBOX)] {
        let row = days(inbox)[0];
        assert_eq!(row.sent, before.0 + 2, "{inbox:?}");
        assert!(row.stored_bytes > Some(0), "{row:?}");
        // The rows of the log name no inbox here.
        assert_eq!(row.events > 0, inbox.is_none(), "{row:?}");
    }
    let received = days(None)[0].received;
    store.begin().unwrap();
    deliver(&store, "INBOX", b"lost", Flags::NONE);
    store.rollback();
    assert_eq!(days(None)[0].received, received);
    store.count_requests(ORG, day, 9).unwrap();
    assert_eq!(days(None)[0].requests, Some(9));
    let wrong: Vec<String> = (verify(&store, false).into_iter())
        .filter(|line| line.contains("usage"))
        .collect();
    assert_eq!(wrong, Vec::<String>::new());
    // Rows that are held in memory are those on disk, also after what is undone.
    store.begin().unwrap();
    store.count_sends(ORG, INBOX, day, 1).unwrap();
    store.write_usage().unwrap();
    store.rollback();
    assert_eq!(days(Some(INBOX))[0].sent, before.0 + 2);
    for n in 3..6 {
        store.begin().unwrap();
        store.count_sends(ORG, INBOX, day, 1).unwrap();
        store.commit().unwrap();
        assert_eq!(days(Some(INBOX))[0].sent, before.0 + n);
    }
    // The day goes when it is no longer kept.
    assert!(!store.trim_usage(day, 100).unwrap());
    assert_eq!(days(None).len(), 1);
    while store.trim_usage(day + 1, 1).unwrap() {}
    assert!(days(None).is_empty() && days(Some(INBOX)).is_empty());
    store.count_sends(ORG, INBOX, day, 1).unwrap();
    assert_eq!(days(Some(INBOX))[0].sent, 1);
}

/// Damage of the audit and of the days of usage, as `damage.rs` has it.
pub(super) const DAMAGE: &[Kind] = &[
    (
        "target of an act",
        "UPDATE audit SET target = target + 1",
        "audit",
        CHECKSUM,
    ),
    (
        "messages of a day",
        "UPDATE usage_day SET received = received + 1",
        "usage_day",
        CHECKSUM,
    ),
];

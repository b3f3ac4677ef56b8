//! A statement or a commit that fails, a full disk, and a process that stops in the middle of a
//! group: at every place the counters stay right, and what was committed before is there.

use super::*;

/// A call of a group: two deliveries and an expunge, in a savepoint.
fn call(store: &Store) -> Result<(), Error> {
    store.savepoint()?;
    match work(store).and_then(|()| store.release()) {
        Ok(()) => Ok(()),
        Err(error) => {
            if store.is_transaction_gone() {
                return Err(error);
            }
            store.rollback_to()?;
            Err(error)
        }
    }
}

fn work(store: &Store) -> Result<(), Error> {
    try_deliver(store, "INBOX", b"one", Flags::NONE)?;
    try_deliver(store, "Trash", b"two", Flags::DELETED)?;
    let place = store.place_of(ORG, INBOX)?.ok_or(Error::Corrupt("test"))?;
    let trash = store.mailbox_named(ORG, INBOX, "Trash")?;
    let trash = trash.ok_or(Error::Corrupt("test"))?;
    let events = &mut Vec::new();
    store.expunge((NOW, ME), (&place, &trash), None, Flags::DELETED, events)?;
    store.count_sends(ORG, INBOX, 1, 1).map(drop)
}

#[test]
fn a_failure_at_any_statement_takes_one_call_back() {
    for full in [false, true] {
        let store = world();
        let mut n = 1;
        loop {
            store.begin().unwrap();
            call(&store).unwrap();
            let fault = match full {
                true => StoreFault::StatementFull(n),
                false => StoreFault::Statement(n),
            };
            store.fail(fault);
            let failed = call(&store);
            let done = failed.is_ok();
            if let Err(error) = failed {
                assert_eq!(error.is_full(), full, "{error}");
            }
            // When the call was shorter, the fault is still to come.
            store.fault.set(None);
            check(&store);
            call(&store).unwrap();
            store.commit().unwrap();
            check(&store);
            n += 1;
            if done {
                break;
            }
        }
        assert!(n > 10, "the call has more statements than {n}");
        let calls = n - 1;
        assert_eq!(named(&store, "INBOX").1.messages, calls * 2 + 1);
    }
}

#[test]
fn a_full_disk_at_the_commit_refuses_the_group() {
    let store = world();
    store.begin().unwrap();
    call(&store).unwrap();
    store.fail(StoreFault::CommitFull);
    let error = store.commit().unwrap_err();
    assert!(error.is_full() && !error.is_disk_failure());
    check(&store);
    assert_eq!(named(&store, "INBOX").1.messages, 0);
    store.begin().unwrap();
    call(&store).unwrap();
    store.commit().unwrap();
    assert_eq!(named(&store, "INBOX").1.messages, 1);
}

#[test]
fn a_stop_in_the_middle_of_a_group_loses_the_group_alone() {
    let folder = super::Folder::new("stop");
    let store = Store::open(&folder.0, Role::Writer, 1).unwrap();
    store.begin().unwrap();
    populate(&store);
    store.commit().unwrap();
    drop(store);
    let mut kept = 0;
    for n in 1..60 {
        let store = Store::open(&folder.0, Role::Writer, 1).unwrap();
        check(&store);
        assert_eq!(named(&store, "INBOX").1.messages, kept);
        store.begin().unwrap();
        store.fail(StoreFault::Stop(n));
        let ended = call(&store).and_then(|()| store.commit());
        if ended.is_ok() {
            kept += 1;
        } else {
            assert!(
                store.commit().is_err(),
                "a process that has stopped does no more"
            );
        }
    }
    assert!(
        kept > 0,
        "some of the groups were shorter than the stop was far"
    );
}

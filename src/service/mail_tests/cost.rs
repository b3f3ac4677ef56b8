//! Not tests: what one message costs the threads of the service, on a file, in CPU time.
//!
//! `cargo test --release -- --ignored what_a_message_costs --nocapture`; `INBOXES=1` has all of
//! them in one inbox.

use super::*;
use crate::store::{Role, Store};

const ROUNDS: usize = 200;
const GROUP: usize = 64;

#[test]
#[ignore = "a measurement"]
fn what_a_message_costs() {
    let folder = std::env::temp_dir().join(format!("postern-cost-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    let mut world = world_with(Limits::lift);
    world.inline.store = Store::open(&folder, Role::Writer, 1).unwrap();
    let inboxes = std::env::var("INBOXES").map_or(64, |n| n.parse().unwrap());
    let accesses = populate(&mut world, inboxes);
    let mut octets =
        b"To: bot0@a.test\r\nSubject: measure\r\nDate: Mon, 1 Jan 2024 00:00:00 +0000\r\n\r\n"
            .to_vec();
    while octets.len() < 4096 {
        octets.extend_from_slice(b"The quick brown fox jumps over the lazy dog, and again.\r\n");
    }
    submit_all(&mut world, &accesses, &octets);
    let size = std::fs::metadata(folder.join("postern.db")).unwrap().len();
    println!(
        "{} octets of database a message",
        size / (ROUNDS * GROUP) as u64
    );
    for (name, digest, octets) in [
        ("flags", false, Octets::No),
        ("envelope", true, Octets::No),
        ("header", false, Octets::Header),
        ("body", false, Octets::UpTo(1 << 20)),
    ] {
        fetch_all(&mut world, &accesses[0], name, digest, octets);
    }
    let _ = std::fs::remove_dir_all(&folder);
}

fn populate(world: &mut World, inboxes: usize) -> Vec<Access> {
    let org = world.inline.make_org("a").unwrap();
    let access = |n| {
        let address = format!("bot{n}@a.test");
        let inbox = world.inline.make_inbox(org, &address).unwrap();
        Access(Arc::new(Grant {
            org,
            inboxes: None,
            inbox: Some(inbox),
            address,
            ..(*world.ann.0).clone()
        }))
    };
    (0..inboxes).map(access).collect()
}

fn submit_all(world: &mut World, accesses: &[Access], octets: &[u8]) {
    let (mut classify_ns, mut write_ns) = (0, 0);
    for round in 0..ROUNDS {
        let begin = cpu_ns();
        let batch: Vec<Request> = (0..GROUP)
            .map(|n| {
                let access = &accesses[n % accesses.len()];
                let to = &accesses[(n + 1) % accesses.len()];
                let header = format!(
                    "From: {}\r\nMessage-ID: <{round}.{n}@a.test>\r\n",
                    access.address
                );
                let route = Route::Submission {
                    access: access.clone(),
                    envelope: Envelope {
                        reverse_path: Some(access.address.clone()),
                        recipients: vec![Recipient {
                            address: to.address.clone(),
                            inbox: to.inbox,
                            notify: 0,
                            orcpt: None,
                        }],
                        ..Envelope::default()
                    },
                    received: b"Received: from x by mx.test; Mon, 1 Jan 2024\r\n".to_vec(),
                };
                let octets = [header.as_bytes(), octets].concat();
                let plan = world.classify(route, &octets).unwrap();
                ask(Call::Deliver { plan, once: None })
            })
            .collect();
        let middle = cpu_ns();
        let turn = world.inline.writer.turn(&world.inline.store, &batch);
        assert!(turn.fatal.is_none() && turn.replies.len() == GROUP);
        if let Some(due) = world.inline.store.checkpoint_due().unwrap() {
            world.inline.store.checkpoint(due).unwrap();
        }
        classify_ns += middle - begin;
        write_ns += cpu_ns() - middle;
        world.clock.fetch_add(10, Ordering::Relaxed);
    }
    let messages = (ROUNDS * GROUP) as u64;
    println!(
        "classify {} us, writer {} us a message",
        classify_ns / messages / 1000,
        write_ns / messages / 1000,
    );
}

fn fetch_all(world: &mut World, access: &Access, name: &str, digest: bool, octets: Octets) {
    let mailbox = world.select(access, "INBOX").mailbox.id;
    let begin = cpu_ns();
    let mut n = 0;
    let mut left = UidSet::from(1..=u32::MAX);
    while !left.is_empty() {
        let answer = world.answer(Call::Fetch {
            access: access.clone(),
            mailbox,
            uids: left,
            digest,
            octets,
            changed_since: 0,
        });
        let Answer::Entries { rows, more } = answer else {
            panic!("{answer:?}")
        };
        n += rows.len() as u64;
        left = more;
    }
    println!("fetch {name}: {} ns a message", (cpu_ns() - begin) / n);
}

/// CPU time of this thread, so that waiting for the disk does not count.
fn cpu_ns() -> u64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    stat.split(' ').next().unwrap().parse().unwrap()
}

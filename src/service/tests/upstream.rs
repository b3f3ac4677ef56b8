//! When accounts elsewhere have a connection, in virtual time: the connections are those that the
//! dialer was asked for, and the test says how they end.

use std::sync::Mutex;

use super::*;
use crate::service::upstream::UpstreamWays;

#[derive(Debug, Default)]
struct Dialled(Mutex<Vec<UpstreamDial>>);

impl UpstreamDialer for Dialled {
    fn dial(&self, dial: UpstreamDial) {
        self.0.lock().unwrap().push(dial);
    }
}

impl TokenDialer for Dialled {
    fn dial(&self, dial: TokenDial) {
        panic!("{dial:?}");
    }
}

impl Resolve for Dialled {
    fn ask(&self, question: Question, answer: Box<dyn FnOnce(DnsAnswer) + Send>) {
        answer(match question.kind {
            RecordType::A => Ok(Records::A(vec!["8.8.8.8".parse().unwrap()])),
            _ => Err(DnsError::NoRecords),
        });
    }
}

struct Accounts {
    world: World,
    dialled: Arc<Dialled>,
    org: OrgId,
    access: Access,
}

impl Accounts {
    fn new(connections: usize) -> Accounts {
        let limits = Limits {
            upstream_connections: connections,
            ..Limits::default()
        };
        let mut world = World::with(limits);
        let dialled = Arc::new(Dialled::default());
        world.inline.connect_accounts(UpstreamWays {
            resolve: Arc::clone(&dialled) as Arc<dyn Resolve>,
            dialer: Arc::clone(&dialled) as Arc<dyn UpstreamDialer>,
            token_dialer: Arc::clone(&dialled) as Arc<dyn TokenDialer>,
        });
        let org = world.inline.make_org("one").unwrap();
        let key = world.inline.make_key(org, Scopes::ADMIN, None).unwrap();
        let access = world.access(&key);
        Accounts {
            world,
            dialled,
            org,
            access,
        }
    }

    /// An inbox of an account; its mailboxes have been looked at.
    fn account(&mut self, user: &str) -> InboxId {
        let patch = UpstreamPatch {
            host: Some("imap.else.test".into()),
            port: Some(993),
            tls: Some(UpstreamTls::Implicit),
            user: Some(format!("{user}@else.test")),
            password: Some(Secret::new("one")),
            ..UpstreamPatch::default()
        };
        let new = NewInbox {
            upstream: Some(Box::new(patch)),
            ..NewInbox::default()
        };
        let Written::Inbox { row, .. } = self.world.written(new_inbox(&self.access, new)) else {
            panic!("no inbox");
        };
        row.id
    }

    /// The same after its first look.
    fn begun(&mut self, user: &str) -> InboxId {
        let inbox = self.account(user);
        assert_eq!(self.wait(0), [inbox]);
        let account = self.of(inbox);
        let listed = UpstreamWrite::Folders {
            account,
            folders: vec![RemoteFolder {
                name: b"INBOX".to_vec(),
                delimiter: None,
                purpose: None,
                is_selectable: true,
            }],
        };
        let Reply::Written(Written::UpstreamFolders(folders), _) = self.serve(listed) else {
            panic!("no mailboxes");
        };
        self.serve(UpstreamWrite::Opened {
            account,
            folder: folders.kept[0].id,
            opened: OpenedFolder {
                uidvalidity: 7,
                uidnext: Some(1),
                exists: 0,
                highest_modseq: None,
            },
        });
        self.end(inbox, None);
        inbox
    }

    fn of(&self, inbox: InboxId) -> UpstreamAccount {
        let org = self.org;
        UpstreamAccount { org, inbox }
    }

    fn serve(&mut self, call: UpstreamWrite) -> Reply {
        self.world.call(Ask {
            request_id: None,
            depth: 0,
            caller: Caller::System,
            call: Call::Write(Write::Upstream(call)),
        })
    }

    fn end(&mut self, inbox: InboxId, loss: Option<UpstreamLoss>) {
        let account = self.of(inbox);
        let reply = self.serve(UpstreamWrite::Ended { account, loss });
        assert!(matches!(reply, Reply::Written(..)), "{reply:?}");
    }

    fn refuse(&mut self, inbox: InboxId) {
        self.end(inbox, Some(UpstreamLoss::Login("no".into())));
    }

    fn listen(&self, inbox: InboxId) -> Listening {
        Listening::to(&self.world.shared.listeners, Topic::Inbox(inbox))
    }

    fn patch(&mut self, inbox: InboxId, password: &'static str) {
        let patch = InboxPatch {
            upstream: Some(Box::new(UpstreamPatch {
                password: Some(Secret::new(password)),
                ..UpstreamPatch::default()
            })),
            ..InboxPatch::default()
        };
        self.world.written(Ask::of(
            &self.access.clone(),
            InboxWrite::Patch {
                inbox: InboxRef::Id(inbox),
                patch: Box::new(patch),
            },
        ));
    }

    /// Which connections begin within this time.
    fn wait(&mut self, ms: u64) -> Vec<InboxId> {
        for step in 0..=ms / 500 {
            self.world.wait(if step == 0 { 0 } else { 500 });
            // Answers of the DNS come at once, and are looked at with the next look.
            for _ in 0..2 {
                assert!(self.world.inline.run_upstream().error.is_none());
            }
        }
        let dialled = core::mem::take(&mut *self.dialled.0.lock().unwrap());
        dialled.into_iter().map(|dial| dial.account.inbox).collect()
    }

    fn shown(&mut self, inbox: InboxId) -> (UpstreamState, Option<String>) {
        let id = InboxRef::Id(inbox);
        let Answer::Inboxes { rows, .. } =
            (self.world).answer(Ask::of(&self.access.clone(), InboxRead::Get { inbox: id }))
        else {
            panic!("no inbox");
        };
        let row = rows[0].upstream.clone().unwrap();
        (row.state, row.error)
    }
}

#[test]
fn a_connection_begins_with_the_first_listener() {
    let mut accounts = Accounts::new(10);
    let ann = accounts.begun("ann");
    let bob = accounts.begun("bob");
    assert_eq!(accounts.wait(20_000), []);
    let first = accounts.listen(ann);
    assert_eq!(accounts.wait(1_000), [ann]);
    let second = accounts.listen(ann);
    assert_eq!(accounts.wait(20_000), []);
    assert_eq!(accounts.world.metric(Metric::UpstreamConnections), 1);
    drop((first, second));
    accounts.end(ann, None);
    assert_eq!(accounts.wait(20_000), []);
    assert_eq!(accounts.world.metric(Metric::UpstreamConnections), 0);
    assert_eq!(accounts.shown(ann), (UpstreamState::Idle, None));
    // A listener to the organization listens to all.
    let topic = Topic::Org(accounts.org);
    let _all = Listening::to(&accounts.world.shared.listeners, topic);
    let mut both = accounts.wait(1_000);
    both.sort();
    assert_eq!(both, [ann, bob]);
}

/// A new password counts at once, after a refused login and for a connection that is there.
#[test]
fn a_change_of_an_account_is_taken_up_at_once() {
    let mut accounts = Accounts::new(10);
    let ann = accounts.begun("ann");
    let _one = accounts.listen(ann);
    assert_eq!(accounts.wait(1_000), [ann]);
    accounts.refuse(ann);
    assert_eq!(accounts.wait(3_600_000), []);
    let (state, error) = accounts.shown(ann);
    assert_eq!(state, UpstreamState::Failing);
    assert!(error.unwrap().contains("the login was refused"));
    accounts.patch(ann, "two");
    assert_eq!(accounts.wait(0), [ann]);
    let listeners = Arc::clone(&accounts.world.shared.listeners);
    assert!(!listeners.is_ending(ann));

    // Its engine sees that it is to end. What it is refused by then is the old password.
    accounts.patch(ann, "three");
    assert_eq!(accounts.wait(0), []);
    assert!(listeners.is_ending(ann));
    accounts.refuse(ann);
    assert!(!listeners.is_ending(ann));
    assert_eq!(accounts.wait(0), [ann]);
    assert_eq!(accounts.shown(ann), (UpstreamState::Idle, None));
    // The connection of an inbox that is deleted ends too.
    accounts.world.written(Ask::of(
        &accounts.access.clone(),
        InboxWrite::Delete {
            inbox: InboxRef::Id(ann),
        },
    ));
    assert_eq!(accounts.wait(0), []);
    assert!(listeners.is_ending(ann));
    accounts.end(ann, None);
    assert_eq!(accounts.wait(20_000), []);
}

/// A server that takes logins and then ends the session is asked less and less often.
#[test]
fn a_connection_that_ends_soon_has_failed() {
    let mut accounts = Accounts::new(10);
    let ann = accounts.begun("ann");
    let _one = accounts.listen(ann);
    let mut dials = 0;
    for _ in 0..3_600 {
        if accounts.wait(1_000) == [ann] {
            dials += 1;
            accounts.end(ann, Some(UpstreamLoss::TimedOut));
        }
    }
    assert!((8..16).contains(&dials), "{dials}");
    // One that has lasted begins anew.
    while accounts.wait(1_000).is_empty() {}
    assert_eq!(accounts.wait(60_000), []);
    accounts.end(ann, Some(UpstreamLoss::TimedOut));
    assert_eq!(accounts.wait(5_000), [ann]);
}

#[test]
fn an_account_without_a_place_waits_for_one() {
    let mut accounts = Accounts::new(1);
    let ann = accounts.begun("ann");
    let bob = accounts.begun("bob");
    let (one, _two) = (accounts.listen(ann), accounts.listen(bob));
    assert_eq!(accounts.wait(20_000), [ann]);
    assert_eq!(accounts.world.metric(Metric::UpstreamLimited), 1);
    let (state, error) = accounts.shown(bob);
    assert_eq!(state, UpstreamState::Failing);
    assert!(error.unwrap().contains("as many connections"));
    drop(one);
    accounts.end(ann, None);
    assert_eq!(accounts.wait(1_000), [bob]);
    // One that nothing listens to any more does not wait either.
    let one = accounts.listen(ann);
    assert_eq!(accounts.wait(1_000), []);
    assert_eq!(accounts.shown(ann).0, UpstreamState::Failing);
    drop(one);
    assert_eq!(accounts.wait(1_000), []);
    assert_eq!(accounts.shown(ann), (UpstreamState::Idle, None));
}

/// Nothing is left out for ever: the account that has waited longest gets the place of the one that
/// has had its turn.
#[test]
fn accounts_beyond_the_limit_take_turns() {
    let mut accounts = Accounts::new(1);
    let three: Vec<InboxId> = ["ann", "bob", "cat"]
        .into_iter()
        .map(|user| accounts.begun(user))
        .collect();
    let _all = three
        .iter()
        .map(|inbox| accounts.listen(*inbox))
        .collect::<Vec<_>>();
    let listeners = Arc::clone(&accounts.world.shared.listeners);
    let mut begins = accounts.wait(1_000);
    for turn in 0..7 {
        let now = three[turn % 3];
        assert_eq!(begins, [now], "{turn}");
        assert_eq!(accounts.wait(290_000), [], "{turn}");
        assert!(!listeners.is_leaving(now), "{turn}");
        assert_eq!(accounts.wait(20_000), [], "{turn}");
        // What it still brings counts.
        assert!(listeners.is_leaving(now) && !listeners.is_ending(now));
        accounts.end(now, None);
        begins = accounts.wait(1_000);
        assert_eq!(accounts.shown(now).0, UpstreamState::Failing);
    }
    // One that fails gives its place away, too.
    accounts.end(three[1], Some(UpstreamLoss::TimedOut));
    assert_eq!(accounts.wait(1_000), [three[2]]);
}

//! Reports in both directions: the notifications that a sender here gets, and the reports of other
//! servers that come back by the return path.

use super::*;
use crate::mail::parse::dsn::{MailReport, read_report};
use crate::mail::{Bounds, Headers};

const HOUR_MS: u64 = 3_600_000;

/// What a client says of the reports that it wants.
#[derive(Clone, Default)]
struct Wants {
    notify: u8,
    orcpt: Option<&'static str>,
    ret_full: Option<bool>,
    envid: Option<&'static str>,
}

const MAIL: &[u8] = b"From: ann@agents.test\r\nSubject: hi\r\nMessage-ID: <m1@agents.test>\r\n\
    Bcc: hidden@z.test\r\n\r\nsecret text\r\n";

impl Sender {
    /// A server for `y.test`, which remembers the return paths.
    fn with_paths(
        say: impl Fn(&OutboundTransaction) -> Said + Send + Sync + 'static,
    ) -> (Sender, Paths) {
        let mut s = Sender::open();
        let paths = Paths::default();
        let known = Arc::clone(&paths);
        let peer = serve(move |transaction| {
            let path = transaction.reverse_path.clone().unwrap();
            known.lock().unwrap().push(path);
            say(transaction)
        });
        s.domain("y.test", "192.0.2.1", peer);
        (s, paths)
    }

    fn submit_with(&mut self, to: &str, wants: &Wants) -> Result<(), Refusal> {
        let look = Look::Recipient {
            from: Some("ann@agents.test".into()),
            address: to.into(),
        };
        let found = match self.world.call(Ask::of(&self.access.clone(), look)) {
            Reply::Answer(Answer::Recipient { inbox, org, .. }) => (inbox, org),
            Reply::Refused(refusal) => return Err(refusal),
            other => panic!("{other:?}"),
        };
        let envelope = Envelope {
            reverse_path: Some("ann@agents.test".into()),
            recipients: vec![Recipient {
                address: to.into(),
                inbox: found.0,
                org: found.1,
                notify: wants.notify,
                orcpt: wants.orcpt.map(str::to_owned),
            }],
            ret_full: wants.ret_full,
            envid: wants.envid.map(str::to_owned),
            ..Envelope::default()
        };
        let inbox = self.inbox(&InboxRef::Address("ann@agents.test".into()));
        let access = Access(Arc::new(Grant {
            inbox: Some(inbox),
            address: "ann@agents.test".into(),
            ..(*self.access.0).clone()
        }));
        let route = Route::Submission {
            envelope,
            received: Vec::new(),
            render: Render(|_| Vec::new()),
        };
        self.take_in(Caller::Key(access), route, MAIL)?;
        self.settle();
        Ok(())
    }

    fn take_in(&mut self, caller: Caller, route: Route, octets: &[u8]) -> Result<(), Refusal> {
        let intake = Intake {
            route,
            octets: octets.to_vec(),
            charge: None,
        };
        let ask = Ask {
            request_id: None,
            depth: 0,
            caller,
            call: Call::Accept(Box::new(intake)),
        };
        let (reply, events) = self.world.call_from(1, "192.0.2.9", ask);
        self.events.extend(events.iter().cloned());
        match reply {
            Reply::Written(..) => Ok(()),
            Reply::Refused(refusal) => Err(refusal),
            other => panic!("{other:?}"),
        }
    }

    /// Mail from another server.
    fn arrive(&mut self, from: Option<&str>, to: &str, octets: &[u8]) -> Result<(), Refusal> {
        let look = Look::Recipient {
            from: from.map(str::to_owned),
            address: to.into(),
        };
        let (inbox, org) = match self.world.call(Ask::anonymous(look)) {
            Reply::Answer(Answer::Recipient { inbox, org, .. }) => (inbox, org),
            Reply::Refused(refusal) => return Err(refusal),
            other => panic!("{other:?}"),
        };
        let route = Route::Inbound {
            envelope: Envelope {
                reverse_path: from.map(str::to_owned),
                recipients: vec![Recipient {
                    address: to.into(),
                    inbox,
                    org,
                    notify: 0,
                    orcpt: None,
                }],
                ..Envelope::default()
            },
            received: b"Received: from y.test by mx.test\r\n".to_vec(),
            helo: "y.test".into(),
        };
        self.take_in(Caller::Anonymous, route, octets)
    }

    /// What has come into the inbox of the sender, oldest first: the labels and the octets.
    fn inbox_mail(&mut self) -> Vec<(Vec<String>, Vec<u8>)> {
        let arrived: Vec<(EntryId, Vec<String>)> = (self.events.iter())
            .filter_map(|event| match &event.change {
                Change::Arrived(arrived)
                    if arrived.kind == Arrival::Received
                        && (event.inbox.as_ref())
                            .is_some_and(|i| i.address == "ann@agents.test") =>
                {
                    Some((arrived.state.id, arrived.state.keywords.clone()))
                }
                _ => None,
            })
            .collect();
        let inbox = InboxRef::Address("ann@agents.test".into());
        let access = self.access.clone();
        let mut mail = Vec::new();
        for (id, labels) in arrived {
            let find = MessageRead::FindOctets {
                inbox: inbox.clone(),
                id,
            };
            let Answer::Sized { of, .. } = self.world.answer(Ask::of(&access, find)) else {
                panic!()
            };
            let read = EntryRead::Octets {
                of,
                offset: 0,
                len: 200_000,
            };
            let Answer::Octets(octets) = self.world.answer(Ask::of(&access, read)) else {
                panic!()
            };
            mail.push((labels, octets));
        }
        mail
    }

    /// The suppressed addresses, each with its reason.
    fn suppressed(&self) -> Vec<(String, SuppressionReason)> {
        let store = &self.world.inline.store;
        let rows = store.suppressions(self.org, SuppressionId(0), 100).unwrap();
        rows.into_iter()
            .map(|row| (row.address, row.reason))
            .collect()
    }
}

type Paths = Arc<Mutex<Vec<String>>>;

fn bounce_labels() -> Vec<String> {
    vec!["$Bounce".to_owned()]
}

/// A report of another server about `recipient`.
fn report(recipient: &str, action: &str, status: &str, diagnostic: &str) -> Vec<u8> {
    format!(
        "From: MAILER-DAEMON@mx.y.test\r\nTo: x\r\nSubject: Undelivered\r\n\
         Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n\
         --b\r\n\r\nIt failed.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n\
         Reporting-MTA: dns; mx.y.test\r\n\r\nFinal-Recipient: rfc822; {recipient}\r\n\
         Action: {action}\r\nStatus: {status}\r\nRemote-MTA: dns; store.y.test\r\n\
         Diagnostic-Code: smtp; {diagnostic}\r\n\r\n--b--\r\n"
    )
    .into_bytes()
}

fn complaint(kind: &str) -> Vec<u8> {
    format!(
        "From: fbl@y.test\r\nTo: x\r\nSubject: complaint\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=feedback-report; boundary=b\r\n\r\n\
         --b\r\n\r\nA complaint.\r\n--b\r\nContent-Type: message/feedback-report\r\n\r\n\
         Feedback-Type: {kind}\r\nUser-Agent: x/1\r\nVersion: 1\r\n\r\n--b\r\n\
         Content-Type: message/rfc822\r\n\r\nSubject: hi\r\n\r\ntext\r\n--b--\r\n"
    )
    .into_bytes()
}

#[test]
fn a_report_finds_its_message_by_the_return_path() {
    let (mut s, paths) = Sender::with_paths(|_| OK);
    s.send(&["bob@y.test", "eve@y.test"]);
    let path = paths.lock().unwrap()[0].clone();
    assert_ne!(path, paths.lock().unwrap()[1]);
    let to = s.sent[0].1.clone();
    assert_eq!(s.row(&to).status, OutboundStatus::Delivered);
    let bounce = report(&to, "failed", "5.1.1", "550 5.1.1 No such user");
    // Other servers may change the case of a local part.
    s.arrive(
        None,
        &path.to_uppercase().replace("AGENTS.TEST", "agents.test"),
        &bounce,
    )
    .unwrap();
    let row = s.row(&to);
    assert_eq!(row.status, OutboundStatus::Bounced);
    let last = row.history.last().unwrap();
    assert_eq!((last.code, last.enhanced), (Some(550), Some((5, 1, 1))));
    assert_eq!(
        (last.host.as_str(), last.text.as_str()),
        ("store.y.test", "No such user")
    );
    let news = s.news(&to);
    assert_eq!(news.kind, EventKind::MessageBounced);
    assert_eq!(news.class, Some(FailureClass::Hard));
    assert_eq!((news.code, news.enhanced), (Some(550), Some((5, 1, 1))));
    assert!(news.message.is_some());
    assert_eq!(s.suppressed(), [(to.clone(), SuppressionReason::Bounce)]);
    let mail = s.inbox_mail();
    assert_eq!(mail.len(), 1);
    assert_eq!(mail[0].0, bounce_labels());
    assert!(mail[0].1.starts_with(b"Return-Path: <>\r\n"));
    // Once: the second is mail and nothing more. Nothing is answered.
    let told = s.told().len();
    s.arrive(None, &path, &bounce).unwrap();
    s.arrive(None, &path, &complaint("abuse")).unwrap();
    s.settle();
    assert_eq!(s.told().len(), told);
    assert_eq!(s.inbox_mail().len(), 3);
    assert_eq!(s.rows().len(), 2);
    assert_eq!(s.row(&to).history.len(), 2);
    s.check();
}

#[test]
fn a_forged_path_is_no_recipient() {
    let (mut s, paths) = Sender::with_paths(|_| OK);
    s.send(&["bob@y.test"]);
    let path = paths.lock().unwrap()[0].clone();
    let bounce = report("bob@y.test", "failed", "5.1.1", "550 no");
    let at = path.find('@').unwrap();
    let last = if path.as_bytes()[at - 1] == b'a' {
        'b'
    } else {
        'a'
    };
    for forged in [
        "bounces@agents.test".to_owned(),
        "bounces+x@agents.test".to_owned(),
        format!("{}{last}@agents.test", &path[..at - 1]),
        format!("{}aa@agents.test", &path[..at]),
    ] {
        assert_eq!(
            s.arrive(None, &forged, &bounce),
            Err(Refusal::NoSuchInbox),
            "{forged}"
        );
    }
    let elsewhere = path.replace("agents.test", "else.test");
    assert_eq!(
        s.arrive(None, &elsewhere, &bounce),
        Err(Refusal::RelayDenied)
    );
    assert_eq!(s.row("bob@y.test").status, OutboundStatus::Delivered);
    assert_eq!(s.suppressed(), []);
    // A week after the end the path names nothing.
    s.pass(7 * 24 * HOUR_MS - 10_000);
    s.arrive(Some("x@y.test"), &path, b"Subject: late\r\n\r\nhi\r\n")
        .unwrap();
    s.pass(20_000);
    assert_eq!(s.arrive(None, &path, &bounce), Err(Refusal::NoSuchInbox));
    s.check();
}

#[test]
fn other_mail_to_a_return_path_is_ordinary() {
    let (mut s, paths) = Sender::with_paths(|_| OK);
    s.send(&["bob@y.test"]);
    let path = paths.lock().unwrap()[0].clone();
    let bounce = report("bob@y.test", "failed", "5.1.1", "550 no");
    let told = s.told().len();
    // A report with a sender, a success, a message that is no report, a report about none.
    s.arrive(Some("x@y.test"), &path, &bounce).unwrap();
    s.arrive(
        None,
        &path,
        &report("bob@y.test", "delivered", "2.0.0", "250 ok"),
    )
    .unwrap();
    s.arrive(None, &path, b"Subject: out of office\r\n\r\nhi\r\n")
        .unwrap();
    s.arrive(None, &path, &complaint("not-spam")).unwrap();
    // A report to the inbox itself says nothing of any message.
    s.arrive(None, "ann@agents.test", &bounce).unwrap();
    assert_eq!(s.told().len(), told);
    assert_eq!(s.row("bob@y.test").status, OutboundStatus::Delivered);
    let mail = s.inbox_mail();
    assert_eq!(mail.len(), 5);
    assert!(mail.iter().all(|(labels, _)| labels.is_empty()));
    s.check();
}

#[test]
fn reports_are_told_apart_by_class() {
    use FailureClass::{Hard, Policy, Soft};
    for (status, diagnostic, class, is_suppressed) in [
        ("5.1.1", "550 5.1.1 no", Hard, true),
        ("5.1.8", "550 5.1.8 sender", Hard, false),
        ("5.0.0", "550 no", Hard, false),
        ("5.2.2", "552 5.2.2 full", Soft, false),
        ("5.7.1", "550 5.7.1 policy", Policy, false),
        ("4.4.7", "expired", Soft, false),
    ] {
        let (mut s, paths) = Sender::with_paths(|_| OK);
        s.send(&["bob@y.test"]);
        let path = paths.lock().unwrap()[0].clone();
        s.arrive(
            None,
            &path,
            &report("bob@y.test", "failed", status, diagnostic),
        )
        .unwrap();
        assert_eq!(s.news("bob@y.test").class, Some(class), "{status}");
        assert_eq!(!s.suppressed().is_empty(), is_suppressed, "{status}");
        s.check();
    }
}

#[test]
fn a_delay_is_told_once_and_a_failure_behind_it() {
    let (mut s, paths) = Sender::with_paths(|_| OK);
    s.send(&["bob@y.test"]);
    let path = paths.lock().unwrap()[0].clone();
    let delayed = report("bob@y.test", "delayed", "4.4.1", "421 4.4.1 later");
    for _ in 0..2 {
        s.arrive(None, &path, &delayed).unwrap();
    }
    let told: Vec<EventKind> = s.told().into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(
        told,
        [EventKind::MessageDelivered, EventKind::MessageDeferred]
    );
    assert_eq!(s.row("bob@y.test").status, OutboundStatus::Delivered);
    s.arrive(
        None,
        &path,
        &report("bob@y.test", "failed", "5.4.1", "550 5.4.1 gone"),
    )
    .unwrap();
    assert_eq!(s.row("bob@y.test").status, OutboundStatus::Bounced);
    s.check();
}

#[test]
fn a_complaint_suppresses_its_reader() {
    let (mut s, paths) = Sender::with_paths(|_| OK);
    s.send(&["bob@y.test"]);
    let path = paths.lock().unwrap()[0].clone();
    for _ in 0..2 {
        s.arrive(Some("fbl@y.test"), &path, &complaint("abuse"))
            .unwrap();
    }
    let bounced = s
        .told()
        .into_iter()
        .filter(|(kind, _)| *kind == EventKind::MessageBounced);
    assert_eq!(bounced.count(), 1);
    assert_eq!(s.news("bob@y.test").class, Some(FailureClass::Complaint));
    assert_eq!(
        s.suppressed(),
        [("bob@y.test".to_owned(), SuppressionReason::Complaint)]
    );
    let mail = s.inbox_mail();
    assert_eq!(mail[0].0, bounce_labels());
    // A suppressed address is refused, with its row, until it is removed.
    let refused = s.submit_with("bob@y.test", &Wants::default()).unwrap_err();
    assert!(matches!(refused, Refusal::Policy(_)), "{refused:?}");
    let store = &s.world.inline.store;
    let id = store.suppressions(s.org, SuppressionId(0), 9).unwrap()[0].id;
    let access = s.access.clone();
    s.world
        .written(Ask::of(&access, SuppressionWrite::Delete { id }));
    s.submit_with("bob@y.test", &Wants::default()).unwrap();
    assert_eq!(s.rows().len(), 2);
    s.check();
}

#[test]
fn a_sender_is_told_of_a_failure() {
    let no = Said::Reply(550, Some((5, 1, 1)), "No such user");
    let (mut s, _) = Sender::with_paths(move |_| no);
    let wants = Wants {
        orcpt: Some("rfc822;first@y.test"),
        envid: Some("run 7"),
        ..Wants::default()
    };
    s.submit_with("bob@y.test", &wants).unwrap();
    let mail = s.inbox_mail();
    assert_eq!(mail.len(), 1);
    let (labels, octets) = &mail[0];
    assert_eq!(*labels, bounce_labels());
    let text = String::from_utf8(octets.clone()).unwrap();
    assert!(text.starts_with("Return-Path: <>\r\n"), "{text}");
    let headers = Headers::parse(octets);
    let field = |name| headers.first(name).map(|field| field.decoded());
    assert_eq!(field("Auto-Submitted").as_deref(), Some("auto-replied"));
    assert_eq!(field("In-Reply-To").as_deref(), Some("<m1@agents.test>"));
    let Some(MailReport::Delivery(status)) = read_report(octets, &Bounds::default()) else {
        panic!("{text}")
    };
    assert_eq!(status.envelope_id.as_deref(), Some("run 7"));
    let recipient = &status.recipients[0];
    assert_eq!(recipient.recipient, "bob@y.test");
    assert_eq!(recipient.original.as_deref(), Some("first@y.test"));
    assert_eq!(
        (recipient.action.as_str(), recipient.status.as_str()),
        ("failed", "5.1.1")
    );
    assert_eq!(recipient.remote_mta.as_deref(), Some("mx.y.test"));
    // The header alone, and nothing that the recipient may not see.
    assert!(
        text.contains("Subject: hi\r\n") && !text.contains("secret text"),
        "{text}"
    );
    assert!(!text.contains("hidden@z.test"), "{text}");
    assert_eq!(
        s.suppressed(),
        [("bob@y.test".to_owned(), SuppressionReason::Bounce)]
    );
    s.check();
}

#[test]
fn a_sender_is_told_what_it_wants_to_know() {
    let no = Said::Reply(554, Some((5, 6, 0)), "Content refused");
    for (notify, ret_full, told) in [(1, None, 0), (2, None, 0), (8, None, 0), (4, Some(true), 1)] {
        let (mut s, _) = Sender::with_paths(move |_| no);
        let wants = Wants {
            notify,
            ret_full,
            ..Wants::default()
        };
        s.submit_with("bob@y.test", &wants).unwrap();
        let mail = s.inbox_mail();
        assert_eq!(mail.len(), told, "{notify}");
        if let Some((_, octets)) = mail.first() {
            let text = String::from_utf8(octets.clone()).unwrap();
            assert!(
                text.contains("secret text") && !text.contains("hidden@z.test"),
                "{text}"
            );
        }
        assert_eq!(s.news("bob@y.test").kind, EventKind::MessageBounced);
        assert_eq!(s.suppressed(), []);
        s.check();
    }
}

#[test]
fn a_delivery_is_confirmed_where_nobody_else_does() {
    let (mut s, _) = Sender::with_paths(|_| OK);
    let wants = Wants {
        notify: 2,
        ..Wants::default()
    };
    s.submit_with("bob@y.test", &wants).unwrap();
    s.world.inline.make_inbox(s.org, "joe@agents.test").unwrap();
    s.submit_with("joe@agents.test", &wants).unwrap();
    let actions: Vec<String> = (s.inbox_mail().iter())
        .filter_map(
            |(labels, octets)| match read_report(octets, &Bounds::default()) {
                Some(MailReport::Delivery(status)) => {
                    assert!(labels.is_empty());
                    Some(status.recipients[0].action.clone())
                }
                _ => None,
            },
        )
        .collect();
    assert_eq!(actions, ["relayed", "delivered"]);
    s.check();
}

#[test]
fn a_sender_is_told_of_a_delay_once() {
    let later = Said::Reply(451, Some((4, 3, 0)), "Not now");
    for (notify, delays) in [(0, 1), (8, 1), (4, 0), (1, 0)] {
        let (mut s, _) = Sender::with_paths(move |_| later);
        let wants = Wants {
            notify,
            ..Wants::default()
        };
        s.submit_with("bob@y.test", &wants).unwrap();
        s.pass(4 * HOUR_MS - 60_000);
        assert_eq!(s.inbox_mail().len(), 0, "{notify}");
        s.pass(120_000);
        let mail = s.inbox_mail();
        assert_eq!(mail.len(), delays, "{notify}");
        if let Some((labels, octets)) = mail.first() {
            assert_eq!(*labels, bounce_labels());
            let Some(MailReport::Delivery(status)) = read_report(octets, &Bounds::default()) else {
                panic!()
            };
            let recipient = &status.recipients[0];
            assert_eq!(
                (recipient.action.as_str(), recipient.status.as_str()),
                ("delayed", "4.3.0")
            );
        }
        s.pass(20 * HOUR_MS);
        assert_eq!(s.inbox_mail().len(), delays, "{notify}");
        assert_eq!(s.row("bob@y.test").status, OutboundStatus::Deferred);
        s.check();
    }
}

#[test]
fn a_full_inbox_loses_the_notification_and_not_the_event() {
    let no = Said::Reply(550, Some((5, 1, 1)), "No such user");
    let (mut s, _) = Sender::with_paths(move |_| no);
    s.submit(&["bob@y.test"]);
    let ann = s.inbox(&InboxRef::Address("ann@agents.test".into()));
    let stored = s.world.inline.store.place(ann).unwrap().unwrap().stored;
    s.settle();
    assert_eq!(s.inbox_mail().len(), 1);
    let settings = OutboundSettings {
        allow_private: true,
        ..OutboundSettings::default()
    };
    let mut s = Sender::with_inbox_bytes(settings, 7, Some(stored + 10));
    s.settle();
    s.domain("y.test", "192.0.2.1", serve(move |_| no));
    s.send(&["bob@y.test"]);
    assert_eq!(s.news("bob@y.test").kind, EventKind::MessageBounced);
    assert_eq!(s.inbox_mail().len(), 0);
    s.check();
}

#[test]
fn replies_at_rcpt_suppress_without_an_enhanced_code() {
    for (said, is_suppressed) in [
        (Said::Reply(550, None, "No such user"), true),
        (Said::Reply(553, None, "Not here"), true),
        (Said::Reply(550, Some((5, 7, 1)), "Blocked"), false),
        (Said::Reply(552, None, "Full"), false),
        (Said::Reply(552, Some((5, 2, 2)), "Full"), false),
        (Said::Reply(554, None, "Spam"), false),
        (Said::Reply(450, Some((4, 1, 1)), "Later"), false),
    ] {
        let (mut s, _) = Sender::with_paths(move |_| said);
        s.send(&["bob@y.test"]);
        assert_eq!(!s.suppressed().is_empty(), is_suppressed, "{said:?}");
    }
}

/// What becomes of a message carries its sender's own object, and so does the notification of it.
#[test]
fn the_senders_own_object_comes_back() {
    let mut s = Sender::open();
    let refuse = |_: &OutboundTransaction| Said::Reply(550, Some((5, 1, 1)), "No such user");
    s.domain("y.test", "192.0.2.1", Peer::Serve(Arc::new(refuse)));
    let json = r#"{"run":7}"#;
    let (entry, _) = s.compose(Draft {
        to: vec!["bob@y.test".into()],
        text: Some("t".into()),
        metadata: Some(json.into()),
        ..Draft::default()
    });
    let news = s.news("bob@y.test");
    assert_eq!(news.kind, EventKind::MessageBounced);
    assert_eq!(
        (news.message, news.metadata.as_deref()),
        (Some(entry), Some(json))
    );
    let notice = s.events.iter().find_map(|event| match &event.change {
        Change::Arrived(arrived) => Some(arrived.in_reply_to_metadata.clone()),
        _ => None,
    });
    assert_eq!(notice, Some(Some(json.into())));
    assert_eq!(s.row("bob@y.test").metadata.as_deref(), Some(json));
    s.check();
}

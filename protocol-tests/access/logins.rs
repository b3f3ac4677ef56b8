//! The same wrong credentials at the logins of SMTP and IMAP.

use std::net::IpAddr;

use postern::testing::call::{Ask, KeyWrite, Listener, Reply, Scopes};
use postern::testing::service::access::login::folder_access;

use crate::world::World;

/// What a login says, without its tag: of IMAP LOGIN, or of SMTP AUTH.
fn log_in(world: &mut World, listener: Listener, n: u8, user: &str, key: &str) -> String {
    // From an address of its own: failures are counted for each.
    let conn = world.rig.open(listener, IpAddr::from([172, 16, n, 9]));
    world.rig.take(conn);
    let text = match listener {
        Listener::Imaps => format!("a LOGIN \"{user}\" \"{key}\"\r\n"),
        _ => {
            let plain = data_encoding::BASE64.encode(format!("\0{user}\0{key}").as_bytes());
            world.rig.send(conn, b"EHLO c.test\r\n", usize::MAX);
            world.rig.take(conn);
            format!("AUTH PLAIN {plain}\r\n")
        }
    };
    world.rig.send(conn, text.as_bytes(), usize::MAX);
    world.rig.wait(20_000);
    let said = world.rig.take(conn);
    world.rig.drop_conn(conn);
    String::from_utf8(said).unwrap()
}

/// Each wrong credential: the address, and the key.
fn wrong(world: &mut World) -> Vec<(&'static str, String, String)> {
    let (one, beside, two) = (world.one.clone(), world.beside.clone(), world.two.clone());
    let revoked = world.rig.make_key(one.org, Scopes::ADMIN, None, None);
    let ends = world.rig.now().unix_ms + 1000;
    let expired = world.rig.make_key(one.org, Scopes::ADMIN, None, Some(ends));
    let bound = (world.rig).make_key(one.org, Scopes::ADMIN, Some(&[beside.inbox]), None);
    let id = world.rig.key_id(one.org, &revoked);
    let owner = folder_access(one.org);
    let reply = world
        .rig
        .call(Ask::of(&owner, KeyWrite::Revoke { key: id }));
    assert!(matches!(reply, Some(Reply::Written(..))), "{reply:?}");
    world.rig.wait(2000);
    vec![
        ("garbage", one.address.clone(), "garbage".to_owned()),
        (
            "nearly right",
            one.address.clone(),
            format!("{}x", one.admin),
        ),
        ("revoked", one.address.clone(), revoked),
        ("expired", one.address.clone(), expired),
        ("another organization", one.address.clone(), two.admin),
        ("another inbox", one.address.clone(), bound),
        (
            "an inbox that is nowhere",
            "nowhere@x.test".to_owned(),
            one.admin.clone(),
        ),
        (
            "a domain that is nowhere",
            "low@nowhere.test".to_owned(),
            one.admin,
        ),
    ]
}

#[test]
fn wrong_logins_are_told_the_same_and_change_nothing() {
    for listener in [Listener::Imaps, Listener::Submissions] {
        let mut world = World::new();
        let wrong = wrong(&mut world);
        let state = world.state();
        let mut first = None;
        for (n, (what, user, key)) in wrong.into_iter().enumerate() {
            let said = log_in(&mut world, listener, n as u8, &user, &key);
            let refusal = match listener {
                Listener::Imaps => "a NO [AUTHENTICATIONFAILED]",
                _ => "535 5.7.8",
            };
            assert!(said.starts_with(refusal), "{listener:?} {what}: {said}");
            assert_eq!(
                first.get_or_insert_with(|| said.clone()),
                &said,
                "{listener:?} {what}"
            );
            assert_eq!(world.state(), state, "{listener:?} {what}");
        }
        let (user, key) = (world.one.address.clone(), world.one.admin.clone());
        let said = log_in(&mut world, listener, 100, &user, &key);
        let is_in = said.starts_with("a OK") || said.starts_with("235");
        assert!(is_in, "{listener:?}: {said}");
    }
}

/// A key with every scope but the one that the protocol needs.
#[test]
fn too_small_a_scope_opens_no_session() {
    for (listener, (name, needed)) in [
        (Listener::Imaps, ("messages:read", Scopes::MESSAGES_READ)),
        (
            Listener::Submissions,
            ("messages:write", Scopes::MESSAGES_WRITE),
        ),
    ] {
        let mut world = World::new();
        let one = world.one.clone();
        let mut scopes = Scopes::NONE;
        for (_, scope) in Scopes::NAMES {
            if !scope.allow(needed) {
                scopes = scopes.and(scope);
            }
        }
        let key = world.rig.make_key(one.org, scopes, None, None);
        let state = world.state();
        let said = log_in(&mut world, listener, 1, &one.address, &key);
        assert!(
            !said.starts_with("a OK") && !said.starts_with("235"),
            "{said}"
        );
        assert!(said.contains(name), "{listener:?}: {said}");
        assert_eq!(world.state(), state, "{listener:?}");
    }
}

/// Without a login nothing of mail is reached.
#[test]
fn without_a_login_nothing_is_reached() {
    let mut world = World::new();
    let state = world.state();
    for (listener, commands) in [
        (
            Listener::Imaps,
            &[
                "SELECT INBOX",
                "LIST \"\" *",
                "STATUS INBOX (MESSAGES)",
                "APPEND INBOX {1+}\r\nx",
            ][..],
        ),
        (
            Listener::Submissions,
            &["MAIL FROM:<low@x.test>", "RCPT TO:<low@x.test>", "DATA"][..],
        ),
    ] {
        for command in commands {
            let conn = world.rig.open(listener, IpAddr::from([172, 17, 0, 9]));
            let text = match listener {
                Listener::Imaps => format!("a {command}\r\n"),
                _ => format!("EHLO c.test\r\n{command}\r\n"),
            };
            world.rig.take(conn);
            world.rig.send(conn, text.as_bytes(), usize::MAX);
            let said = String::from_utf8(world.rig.take(conn)).unwrap();
            let lines: Vec<&str> = said.lines().collect();
            let is_refused = match listener {
                Listener::Imaps => lines
                    .iter()
                    .any(|line| line.starts_with("a NO") || line.starts_with("a BAD")),
                _ => lines.last().is_some_and(|line| line.starts_with('5')),
            };
            assert!(is_refused, "{listener:?} {command}: {said}");
            world.rig.drop_conn(conn);
        }
    }
    assert_eq!(world.state(), state);
}

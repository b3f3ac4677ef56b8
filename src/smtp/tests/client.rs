//! What needs no service: which call comes at which point. Whole conversations are transcripts.

#![allow(clippy::unwrap_used)]

use core::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::*;
use crate::call::{Limits, OutboundLogin, OutboundTimeouts, PublicEndpoints, RouteId, Secret};
use crate::engine::Session;

const NOW: Now = Now {
    mono_ms: 1_000,
    unix_ms: 0,
};

fn dial(tls: OutboundTlsPolicy, login: bool, address: [u8; 4]) -> OutboundDial {
    OutboundDial {
        is_account: false,
        route: RouteId(7),
        host: "mx.other.test".into(),
        address: SocketAddr::new(IpAddr::V4(Ipv4Addr::from(address)), 25),
        bind: None,
        tls,
        login: login.then(|| OutboundLogin {
            user: "user".into(),
            secret: Secret::new("key"),
            is_token: false,
        }),
        helo: "mx.test".into(),
        timeouts: OutboundTimeouts {
            connect_ms: 30_000,
            command_ms: 300_000,
            data_ms: 600_000,
        },
    }
}

fn session(dial: OutboundDial, limits: Limits) -> Session<Client> {
    let shared = Shared::new("mx.test", limits, PublicEndpoints::default());
    Session::new(Client::new(dial, Arc::new(shared), Arc::default()))
}

/// What the client writes, and the call that it makes, after these lines of the host.
fn after(session: &mut Session<Client>, lines: &str) -> (String, Option<Call>) {
    let mut out = Output::default();
    session.receive(NOW, lines.as_bytes(), &mut out);
    let said = String::from_utf8(out.bytes).unwrap();
    (said, out.ask.map(|ask| ask.call))
}

#[test]
fn a_password_leaves_only_for_a_known_peer() {
    use OutboundTlsPolicy::{Never, Opportunistic};
    for (tls, address, sends) in [
        (Never, [127, 0, 0, 1], true),
        (Never, [192, 0, 2, 1], false),
        (Opportunistic, [127, 0, 0, 1], false),
    ] {
        let mut session = session(dial(tls, true, address), Limits::default());
        session.open(NOW, &mut Output::default());
        after(&mut session, "220 mx.other.test\r\n");
        let (said, call) = after(
            &mut session,
            "250-mx.other.test\r\n250 AUTH PLAIN LOGIN\r\n",
        );
        assert_eq!(said.starts_with("AUTH PLAIN "), sends, "{tls:?} {said}");
        assert_eq!(call.is_some(), !sends);
    }
}

#[test]
fn the_last_transaction_of_a_connection_claims_no_other() {
    let limits = Limits {
        outbound_transactions: 1,
        ..Limits::default()
    };
    let mut session = session(
        dial(OutboundTlsPolicy::Never, false, [192, 0, 2, 1]),
        limits,
    );
    session.open(NOW, &mut Output::default());
    after(&mut session, "220 mx.other.test\r\n");
    let (_, call) = after(&mut session, "250 mx.other.test\r\n");
    let Some(Call::Write(Write::Outbound(OutboundWrite::Next { is_last, .. }))) = call else {
        panic!("{call:?}");
    };
    assert!(!is_last);
}

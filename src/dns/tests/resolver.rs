//! What a transcript of the resolver does not see: ports and ids, how many sockets are open, and
//! that nothing is left behind.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::ResolverSettings;
use super::super::{DnsEffect, Resolver, SocketNumber};
use crate::call::{DnsError, Limits, PublicEndpoints, Question, RecordType, Shared};
use crate::crypto::Random;

type Out = Vec<DnsEffect<usize>>;

fn resolver(servers: &[&str]) -> Resolver<usize> {
    let shared = Shared::new("mx.test", Limits::default(), PublicEndpoints::default());
    let servers = servers.iter().map(|server| server.parse().unwrap());
    let settings = ResolverSettings::of(servers.collect());
    Resolver::new(settings, Arc::new(shared), Random::seeded(1))
}

fn ask_many(resolver: &mut Resolver<usize>, n: usize) -> Out {
    let mut out = Out::new();
    for n in 0..n {
        let question = Question::new(&format!("n{n}.example"), RecordType::A).unwrap();
        resolver.ask(0, &question, false, n, &mut out);
    }
    out
}

#[test]
fn each_query_has_a_socket_of_its_own_while_there_are_few() {
    let mut resolver = resolver(&["192.0.2.53:53"]);
    let out = ask_many(&mut resolver, 64);
    let mut sockets = BTreeSet::new();
    let mut ids = BTreeSet::new();
    for effect in &out {
        let DnsEffect::Send { socket, octets, .. } = effect else {
            panic!("{effect:?}")
        };
        sockets.insert(*socket);
        ids.insert([octets[0], octets[1]]);
    }
    assert_eq!(sockets.len(), 64);
    // Of random ids two among 64 are seldom equal, and ids in a row would be.
    assert!(ids.len() > 60, "{}", ids.len());
    let steps: BTreeSet<u16> = out
        .windows(2)
        .map(|pair| {
            let id = |effect: &DnsEffect<usize>| match effect {
                DnsEffect::Send { octets, .. } => u16::from_be_bytes([octets[0], octets[1]]),
                _ => 0,
            };
            id(&pair[1]).wrapping_sub(id(&pair[0]))
        })
        .collect();
    assert!(steps.len() > 60, "{}", steps.len());
}

#[test]
fn ten_thousand_questions_share_few_sockets_and_leave_nothing_behind() {
    let mut resolver = resolver(&["192.0.2.53:53", "192.0.2.54:53"]);
    let out = ask_many(&mut resolver, 10_000);
    let mut open: BTreeMap<SocketNumber, BTreeSet<[u8; 2]>> = BTreeMap::new();
    for effect in &out {
        let DnsEffect::Send { socket, octets, .. } = effect else {
            panic!("{effect:?}")
        };
        // No two queries of a socket have one id.
        assert!(
            open.entry(*socket)
                .or_default()
                .insert([octets[0], octets[1]])
        );
    }
    assert!(open.len() <= 64, "{}", open.len());
    assert_eq!(resolver.state(), (10_000, open.len(), 10_000));
    // A healthy domain among them is answered at once.
    let question = Question::new("healthy.example", RecordType::A).unwrap();
    let mut out = Out::new();
    resolver.ask(1, &question, false, 99_999, &mut out);
    assert!(matches!(out.as_slice(), [DnsEffect::Send { .. }]));
    let mut told = BTreeSet::new();
    while let Some(at) = resolver.deadline() {
        let mut out = Out::new();
        resolver.expire(at, &mut out);
        for effect in out {
            if let DnsEffect::Answer(waiters, answer) = effect {
                assert!(matches!(answer, Err(DnsError::Temporary(_))));
                for waiter in waiters {
                    assert!(told.insert(waiter), "told twice");
                }
            }
        }
        assert!(at <= 21_000);
    }
    assert_eq!(told.len(), 10_001);
    assert_eq!(resolver.state(), (0, 0, 0));
}

#[test]
fn connections_are_few_and_each_waiting_query_gets_one() {
    let mut resolver = resolver(&["127.0.0.1:53"]);
    let mut waiting: Vec<(SocketNumber, Vec<u8>)> = Vec::new();
    let mut out = ask_many(&mut resolver, 200);
    let (mut open, mut told) = (BTreeSet::new(), 0);
    loop {
        for effect in core::mem::take(&mut out) {
            match effect {
                DnsEffect::Send {
                    socket, mut octets, ..
                } => {
                    // Truncated.
                    octets[2] |= 0x82;
                    resolver.datagram(0, socket, &octets, &mut out);
                }
                DnsEffect::Connect { socket, octets, .. } => {
                    open.insert(socket);
                    waiting.push((socket, octets));
                }
                DnsEffect::Close(socket) => drop(open.remove(&socket)),
                DnsEffect::Answer(waiters, answer) => {
                    assert_eq!(answer, Err(DnsError::NoName));
                    told += waiters.len();
                }
            }
            assert!(open.len() <= 33, "{}", open.len());
        }
        if !out.is_empty() {
            continue;
        }
        let Some((socket, mut octets)) = waiting.pop() else {
            break;
        };
        (octets[4], octets[5]) = (0x81, 0x83);
        resolver.octets(0, socket, &octets, &mut out);
    }
    assert_eq!((told, resolver.state()), (200, (0, 0, 0)));
}

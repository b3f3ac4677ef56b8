//! Connections to other servers: made, lost, or not there.

use std::collections::VecDeque;
use std::sync::Arc;

use postern::testing::call::{Metric, OutboundDial};
use postern::testing::engine::drive::Driver;
use postern::testing::engine::{CertificateCheck, DialError};
use postern::testing::protocol::Protocol;
use postern::testing::smtp::Client;

use super::{ClientEnd, Conn, Remote, Rig};

impl Rig {
    /// A connection to another server, for a test that plays that server and its queue. `address`
    /// answers after [`Rig::connect`].
    pub fn dial(&mut self, dial: OutboundDial) -> u64 {
        self.prepare_dial(dial, true)
    }

    pub(super) fn prepare_dial(&mut self, dial: OutboundDial, is_queue_played: bool) -> u64 {
        let id = self.next;
        self.next += 1;
        let certificate = Arc::new(CertificateCheck::default());
        let peer = dial.address;
        let engine = Client::new(dial, self.shared.clone(), Arc::clone(&certificate));
        let remote = Remote {
            certificate,
            is_verified: false,
            fails_handshake: false,
            orders: VecDeque::new(),
            is_held: false,
            waiting: None,
            octets: Vec::new(),
            told: VecDeque::new(),
            is_queue_played,
            is_connecting: false,
            playing: None,
        };
        let conn = Conn {
            driver: Some(Driver::new(Protocol::dial(Box::new(engine)))),
            peer,
            end: ClientEnd {
                remote: Some(Box::new(remote)),
                ..ClientEnd::default()
            },
        };
        self.conns.insert(id, conn);
        self.shared.metrics.add(Metric::ConnectionsOpen, 1);
        id
    }

    /// The other server accepts the connection; with `is_tls` the handshake comes first.
    pub fn connect(&mut self, id: u64, is_tls: bool) {
        self.begin_remote(id, is_tls);
        self.settle();
    }

    pub(super) fn begin_remote(&mut self, id: u64, is_tls: bool) {
        self.is_connected(id);
        match is_tls {
            true => self.shake(id),
            false => self.touch(id, &mut |s, now, out| s.open(now, out)),
        }
    }

    /// The connection is lost, or could not be made.
    pub fn fail(&mut self, id: u64, error: DialError) {
        self.is_connected(id);
        self.touch(id, &mut |s, now, out| s.fail(now, error.clone(), out));
        self.settle();
    }
}

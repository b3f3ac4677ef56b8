//! Connections to the servers of accounts elsewhere: a test plays the server.

use std::sync::Arc;

use postern::testing::call::{Metric, UpstreamDial};
use postern::testing::engine::CertificateCheck;
use postern::testing::engine::drive::Driver;
use postern::testing::imap::upstream::UpstreamClient;
use postern::testing::protocol::Protocol;

use super::{ClientEnd, Conn, Rig};

impl Rig {
    /// A connection to the server of an account. It is there at once, with a certificate that is
    /// trusted.
    pub fn dial_upstream(&mut self, dial: UpstreamDial) -> u64 {
        let id = self.next;
        self.next += 1;
        let certificate = Arc::new(CertificateCheck::default());
        certificate.pass();
        let peer = dial.addresses[0];
        let engine = UpstreamClient::new(dial, self.shared.clone(), certificate);
        let conn = Conn {
            driver: Some(Driver::new(Protocol::dial(Box::new(engine)))),
            peer,
            end: ClientEnd::default(),
        };
        self.conns.insert(id, conn);
        self.shared.metrics.add(Metric::ConnectionsOpen, 1);
        self.touch(id, &mut |s, now, out| s.open(now, out));
        self.settle();
        id
    }
}

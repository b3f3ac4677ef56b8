//! The SMTP client over real sockets and real TLS: what it reports of the peer's certificate, and
//! what it does when there is no TLS. The queue is played; every other case is a transcript.

use std::io::{self, BufRead, BufReader, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread;

use postern::testing::call::{
    Answer, Call, Limits, LostWhy, Metric, NextTransaction, OrgId, OutboundDial, OutboundDialer,
    OutboundId, OutboundLease, OutboundLoss, OutboundRead, OutboundStage, OutboundTimeouts,
    OutboundTls, OutboundTlsPolicy, OutboundTransaction, OutboundWrite, PublicEndpoints, Read,
    RemoteReply, Reply, Report, Request, RouteId, Shared, TransactionOutcome, Write, Written,
};
use postern::testing::net::{Hub, HubDialer, SystemClock, Worker};
use postern::testing::service::Inline;
use rustls::{ServerConnection, StreamOwned};

use super::outgoing::{Identity, PATIENCE, serve};

/// What the engine tells the queue.
#[derive(Debug)]
enum Told {
    Report(Report),
    Lost(OutboundLoss),
}

/// A worker, and a queue with one message for each connection.
struct Sender {
    hub: Hub,
    shared: Arc<Shared>,
    told: Receiver<Told>,
    worker: Option<thread::JoinHandle<()>>,
}

impl Sender {
    fn start() -> Sender {
        let shared = Arc::new(Shared::new(
            "mx.test",
            Limits::default(),
            PublicEndpoints::default(),
        ));
        let (hub, mut queues) = Hub::new(1).unwrap();
        let (tell, told) = channel();
        let clock = SystemClock::new();
        let read = clock;
        let product = Inline::new(7, Arc::clone(&shared), Arc::new(move || read.now())).unwrap();
        // Only a commit makes a receipt, so the real service answers, and its answer is changed.
        let product = Mutex::new(product);
        let answer = hub.clone();
        let submit = Box::new(move |request: Request| {
            let Some(conn) = request.conn else {
                return true;
            };
            let mut next = None;
            match request.call.clone() {
                Call::Read(Read::Outbound(OutboundRead::Piece { .. })) => {
                    let octets = Reply::Answer(Answer::Octets(MESSAGE.to_vec()));
                    answer.answer(conn, octets);
                    return true;
                }
                Call::Write(Write::Outbound(OutboundWrite::Lost { loss, .. })) => {
                    let _ = tell.send(Told::Lost(*loss));
                }
                Call::Write(Write::Outbound(OutboundWrite::Next { report, .. })) => match report {
                    Some(report) => drop(tell.send(Told::Report(*report))),
                    None => next = Some(order()),
                },
                _ => return true,
            }
            let (reply, _) = product.lock().unwrap().serve(request);
            match (reply, next) {
                (Some(Reply::Written(_, receipt)), Some(order)) => {
                    let next = Written::Next(NextTransaction::Send(Box::new(order)));
                    answer.answer(conn, Reply::Written(next, receipt));
                }
                (Some(reply), _) => answer.answer(conn, reply),
                (None, _) => {}
            }
            true
        });
        let worker = Worker::new(queues.remove(0), Arc::clone(&shared), clock, submit, 7);
        Sender {
            hub,
            shared,
            told,
            worker: Some(thread::spawn(move || worker.run().unwrap())),
        }
    }

    /// What becomes of one connection to this host.
    fn send(
        &self,
        identity: &Identity,
        address: SocketAddr,
        host: &str,
        tls: OutboundTlsPolicy,
    ) -> Told {
        self.send_from(identity, address, host, tls, None)
    }

    fn send_from(
        &self,
        identity: &Identity,
        address: SocketAddr,
        host: &str,
        tls: OutboundTlsPolicy,
        bind: Option<IpAddr>,
    ) -> Told {
        let shared = Arc::clone(&self.shared);
        let clients = (identity.client(), identity.client());
        let dialer = HubDialer::new(self.hub.clone(), clients, shared);
        dialer.dial(OutboundDial {
            is_account: false,
            route: RouteId(1),
            host: host.into(),
            address,
            bind,
            tls,
            login: None,
            helo: "mx.test".into(),
            timeouts: OutboundTimeouts {
                connect_ms: 10_000,
                command_ms: 10_000,
                data_ms: 10_000,
            },
        });
        self.told.recv_timeout(PATIENCE).expect("a report")
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.hub.shutdown();
        if let Some(worker) = self.worker.take() {
            let _ = worker.join();
        }
    }
}

fn order() -> OutboundTransaction {
    OutboundTransaction {
        lease: OutboundLease {
            id: OutboundId(1),
            attempt: 1,
        },
        org: OrgId(1),
        reverse_path: Some("a@x.test".into()),
        recipient: "b@other.test".into(),
        keys: None,
        size: MESSAGE.len() as u64,
        has_8bit: false,
        has_utf8_header: false,
        notify: 0,
        orcpt: None,
        ret_full: None,
        envid: None,
    }
}

/// A small mail server: answers each command, and takes one message.
fn converse(stream: impl io::Read + io::Write, offers: &str) -> Option<impl io::Read + io::Write> {
    let mut lines = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let reply = match line.split([' ', '\r']).next()? {
            "EHLO" => format!("250-mx.other.test\r\n{offers}250 SIZE 1000\r\n"),
            "STARTTLS" => {
                lines.get_mut().write_all(b"220 go\r\n").ok()?;
                return Some(lines.into_inner());
            }
            "DATA" => "354 go\r\n".into(),
            "." => "250 2.0.0 Taken\r\n".into(),
            "QUIT" => "221 bye\r\n".into(),
            "MAIL" | "RCPT" => "250 Ok\r\n".into(),
            _ => continue,
        };
        lines.get_mut().write_all(reply.as_bytes()).ok()?;
    }
}

/// A host with STARTTLS; `breaks` closes in the middle of the handshake.
fn host(identity: &Identity, breaks: bool) -> SocketAddr {
    let config = identity.server();
    serve(move |mut stream: TcpStream| {
        let _ = stream.write_all(b"220 mx.other.test ESMTP\r\n");
        let Some(mut plain) = converse(stream, "250-STARTTLS\r\n") else {
            return;
        };
        if breaks {
            let _ = plain.read(&mut [0; 16]);
            return;
        }
        let session = ServerConnection::new(Arc::clone(&config)).unwrap();
        converse(StreamOwned::new(session, plain), "250-PIPELINING\r\n");
    })
}

fn delivered(told: Told, tls: OutboundTls) -> Report {
    let Told::Report(report) = told else {
        panic!("{told:?}");
    };
    assert_eq!(report.outcome, TransactionOutcome::Delivered);
    assert_eq!(report.tls, tls);
    let taken = RemoteReply {
        code: 250,
        enhanced: Some((2, 0, 0)),
        text: "Taken".into(),
    };
    assert_eq!(report.reply, Some(taken));
    report
}

fn lost(told: Told) -> (OutboundStage, String) {
    let Told::Lost(loss) = told else {
        panic!("{told:?}");
    };
    assert_eq!(loss.lease, None);
    let LostWhy::Tls(why) = loss.why else {
        panic!("{loss:?}");
    };
    (loss.stage, why)
}

#[test]
fn a_certificate_is_verified_and_reported() {
    use OutboundTlsPolicy::{Opportunistic, Required, RequiredVerified};
    let identity = Identity::new("smtp-verify");
    let sender = Sender::start();
    let there = host(&identity, false);
    for policy in [Opportunistic, Required, RequiredVerified] {
        let told = sender.send(&identity, there, "localhost", policy);
        let report = delivered(told, OutboundTls::Verified);
        assert_eq!(
            (report.host.as_str(), report.address),
            ("localhost", there.ip())
        );
    }
    // By its address, as the host of a literal.
    let told = sender.send(&identity, there, "[127.0.0.1]", Opportunistic);
    delivered(told, OutboundTls::Verified);
    // For another name, and for one that no certificate can have: encrypted all the same.
    for name in ["mx.elsewhere.test", "under_score.-x.test", "no name"] {
        for policy in [Opportunistic, Required] {
            let told = sender.send(&identity, there, name, policy);
            delivered(told, OutboundTls::Unverified);
        }
        let (stage, _) = lost(sender.send(&identity, there, name, RequiredVerified));
        assert_eq!(stage, OutboundStage::Tls);
    }
    // An authority that is not known.
    let stranger = Identity::new("smtp-stranger");
    let told = sender.send(&stranger, there, "localhost", Opportunistic);
    delivered(told, OutboundTls::Unverified);
    let (stage, why) = lost(sender.send(&stranger, there, "localhost", RequiredVerified));
    assert_eq!(stage, OutboundStage::Tls);
    assert!(why.contains("not trusted"), "{why}");
    assert_eq!(sender.shared.metrics.value(Metric::OutboundBadReplies), 0);
}

#[test]
fn a_failed_handshake_is_told_and_clear_text_goes() {
    let identity = Identity::new("smtp-broken");
    let sender = Sender::start();
    let broken = host(&identity, true);
    let told = sender.send(
        &identity,
        broken,
        "localhost",
        OutboundTlsPolicy::Opportunistic,
    );
    assert_eq!(lost(told).0, OutboundStage::Tls);
    let told = sender.send(&identity, broken, "localhost", OutboundTlsPolicy::Never);
    delivered(told, OutboundTls::None);
}

#[test]
fn a_connection_goes_out_from_the_address_that_is_asked_for() {
    let identity = Identity::new("smtp-bind");
    let sender = Sender::start();
    let (tell, peers) = channel();
    let there = serve(move |mut stream| {
        tell.send(stream.peer_addr().unwrap().ip()).unwrap();
        let _ = stream.write_all(b"220 mx.other.test ESMTP\r\n");
        converse(stream, "");
    });
    let from: IpAddr = "127.0.0.9".parse().unwrap();
    let never = OutboundTlsPolicy::Never;
    let told = sender.send_from(&identity, there, "localhost", never, Some(from));
    delivered(told, OutboundTls::None);
    assert_eq!(peers.recv_timeout(PATIENCE).unwrap(), from);
    // An address that this machine does not have.
    let away: IpAddr = "192.0.2.77".parse().unwrap();
    let told = sender.send_from(&identity, there, "localhost", never, Some(away));
    assert!(
        matches!(&told, Told::Lost(loss) if loss.stage == OutboundStage::Connect),
        "{told:?}"
    );
}

const MESSAGE: &[u8] = b"Subject: hi\r\n\r\n.text\r\n";

//! The data folder while no server runs on it: the HTTP engine and the service in this process,
//! under the lock of the folder.

use core::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use super::CliError;
use crate::call::{
    Ask, ConnId, Event, Limits, Listener, Now, Opening, PublicEndpoints, Refusal, Reply, Request,
    Shared, Topic,
};
use crate::config::{DEFAULT_DOMAIN, SHARED_DOMAIN_FILE, TOKEN_FILE};
use crate::crypto::Random;
use crate::dir::DirHandle;
use crate::engine::Session;
use crate::engine::drive::{Driver, Environment, Settled};
use crate::protocol::Protocol;
use crate::serve::sealing_key;
use crate::service::drive::{Done, drive};
use crate::service::{Reader, Service, Setup, Writer};
use crate::store::{Folder, Role, Store};

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A server without sockets.
pub struct Local {
    service: Arc<Service>,
    writer: Writer,
    reader: Reader,
    store: Store,
    _folder: Folder,
    conns: u64,
}

impl Local {
    /// Opens the database of a folder that this process has locked.
    pub fn open(folder: Folder) -> Result<Local, CliError> {
        let data = folder.path();
        let token = folder.dir().read_text(TOKEN_FILE).unwrap_or_default();
        let sealing = sealing_key(folder.dir(), &mut Random::system()).map_err(CliError::Own)?;
        let service = Service::new(Setup {
            shared: Arc::new(Shared::new(
                "localhost",
                Limits::default(),
                PublicEndpoints::default(),
            )),
            clock: clock(),
            free_bytes: Arc::new(|| None),
            shared_domain: shared_domain(folder.dir()),
            // The server that runs with `--no-limits` trusts them; here the operator says so.
            trust_domains: false,
            operator: crate::crypto::OperatorToken::hash(token.trim().as_bytes()),
            operator_from: crate::call::OperatorFrom::Loopback,
            sealing,
            resolver: Arc::new(crate::call::NoResolver),
            lookups: None,
            outbound: Default::default(),
            ways_out: None,
            webhooks: Default::default(),
            ways_upstream: None,
        });
        let store = Store::open(data, Role::Writer, Random::system().u64())?;
        Ok(Local {
            writer: Writer::new(service.clone()),
            reader: Reader::new(service.clone()),
            service,
            store,
            _folder: folder,
            conns: 0,
        })
    }

    /// One request and its answer, as on a connection of their own.
    pub fn exchange(&mut self, request: &[u8]) -> Vec<u8> {
        self.conns += 1;
        let conn = ConnId(self.conns);
        let opening = Opening {
            conn,
            peer: SocketAddr::new(LOOPBACK, 0),
            listener: Listener::Http,
            seed: Random::system().u64(),
            shared: self.service.shared.clone(),
        };
        let mut driver = Driver::new(Protocol::serve(opening));
        let mut exchange = LocalExchange {
            now: self.service.now(),
            request,
            response: Vec::new(),
            ask: None,
        };
        let Ok(mut settled) = driver.touch(&mut exchange, Session::open);
        loop {
            exchange.now = self.service.now();
            let reply = match exchange.ask.take() {
                Some(Ask {
                    request_id,
                    depth,
                    caller,
                    call,
                }) => self.carry_out(Request {
                    request_id,
                    depth,
                    conn: Some(conn),
                    peer: LOOPBACK,
                    now: exchange.now,
                    caller,
                    call,
                }),
                None if settled == Settled::Again => None,
                None => return exchange.response,
            };
            let Ok(next) = driver.touch(&mut exchange, |session, now, out| {
                if let Some(reply) = reply {
                    session.answer(now, reply, out);
                }
            });
            settled = next;
        }
    }

    fn carry_out(&mut self, request: Request) -> Option<Reply> {
        match drive(&mut self.writer, &mut self.reader, &self.store, request) {
            Done::Answered(reply, _) => reply,
            // Without a server nothing is looked up outside.
            Done::Outside(..) => Some(Reply::Refused(Refusal::Internal)),
        }
    }
}

/// One request and its response in this process: what the engine is driven with.
struct LocalExchange<'a> {
    now: Now,
    /// Taken by the first read.
    request: &'a [u8],
    response: Vec<u8>,
    ask: Option<Ask>,
}

impl Environment for LocalExchange<'_> {
    type Failure = Infallible;

    fn now(&self) -> Now {
        self.now
    }

    /// One exchange watches nothing: no stream of events is asked for here.
    fn watch(&mut self, _: Vec<Topic>) -> Vec<Event> {
        Vec::new()
    }

    fn submit(&mut self, ask: Ask) {
        self.ask = Some(ask);
    }

    /// The answer is there before any deadline, or never.
    fn set_deadline(&mut self, _: Option<Now>) {}

    fn send(&mut self, bytes: &mut Vec<u8>) -> Result<bool, Infallible> {
        self.response.append(bytes);
        Ok(true)
    }

    fn is_readable(&self) -> bool {
        !self.request.is_empty()
    }

    fn read(&mut self, take: &mut dyn FnMut(&[u8])) -> Result<bool, Infallible> {
        take(core::mem::take(&mut self.request));
        Ok(false)
    }

    fn begin_tls(&mut self) -> Result<(), Infallible> {
        Ok(())
    }

    fn close(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

/// The shared domain of the last server on this folder.
fn shared_domain(data: &DirHandle) -> String {
    let text = data.read_text(SHARED_DOMAIN_FILE).unwrap_or_default();
    let name = text.trim();
    if name.is_empty() {
        DEFAULT_DOMAIN.into()
    } else {
        name.into()
    }
}

/// The time of this process.
pub fn clock() -> crate::service::ReadClock {
    let begin = Instant::now();
    Arc::new(move || Now {
        mono_ms: 1 + u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX),
        unix_ms: SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX)),
    })
}

//! The folder when no server runs on it: the HTTP engine and the service in this process,
//! under the folder's lock. And the commands that are about the folder itself.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use serde_json::json;

use super::{Cli, Fault};
use crate::call::{
    ConnId, Limits, Listener, Now, Opening, PublicEndpoints, Queue, Reply, Request, Shared,
};
use crate::crypto::Random;
use crate::engine::Output;
use crate::service::{ReadTurn, Reader, Service, Setup, Writer};
use crate::session::Session;
use crate::store::{Folder, Role, Store};

/// The file in the data folder in which `serve` leaves the name of its shared domain.
pub const SHARED_DOMAIN: &str = "shared-domain";
/// What `serve` takes when its configuration names none.
const DEFAULT_DOMAIN: &str = "postern.localhost";
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
    pub fn open(folder: Folder) -> Result<Local, Fault> {
        let data = folder.path();
        let token = std::fs::read(data.join(super::api::TOKEN)).unwrap_or_default();
        let service = Service::new(Setup {
            shared: Arc::new(Shared::new(
                "localhost",
                Limits::default(),
                PublicEndpoints::default(),
            )),
            clock: clock(),
            free_bytes: Arc::new(|| None),
            shared_domain: shared_domain(data),
            operator: crate::crypto::OperatorToken::hash(token.trim_ascii()),
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

    /// One request and its answer, as they would be on a connection of their own.
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
        let mut session = Session::new(opening);
        let mut said = Vec::new();
        let mut out = Output::default();
        session.open(self.service.now(), &mut out);
        session.receive(self.service.now(), request, &mut out);
        loop {
            said.append(&mut out.bytes);
            let now = self.service.now();
            if let Some(call) = out.call.take() {
                if let Some(reply) = self.carry_out(Request {
                    conn,
                    peer: LOOPBACK,
                    now,
                    call,
                }) {
                    session.answer(now, reply, &mut out);
                }
            } else if out.close {
                return said;
            } else if std::mem::take(&mut out.more) {
                session.drained(now, &mut out);
            } else if session.unread() > 0 && session.wants_read(0) {
                let before = session.unread();
                session.resume(now, &mut out);
                if session.unread() == before && out.call.is_none() && out.bytes.is_empty() {
                    return said;
                }
            } else {
                return said;
            }
        }
    }

    fn carry_out(&mut self, mut request: Request) -> Option<Reply> {
        if request.call.queue() == Queue::Writer {
            let turn = self
                .writer
                .turn(&self.store, std::slice::from_ref(&request));
            return turn.replies.into_iter().next().map(|(_, reply)| reply);
        }
        loop {
            match self.reader.turn(&self.store, request) {
                ReadTurn::Reply(reply) => return Some(reply),
                ReadTurn::Again(again) => request = again,
                ReadTurn::Silent => return None,
            }
        }
    }
}

/// The shared domain that the last server on this folder had.
fn shared_domain(data: &Path) -> String {
    let text = std::fs::read_to_string(data.join(SHARED_DOMAIN)).unwrap_or_default();
    let name = text.trim();
    if name.is_empty() {
        DEFAULT_DOMAIN.into()
    } else {
        name.into()
    }
}

fn clock() -> crate::service::Clock {
    let begin = Instant::now();
    Arc::new(move || Now {
        mono_ms: 1 + u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX),
        unix_ms: SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX)),
    })
}

/// `postern verify`: reads without the lock, so that it can look at a running server's
/// folder too.
pub fn verify(cli: &Cli, deep: bool) -> Result<ExitCode, Fault> {
    super::api::must_be_there(&cli.data)?;
    let store = Store::open(&cli.data, Role::Reader, 0)?;
    let faults = crate::store::verify(&store, deep);
    if cli.json {
        super::show::line(json!({"ok": faults.is_empty(), "faults": faults}));
    } else if faults.is_empty() {
        super::show::line(format_args!("{}: everything holds", cli.data.display()));
    } else {
        for fault in &faults {
            super::show::line(fault);
        }
        eprintln!("postern: {} faults in {}", faults.len(), cli.data.display());
    }
    Ok(if faults.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// `postern backup`: on a connection of its own, while the server runs or not.
pub fn backup(cli: &Cli, to: &Path) -> Result<ExitCode, Fault> {
    super::api::must_be_there(&cli.data)?;
    let bytes = crate::store::backup(&cli.data, to, None)?;
    if cli.json {
        super::show::line(json!({"file": to, "bytes": bytes}));
    } else {
        super::show::line(format_args!(
            "{0}: {bytes} bytes; `postern restore {0} --data NEW_FOLDER` makes a data folder of it",
            to.display()
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// `postern restore`: into a data folder that does not exist yet.
pub fn restore(cli: &Cli, from: &Path) -> Result<ExitCode, Fault> {
    if !from.is_file() {
        return Err(Fault::Own(format!(
            "there is no backup at {}",
            from.display()
        )));
    }
    let folder = Folder::lock(&cli.data)?;
    crate::store::restore(&folder, from, Random::system().u64(), clock()())?;
    if cli.json {
        super::show::line(json!({"data": cli.data}));
    } else {
        super::show::line(format_args!(
            "{0} is ready: start it with `postern serve --data {0}`",
            cli.data.display()
        ));
    }
    Ok(ExitCode::SUCCESS)
}

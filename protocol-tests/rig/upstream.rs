//! Connections to the servers of accounts elsewhere: a test plays the server. Those that the
//! product wants wait in [`Accounts::wanted`] until the test takes them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use postern::testing::call::{Metric, TokenDial, TokenDialer, UpstreamDial, UpstreamDialer};
use postern::testing::engine::drive::Driver;
use postern::testing::engine::{CertificateCheck, DialError, Engine};
use postern::testing::http::client::TokenClient;
use postern::testing::imap::upstream::UpstreamClient;
use postern::testing::protocol::Protocol;
use postern::testing::service::upstream::UpstreamWays;

use super::{ClientEnd, Conn, Rig};

/// A connection that the product wants for an account.
#[derive(Clone, Debug)]
pub enum AccountDial {
    Imap(UpstreamDial),
    Token(TokenDial),
}

/// The connections that the product asks for.
#[derive(Clone, Debug, Default)]
struct AccountDials(Arc<Mutex<Vec<AccountDial>>>);

impl UpstreamDialer for AccountDials {
    fn dial(&self, dial: UpstreamDial) {
        self.0.lock().unwrap().push(AccountDial::Imap(dial));
    }
}

impl TokenDialer for AccountDials {
    fn dial(&self, dial: TokenDial) {
        self.0.lock().unwrap().push(AccountDial::Token(dial));
    }
}

/// The accounts of a rig.
#[derive(Debug, Default)]
pub struct Accounts {
    dials: AccountDials,
    /// Connections that no test plays yet.
    pub wanted: VecDeque<AccountDial>,
    /// When the product looks at its accounts next, monotonic milliseconds.
    pub next_ms: Option<u64>,
}

impl Rig {
    /// Has the product make connections of accounts by itself. Before anything else has happened.
    pub fn connect_accounts(&mut self) {
        let accounts = Accounts::default();
        self.product.connect_accounts(UpstreamWays {
            resolve: Arc::new(self.dns.clone()),
            dialer: Arc::new(accounts.dials.clone()),
            token_dialer: Arc::new(accounts.dials.clone()),
        });
        self.accounts = Some(accounts);
    }

    /// Lets the product look at its accounts. `false`: there is nothing to do.
    pub(super) fn run_accounts(&mut self) -> bool {
        let now = self.now().mono_ms;
        let Some(accounts) = &mut self.accounts else {
            return false;
        };
        let next = self.product.run_upstream().next_ms;
        accounts.next_ms = next.map(|ms| now.saturating_add(ms));
        let dials = core::mem::take(&mut *accounts.dials.0.lock().unwrap());
        let is_any = !dials.is_empty();
        accounts.wanted.extend(dials);
        is_any
    }

    /// A connection to the server of an account. It is there at once, with a certificate that is
    /// trusted.
    pub fn dial_upstream(&mut self, dial: UpstreamDial) -> u64 {
        self.dial_account(AccountDial::Imap(dial), None)
    }

    /// A connection for an account: it is there at once, or fails.
    pub fn dial_account(&mut self, dial: AccountDial, fails: Option<DialError>) -> u64 {
        let id = self.next;
        self.next += 1;
        let certificate = Arc::new(CertificateCheck::default());
        certificate.pass();
        let (peer, engine): (_, Box<dyn Engine + Send>) = match dial {
            AccountDial::Imap(dial) => {
                let peer = dial.addresses[0];
                let engine = UpstreamClient::new(dial, self.shared.clone(), certificate);
                (peer, Box::new(engine))
            }
            AccountDial::Token(dial) => (dial.addresses[0], Box::new(TokenClient::new(dial))),
        };
        let conn = Conn {
            driver: Some(Driver::new(Protocol::dial(engine))),
            peer,
            end: ClientEnd::default(),
        };
        self.conns.insert(id, conn);
        self.shared.metrics.add(Metric::ConnectionsOpen, 1);
        match fails {
            None => self.touch(id, &mut |s, now, out| s.open(now, out)),
            Some(error) => self.touch(id, &mut |s, now, out| s.fail(now, error.clone(), out)),
        }
        self.settle();
        id
    }
}

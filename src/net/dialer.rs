//! The way from the queue to the net: a connection that the service asks for becomes a dial with
//! an SMTP client.
//!
//! The TLS of the dial follows its policy. Nothing here decides which hosts, when, or what comes
//! after a failure: the engine tells the service how it went.

use core::fmt;
use std::sync::Arc;

use super::dial::{Dial, DialTls};
use super::hub::Hub;
use super::tls::{CertificateNeed, ClientTls};
use crate::call::{
    HookDial, HookDialer, OutboundDial, OutboundDialer, OutboundTlsPolicy, Shared, TokenDial,
    TokenDialer, UpstreamDial, UpstreamDialer, UpstreamTls,
};
use crate::engine::CertificateCheck;
use crate::http::client::hook::HookClient;
use crate::http::client::token::TokenClient;
use crate::imap::UpstreamClient;
use crate::smtp::Client;

/// Dials for the queue.
#[derive(Clone)]
pub struct HubDialer {
    hub: Hub,
    tls: Arc<ClientTls>,
    accounts: Arc<ClientTls>,
    shared: Arc<Shared>,
}

impl HubDialer {
    /// Connections of this hub. `tls` has the authorities that are trusted, for other servers and
    /// for those of accounts elsewhere.
    pub fn new(
        hub: Hub,
        (tls, accounts): (Arc<ClientTls>, Arc<ClientTls>),
        shared: Arc<Shared>,
    ) -> Self {
        HubDialer {
            hub,
            tls,
            accounts,
            shared,
        }
    }

    fn tls(&self, dial: &OutboundDial, check: &Arc<CertificateCheck>) -> DialTls {
        let need = match dial.tls {
            OutboundTlsPolicy::Never => return DialTls::Never,
            OutboundTlsPolicy::Opportunistic | OutboundTlsPolicy::Required => CertificateNeed::Any,
            OutboundTlsPolicy::RequiredVerified | OutboundTlsPolicy::ImplicitVerified => {
                CertificateNeed::Verified
            }
        };
        let literal = dial
            .host
            .strip_prefix('[')
            .and_then(|h| h.strip_suffix(']'));
        let name = literal.unwrap_or(&dial.host);
        let name = name.strip_prefix("IPv6:").unwrap_or(name);
        let address = dial.address.ip();
        let tls = match dial.is_account {
            true => &self.accounts,
            false => &self.tls,
        };
        match tls.checked(name, address, need, Arc::clone(check)) {
            Ok(peer) if dial.tls == OutboundTlsPolicy::ImplicitVerified => DialTls::Implicit(peer),
            Ok(peer) => DialTls::StartTls(peer),
            // No certificate can be for such a name. TLS fails when it should begin, and the
            // engine tells the service.
            Err(error) => {
                log::debug!("outbound to {}: {error}", dial.host);
                DialTls::Never
            }
        }
    }
}

impl OutboundDialer for HubDialer {
    fn dial(&self, dial: OutboundDial) {
        let check = Arc::new(CertificateCheck::default());
        let tls = self.tls(&dial, &check);
        self.hub.dial(Dial {
            addresses: vec![dial.address],
            bind: dial.bind,
            connect_ms: dial.timeouts.connect_ms,
            tls,
            engine: Box::new(Client::new(dial, Arc::clone(&self.shared), check)),
        });
    }
}

/// Dials for webhooks: HTTP over TLS with names that verify, or in clear where the URL says so.
#[derive(Clone)]
pub struct EndpointDialer {
    hub: Hub,
    tls: Arc<ClientTls>,
}

impl EndpointDialer {
    /// Connections of this hub. `tls` has the authorities that are trusted.
    pub fn new(hub: Hub, tls: ClientTls) -> Self {
        EndpointDialer {
            hub,
            tls: Arc::new(tls),
        }
    }
}

impl HookDialer for EndpointDialer {
    fn dial(&self, dial: HookDial) {
        let name = dial.url.name();
        let tls = match dial.url.is_https {
            false => DialTls::Never,
            true => match self.tls.verified(&name) {
                Ok(peer) => DialTls::Implicit(peer),
                Err(error) => {
                    // No certificate can be for such a name. Without an address the engine is told
                    // at once that it cannot be reached, and nothing goes out in clear.
                    log::debug!("webhook to {name}: {error}");
                    let _ = self.hub.dial(Dial {
                        addresses: Vec::new(),
                        bind: None,
                        connect_ms: CONNECT_MS,
                        tls: DialTls::Never,
                        engine: Box::new(HookClient::new(dial)),
                    });
                    return;
                }
            },
        };
        self.hub.dial(Dial {
            addresses: dial.addresses.clone(),
            bind: None,
            connect_ms: CONNECT_MS,
            tls,
            engine: Box::new(HookClient::new(dial)),
        });
    }
}

impl fmt::Debug for EndpointDialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndpointDialer").finish_non_exhaustive()
    }
}

/// Milliseconds that one address of an endpoint has to answer: two of them leave time for the
/// answer itself.
const CONNECT_MS: u64 = 5000;

impl UpstreamDialer for HubDialer {
    fn dial(&self, dial: UpstreamDial) {
        let check = Arc::new(CertificateCheck::default());
        let first = dial.addresses.first().map(|address| address.ip());
        let peer = first.map(|address| {
            let need = CertificateNeed::Verified;
            (self.accounts).checked(&dial.host, address, need, Arc::clone(&check))
        });
        let tls = match (peer, dial.tls) {
            (Some(Ok(peer)), UpstreamTls::Implicit) => DialTls::Implicit(peer),
            (Some(Ok(peer)), UpstreamTls::StartTls) => DialTls::StartTls(peer),
            // No certificate can be for such a name: the engine says nothing without one.
            (Some(Err(_)) | None, _) => DialTls::Never,
        };
        self.hub.dial(Dial {
            addresses: dial.addresses.clone(),
            bind: None,
            connect_ms: UPSTREAM_CONNECT_MS,
            tls,
            engine: Box::new(UpstreamClient::new(dial, Arc::clone(&self.shared), check)),
        });
    }
}

impl TokenDialer for HubDialer {
    fn dial(&self, dial: TokenDial) {
        let (addresses, tls) = match self.accounts.verified(&dial.url.name()) {
            Ok(peer) => (dial.addresses.clone(), DialTls::Implicit(peer)),
            // No certificate can be for such a name. Without an address the engine is told at once
            // that it cannot be reached, and nothing goes out in clear.
            Err(error) => {
                log::debug!("token server {}: {error}", dial.url.name());
                (Vec::new(), DialTls::Never)
            }
        };
        self.hub.dial(Dial {
            addresses,
            bind: None,
            connect_ms: CONNECT_MS,
            tls,
            engine: Box::new(TokenClient::new(dial)),
        });
    }
}

/// How long one address of an upstream server has to answer.
const UPSTREAM_CONNECT_MS: u64 = 15_000;

impl fmt::Debug for HubDialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubDialer").finish_non_exhaustive()
    }
}

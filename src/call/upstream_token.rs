//! The words between the service and the engine that asks a token server for the access token of
//! an account elsewhere (RFC 6749 section 6).
//!
//! The service decides when a token is asked for, and where the connection goes. The engine sends
//! one request and tells what came of it, as [`super::UpstreamWrite::Token`].

// A field that needs no more than its name has no line of its own.
#![allow(missing_docs)]

use core::net::SocketAddr;

use super::{RemoteUrl, Secret, UpstreamAccount};

/// A connection that is to be made to a token server, for one request.
#[derive(Clone, Debug)]
pub struct TokenDial {
    pub account: UpstreamAccount,
    /// The version of the account's settings that the secrets are of.
    pub version: u32,
    pub url: RemoteUrl,
    /// The addresses that were checked; no other is connected to.
    pub addresses: Vec<SocketAddr>,
    pub client_id: String,
    /// `None`: a public client (RFC 6749 section 2.1).
    pub client_secret: Option<Secret>,
    pub refresh_token: Secret,
    /// When its time began, monotonic milliseconds, and how much it has in all.
    pub began_ms: u64,
    pub limit_ms: u64,
}

/// Where a [`TokenDial`] goes. `serve` implements it with the hub of the net.
pub trait TokenDialer: core::fmt::Debug + Send + Sync {
    /// Makes a connection with an engine of the protocol. It must not wait. What came of it comes
    /// back as [`super::UpstreamWrite::Token`].
    fn dial(&self, dial: TokenDial);
}

/// What came of a request to a token server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TokenOutcome {
    Granted(TokenGrant),
    /// The server refuses for good (RFC 6749 section 5.2): only the owner of the account can help.
    /// In its words.
    Refused(String),
    /// There is no answer, or none that is of use now.
    Failed(String),
}

/// An access token (RFC 6749 section 5.1).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TokenGrant {
    pub access_token: Secret,
    /// How long it lives, seconds; some servers do not say it.
    pub expires_in_s: Option<u64>,
    /// The refresh token that is used from now on, where the server has changed it.
    pub refresh_token: Option<Secret>,
}

/// Octets of a token: those of large providers have up to 4,000.
pub const TOKEN_BYTES_MAX: usize = 8 * 1024;

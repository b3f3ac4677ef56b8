//! The client's side of TLS: the authorities that are trusted, and the name that a peer's
//! certificate must have.
//!
//! It moves no byte of the server (`pump` does); the command line has a blocking socket. A peer is
//! verified unless its caller says otherwise; opportunistic TLS (RFC 7435) encrypts without knowing
//! the peer.

use std::io::{self, Read, Write};
use std::net::{IpAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, UnbufferedClientConnection, WebPkiServerVerifier};
use rustls::crypto::ring as provider;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, SignatureScheme,
    StreamOwned,
};

use super::pump::{Broken, Side, Tls};
use crate::engine::{CertificateCheck, DialError};

/// The TLS settings of outgoing connections. One for the whole process; clones are not
/// needed, since every [`TlsPeer`] shares what is inside.
pub struct ClientTls {
    verified: Arc<ClientConfig>,
    unverified: Arc<ClientConfig>,
    verifier: Arc<WebPkiServerVerifier>,
}

/// What follows for a connection from a certificate that does not verify.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CertificateNeed {
    /// It is encrypted all the same, and the check says that the peer is not known (RFC 7435).
    Any,
    /// It ends in the handshake.
    Verified,
}

/// The peer of one outgoing connection, as TLS sees it.
#[derive(Clone, Debug)]
pub struct TlsPeer {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl ClientTls {
    /// Trusts Mozilla's authorities (webpki-roots), and those of the PEM file `ca` besides.
    pub fn new(ca: Option<&Path>) -> Result<Self, String> {
        let mut roots = RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        };
        if let Some(path) = ca {
            let fault = |error: &dyn core::fmt::Display| format!("{}: {error}", path.display());
            let mut found = false;
            for certificate in CertificateDer::pem_file_iter(path).map_err(|e| fault(&e))? {
                let certificate = certificate.map_err(|e| fault(&e))?;
                roots.add(certificate).map_err(|e| fault(&e))?;
                found = true;
            }
            if !found {
                return Err(fault(&"no certificate in it"));
            }
        }
        let builder = || {
            ClientConfig::builder_with_provider(Arc::new(provider::default_provider()))
                .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
                .map_err(|error| error.to_string())
        };
        let roots = Arc::new(roots);
        let provider = Arc::new(provider::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::clone(&roots), provider)
            .build()
            .map_err(|error| error.to_string())?;
        let verified = builder()?.with_root_certificates(roots);
        let unverified = builder()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyCertificate {
                algorithms: provider::default_provider().signature_verification_algorithms,
            }));
        let finish = |mut config: ClientConfig| {
            // rustls would keep tickets behind a lock, and workers take none for TLS.
            config.resumption = Resumption::disabled();
            Arc::new(config)
        };
        Ok(ClientTls {
            verified: finish(verified.with_no_client_auth()),
            unverified: finish(unverified.with_no_client_auth()),
            verifier,
        })
    }

    /// A peer whose certificate is verified for `name`; `check` has the result when the handshake
    /// is done. Where `name` is no host name, as some MX records have it, no certificate can be
    /// for it: `address` stands in its place, and the check does not pass.
    pub fn checked(
        &self,
        name: &str,
        address: IpAddr,
        need: CertificateNeed,
        check: Arc<CertificateCheck>,
    ) -> Result<TlsPeer, DialError> {
        let is_name = ServerName::try_from(name).is_ok();
        let name = match (is_name, need) {
            (false, CertificateNeed::Any) => ServerName::from(address),
            _ => peer(&self.unverified, name)?.name,
        };
        let mut config = ClientConfig::clone(&self.unverified);
        let verifier = CheckingVerifier {
            verifier: Arc::clone(&self.verifier),
            need,
            check: is_name.then_some(check),
        };
        config
            .dangerous()
            .set_certificate_verifier(Arc::new(verifier));
        Ok(TlsPeer {
            config: Arc::new(config),
            name,
        })
    }

    /// A peer whose certificate must be trusted and be for `name`: a host name or an address.
    pub fn verified(&self, name: &str) -> Result<TlsPeer, DialError> {
        peer(&self.verified, name)
    }

    /// A peer whose certificate may be anything. `name` is sent (SNI) and not compared.
    pub fn unverified(&self, name: &str) -> Result<TlsPeer, DialError> {
        peer(&self.unverified, name)
    }
}

impl TlsPeer {
    /// TLS with the peer over a blocking socket; the handshake is done. For the command line,
    /// which waits for one server and has no worker.
    pub fn over(self, mut socket: TcpStream) -> io::Result<impl Read + Write + Send> {
        let fault = |error: rustls::Error| io::Error::new(io::ErrorKind::InvalidData, error);
        let mut session = ClientConnection::new(self.config, self.name).map_err(fault)?;
        while session.is_handshaking() {
            session.complete_io(&mut socket)?;
        }
        Ok(StreamOwned::new(session, socket))
    }
}

fn peer(config: &Arc<ClientConfig>, name: &str) -> Result<TlsPeer, DialError> {
    let name = ServerName::try_from(name.to_owned())
        .map_err(|_| DialError::Tls(format!("{name:?} is no host name")))?;
    Ok(TlsPeer {
        config: Arc::clone(config),
        name,
    })
}

impl Tls {
    /// The client's end: has a ClientHello to send.
    pub fn connect(peer: TlsPeer) -> Result<Self, Broken> {
        let rustls = UnbufferedClientConnection::new(peer.config, peer.name)?;
        Ok(Tls::new(Side::Client(Box::new(rustls))))
    }
}

/// Verifies as the configuration for verified peers does, and records the result.
#[derive(Debug)]
struct CheckingVerifier {
    verifier: Arc<WebPkiServerVerifier>,
    need: CertificateNeed,
    /// `None` when the peer has no name that a certificate could be for.
    check: Option<Arc<CertificateCheck>>,
}

impl ServerCertVerifier for CheckingVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verified = self.verifier.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        match (verified, self.need) {
            (Ok(verified), _) => {
                if let Some(check) = &self.check {
                    check.pass();
                }
                Ok(verified)
            }
            (Err(error), CertificateNeed::Verified) => Err(error),
            (Err(error), CertificateNeed::Any) => {
                log::debug!("certificate of {server_name:?}: {error}");
                Ok(ServerCertVerified::assertion())
            }
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier
            .verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier
            .verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

/// Takes every certificate. The peer still has to own its key: signatures are verified.
#[derive(Debug)]
struct AnyCertificate {
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

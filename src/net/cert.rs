//! The server's certificate: found where the configuration says, or made in the data folder
//! with a CA of its own on first start and renewed before it ends.
//!
//! A client that trusts `tls/ca.pem` trusts every certificate that this server makes later.
//! Private keys are written with mode 0600 and a rename, so a crash leaves no half of one.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::client::verify_server_name;
use rustls::crypto::ring as provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::{ParsedCertificate, ProducesTickets};
use rustls::sign::CertifiedKey;
use yasna::tags::TAG_UTCTIME;
use yasna::{ASN1Result, BERReader, Tag};

use super::tls::{Tickets, TlsListeners};
use crate::config::UnknownSni;
use crate::dir::DirHandle;
use crate::mail::time::DAY_S;

/// Where the certificate is, and all that is needed to load it again.
pub struct Certified {
    /// The authority that clients have to trust; `None` when the certificate is the operator's own.
    pub ca: Option<PathBuf>,
    /// The folder of our own certificate; `None` when it is the operator's.
    own: Option<DirHandle>,
    chain: PathBuf,
    key: PathBuf,
    host: String,
    unknown: UnknownSni,
    tickets: Arc<Tickets>,
}

/// Finds or makes the certificate. `own` is chain and key of the configuration; without it
/// they are made in `folder` for `host` and the loopback names. `unknown` says how clients
/// are answered that ask for another name than the certificate's.
pub fn provide(
    folder: &Path,
    own: Option<(&Path, &Path)>,
    host: &str,
    unknown: UnknownSni,
    unix_ms: i64,
) -> Result<Certified, String> {
    let tickets = Arc::new(Tickets::new(unix_ms));
    if let Some((chain, key)) = own {
        return Ok(Certified {
            ca: None,
            own: None,
            chain: chain.into(),
            key: key.into(),
            host: host.into(),
            unknown,
            tickets,
        });
    }
    let dir = DirHandle::make(folder, None)
        .and_then(|(folder, _)| folder.make_folder("tls"))
        .map_err(|error| format!("{}: {error}", folder.join("tls").display()))?;
    let certified = Certified {
        ca: Some(dir.path().join(CA)),
        chain: dir.path().join(CHAIN),
        key: dir.path().join(KEY),
        own: Some(dir),
        host: host.into(),
        unknown,
        tickets,
    };
    certified.renew(unix_ms)?;
    Ok(certified)
}

impl Certified {
    /// Makes our own certificate again if it is missing, cannot be read, is for another host,
    /// ends soon or begins later. A certificate of the operator is left as it is. Gives whether it
    /// was made. The keys of tickets change too when it is their time.
    pub fn renew(&self, unix_ms: i64) -> Result<bool, String> {
        self.tickets.change(Instant::now(), unix_ms);
        let now = unix_ms.div_euclid(1000);
        let Some(folder) = &self.own else {
            return Ok(false);
        };
        if is_good(self, now) {
            return Ok(false);
        }
        make(folder, self, now.clamp(0, LAST_S)).map_err(|error| {
            format!(
                "cannot make a certificate in {}: {error}",
                folder.path().display()
            )
        })?;
        Ok(true)
    }

    /// Keeps the keys of session tickets in the data folder from now on, and goes on with those
    /// that are there.
    pub fn keep_tickets(&self, data: &DirHandle, unix_ms: i64) -> Result<(), String> {
        let folder = data
            .make_folder("tls")
            .map_err(|error| format!("{}: {error}", data.path().join("tls").display()))?;
        self.tickets.keep(folder, unix_ms);
        Ok(())
    }

    /// Reads the files and makes the configurations of all listeners. Called at the start
    /// and on SIGHUP; on an error the caller keeps the configurations that it has.
    pub fn load(&self) -> Result<TlsListeners, String> {
        let chain = self.read_chain(&self.chain)?;
        let key = PrivateKeyDer::from_pem_slice(&self.read(&self.key)?)
            .map_err(|error| format!("{}: {error}", self.key.display()))?;
        let provider = provider::default_provider();
        let certified = CertifiedKey::from_der(chain, key, &provider).map_err(|error| {
            let (chain, key) = (self.chain.display(), self.key.display());
            match error {
                rustls::Error::InconsistentKeys(_) => format!("{key}: not the key of {chain}"),
                error => format!("{chain}: {error}"),
            }
        })?;
        let tickets: Arc<dyn ProducesTickets> = self.tickets.clone();
        TlsListeners::new(Arc::new(certified), &self.host, self.unknown, &tickets)
            .map_err(|error| format!("{}: {error}", self.chain.display()))
    }

    /// Seconds until the certificate ends, negative when it has; `None` when its date
    /// cannot be read.
    pub fn remaining_s(&self, unix_ms: i64) -> Option<i64> {
        let chain = self.read_chain(&self.chain).ok()?;
        let (_, end) = validity(chain.first()?)?;
        Some(end.saturating_sub(unix_ms.div_euclid(1000)))
    }

    /// The octets of a file. One in the data folder is no link; one of the operator may be.
    fn read(&self, path: &Path) -> Result<Vec<u8>, String> {
        let name = path.file_name().and_then(|name| name.to_str());
        let read = match (&self.own, name) {
            (Some(folder), Some(name)) => folder.read(name, FILE_BYTES_MAX),
            _ => fs::read(path),
        };
        read.map_err(|error| format!("{}: {error}", path.display()))
    }

    fn read_chain(&self, path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
        let fault = |error: rustls::pki_types::pem::Error| format!("{}: {error}", path.display());
        let octets = self.read(path)?;
        let chain: Vec<_> = CertificateDer::pem_slice_iter(&octets)
            .collect::<Result<_, _>>()
            .map_err(fault)?;
        if chain.is_empty() {
            return Err(format!("{}: no certificate in it", path.display()));
        }
        Ok(chain)
    }
}

/// Whether the files in the folder can be used for the host for some time yet.
fn is_good(certified: &Certified, now: i64) -> bool {
    let host = &certified.host;
    let Some(ca) = &certified.ca else {
        return true;
    };
    let Ok(chain) = certified.read_chain(&certified.chain) else {
        return false;
    };
    let Some(leaf) = chain.first() else {
        return false;
    };
    let is_now = validity(leaf).is_some_and(|(begin, end)| {
        begin <= now.max(0) && (end.saturating_sub(now) > RENEW_S || now > LAST_S)
    });
    is_for(leaf, host) && is_now && certified.read_chain(ca).is_ok() && certified.load().is_ok()
}

fn make(folder: &DirHandle, certified: &Certified, now: i64) -> Result<(), String> {
    let host = certified.host.as_str();
    let kept = kept_authority(folder, certified, now)?;
    let fault = |error: rcgen::Error| error.to_string();
    let ca = authority(now)?;
    let ca_key = match kept {
        Some(key) => key,
        None => {
            let key = KeyPair::generate().map_err(fault)?;
            let pem = ca.self_signed(&key).map_err(fault)?.pem();
            write(folder, CA_KEY, &key.serialize_pem())?;
            write(folder, CA, &pem)?;
            key
        }
    };
    let mut names = vec!["localhost".to_owned()];
    if host != "localhost" {
        names.push(host.to_owned());
    }
    names.extend(["127.0.0.1".to_owned(), "::1".to_owned()]);
    let mut leaf = CertificateParams::new(names).map_err(fault)?;
    leaf.distinguished_name = named(host);
    let epoch = date_time_ymd(1970, 1, 1);
    leaf.not_before = epoch + since(now - SKEW_S);
    leaf.not_after = epoch + since((now + LEAF_S).min(YEAR_9999_END_S));
    leaf.use_authority_key_identifier_extension = true;
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate().map_err(fault)?;
    // The same name and key as the CA on disk, so nothing has to be read back from it.
    let issuer = Issuer::new(ca, ca_key);
    let signed = leaf.signed_by(&key, &issuer).map_err(fault)?;
    write(folder, KEY, &key.serialize_pem())?;
    write(folder, CHAIN, &signed.pem())
}

/// The key of the authority that holds now: the one of last time, or one from before the clock was
/// set to other years. Clients trust it, so one that does not hold now is set aside and not
/// replaced: the clock may come back. Errors: a file cannot be renamed.
fn kept_authority(
    folder: &DirHandle,
    certified: &Certified,
    now: i64,
) -> Result<Option<KeyPair>, String> {
    let key_of = |name: &str| KeyPair::from_pem(&folder.read_text(name).ok()?).ok();
    let years_of = |name: &str| {
        let chain = certified.read_chain(&folder.path().join(name)).ok()?;
        validity(chain.first()?)
    };
    let holds = |(begin, end): (i64, i64)| begin <= now && end.saturating_sub(now) > LEAF_S;
    let current = years_of(CA).filter(|_| key_of(CA_KEY).is_some());
    if current.is_some_and(holds) {
        return Ok(key_of(CA_KEY));
    }
    let rename = |old: &str, new: &str| {
        folder
            .remove(new)
            .and_then(|_| folder.take_in(folder, old, new))
            .map_err(|error| format!("{new}: {error}"))
    };
    let names = folder.names().map_err(|error| error.to_string())?;
    let mut aside: Vec<i64> = (names.iter())
        .filter_map(|name| name.to_str()?.strip_prefix("ca-")?.strip_suffix(".pem"))
        .filter_map(|begin| begin.parse().ok())
        .collect();
    aside.sort_unstable();
    if let Some((begin, _)) = current
        && aside.len() < ASIDE_MAX
    {
        rename(CA, &format!("ca-{begin}.pem"))?;
        rename(CA_KEY, &format!("ca-key-{begin}.pem"))?;
    }
    let of = |begin: i64| (format!("ca-{begin}.pem"), format!("ca-key-{begin}.pem"));
    let found = (aside.into_iter().map(of))
        .find(|(ca, key)| years_of(ca).is_some_and(holds) && key_of(key).is_some());
    let Some((ca, key)) = found else {
        return Ok(None);
    };
    rename(&ca, CA)?;
    rename(&key, CA_KEY)?;
    Ok(key_of(CA_KEY))
}

fn authority(now: i64) -> Result<CertificateParams, String> {
    let mut ca = CertificateParams::new(Vec::new()).map_err(|error| error.to_string())?;
    ca.distinguished_name = named("Postern local CA");
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let epoch = date_time_ymd(1970, 1, 1);
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    ca.not_before = epoch + since(now - SKEW_S);
    ca.not_after = epoch + since((now + CA_S).min(YEAR_9999_END_S));
    Ok(ca)
}

fn named(name: &str) -> DistinguishedName {
    let mut dn = DistinguishedName::new();
    // RFC 5280 bounds a common name at 64 characters.
    dn.push(
        DnType::CommonName,
        name.chars().take(64).collect::<String>(),
    );
    dn
}

/// Time since 1970-01-01.
fn since(unix_s: i64) -> Duration {
    Duration::from_secs(u64::try_from(unix_s).unwrap_or(0))
}

/// Whole or not at all, and never readable by others.
fn write(folder: &DirHandle, name: &str, text: &str) -> Result<(), String> {
    folder
        .write(name, text.as_bytes())
        .map_err(|error| format!("{name}: {error}"))
}

/// `notBefore` and `notAfter` of a certificate in unix seconds (RFC 5280 section 4.1).
fn validity(certificate: &[u8]) -> Option<(i64, i64)> {
    let years = yasna::parse_der(certificate, |reader| {
        reader.read_sequence(|certificate| {
            let years = certificate.next().read_sequence(|signed| {
                let version = Tag::context(0);
                signed.read_optional(|reader| reader.read_tagged(version, |v| v.read_der()))?;
                // Serial number, algorithm, issuer.
                for _ in 0..3 {
                    signed.next().read_der()?;
                }
                let years = signed.next().read_sequence(|validity| {
                    Ok((read_time(validity.next())?, read_time(validity.next())?))
                })?;
                while signed.read_optional(|reader| reader.read_der())?.is_some() {}
                Ok(years)
            })?;
            // Algorithm, signature.
            certificate.next().read_der()?;
            certificate.next().read_der()?;
            Ok(years)
        })
    });
    years.ok()
}

/// UTCTime until 2049, GeneralizedTime from then on (RFC 5280 section 4.1.2.5).
fn read_time(reader: BERReader<'_, '_>) -> ASN1Result<i64> {
    match reader.lookahead_tag()? {
        TAG_UTCTIME => Ok(reader.read_utctime()?.datetime().unix_timestamp()),
        _ => Ok(reader.read_generalized_time()?.datetime().unix_timestamp()),
    }
}

/// Whether a certificate is for `host`, as a client would see it.
fn is_for(certificate: &CertificateDer<'_>, host: &str) -> bool {
    let (Ok(parsed), Ok(name)) = (
        ParsedCertificate::try_from(certificate),
        ServerName::try_from(host),
    ) else {
        return false;
    };
    verify_server_name(&parsed, &name).is_ok()
}

const CA: &str = "ca.pem";
const CA_KEY: &str = "ca-key.pem";
const CHAIN: &str = "cert.pem";
const KEY: &str = "key.pem";
/// A chain is some kilobytes.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// Apple's clients refuse server certificates that last longer than 825 days.
const LEAF_S: i64 = 397 * DAY_S;
const CA_S: i64 = 3650 * DAY_S;
/// A month before its end a certificate is made anew at the next start.
const RENEW_S: i64 = 30 * DAY_S;
/// The last second that a date of a certificate can name (RFC 5280 section 4.1.2.5.2).
const YEAR_9999_END_S: i64 = 253_402_300_799;
/// A clock behind this is taken for this, so that what is made then has an end.
const LAST_S: i64 = YEAR_9999_END_S - CA_S;
/// Authorities that are set aside. The first is the one that clients know.
const ASIDE_MAX: usize = 16;
/// For clients whose clock is slow.
const SKEW_S: i64 = DAY_S;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn folder(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("postern-cert-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        path
    }

    fn made(folder: &Path, host: &str, unix_ms: i64) -> Result<Certified, String> {
        provide(folder, None, host, UnknownSni::Refuse, unix_ms)
    }

    #[test]
    fn made_once_renewed_in_time_and_for_a_new_name() {
        let folder = folder("renew");
        let now = 1_800_000_000_000;
        let at = |host: &str, days: i64| {
            let certified = made(&folder, host, now + days * DAY_S * 1000).unwrap();
            certified.load().map(|_| ()).unwrap();
            assert!(certified.remaining_s(now).unwrap() > 0);
            (
                fs::read(certified.ca.unwrap()).unwrap(),
                fs::read(certified.chain).unwrap(),
            )
        };
        let first = at("a.test", 0);
        assert_eq!(first, at("a.test", 300));
        let renewed = at("a.test", 380);
        assert!(renewed.0 == first.0 && renewed.1 != first.1);
        let other = at("b.test", 380);
        assert!(other.0 == first.0 && other.1 != renewed.1);
        // The CA is replaced while it still outlasts what it signs.
        assert!(at("b.test", 3400).0 != first.0);
        let mode = |name: &str| {
            let file = folder.join("tls").join(name);
            fs::metadata(file).unwrap().permissions().mode() & 0o777
        };
        assert_eq!((mode("key.pem"), mode("ca-key.pem")), (0o600, 0o600));
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_clock_that_leaps_and_comes_back_keeps_the_authority() {
        let folder = folder("leaps");
        let at = |unix_s: i64| {
            let certified = made(&folder, "a.test", unix_s.saturating_mul(1000)).unwrap();
            certified.load().map(|_| ()).unwrap();
            let chain = certified.read_chain(&certified.chain).unwrap();
            let (begin, end) = validity(&chain[0]).unwrap();
            assert!(begin <= unix_s.max(0) && end <= YEAR_9999_END_S, "{unix_s}");
            assert!(end > unix_s || unix_s > LAST_S, "{unix_s}");
            fs::read(certified.ca.unwrap()).unwrap()
        };
        let now = 1_800_000_000;
        let first = at(now);
        // The years 2107, 2554, 9999 and later, 1970, and before.
        for leap in [
            4_323_000_000,
            18_440_000_000,
            253_402_300_000,
            253_500_000_000,
            i64::MAX / 1000,
            0,
            -5,
        ] {
            at(leap);
            assert_eq!(at(now), first, "{leap}");
        }
        // Several leaps in a row, and home.
        for leap in [0, 4_323_000_000, 0, 18_440_000_000, 4_323_000_000] {
            at(leap);
        }
        assert_eq!(at(now), first);
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_broken_file_is_made_anew_and_an_own_one_is_not() {
        let folder = folder("broken");
        let certified = made(&folder, "a.test", 1_800_000_000_000).unwrap();
        fs::write(&certified.chain, "nonsense").unwrap();
        assert!(certified.load().is_err());
        let own = provide(
            &folder,
            Some((&certified.chain, &certified.key)),
            "a.test",
            UnknownSni::Refuse,
            0,
        )
        .unwrap();
        assert!(own.load().is_err());
        // The certificate of one, the key of another.
        let other = provide(
            &folder,
            Some((&folder.join("tls/ca.pem"), &certified.key)),
            "a.test",
            UnknownSni::Refuse,
            0,
        );
        let said = other.unwrap().load().map(|_| ()).unwrap_err();
        assert!(said.contains("key.pem: not the key of"), "{said}");
        made(&folder, "a.test", 1_800_000_000_000)
            .unwrap()
            .load()
            .map(|_| ())
            .unwrap();
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn the_end_of_a_certificate_is_read() {
        // In the years of UTCTime and in those of GeneralizedTime.
        for (year, unix_s) in [(2049, 2_493_072_000), (2050, 2_524_608_000)] {
            let mut params = CertificateParams::new(vec!["a.test".to_owned()]).unwrap();
            params.not_after = date_time_ymd(year, 1, 1);
            let key = KeyPair::generate().unwrap();
            let made = params.self_signed(&key).unwrap();
            assert_eq!(validity(made.der()).map(|(_, end)| end), Some(unix_s));
            assert!(is_for(made.der(), "a.test") && !is_for(made.der(), "b.test"));
            // Cut anywhere, it has no end and no panic.
            for n in 0..made.der().len() {
                assert_eq!(validity(&made.der()[..n]), None);
            }
        }
        assert_eq!(validity(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]), None);
    }
}

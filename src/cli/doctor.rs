//! `postern doctor`: what stands between this server and the mail of others, each with a sentence
//! to act on. It asks the running server for its domains, and tries the rest from this machine,
//! with the name servers and the way out of the server's own configuration.
//!
//! A finding is `wrong` when mail or clients suffer from it, and `advice` otherwise. With a wrong
//! one the exit code is 1.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::api::{self, Api};
use super::resolve::resolve;
use super::{Cli, CliError, show};
use crate::call::{DnsAnswer, Question, RecordType, Records};
use crate::config::{Config, LAST_CONFIG_FILE, SEALING_FILE, ServeFlags};
use crate::net::ClientTls;

/// One finding.
struct Advice {
    /// What was looked at.
    about: String,
    is_wrong: bool,
    /// What was found, and what to do.
    text: String,
}

#[derive(Default)]
struct DoctorReport {
    /// The name servers that are asked; none are those of the machine.
    resolvers: Vec<SocketAddr>,
    looked_at: Vec<String>,
    findings: Vec<Advice>,
}

impl DoctorReport {
    fn look(&mut self, about: impl Into<String>) {
        self.looked_at.push(about.into());
    }

    /// The answer of the DNS; a name that is none has no records.
    fn ask(&self, name: &str, kind: RecordType) -> Option<Records> {
        let question = Question::new(name, kind)?;
        self.answer(&question).ok()
    }

    fn answer(&self, question: &Question) -> DnsAnswer {
        resolve(question, &self.resolvers)
    }

    /// The addresses of a host, by its name or its text.
    fn addresses_of(&self, host: &str) -> Vec<IpAddr> {
        if let Ok(address) = host.parse() {
            return vec![address];
        }
        let mut all = Vec::new();
        if let Some(Records::A(found)) = self.ask(host, RecordType::A) {
            all.extend(found.into_iter().map(IpAddr::V4));
        }
        if let Some(Records::Aaaa(found)) = self.ask(host, RecordType::Aaaa) {
            all.extend(found.into_iter().map(IpAddr::V6));
        }
        all
    }

    fn wrong(&mut self, about: impl Into<String>, text: impl Into<String>) {
        let (about, text) = (about.into(), text.into());
        self.findings.push(Advice {
            about,
            is_wrong: true,
            text,
        });
    }

    fn advise(&mut self, about: impl Into<String>, text: impl Into<String>) {
        let (about, text) = (about.into(), text.into());
        self.findings.push(Advice {
            about,
            is_wrong: false,
            text,
        });
    }
}

/// Carries out `postern doctor`.
pub fn doctor(cli: &Cli) -> Result<ExitCode, CliError> {
    let mut report = DoctorReport::default();
    let config = config(cli, &mut report);
    if let Some(config) = &config {
        report.resolvers.clone_from(&config.resolvers);
    }
    let host = match domains(cli, &mut report) {
        Ok(host) => host,
        Err(CliError::Own(why)) => {
            let text = format!("The server does not answer: {why}. Start it, then try again.");
            report.wrong("server", text);
            None
        }
        Err(error) => return Err(error),
    };
    match host.as_deref() {
        None => {}
        Some("localhost") => report.wrong(
            "hostname",
            "The server has no name that others could find: set `hostname` in the configuration to \
             a name whose A record is the address of this machine.",
        ),
        Some(host) => {
            let addresses = addresses(&mut report, host);
            if !addresses.is_empty() {
                ports(cli, &mut report, host, &addresses);
            }
        }
    }
    way_out(&mut report, config.as_ref());
    disk(cli, &mut report);
    clock(&mut report);
    Ok(show_report(cli, &report))
}

/// The configuration that the server was started with. A server elsewhere keeps its own; so this
/// machine's defaults count for it, as for a server without a file.
fn config(cli: &Cli, report: &mut DoctorReport) -> Option<Config> {
    let path = cli.data().join(LAST_CONFIG_FILE);
    if !std::fs::exists(&path).unwrap_or(false) {
        return None;
    }
    report.look("configuration");
    let flags = ServeFlags {
        config: Some(path),
        ..ServeFlags::default()
    };
    match Config::load(&flags, Some(cli.data()), false) {
        Ok(config) => Some(config),
        Err(why) => {
            let text = format!("{why}. The server does not start with it again: correct it.");
            report.wrong("configuration", text);
            None
        }
    }
}

fn show_report(cli: &Cli, report: &DoctorReport) -> ExitCode {
    let is_wrong = report.findings.iter().any(|finding| finding.is_wrong);
    if cli.json {
        let findings = report.findings.iter().map(|finding| {
            let level = if finding.is_wrong { "wrong" } else { "advice" };
            json!({"about": finding.about, "level": level, "fix": finding.text})
        });
        show::line(json!({
            "ok": !is_wrong,
            "looked_at": report.looked_at,
            "findings": findings.collect::<Vec<Value>>(),
        }));
    } else {
        for finding in &report.findings {
            let level = if finding.is_wrong { "WRONG " } else { "advice" };
            let (about, text) = (&finding.about, &finding.text);
            show::line(show::one_line(&format!("{level}  {about}: {text}")));
        }
        if !is_wrong {
            show::line(format!(
                "Nothing is wrong ({} checks).",
                report.looked_at.len()
            ));
        }
    }
    match is_wrong {
        true => ExitCode::FAILURE,
        false => ExitCode::SUCCESS,
    }
}

/// The records of each domain, by the server itself. Gives the name of the server.
fn domains(cli: &Cli, report: &mut DoctorReport) -> Result<Option<String>, CliError> {
    let mut api = Api::in_org(cli)?;
    let is_served = api.is_served();
    if !is_served {
        report.wrong(
            "server",
            "No server runs on this folder, so nobody takes or sends mail, and the records of the \
             domains were not checked. Start it with `postern serve`, then try again.",
        );
    }
    let list = api.get("/api/v1/domains")?.json();
    let mut host = None;
    for domain in list["data"].as_array().into_iter().flatten() {
        let (id, name) = (show::text(&domain["id"]), show::text(&domain["name"]));
        let is_local = name == "localhost" || name.ends_with(".localhost");
        report.look(format!("domain {name}"));
        let path = format!("/api/v1/domains/{}/verify", api::escape(&id));
        // No DNS has a name below localhost (RFC 6761 section 6.3).
        let is_asked = is_served && !is_local;
        let checked = match is_asked {
            true => api.act(&path)?.json(),
            false => domain.clone(),
        };
        if is_local {
            report.wrong(
                format!("domain {name}"),
                "The shared domain cannot be reached from outside: set `domain` in the \
                 configuration to one of your own.",
            );
        }
        for record in checked["records"].as_array().into_iter().flatten() {
            let (purpose, value) = (show::text(&record["purpose"]), show::text(&record["value"]));
            if purpose == "mx" {
                host = value.split_once(' ').map(|(_, host)| host.to_owned());
            }
            let status = show::text(&record["status"]);
            if !is_asked || status == "ok" {
                continue;
            }
            let about = format!("{} {} of {name}", purpose, show::text(&record["type"]));
            let at = show::text(&record["name"]);
            let fix = show::text(&record["fix"]);
            let shown = match value.len() > VALUE_MAX {
                true => format!("`postern domain records {name}` has the value."),
                false => format!("Value: {value}"),
            };
            let text = format!("{status} at {at}. {fix} {shown}");
            match purpose.as_str() {
                "autoconfig" | "mta_sts" | "tls_rpt" => report.advise(about, text),
                _ => report.wrong(about, text),
            }
        }
    }
    own_numbers(cli, &mut api, report)?;
    Ok(host)
}

/// What the server says of itself: when its certificate ends, and secrets that do not open.
fn own_numbers(cli: &Cli, api: &mut Api, report: &mut DoctorReport) -> Result<(), CliError> {
    let metrics = api.get("/metrics")?;
    let text = String::from_utf8_lossy(&metrics.octets).into_owned();
    let number = |name: &str| {
        let mut lines = text.lines();
        let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.and_then(|value| value.trim().parse::<u64>().ok())
    };
    report.look("certificate");
    if let Some(end) = number("postern_certificate_ends_seconds").filter(|end| *end > 0) {
        let left = end.saturating_sub(now_s()) / 86_400;
        if left < CERTIFICATE_DAYS {
            report.wrong(
                "certificate",
                format!(
                    "It ends in {left} days: renew it and send the server SIGHUP. Other servers \
                     and clients will not connect after that."
                ),
            );
        }
    }
    report.look("secrets");
    let lost = number("postern_secrets_lost").unwrap_or(0);
    if lost > 0 {
        let key = cli.data().join(SEALING_FILE);
        let text = format!(
            "{lost} do not open with {}: stop the server and put the file back that was there, or \
             give the passwords of mailboxes elsewhere again (`postern inbox update`).",
            key.display()
        );
        report.wrong("secrets", text);
    }
    Ok(())
}

/// Whether the ports can be reached by the name of the server, and TLS with it.
fn ports(cli: &Cli, report: &mut DoctorReport, host: &str, addresses: &[IpAddr]) {
    for (port, key, what, is_tls) in [
        (25, "mx", "Other servers deliver mail there", false),
        (465, "submissions", "Clients send mail there", true),
        (587, "submission", "Clients send mail there", false),
        (993, "imaps", "Clients read mail there", true),
        (443, "https", "The API is there", true),
    ] {
        let about = format!("port {port}");
        report.look(about.clone());
        let stream = match connect(addresses, port) {
            Ok(stream) => stream,
            Err(why) => {
                let text = format!(
                    "{host}:{port} cannot be reached from here: {why}. {what}: set listen.{key} = \
                     \"0.0.0.0:{port}\", and let it through the firewall."
                );
                match port {
                    25 | 465 => report.wrong(about, text),
                    _ => report.advise(about, text),
                }
                continue;
            }
        };
        if is_tls {
            let peer = ClientTls::new(cli.ca.as_deref())
                .and_then(|tls| tls.verified(host).map_err(|error| format!("{error:?}")));
            let secured = peer.and_then(|peer| match peer.over(stream) {
                Ok(_) => Ok(()),
                Err(error) => Err(error.to_string()),
            });
            if let Err(why) = secured {
                report.wrong(
                    about,
                    format!(
                        "The certificate is not accepted for {host}: {why}. Set tls.certificate \
                         and tls.key to one that public authorities have signed for this name."
                    ),
                );
            }
        }
    }
}

/// A connection to the first address that takes one, or why the last one did not.
fn connect(addresses: &[IpAddr], port: u16) -> Result<TcpStream, String> {
    let mut why = "it has no address".to_owned();
    for address in addresses.iter().take(ADDRESSES_MAX) {
        match TcpStream::connect_timeout(&SocketAddr::new(*address, port), CONNECT) {
            Ok(stream) => {
                let _ = stream.set_read_timeout(Some(CONNECT));
                return Ok(stream);
            }
            Err(error) => why = error.to_string(),
        }
    }
    Err(why)
}

/// Whether mail can leave: to the smarthost, or to the servers of large receivers. Many providers
/// of machines let no connection to port 25 out.
fn way_out(report: &mut DoctorReport, config: Option<&Config>) {
    report.look("way out");
    let settings = config.map(|config| &config.outbound.settings);
    if let Some(smarthost) = settings.and_then(|settings| settings.smarthost.as_ref()) {
        let (host, port) = (&smarthost.host, smarthost.port);
        if let Err(why) = connect(&report.addresses_of(host), port) {
            let text = format!(
                "The smarthost {host}:{port} cannot be reached: {why}. Mail to other servers \
                 waits. Check outbound.smarthost, and that the firewall lets it out."
            );
            report.wrong("way out", text);
        }
        return;
    }
    let port = settings.map_or(25, |settings| settings.port);
    let mut tried = Vec::new();
    for domain in RECEIVERS {
        let hosts = match report.ask(domain, RecordType::Mx) {
            Some(Records::Mx(mut hosts)) => {
                hosts.sort_by_key(|mx| mx.preference);
                hosts
            }
            _ => Vec::new(),
        };
        let first = hosts.first().map(|mx| report.addresses_of(&mx.exchange));
        match connect(&first.unwrap_or_default(), port) {
            Ok(_) => return,
            Err(why) => tried.push(format!("{domain}: {why}")),
        }
    }
    let text = format!(
        "No server of a large receiver can be reached on port {port} from here ({}). Many \
         providers close this port: ask yours to open it, or set outbound.smarthost. If the names \
         have no address, check dns.resolvers.",
        tried.join("; ")
    );
    report.wrong("way out", text);
}

/// The addresses of the server: their names, and the lists of those that others refuse.
fn addresses(report: &mut DoctorReport, host: &str) -> Vec<IpAddr> {
    report.look("addresses");
    let all = report.addresses_of(host);
    if all.is_empty() {
        report.wrong(
            "addresses",
            format!("{host} has no address: publish an A record with the address of this machine."),
        );
    }
    for &address in all.iter().take(ADDRESSES_MAX) {
        report.look(format!("PTR of {address}"));
        let names = match report.answer(&Question::of_address(address)) {
            Ok(Records::Ptr(names)) => names,
            _ => Vec::new(),
        };
        if !names.iter().any(|name| name == host) {
            let found = match names.first() {
                None => "none".to_owned(),
                Some(name) => name.clone(),
            };
            report.wrong(
                format!("PTR of {address}"),
                format!(
                    "Its name is {found}, and other servers want {host}: ask the owner of the \
                     address, usually your provider, to set it."
                ),
            );
        }
        if let IpAddr::V4(v4) = address {
            blocklists(report, v4);
        }
    }
    all
}

fn blocklists(report: &mut DoctorReport, address: Ipv4Addr) {
    let [a, b, c, d] = address.octets();
    for (list, page) in BLOCKLISTS {
        report.look(format!("{list} of {address}"));
        let name = format!("{d}.{c}.{b}.{a}.{list}");
        let Some(Records::A(found)) = report.ask(&name, RecordType::A) else {
            continue;
        };
        // An answer above 127.254 says that this name server may not ask the list.
        let is_listed = |ip: &Ipv4Addr| ip.octets()[0] == 127 && ip.octets()[1] < 254;
        if found.iter().any(is_listed) {
            report.wrong(
                format!("{list} of {address}"),
                format!("The address is on this list, and mail from it is refused: see {page}."),
            );
        }
    }
}

/// The free space beside the data folder.
fn disk(cli: &Cli, report: &mut DoctorReport) {
    report.look("disk");
    let data = cli.data();
    match rustix::fs::statvfs(data) {
        Ok(found) => {
            let free = found.f_bavail.saturating_mul(found.f_frsize);
            if free < DISK_MIN {
                report.wrong(
                    "disk",
                    format!(
                        "{} MiB are free in {}: make room, or the server takes no more mail.",
                        free >> 20,
                        data.display()
                    ),
                );
            }
        }
        Err(error) => {
            let text = format!("{}: {error}: give the folder with --data.", data.display());
            report.advise("disk", text);
        }
    }
}

/// Whether the clock is set, as far as this machine knows.
fn clock(report: &mut DoctorReport) {
    report.look("clock");
    let (folder, mark) = (
        "/run/systemd/timesync",
        "/run/systemd/timesync/synchronized",
    );
    let is_unset =
        std::fs::exists(folder).unwrap_or(false) && !std::fs::exists(mark).unwrap_or(true);
    if now_s() < CLOCK_MIN_S {
        report.wrong(
            "clock",
            "The clock is years behind: set it, for instance with NTP.",
        );
    } else if is_unset {
        report.advise(
            "clock",
            "The clock has not been set from the network since the machine started: check \
             `timedatectl`, because dates in mail and the ends of certificates depend on it.",
        );
    }
}

fn now_s() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| now.as_secs())
}

/// A longer value of a record is left to the list of records.
const VALUE_MAX: usize = 100;
const CONNECT: Duration = Duration::from_secs(5);
const CERTIFICATE_DAYS: u64 = 14;
/// Addresses of the server that are looked at.
const ADDRESSES_MAX: usize = 4;
/// Less than a day of mail of a small server.
const DISK_MIN: u64 = 1 << 30;
/// 2026-01-01: no release of this program is older.
const CLOCK_MIN_S: u64 = 1_767_225_600;
/// Domains whose servers always listen.
const RECEIVERS: &[&str] = &["gmail.com", "outlook.com"];
/// Lists that large receivers use, each with the page where an address is taken off.
const BLOCKLISTS: &[(&str, &str)] = &[
    ("zen.spamhaus.org", "https://check.spamhaus.org"),
    ("bl.spamcop.net", "https://www.spamcop.net/bl.shtml"),
    (
        "b.barracudacentral.org",
        "https://www.barracudacentral.org/rbl",
    ),
];

//! A transcript may play another server, and the queue that sends to it: the session is then the
//! engine of an outgoing connection, `R> text` is said by the other server, and `R< text` is what
//! the engine says to it.
//!
//! | Line | Meaning |
//! |---|---|
//! | `dial R [tls=never\|opportunistic\|required\|verified\|implicit] [login=USER:PASSWORD]` | a |
//! | | connection; `token=USER:TOKEN`: an access token in place of a password; |
//! | | `certificate=verified\|unverified\|fails`: what TLS would say; `waits`: it is |
//! | | not there yet; `holds`: the queue lets it wait when nothing is due; `address=ADDRESS` |
//! | `dial R upstream=INBOX [starttls]` | a connection to the server of an account elsewhere |
//! | `accounts` | the product makes the connections of accounts itself; before all else |
//! | `dials R HOST ADDRESS imap\|token [refuses]` | it wants one, to the IMAP server or the token |
//! | | server of an account: the one that was wanted first. It is there at once, or refuses |
//! | `webhooks [http] [private]` | the product sends to webhooks; before all else |
//! | `dials R HOST ADDRESS… hook [refuses\|untrusted]` | it wants a connection to an endpoint, at |
//! | | these addresses. It is there at once, or refuses, or its certificate is not trusted |
//! | `webhooks dialled N` | so many connections to endpoints it has wanted |
//! | `mail R FROM TO [8bit] [utf8] [times=N] octets` | a transaction is due; the rest of the |
//! | | line is the message, N times; `<>` is no sender; `notify=N`, `orcpt=A`, `ret=full\|hdrs` |
//! | | and `envid=X` are its parameters |
//! | `R connects`, `R refuses`, `R times out`, `R is lost` | the connection is there, or not |
//! | `R ends` | the queue has nothing more for a connection that it holds |
//! | `R reports OUTCOME TLS CODE ENHANCED text` | what the engine says became of a message |
//! | `R loses STAGE TLS why [message]` | what the engine says of a connection that has ended |
//!
//! With the line `queue` the queue of the product sends, and not the transcript:
//!
//! | Line | Meaning |
//! |---|---|
//! | `queue [private] [required] [smarthost=HOST] [expire=TIME]` | mail leaves; before all else |
//! | `dials R HOST ADDRESS TLS` | the queue wants a connection: the one that was wanted first and |
//! | | that no line has named. It waits for `R connects`, `R refuses` or `R times out` |
//! | `R is verified`, `R fails TLS` | what TLS will say of the other server |
//! | `host ADDRESS refuses\|is silent\|resets\|greets TEXT` | it plays itself |
//! | `host ADDRESS serves [STAGE TEXT]` | at `mail`, `rcpt`, `data` or `end` of mail it |
//! | | says TEXT in place of 250; TEXT may be `is lost`, or `takes and is lost` |
//! | `host ADDRESS is played` | it plays itself no more |
//! | `host ADDRESS took N` | so many messages it has taken |
//! | `queue dialled N` | so many connections the queue has wanted |

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use postern::testing::call::{
    InboxId, InboxPath, LostWhy, OutboundDial, OutboundLease, OutboundLogin, OutboundSettings,
    OutboundTimeouts, OutboundTlsNeed, OutboundTlsPolicy, OutboundTransaction, RemoteReply,
    RouteId, Secret, Smarthost, SmarthostTls, UpstreamAccount, UpstreamDial, UpstreamLogin,
    UpstreamTls, WebhookSettings,
};
use postern::testing::engine::DialError;

use super::{Fault, World, millis, unescape};
use crate::rig::Told;
use crate::rig::queue::{Answer, Manner, Stage};
use crate::rig::upstream::AccountDial;

/// The settings of the line `queue`, if there is one.
pub(super) fn queue(lines: &[&str]) -> Result<Option<OutboundSettings>, Fault> {
    let line = lines.iter().find(|line| {
        let words: Vec<&str> = line.split(' ').collect();
        words[0] == "queue" && words.get(1) != Some(&"dialled")
    });
    let Some(line) = line else { return Ok(None) };
    let mut settings = OutboundSettings::default();
    for word in line.split(' ').skip(1) {
        match word.split_once('=').unwrap_or((word, "")) {
            ("private", "") => settings.allow_private = true,
            ("required", "") => settings.tls = OutboundTlsNeed::Required,
            ("expire", time) => settings.expire_ms = millis(time)?,
            ("smarthost", host) => {
                settings.smarthost = Some(Smarthost {
                    host: host.to_owned(),
                    port: 587,
                    tls: SmarthostTls::StartTls,
                    login: None,
                });
            }
            _ => return Err(format!("not of a queue: {word}")),
        }
    }
    Ok(Some(settings))
}

/// The settings of the line `webhooks`, if there is one.
pub(super) fn webhooks(lines: &[&str]) -> Result<Option<WebhookSettings>, Fault> {
    let line = lines.iter().find(|line| {
        let words: Vec<&str> = line.split(' ').collect();
        words[0] == "webhooks" && words.get(1) != Some(&"dialled")
    });
    let Some(line) = line else { return Ok(None) };
    let mut settings = WebhookSettings::default();
    let rules = &mut settings.rules;
    rules.own_names = vec!["mx.test".to_owned()];
    for word in line.split(' ').skip(1) {
        match word {
            "http" => rules.allow_http = true,
            "private" => rules.allow_private = true,
            _ => return Err(format!("not of webhooks: {word}")),
        }
    }
    Ok(Some(settings))
}

impl World {
    /// `dials R HOST ADDRESS TLS`
    pub(super) fn dials(&mut self, words: &[&str]) -> Result<(), Fault> {
        if let [name, wanted @ .., kind @ ("imap" | "token")] = words {
            return self.account_dials(name, &[wanted, &[kind]].concat().join(" "), None);
        }
        if let [name, wanted @ .., "hook"] = words {
            return self.hook_dials(name, &wanted.join(" "), None);
        }
        if let [name, wanted @ .., "hook", fails] = words {
            let error = match *fails {
                "refuses" => DialError::Refused,
                "untrusted" => DialError::CertificateNotTrusted("UnknownIssuer".into()),
                _ => return Err("refuses or untrusted".into()),
            };
            return self.hook_dials(name, &wanted.join(" "), Some(error));
        }
        if let [name, wanted @ .., "refuses"] = words {
            return self.account_dials(name, &wanted.join(" "), Some(DialError::Refused));
        }
        let [name, host, address, tls] = words else {
            return Err("dials R HOST ADDRESS TLS".into());
        };
        let queue = self.rig.queue.as_mut().ok_or("no line `queue`")?;
        let (id, dial) = queue.dialled.pop_front().ok_or("the queue dials nothing")?;
        let is_tls = dial.tls == OutboundTlsPolicy::ImplicitVerified;
        let is = shown(&dial);
        let wanted = format!("{host} {address} {tls}");
        if is != wanted {
            return Err(format!("the queue dials {is}"));
        }
        self.names.insert((*name).to_owned(), id);
        self.dials.insert((*name).to_owned(), (id, is_tls));
        Ok(())
    }

    /// `dials R HOST ADDRESS imap|token [refuses]`
    fn account_dials(
        &mut self,
        name: &str,
        wanted: &str,
        fails: Option<DialError>,
    ) -> Result<(), Fault> {
        let accounts = self.rig.accounts.as_mut().ok_or("no line `accounts`")?;
        let dial = accounts
            .wanted
            .pop_front()
            .ok_or("no account dials anything")?;
        let is = shown_account(&dial);
        if is != wanted {
            return Err(format!("an account dials {is}"));
        }
        let id = self.rig.dial_account(dial, fails);
        self.names.insert(name.to_owned(), id);
        Ok(())
    }

    /// `dials R HOST ADDRESS… hook`
    fn hook_dials(
        &mut self,
        name: &str,
        wanted: &str,
        fails: Option<DialError>,
    ) -> Result<(), Fault> {
        let hooks = self.rig.hooks.as_mut().ok_or("no line `webhooks`")?;
        let dial = hooks
            .wanted
            .pop_front()
            .ok_or("no webhook dials anything")?;
        let mut is = dial.url.authority();
        for address in &dial.addresses {
            is += &format!(" {}", address.ip());
        }
        if is != wanted {
            return Err(format!("a webhook dials {is}"));
        }
        let id = self.rig.dial_hook(dial, fails);
        self.names.insert(name.to_owned(), id);
        Ok(())
    }

    /// `webhooks dialled N`
    pub(super) fn hooks_dialled(&mut self, n: &str) -> Result<(), Fault> {
        let hooks = self.rig.hooks.as_ref().ok_or("no line `webhooks`")?;
        match n.parse() == Ok(hooks.dial_count) {
            true => Ok(()),
            false => Err(format!("they dialled {}", hooks.dial_count)),
        }
    }

    /// `host ADDRESS …`
    pub(super) fn host(&mut self, line: &str) -> Result<(), Fault> {
        let mut words = line.splitn(3, ' ').skip(1);
        let address = words.next().ok_or("host ADDRESS")?;
        let address: IpAddr = address.parse().map_err(|_| "not an address")?;
        let manner = words.next().ok_or("host ADDRESS MANNER")?;
        if let Some(n) = manner.strip_prefix("took ") {
            let taken = self.rig.taken_by(address);
            return match n.parse() == Ok(taken) {
                true => Ok(()),
                false => Err(format!("it took {taken}")),
            };
        }
        let (first, rest) = manner.split_once(' ').unwrap_or((manner, ""));
        let manner = match (first, rest) {
            ("refuses", "") => Some(Manner::Refuses),
            ("resets", "") => Some(Manner::Resets),
            ("is", "silent") => Some(Manner::IsSilent),
            ("is", "played") => None,
            ("greets", text) => Some(Manner::Greets(text.to_owned())),
            ("serves", "") => Some(Manner::Serves(Vec::new())),
            ("serves", rest) => {
                let (stage, text) = rest
                    .split_once(' ')
                    .ok_or("host ADDRESS serves STAGE TEXT")?;
                let stage = match stage {
                    "mail" => Stage::Mail,
                    "rcpt" => Stage::Rcpt,
                    "data" => Stage::Data,
                    "end" => Stage::End,
                    _ => return Err("mail, rcpt, data or end".into()),
                };
                let answer = match text {
                    "is lost" => Answer::IsLost,
                    "takes and is lost" => Answer::TakesAndIsLost,
                    text => Answer::Says(text.to_owned()),
                };
                Some(Manner::Serves(vec![(stage, answer)]))
            }
            _ => return Err("no such manner of a host".into()),
        };
        let queue = self.rig.queue.as_mut().ok_or("no line `queue`")?;
        match manner {
            Some(manner) => queue.hosts.insert(address, manner),
            None => queue.hosts.remove(&address),
        };
        Ok(())
    }

    /// `queue dialled N`
    pub(super) fn dialled(&mut self, n: &str) -> Result<(), Fault> {
        let queue = self.rig.queue.as_ref().ok_or("no line `queue`")?;
        match n.parse() == Ok(queue.dial_count) {
            true => Ok(()),
            false => Err(format!("it dialled {}", queue.dial_count)),
        }
    }

    /// `dial R …`
    pub(super) fn dial(&mut self, name: &str, words: &[&str]) -> Result<(), Fault> {
        if let Some(inbox) = words.iter().find_map(|word| word.strip_prefix("upstream=")) {
            return self.dial_upstream(name, inbox, words.contains(&"starttls"));
        }
        let mut dial = OutboundDial {
            is_account: false,
            route: RouteId(self.names.len() as u64 + (1 << 40)),
            host: "mx.other.test".into(),
            address: "192.0.2.1:25".parse().map_err(|_| "an address")?,
            bind: None,
            tls: OutboundTlsPolicy::Opportunistic,
            login: None,
            helo: "mx.test".into(),
            timeouts: OutboundTimeouts {
                connect_ms: 30_000,
                command_ms: 300_000,
                data_ms: 600_000,
            },
        };
        let (mut certificate, mut waits, mut holds) = ("unverified", false, false);
        for word in words {
            match word.split_once('=').unwrap_or((word, "")) {
                ("tls", "never") => dial.tls = OutboundTlsPolicy::Never,
                ("tls", "opportunistic") => dial.tls = OutboundTlsPolicy::Opportunistic,
                ("tls", "required") => dial.tls = OutboundTlsPolicy::Required,
                ("tls", "verified") => dial.tls = OutboundTlsPolicy::RequiredVerified,
                ("tls", "implicit") => dial.tls = OutboundTlsPolicy::ImplicitVerified,
                (kind @ ("login" | "token"), login) => {
                    let (user, password) = login.rsplit_once(':').ok_or("login=USER:PASSWORD")?;
                    dial.login = Some(OutboundLogin {
                        user: user.into(),
                        secret: Secret::new(password),
                        is_token: kind == "token",
                    });
                }
                ("address", text) => {
                    let ip = text.parse().map_err(|_| "not an address")?;
                    dial.address = SocketAddr::new(ip, 25);
                }
                ("certificate", said) => certificate = said,
                ("waits", "") => waits = true,
                ("holds", "") => holds = true,
                _ => return Err(format!("not of a dial: {word}")),
            }
        }
        let is_tls = dial.tls == OutboundTlsPolicy::ImplicitVerified;
        let id = self.rig.dial(dial);
        self.names.insert(name.to_owned(), id);
        self.dials.insert(name.to_owned(), (id, is_tls));
        let remote = self.rig.remote(id).ok_or("no remote")?;
        remote.is_verified = certificate == "verified";
        remote.fails_handshake = certificate == "fails";
        remote.is_held = holds;
        if !waits {
            self.rig.connect(id, is_tls);
        }
        Ok(())
    }

    /// `dial R upstream=INBOX [starttls]`
    fn dial_upstream(&mut self, name: &str, inbox: &str, starttls: bool) -> Result<(), Fault> {
        let inbox = InboxId::parse(&self.fill(inbox)).ok_or("no such inbox")?;
        let dial = UpstreamDial {
            account: UpstreamAccount {
                org: self.org,
                inbox,
            },
            path: Arc::new(InboxPath {
                id: inbox,
                address: "ann@else.test".into(),
                ancestors: Vec::new(),
            }),
            host: "imap.else.test".into(),
            addresses: vec!["192.0.2.1:993".parse().map_err(|_| "an address")?],
            tls: match starttls {
                true => UpstreamTls::StartTls,
                false => UpstreamTls::Implicit,
            },
            login: UpstreamLogin::Password {
                user: "ann@else.test".into(),
                password: Secret::new("secret"),
            },
        };
        let id = self.rig.dial_upstream(dial);
        self.names.insert(name.to_owned(), id);
        self.dials.insert(name.to_owned(), (id, !starttls));
        Ok(())
    }

    /// `mail R …`
    pub(super) fn order(&mut self, line: &str) -> Result<(), Fault> {
        let mut words = line.split(' ').skip(1);
        let mut next = || words.next().ok_or("mail R FROM TO octets");
        let (name, from, to) = (next()?, next()?, next()?);
        let mut order = OutboundTransaction {
            lease: OutboundLease {
                id: postern::testing::call::OutboundId(1),
                attempt: 1,
            },
            org: self.org,
            reverse_path: (from != "<>").then(|| from.to_owned()),
            recipient: to.to_owned(),
            keys: None,
            size: 0,
            has_8bit: false,
            has_utf8_header: false,
            notify: 0,
            orcpt: None,
            ret_full: None,
            envid: None,
        };
        let mut times = 1;
        let mut rest = line.splitn(5, ' ').nth(4).ok_or("no octets")?;
        loop {
            let (word, behind) = rest.split_once(' ').unwrap_or((rest, ""));
            match word.split_once('=').unwrap_or((word, "")) {
                ("8bit", "") => order.has_8bit = true,
                ("utf8", "") => order.has_utf8_header = true,
                ("notify", n) => order.notify = n.parse().map_err(|_| "notify=N")?,
                ("orcpt", text) => order.orcpt = Some(text.to_owned()),
                ("ret", text) => order.ret_full = Some(text == "full"),
                ("envid", text) => order.envid = Some(text.to_owned()),
                ("times", n) => times = n.parse().map_err(|_| "times=N")?,
                _ => break,
            }
            rest = behind;
        }
        let octets = unescape(&self.fill(rest))?.repeat(times);
        order.size = octets.len() as u64;
        let (id, _) = *self.dials.get(name).ok_or("no such dial")?;
        let remote = self.rig.remote(id).ok_or("no remote")?;
        remote.orders.push_back((order, octets));
        self.rig.serve_remote(id);
        Ok(())
    }

    /// What happens to a connection that goes out. `false`: it is no such line.
    pub(super) fn act_remote(&mut self, id: u64, what: &str) -> bool {
        let is_tls = self.dials.values().any(|dial| *dial == (id, true));
        match what {
            "connects" => self.rig.connect(id, is_tls),
            "refuses" => self.rig.fail(id, DialError::Refused),
            "times out" => self.rig.fail(id, DialError::TimedOut),
            "is lost" => self.rig.fail(id, DialError::Lost("reset".into())),
            "is verified" | "fails TLS" => match self.rig.remote(id) {
                Some(remote) if what == "fails TLS" => remote.fails_handshake = true,
                Some(remote) => remote.is_verified = true,
                None => return false,
            },
            "ends" => {
                if let Some(remote) = self.rig.remote(id) {
                    remote.is_held = false;
                }
                self.rig.serve_remote(id);
            }
            _ => return false,
        }
        true
    }

    /// The session of a line that says what the engine told the queue.
    pub(super) fn telling<'a>(&self, line: &'a str) -> Option<(u64, &'a str)> {
        let (name, rest) = line.split_once(' ')?;
        let (id, _) = self.dials.get(name)?;
        let is_one = rest.starts_with("reports ") || rest.starts_with("loses ");
        is_one.then_some((*id, rest))
    }

    /// What the engine told the queue next.
    pub(super) fn next_told(&mut self, id: u64) -> Option<String> {
        let told = self.rig.remote(id)?.told.pop_front()?;
        let of = |reply: &RemoteReply| {
            let enhanced = reply.enhanced.map(|(a, b, c)| format!(" {a}.{b}.{c}"));
            format!(
                "{}{} {}",
                reply.code,
                enhanced.unwrap_or_default(),
                reply.text
            )
        };
        Some(match told {
            Told::Report(report) => {
                let outcome = format!("{:?}", report.outcome).to_lowercase();
                let reply = report.reply.as_ref().map_or(report.why.clone(), of);
                format!("reports {outcome} {} {reply}", report.tls.name())
            }
            Told::Lost(loss) => {
                let why = match &loss.why {
                    LostWhy::Closed(why) | LostWhy::Tls(why) => why.clone(),
                    LostWhy::Reply(reply) => of(reply),
                    LostWhy::BadReply(what) => format!("bad reply: {what}"),
                    other => format!("{other:?}"),
                };
                let message = loss.lease.map_or("", |_| ", with a message");
                let tls = loss.tls.name();
                format!("loses {:?} {tls} {why}{message}", loss.stage)
            }
        })
    }

    /// Everything that was told and does not stand in the transcript.
    pub(super) fn untold(&mut self) -> Result<(), Fault> {
        let mut dials: Vec<_> = self.dials.clone().into_iter().collect();
        dials.sort();
        for (name, (id, _)) in dials {
            if let Some(told) = self.next_told(id) {
                return Err(format!("at the end: {name} {told}"));
            }
        }
        let accounts = self.rig.accounts.as_ref();
        if let Some(dial) = accounts.and_then(|accounts| accounts.wanted.front()) {
            let is = shown_account(dial);
            return Err(format!("at the end: an account dials {is}"));
        }
        let queue = self.rig.queue.as_ref();
        match queue.and_then(|queue| queue.dialled.front()) {
            Some((_, dial)) => Err(format!("at the end: the queue dials {}", shown(dial))),
            None => Ok(()),
        }
    }
}

/// A connection of an account, as `dials` has it.
fn shown_account(dial: &AccountDial) -> String {
    match dial {
        AccountDial::Imap(dial) => format!("{} {} imap", dial.host, dial.addresses[0].ip()),
        AccountDial::Token(dial) => {
            let (host, address) = (dial.url.authority(), dial.addresses[0].ip());
            format!("{host} {address} token")
        }
    }
}

/// A connection, as `dials` has it.
fn shown(dial: &OutboundDial) -> String {
    let tls = match dial.tls {
        OutboundTlsPolicy::Never => "never",
        OutboundTlsPolicy::Opportunistic => "opportunistic",
        OutboundTlsPolicy::Required => "required",
        OutboundTlsPolicy::RequiredVerified => "verified",
        OutboundTlsPolicy::ImplicitVerified => "implicit",
    };
    format!("{} {} {tls}", dial.host, dial.address.ip())
}

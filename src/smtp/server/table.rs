//! The table of commands, and the commands that need neither a transaction nor a login.
//!
//! A row says when its command may come; one function checks that, so no command checks it
//! again. AUTH is in `auth`; MAIL, RCPT, DATA and BDAT are in `transaction`.

use crate::call::{Listener, Metric, Now};
use crate::engine::Output;

use super::super::wire::command::{self, Verb};
use super::super::wire::reply;
use super::{Server, State};

/// One command in its turn.
pub(super) struct Turn<'a> {
    pub(super) now: Now,
    pub(super) args: &'a str,
    /// More octets had come behind the line already.
    pub(super) behind: bool,
    pub(super) out: &'a mut Output,
}

/// A command, and what it may not do without.
pub(super) struct Row {
    pub(super) verb: Verb,
    /// Only after EHLO or HELO.
    hello: bool,
    /// On submission: only over TLS and, but for AUTH itself, only after login.
    login: bool,
    /// Takes no argument.
    bare: bool,
    /// Counts as junk: a connection that only does such things is no use.
    pub(super) junk: bool,
    /// Where in a transaction.
    place: Place,
    pub(super) run: fn(&mut Server, &mut Turn<'_>),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Anywhere,
    /// Not between MAIL and the end of the message.
    Outside,
    /// After MAIL.
    Inside,
}

const fn row(verb: Verb, run: fn(&mut Server, &mut Turn<'_>)) -> Row {
    Row {
        verb,
        hello: false,
        login: false,
        bare: false,
        junk: false,
        place: Place::Anywhere,
        run,
    }
}

#[rustfmt::skip]
static COMMANDS: [Row; 14] = [
    Row { junk: true, ..row(Verb::Ehlo, Server::ehlo) },
    Row { junk: true, ..row(Verb::Helo, Server::helo) },
    Row { bare: true, ..row(Verb::StartTls, Server::start_tls) },
    Row { hello: true, place: Place::Outside, ..row(Verb::Auth, Server::auth) },
    Row { hello: true, login: true, place: Place::Outside, ..row(Verb::Mail, Server::mail) },
    Row { hello: true, login: true, place: Place::Inside, ..row(Verb::Rcpt, Server::rcpt) },
    Row { hello: true, login: true, place: Place::Inside, bare: true, ..row(Verb::Data, Server::data) },
    Row { hello: true, login: true, place: Place::Inside, ..row(Verb::Bdat, Server::bdat) },
    Row { bare: true, junk: true, ..row(Verb::Rset, Server::rset) },
    Row { junk: true, ..row(Verb::Noop, Server::noop) },
    Row { junk: true, ..row(Verb::Vrfy, Server::vrfy) },
    Row { junk: true, ..row(Verb::Expn, Server::expn) },
    Row { junk: true, ..row(Verb::Help, Server::help) },
    Row { bare: true, ..row(Verb::Quit, Server::quit) },
];

/// The row of a verb, unless it is no command of ours.
pub(super) fn row_of(verb: Verb) -> Option<&'static Row> {
    COMMANDS.iter().find(|row| row.verb == verb)
}

impl Server {
    /// Why a command may not be carried out now.
    pub(super) fn may_not(&self, row: &Row, args: &str) -> Option<&'static str> {
        let submission = self.opening.listener != Listener::Mx;
        let auth = row.verb == Verb::Auth;
        if auth && !submission {
            return Some("502 5.5.1 AUTH is not offered here");
        }
        if row.hello && self.helo.is_none() {
            return Some("503 5.5.1 EHLO first");
        }
        if auth && !self.tls {
            return Some("538 5.7.11 STARTTLS first");
        }
        if row.login && submission && self.access.is_none() {
            return Some(match self.tls {
                true => "530 5.7.0 Authentication required",
                false => "530 5.7.0 STARTTLS first",
            });
        }
        match (row.place, &self.transaction) {
            (Place::Outside, Some(_)) => return Some("503 5.5.1 Not within a transaction"),
            (Place::Inside, None) => return Some("503 5.5.1 MAIL first"),
            _ => {}
        }
        (row.bare && !args.is_empty()).then_some("501 5.5.4 No arguments here")
    }

    fn ehlo(&mut self, turn: &mut Turn<'_>) {
        if !self.hello(turn, true) {
            return;
        }
        let limits = &self.opening.shared.limits;
        let recipients = self.recipients_max().min(LIMITS_MAX);
        let messages = limits.smtp_messages.min(LIMITS_MAX);
        let mut lines = vec![
            self.opening.shared.host.clone(),
            "PIPELINING".into(),
            format!("SIZE {}", limits.message_bytes),
            "8BITMIME".into(),
            "SMTPUTF8".into(),
            "CHUNKING".into(),
            "ENHANCEDSTATUSCODES".into(),
        ];
        if !self.tls {
            lines.push("STARTTLS".into());
        } else if self.opening.listener != Listener::Mx {
            lines.push("AUTH PLAIN LOGIN".into());
        }
        lines.push(format!("LIMITS RCPTMAX={recipients} MAILMAX={messages}"));
        for (at, line) in lines.iter().enumerate() {
            let mark = if at + 1 == lines.len() { ' ' } else { '-' };
            self.say(&format!("250{mark}{line}"), turn.out);
        }
    }

    fn helo(&mut self, turn: &mut Turn<'_>) {
        if self.hello(turn, false) {
            self.say(&format!("250 {}", self.opening.shared.host), turn.out);
        }
    }

    /// A greeting ends a transaction (RFC 5321 section 4.1.4).
    fn hello(&mut self, turn: &mut Turn<'_>, extended: bool) -> bool {
        match command::hello(turn.args) {
            Ok(name) => {
                self.helo = Some(name.into());
                self.extended = extended;
                self.transaction = None;
                true
            }
            Err(error) => {
                self.fail(turn.now, reply::syntax(error, false), turn.out);
                false
            }
        }
    }

    fn start_tls(&mut self, turn: &mut Turn<'_>) {
        if self.tls {
            return self.fail(turn.now, "503 5.5.1 TLS is on", turn.out);
        }
        if turn.behind {
            // CVE-2011-0411: what came in clear must not be taken for what came over TLS.
            self.count(Metric::SyntaxErrors);
            return self.end("554 5.5.1 Nothing may follow STARTTLS", turn.out);
        }
        self.say("220 2.0.0 Go ahead", turn.out);
        self.transaction = None;
        self.enter(State::Handshake);
        turn.out.start_tls = true;
    }

    fn rset(&mut self, turn: &mut Turn<'_>) {
        self.transaction = None;
        self.say("250 2.0.0 Ok", turn.out);
    }

    fn noop(&mut self, turn: &mut Turn<'_>) {
        self.say("250 2.0.0 Ok", turn.out);
    }

    /// Says neither yes nor no (RFC 5321 section 3.5.3).
    fn vrfy(&mut self, turn: &mut Turn<'_>) {
        self.say("252 2.5.0 Send some mail to find out", turn.out);
    }

    fn expn(&mut self, turn: &mut Turn<'_>) {
        self.fail(turn.now, "502 5.5.1 There are no lists here", turn.out);
    }

    fn help(&mut self, turn: &mut Turn<'_>) {
        self.say("214 2.0.0 See RFC 5321", turn.out);
    }

    fn quit(&mut self, turn: &mut Turn<'_>) {
        let line = format!("221 2.0.0 {} Bye", self.opening.shared.host);
        self.end(&line, turn.out);
    }
}

/// RFC 9422 section 4: a limit has at most six digits.
const LIMITS_MAX: usize = 999_999;

//! The table of commands, and the commands that need neither a transaction nor a login.
//!
//! A row says when its command may come. One function checks it for all of them. AUTH is in
//! `auth`; MAIL, RCPT, DATA and BDAT are in `transaction`.

use crate::call::{Listener, Metric, Now};
use crate::engine::Output;

use super::super::wire::command::{self, Verb};
use super::super::wire::reply;
use super::{Server, SmtpState};

/// One command line and its surroundings.
pub(super) struct CommandInput<'a> {
    pub(super) now: Now,
    pub(super) args: &'a str,
    /// More octets came together with the line.
    pub(super) behind: bool,
    pub(super) out: &'a mut Output,
}

/// A command and its conditions.
pub(super) struct CommandRow {
    pub(super) verb: Verb,
    /// Only after EHLO or HELO.
    hello: bool,
    /// On submission: only over TLS and after login.
    login: bool,
    /// Takes no argument.
    bare: bool,
    /// Brings no message nearer; too many of them in a row end the connection.
    pub(super) junk: bool,
    /// `Some(true)`: only between MAIL and the end of the message. `Some(false)`: only outside.
    in_transaction: Option<bool>,
    pub(super) run: fn(&mut Server, &mut CommandInput<'_>),
}

const fn row(verb: Verb, run: fn(&mut Server, &mut CommandInput<'_>)) -> CommandRow {
    CommandRow {
        verb,
        hello: false,
        login: false,
        bare: false,
        junk: false,
        in_transaction: None,
        run,
    }
}

#[rustfmt::skip]
static COMMANDS: [CommandRow; 14] = [
    CommandRow { junk: true, ..row(Verb::Ehlo, Server::ehlo) },
    CommandRow { junk: true, ..row(Verb::Helo, Server::helo) },
    CommandRow { bare: true, ..row(Verb::StartTls, Server::start_tls) },
    CommandRow { hello: true, in_transaction: Some(false), ..row(Verb::Auth, Server::auth) },
    CommandRow { hello: true, login: true, in_transaction: Some(false), ..row(Verb::Mail, Server::mail) },
    CommandRow { hello: true, login: true, in_transaction: Some(true), ..row(Verb::Rcpt, Server::rcpt) },
    CommandRow { hello: true, login: true, in_transaction: Some(true), bare: true, ..row(Verb::Data, Server::data) },
    CommandRow { hello: true, login: true, in_transaction: Some(true), ..row(Verb::Bdat, Server::bdat) },
    CommandRow { bare: true, junk: true, ..row(Verb::Rset, Server::rset) },
    CommandRow { junk: true, ..row(Verb::Noop, Server::noop) },
    CommandRow { junk: true, ..row(Verb::Vrfy, Server::vrfy) },
    CommandRow { junk: true, ..row(Verb::Expn, Server::expn) },
    CommandRow { junk: true, ..row(Verb::Help, Server::help) },
    CommandRow { bare: true, ..row(Verb::Quit, Server::quit) },
];

/// The row of a verb; `None` for an unknown command.
pub(super) fn row_of(verb: Verb) -> Option<&'static CommandRow> {
    COMMANDS.iter().find(|row| row.verb == verb)
}

impl Server {
    /// The reply to a command that may not come now.
    pub(super) fn refusal_of(&self, row: &CommandRow, args: &str) -> Option<&'static str> {
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
        match (row.in_transaction, &self.transaction) {
            (Some(false), Some(_)) => return Some("503 5.5.1 Not within a transaction"),
            (Some(true), None) => return Some("503 5.5.1 MAIL first"),
            _ => {}
        }
        (row.bare && !args.is_empty()).then_some("501 5.5.4 No arguments here")
    }

    fn ehlo(&mut self, command: &mut CommandInput<'_>) {
        if !self.hello(command, true) {
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
        if self.opening.listener != Listener::Mx {
            // RFC 3461. Reports go to inboxes of this server only, never to another server.
            lines.push("DSN".into());
        }
        if !self.tls {
            lines.push("STARTTLS".into());
        } else if self.opening.listener != Listener::Mx {
            lines.push("AUTH PLAIN LOGIN".into());
        }
        lines.push(format!("LIMITS RCPTMAX={recipients} MAILMAX={messages}"));
        for (at, line) in lines.iter().enumerate() {
            let mark = if at + 1 == lines.len() { ' ' } else { '-' };
            self.say(&format!("250{mark}{line}"), command.out);
        }
    }

    fn helo(&mut self, command: &mut CommandInput<'_>) {
        if self.hello(command, false) {
            self.say(&format!("250 {}", self.opening.shared.host), command.out);
        }
    }

    /// A greeting ends a transaction (RFC 5321 section 4.1.4).
    fn hello(&mut self, command: &mut CommandInput<'_>, extended: bool) -> bool {
        match command::hello(command.args) {
            Ok(name) => {
                self.helo = Some(name.into_boxed_str());
                self.extended = extended;
                self.transaction = None;
                true
            }
            Err(error) => {
                self.fail(command.now, reply::syntax(error, false), command.out);
                false
            }
        }
    }

    fn start_tls(&mut self, command: &mut CommandInput<'_>) {
        if self.tls {
            return self.fail(command.now, "503 5.5.1 TLS is on", command.out);
        }
        if command.behind {
            // CVE-2011-0411: input before TLS must never count as input over TLS.
            self.count(Metric::SyntaxErrors);
            return self.end("554 5.5.1 Nothing may follow STARTTLS", command.out);
        }
        self.say("220 2.0.0 Go ahead", command.out);
        self.transaction = None;
        self.enter(SmtpState::Handshake);
        command.out.start_tls = true;
    }

    fn rset(&mut self, command: &mut CommandInput<'_>) {
        self.transaction = None;
        self.say("250 2.0.0 Ok", command.out);
    }

    fn noop(&mut self, command: &mut CommandInput<'_>) {
        self.say("250 2.0.0 Ok", command.out);
    }

    /// Does not tell whether the address exists (RFC 5321 section 3.5.3).
    fn vrfy(&mut self, command: &mut CommandInput<'_>) {
        self.say("252 2.5.0 Send some mail to find out", command.out);
    }

    fn expn(&mut self, command: &mut CommandInput<'_>) {
        self.fail(
            command.now,
            "502 5.5.1 There are no lists here",
            command.out,
        );
    }

    fn help(&mut self, command: &mut CommandInput<'_>) {
        self.say("214 2.0.0 See RFC 5321", command.out);
    }

    fn quit(&mut self, command: &mut CommandInput<'_>) {
        let line = format!("221 2.0.0 {} Bye", self.opening.shared.host);
        self.say(&line, command.out);
        self.close(command.out);
    }
}

/// RFC 9422 section 4: the value of a limit has at most six digits.
const LIMITS_MAX: usize = 999_999;

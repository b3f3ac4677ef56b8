//! The SASL exchange of AUTH (RFC 4954): PLAIN (RFC 4616) and LOGIN, nothing else.
//!
//! Pure steps from one line to the next, and what the server does at each; whether a key is
//! good is the service's to say. Nothing that a client sends here is logged, kept or said back.

use data_encoding::BASE64;

use crate::call::{Access, Call, Metric, Now, Refusal, Secret, Topic};
use crate::engine::Output;

use super::super::wire::reply::{self, Line, Moment};
use super::table::Turn;
use super::transaction::Asked;
use super::{Server, State};

/// What the next line of the client is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Login {
    /// The one message of PLAIN.
    Plain,
    /// The user of LOGIN.
    User,
    /// The password of LOGIN.
    Password {
        /// Who, as said before.
        user: String,
    },
}

/// What to do after a line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// Say this and wait for a line.
    Ask(&'static str, Login),
    /// Ask the service.
    Check {
        /// The address.
        user: String,
        /// The key.
        secret: Secret,
    },
    /// The client gave up.
    Cancelled,
    /// Not base64, or not what the mechanism says.
    Garbage,
    /// A mechanism that we do not have.
    Unknown,
    /// An authorization identity other than the user: nobody may act for another here.
    NotYou,
}

impl Server {
    pub(super) fn auth(&mut self, turn: &mut Turn<'_>) {
        if self.access.is_some() {
            return self.fail(turn.now, "503 5.5.1 You are logged in", turn.out);
        }
        let step = begin(turn.args);
        self.step(turn.now, step, turn.out);
    }

    pub(super) fn step(&mut self, now: Now, step: Step, out: &mut Output) {
        match step {
            Step::Ask(question, login) => {
                self.say(question, out);
                self.enter(State::Login(login));
            }
            Step::Check { user, secret } => {
                let call = Call::Authenticate {
                    listener: self.opening.listener,
                    user: Some(user),
                    secret,
                };
                self.ask(Asked::Login, call, out);
            }
            Step::Cancelled => self.fail(now, "501 5.7.0 Authentication cancelled", out),
            Step::Garbage => self.fail(now, "501 5.5.2 Cannot decode the response", out),
            Step::Unknown => self.fail(now, "504 5.5.4 PLAIN or LOGIN", out),
            Step::NotYou => self.login_refused(now, &Refusal::BadCredentials { delay_ms: 0 }, out),
        }
    }

    pub(super) fn logged_in(&mut self, now: Now, access: Access, out: &mut Output) {
        out.watch = Some(vec![Topic::Key(access.key)]);
        self.expires_ms = access.expires_at.map(|at| {
            let left = u64::try_from(at.saturating_sub(now.unix_ms)).unwrap_or(0);
            now.mono_ms.saturating_add(left)
        });
        self.access = Some(access);
        self.say("235 2.7.0 Welcome", out);
        self.await_command(now);
    }

    pub(super) fn login_refused(&mut self, now: Now, refusal: &Refusal, out: &mut Output) {
        self.await_command(now);
        let wait_ms = match refusal {
            Refusal::BadCredentials { delay_ms } => *delay_ms,
            _ => 0,
        };
        let Line { text, close } = reply::refused(refusal, Moment::Login);
        if close {
            return self.end(&text, out);
        }
        if text.starts_with('4') {
            return self.say(&text, out);
        }
        self.tries += 1;
        let over = self.tries >= self.limits().login_tries;
        let mut bytes = format!("{text}\r\n").into_bytes();
        if over {
            self.count(Metric::TooManyErrors);
            bytes.extend_from_slice(self.farewell("4.7.0", "Too many failed logins").as_bytes());
        }
        self.say_later(now, wait_ms, bytes, over, out);
    }
}

/// The arguments of AUTH: a mechanism, perhaps with an initial response.
pub fn begin(args: &str) -> Step {
    let (mechanism, initial) = args.split_once(' ').unwrap_or((args, ""));
    let initial = initial.trim_matches(' ');
    let first = if mechanism.eq_ignore_ascii_case("PLAIN") {
        Login::Plain
    } else if mechanism.eq_ignore_ascii_case("LOGIN") {
        Login::User
    } else {
        return Step::Unknown;
    };
    match (initial, first) {
        ("", Login::Plain) => Step::Ask(ASK_PLAIN, Login::Plain),
        ("", login) => Step::Ask(ASK_USER, login),
        // RFC 4954 section 4: `=` is a response of no octets.
        ("=", login) => answered(login, &[]),
        (initial, login) => go_on(login, initial),
    }
}

/// A line of the client.
pub fn go_on(login: Login, line: &str) -> Step {
    if line == "*" {
        return Step::Cancelled;
    }
    match BASE64.decode(line.as_bytes()) {
        Ok(octets) => answered(login, &octets),
        Err(_) => Step::Garbage,
    }
}

fn answered(login: Login, octets: &[u8]) -> Step {
    match login {
        Login::Plain => plain(octets),
        Login::User => match name(octets) {
            Some(user) => Step::Ask(ASK_PASSWORD, Login::Password { user }),
            None => Step::Garbage,
        },
        Login::Password { user } => check(user, octets),
    }
}

/// `[authzid] NUL authcid NUL passwd`
fn plain(octets: &[u8]) -> Step {
    let mut parts = octets.split(|b| *b == 0);
    let (Some(act_as), Some(user), Some(secret), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Step::Garbage;
    };
    let Some(user) = name(user) else {
        return Step::Garbage;
    };
    if !act_as.is_empty() && !act_as.eq_ignore_ascii_case(user.as_bytes()) {
        return Step::NotYou;
    }
    check(user, secret)
}

fn check(user: String, secret: &[u8]) -> Step {
    if secret.is_empty() || secret.len() > SECRET_MAX || secret.contains(&0) {
        return Step::Garbage;
    }
    Step::Check {
        user,
        secret: Secret::new(secret),
    }
}

fn name(octets: &[u8]) -> Option<String> {
    let text = core::str::from_utf8(octets).ok()?;
    let fits = !text.is_empty() && text.len() <= USER_MAX && !text.chars().any(char::is_control);
    fits.then(|| text.to_owned())
}

/// RFC 4954 section 4: an empty challenge keeps its blank.
const ASK_PLAIN: &str = "334 ";
/// `Username:`
const ASK_USER: &str = "334 VXNlcm5hbWU6";
/// `Password:`
const ASK_PASSWORD: &str = "334 UGFzc3dvcmQ6";
/// An address has at most 320 octets; in UTF-8 it may be longer than its canonical form.
const USER_MAX: usize = 1024;
/// A key has about 80.
const SECRET_MAX: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(user: &str, secret: &str) -> Step {
        Step::Check {
            user: user.into(),
            secret: Secret::new(secret),
        }
    }

    fn b64(octets: &[u8]) -> String {
        BASE64.encode(octets)
    }

    #[test]
    fn plain_messages() {
        let good = checked("a@x", "k");
        let cases: [(&[u8], Step); 12] = [
            (b"\0a@x\0k", good.clone()),
            (b"a@x\0a@x\0k", good.clone()),
            (b"A@X\0a@x\0k", good.clone()),
            (b"b@x\0a@x\0k", Step::NotYou),
            (b"a@x\0k", Step::Garbage),
            (b"\0a@x\0k\0", Step::Garbage),
            (b"\0\0k", Step::Garbage),
            (b"\0a@x\0", Step::Garbage),
            (b"", Step::Garbage),
            (b"\0\xff\0k", Step::Garbage),
            (b"\0a\nb\0k", Step::Garbage),
            (b"\0\0\0\0", Step::Garbage),
        ];
        for (octets, step) in cases {
            let line = b64(octets);
            assert_eq!(go_on(Login::Plain, &line), step, "{line}");
            if !octets.is_empty() {
                assert_eq!(begin(&format!("plain {line}")), step, "{line}");
            }
        }
        assert_eq!(begin("PLAIN"), Step::Ask("334 ", Login::Plain));
        assert_eq!(begin("PLAIN ="), Step::Garbage);
        assert_eq!(begin("PLAIN *"), Step::Cancelled);
        assert_eq!(begin("CRAM-MD5"), Step::Unknown);
        assert_eq!(begin(""), Step::Unknown);
        for bad in ["%%%", "YQ", "YR==", "Y Q==", "YQ==YQ=="] {
            assert_eq!(go_on(Login::Plain, bad), Step::Garbage, "{bad}");
        }
    }

    #[test]
    fn login_messages() {
        assert_eq!(begin("LOGIN"), Step::Ask(ASK_USER, Login::User));
        let Step::Ask(ASK_PASSWORD, next) = go_on(Login::User, &b64(b"a@x")) else {
            panic!("no question");
        };
        assert_eq!(
            begin(&format!("LOGIN {}", b64(b"a@x"))),
            Step::Ask(ASK_PASSWORD, next.clone())
        );
        assert_eq!(go_on(next.clone(), &b64(b"k")), checked("a@x", "k"));
        assert_eq!(go_on(next.clone(), "*"), Step::Cancelled);
        assert_eq!(go_on(next, ""), Step::Garbage);
        assert_eq!(go_on(Login::User, ""), Step::Garbage);
    }
}

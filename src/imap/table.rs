//! The table of commands: a row says how a command is called, in which states it may be given,
//! its hazards, the capability that offers it, and its grammar.
//!
//! Rows are commands; columns are rules that are easily forgotten (RFC 3501 sections 6 and
//! 7.4.1, and the scopes of a key). A command is its row here and its file in `command`, which
//! holds its grammar, its run, its wait and its answer. No other list names all commands.

use core::any::Any;

use super::command::*;
use super::server::{Denied, IN, OPEN, OUT, Server, Stage};
use super::wire::frame;
use super::wire::lexer::Lexer;
use super::wire::syntax::{Parsed, SyntaxError, SyntaxFault};

/// The commands. The lookup goes from the top, so the frequent ones come first; CAPABILITY
/// names their capabilities in this order. The columns are: name, UID form, states, hazards,
/// capability, grammar.
#[rustfmt::skip]
const ROWS: &[TableRow] = &[
    row("FETCH",        UID,   OPEN, EXPUNGE_BY_UID,                   NONE,                              fetch::parse),
    row("NOOP",         PLAIN, ANY,  EXPUNGE,                          NONE,                              noop::parse),
    row("STORE",        UID,   OPEN, EXPUNGE_BY_UID | WRITE | CHANGES, NONE,                              store::parse),
    row("SEARCH",       UID,   OPEN, EXPUNGE_BY_UID,                   NONE,                              search::parse),
    row("APPEND",       PLAIN, AUTH, EXPUNGE | WRITE,                  NONE,                              append::parse),
    row("SELECT",       PLAIN, AUTH, 0,                                NONE,                              select::parse_select),
    row("STATUS",       PLAIN, AUTH, EXPUNGE,                          NONE,                              status::parse),
    row("LIST",         PLAIN, AUTH, EXPUNGE,                          NONE,                              list::parse),
    row("ID",           PLAIN, ANY,  EXPUNGE,                          said("ID", ALWAYS),                id::parse),
    row("ENABLE",       PLAIN, AUTH, EXPUNGE,                          said("ENABLE", ALWAYS),            enable::parse),
    row("STARTTLS",     PLAIN, OUT,  0,                                said("STARTTLS", BEFORE_TLS),      starttls::parse),
    row("LOGIN",        PLAIN, OUT,  0,                                said("LOGINDISABLED", BEFORE_TLS), login::parse),
    row("AUTHENTICATE", PLAIN, OUT,  0,                                said("AUTH=PLAIN", BEFORE_LOGIN),  authenticate::parse),
    row("IDLE",         PLAIN, AUTH, EXPUNGE,                          said("IDLE", AFTER_LOGIN),         idle::parse),
    row("NAMESPACE",    PLAIN, AUTH, EXPUNGE,                          said("NAMESPACE", AFTER_LOGIN),    namespace::parse),
    row("EXPUNGE",      UID,   OPEN, EXPUNGE | WRITE | CHANGES,        said("UIDPLUS", AFTER_LOGIN),      expunge::parse),
    row("MOVE",         UID,   OPEN, EXPUNGE | WRITE | CHANGES,        said("MOVE", AFTER_LOGIN),         copy::parse_move),
    row("UNSELECT",     PLAIN, OPEN, 0,                                said("UNSELECT", AFTER_LOGIN),     unselect::parse),
    row("LOGOUT",       PLAIN, ANY,  0,                                NONE,                              logout::parse),
    row("CAPABILITY",   PLAIN, ANY,  EXPUNGE,                          NONE,                              capability::parse),
    row("CHECK",        PLAIN, OPEN, EXPUNGE,                          NONE,                              noop::parse_check),
    row("CLOSE",        PLAIN, OPEN, 0,                                NONE,                              close::parse),
    row("COPY",         UID,   OPEN, EXPUNGE | WRITE,                  NONE,                              copy::parse_copy),
    row("CREATE",       PLAIN, AUTH, EXPUNGE | WRITE,                  NONE,                              create::parse),
    row("DELETE",       PLAIN, AUTH, EXPUNGE | WRITE,                  NONE,                              delete::parse),
    row("EXAMINE",      PLAIN, AUTH, 0,                                NONE,                              select::parse_examine),
    row("LSUB",         PLAIN, AUTH, EXPUNGE,                          NONE,                              lsub::parse),
    row("RENAME",       PLAIN, AUTH, EXPUNGE | WRITE,                  NONE,                              rename::parse),
    row("SUBSCRIBE",    PLAIN, AUTH, EXPUNGE | WRITE,                  NONE,                              subscribe::parse_subscribe),
    row("UNSUBSCRIBE",  PLAIN, AUTH, EXPUNGE | WRITE,                  NONE,                              subscribe::parse_unsubscribe),
];

/// The extensions that are named before the commands.
const EXTENSIONS_BEFORE: [Capability; 3] = [
    ("IMAP4rev1", ALWAYS),
    ("LITERAL+", ALWAYS),
    ("SASL-IR", ALWAYS),
];
/// The extensions that are named after the commands. The limit of APPEND follows the
/// last. COMPRESS (RFC 4978) is never offered: compression before encryption reveals secrets
/// by their length.
const EXTENSIONS_BEHIND: [Capability; 8] = [
    ("CHILDREN", AFTER_LOGIN),
    ("LIST-EXTENDED", AFTER_LOGIN),
    ("LIST-STATUS", AFTER_LOGIN),
    ("SPECIAL-USE", AFTER_LOGIN),
    ("CONDSTORE", AFTER_LOGIN),
    ("ESEARCH", AFTER_LOGIN),
    ("STATUS=SIZE", AFTER_LOGIN),
    ("APPENDLIMIT=", AFTER_LOGIN),
];

/// Logged in.
const AUTH: u8 = IN | OPEN;
/// Every state.
const ANY: u8 = OUT | IN | OPEN;

/// EXPUNGE may be told at the end of the command: every command but FETCH, STORE and SEARCH by
/// sequence number (RFC 3501 section 7.4.1), and but those that end the view.
const EXPUNGE: u8 = 1;
/// The same for the UID form alone.
const EXPUNGE_BY_UID: u8 = 2;
/// Needs the scope messages:write.
const WRITE: u8 = 4;
/// Needs the mailbox open read-write.
const CHANGES: u8 = 8;

/// UID may stand in front of the name.
const UID: bool = true;
/// UID may not.
const PLAIN: bool = false;

/// The capability is named before TLS is up.
const BEFORE_TLS: u8 = 1;
/// It is named under TLS, before login.
const BEFORE_LOGIN: u8 = 2;
/// It is named after login.
const AFTER_LOGIN: u8 = 4;
/// It is named at every time.
const ALWAYS: u8 = BEFORE_TLS | BEFORE_LOGIN | AFTER_LOGIN;
/// RFC 3501 itself has the command.
const NONE: Option<Capability> = None;

/// A word of CAPABILITY, and when it is named.
type Capability = (&'static str, u8);

const fn said(word: &'static str, when: u8) -> Option<Capability> {
    Some((word, when))
}

/// Reads the arguments of a command, from behind its name to before its CRLF. `true` for the
/// UID form.
type Grammar = fn(&mut Lexer<'_>, bool) -> Parsed<Box<dyn RunCommand>>;

/// A row of the table of commands.
#[derive(Debug)]
pub struct TableRow {
    pub(crate) name: &'static str,
    has_uid_form: bool,
    states: u8,
    hazards: u8,
    capability: Option<Capability>,
    grammar: Grammar,
}

const fn row(
    name: &'static str,
    has_uid_form: bool,
    states: u8,
    hazards: u8,
    capability: Option<Capability>,
    grammar: Grammar,
) -> TableRow {
    TableRow {
        name,
        has_uid_form,
        states,
        hazards,
        capability,
        grammar,
    }
}

/// A command with its tag, and its arguments within their bounds.
#[derive(Debug)]
pub struct Command<'a> {
    /// The name that the client gave to this command; 1 to 64 octets, safe to write back.
    pub tag: &'a str,
    pub(crate) row: &'static TableRow,
    pub(crate) uid: bool,
    pub(crate) run: Box<dyn RunCommand>,
}

impl<'a> Command<'a> {
    /// The command in `line`: everything that a frame gave, its CRLF included. Nothing here
    /// recurses, every list has its bound, and each octet is looked at a fixed number of times,
    /// so the time is linear in the frame, which is bounded itself.
    pub fn parse(line: &'a [u8]) -> Result<Self, SyntaxFault<'a>> {
        let Some(tag) = frame::tag(line) else {
            let error = match frame::is_tag_too_long(line) {
                true => SyntaxError::TagTooLong,
                false => SyntaxError::Tag,
            };
            return Err(SyntaxFault { tag: None, error });
        };
        let mut lexer = Lexer::new(line, tag.len());
        let parsed = named(&mut lexer).and_then(|(row, uid)| {
            let run = (row.grammar)(&mut lexer, uid)?;
            lexer.end()?;
            Ok(Command { tag, row, uid, run })
        });
        parsed.map_err(|error| SyntaxFault {
            tag: Some(tag),
            error,
        })
    }

    /// The arguments, if this is the command that has such arguments.
    pub fn into_args<T: RunCommand>(self) -> Option<T> {
        let run: Box<dyn Any> = self.run;
        run.downcast().ok().map(|args| *args)
    }

    /// Whether the client may be told of EXPUNGE at the end of the command.
    pub(crate) fn may_expunge(&self) -> bool {
        let wanted = if self.uid {
            EXPUNGE | EXPUNGE_BY_UID
        } else {
            EXPUNGE
        };
        self.row.hazards & wanted != 0
    }
}

/// The row of the command, and whether it is the UID form.
fn named(lexer: &mut Lexer<'_>) -> Parsed<(&'static TableRow, bool)> {
    lexer.space()?;
    let mut name = lexer.atom()?;
    let uid = name.eq_ignore_ascii_case("UID");
    if uid {
        lexer.space()?;
        name = lexer.atom()?;
    }
    ROWS.iter()
        .find(|row| row.name.eq_ignore_ascii_case(name) && (row.has_uid_form || !uid))
        .map(|row| (row, uid))
        .ok_or(SyntaxError::UnknownCommand)
}

impl TableRow {
    /// Whether the command may be given: in this state, by a key that may or may not write, in
    /// a mailbox that is or is not read-only.
    pub(crate) fn allowed(
        &self,
        state: u8,
        may_write: bool,
        read_only: bool,
    ) -> Result<(), Denied> {
        if self.states & state == 0 {
            return Err(Denied::Bad(match state {
                OUT => "Log in first",
                _ if self.states == OUT => "Already logged in",
                _ => "Select a mailbox first",
            }));
        }
        if self.hazards & WRITE != 0 && !may_write {
            return Err(Denied::No("[NOPERM] The key lacks messages:write"));
        }
        if self.hazards & CHANGES != 0 && read_only {
            return Err(Denied::No("[NOPERM] The mailbox is open read-only"));
        }
        Ok(())
    }
}

impl Server {
    /// The capabilities: before login only those that a client needs to log in.
    pub(crate) fn capability(&self) -> String {
        match (&self.stage, self.tls) {
            (Stage::NotAuthenticated, false) => words(BEFORE_TLS),
            (Stage::NotAuthenticated, true) => words(BEFORE_LOGIN),
            _ => {
                let limit = self.opening.shared.limits.message_bytes;
                format!("{}{limit}", words(AFTER_LOGIN))
            }
        }
    }
}

fn words(time: u8) -> String {
    let of_table = ROWS.iter().filter_map(|row| row.capability.as_ref());
    let named: Vec<&str> = EXTENSIONS_BEFORE
        .iter()
        .chain(of_table)
        .chain(&EXTENSIONS_BEHIND)
        .filter(|(_, when)| when & time != 0)
        .map(|(word, _)| *word)
        .collect();
    named.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_are_named_in_their_order() {
        for (time, expected) in [
            (
                BEFORE_TLS,
                "IMAP4rev1 LITERAL+ SASL-IR ID ENABLE STARTTLS LOGINDISABLED",
            ),
            (
                BEFORE_LOGIN,
                "IMAP4rev1 LITERAL+ SASL-IR ID ENABLE AUTH=PLAIN",
            ),
            (
                AFTER_LOGIN,
                "IMAP4rev1 LITERAL+ SASL-IR ID ENABLE IDLE NAMESPACE UIDPLUS MOVE UNSELECT CHILDREN \
                 LIST-EXTENDED LIST-STATUS SPECIAL-USE CONDSTORE ESEARCH STATUS=SIZE APPENDLIMIT=",
            ),
        ] {
            assert_eq!(words(time), expected);
        }
    }
}

//! IDLE (RFC 2177): the client waits and is told of every event at once.
//!
//! Every few minutes the client gets `Still here`, so that neither an address translator nor
//! the client takes the connection for dead. These lines do not delay the autologout: only
//! octets of the client do.

use super::{CommandContext, RunCommand};
use crate::engine::Output;
use crate::imap::server::{Server, Waits};
use crate::imap::view::tell::End;
use crate::imap::wire::frame;
use crate::imap::wire::lexer::Lexer;
use crate::imap::wire::respond;
use crate::imap::wire::syntax::Parsed;

/// IDLE; it ends with a line `DONE` that is not a command.
#[derive(Debug)]
pub struct IdleCommand;

pub(crate) fn parse(_: &mut Lexer<'_>, _: bool) -> Parsed<Box<dyn RunCommand>> {
    Ok(Box::new(IdleCommand))
}

impl RunCommand for IdleCommand {
    fn run(self: Box<Self>, server: &mut Server, context: CommandContext, out: &mut Output) {
        respond::continuation(&mut out.bytes, "idling");
        server.searched = 0;
        let every_s = server.opening.shared.limits.imap_still_here_s;
        let still_at = context
            .now
            .mono_ms
            .saturating_add(every_s.saturating_mul(1000));
        server.tell(End::Idle { still_at }, out);
    }
}

impl Server {
    /// An event has come, or the last lines have gone out.
    pub(crate) fn idle_on(&mut self, still_at: u64, out: &mut Output) {
        self.waits = Waits::Done {
            blocked: false,
            still_at,
        };
        if self.is_pending() {
            self.tell(End::Idle { still_at }, out);
        }
    }

    /// `DONE`, or a mistake.
    pub(crate) fn done_bytes(&mut self, unread: &[u8], out: &mut Output) -> usize {
        match frame::line(unread, &mut self.searched, DONE_BYTES_MAX) {
            Ok(None) => 0,
            Ok(Some((line, used))) => {
                if line.eq_ignore_ascii_case(b"DONE") {
                    self.waits = Waits::Command;
                    self.ok("Idle done", out);
                } else {
                    self.bad("Only DONE ends IDLE", out);
                }
                used
            }
            Err(_) => {
                self.bad("Only DONE ends IDLE", out);
                self.bye("What follows cannot be told from commands", out);
                unread.len()
            }
        }
    }
}

/// Enough for a command that was sent by mistake, which is answered with BAD.
const DONE_BYTES_MAX: usize = 8192;

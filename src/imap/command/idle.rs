//! IDLE (RFC 2177): the client waits, and hears of everything at once.
//!
//! Every few minutes it hears `Still here`, so that neither a NAT box nor the client takes
//! the connection for dead. The clock of the autologout goes on: only the client's own
//! octets move it.

use crate::call::Now;
use crate::engine::Output;
use crate::imap::frame;
use crate::imap::server::Server;
use crate::imap::state::Waits;
use crate::imap::tell::End;

impl Server {
    pub(in crate::imap) fn idle(&mut self, now: Now, out: &mut Output) {
        out.bytes.extend_from_slice(b"+ idling\r\n");
        self.searched = 0;
        let every_s = self.opening.shared.limits.imap_still_here_s;
        let still_at = now.mono_ms.saturating_add(every_s.saturating_mul(1000));
        self.tell(End::Idle { still_at }, out);
    }

    /// Something has happened, or the last of what was told has gone.
    pub(in crate::imap) fn idle_on(&mut self, still_at: u64, out: &mut Output) {
        self.waits = Waits::Done {
            blocked: false,
            still_at,
        };
        if self.is_pending() {
            self.tell(End::Idle { still_at }, out);
        }
    }

    /// `DONE`, or a mistake.
    pub(in crate::imap) fn done_bytes(&mut self, unread: &[u8], out: &mut Output) -> usize {
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

/// Long enough for a command that was sent by mistake to be answered with BAD.
const DONE_BYTES_MAX: usize = 8192;

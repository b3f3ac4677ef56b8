//! SUBSCRIBE and UNSUBSCRIBE (RFC 3501 sections 6.3.6 and 6.3.7).

use super::change::ChangePending;
use super::{CommandContext, RunCommand};
use crate::call::MailboxWrite;
use crate::engine::Output;
use crate::imap::server::Server;
use crate::imap::wire::lexer::Lexer;
use crate::imap::wire::name::MailboxName;
use crate::imap::wire::syntax::Parsed;

/// SUBSCRIBE, or UNSUBSCRIBE.
#[derive(Debug)]
pub struct SubscribeCommand {
    /// The name; a mailbox of that name need not exist.
    pub mailbox: MailboxName,
    /// SUBSCRIBE.
    pub on: bool,
}

pub(crate) fn parse_subscribe(lexer: &mut Lexer<'_>, _: bool) -> Parsed<Box<dyn RunCommand>> {
    let mailbox = MailboxName::parse(lexer)?;
    Ok(Box::new(SubscribeCommand { mailbox, on: true }))
}

pub(crate) fn parse_unsubscribe(lexer: &mut Lexer<'_>, _: bool) -> Parsed<Box<dyn RunCommand>> {
    let mailbox = MailboxName::parse(lexer)?;
    Ok(Box::new(SubscribeCommand { mailbox, on: false }))
}

impl RunCommand for SubscribeCommand {
    fn run(self: Box<Self>, server: &mut Server, _: CommandContext, out: &mut Output) {
        let text = if self.on {
            "Subscribed"
        } else {
            "Unsubscribed"
        };
        let call = MailboxWrite::Subscribe {
            mailbox: self.mailbox.into_string(),
            on: self.on,
        };
        server.ask(call, Box::new(ChangePending(text)), out);
    }
}

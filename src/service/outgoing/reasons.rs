//! Why a message that no client waits for does not leave, in words: scheduled mail, and mail that
//! rules send.

use crate::call::{Rate, Refusal};

/// Whether it can pass by itself, and the reason for its sender.
pub(in crate::service) fn words(refusal: &Refusal) -> (bool, String) {
    match refusal {
        Refusal::Policy(refused) => {
            let rule = (refused.rule.as_ref()).map_or(String::new(), |rule| format!(" ({rule})"));
            let says = refused.reason.says();
            (refused.reason.is_temporary(), format!("{says}{rule}"))
        }
        Refusal::DomainNotVerified { domain } => {
            (true, format!("The domain {domain} is not verified"))
        }
        Refusal::NoSuchInbox | Refusal::Invalid { .. } => {
            (false, "A recipient does not exist any more".to_owned())
        }
        Refusal::OverQuota { .. } | Refusal::Limit { .. } => {
            (true, "There is no room for it".to_owned())
        }
        Refusal::RateLimited {
            rate: Rate::SentInDay { .. } | Rate::NewRecipients { .. },
            ..
        } => (true, "A budget of sending is used up for today".to_owned()),
        Refusal::Loop => (false, "It has passed too many servers".to_owned()),
        Refusal::RateLimited { .. } => (true, "A recipient gets too much mail".to_owned()),
        Refusal::NotFound(_) => (false, "Its inbox is gone".to_owned()),
        other => {
            log::error!("message of the server itself does not leave: {other:?}");
            (true, "This server could not send it".to_owned())
        }
    }
}

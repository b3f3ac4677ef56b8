//! Reads a stored message once more, for the filter to learn it.

use core::panic::AssertUnwindSafe;
use std::panic::catch_unwind;

use crate::judge::MailView;
use crate::judge::model::Tokens;
use crate::mail::parse::address_list::Mailbox;
use crate::mail::{Bounds, digest};

/// What the filter learns of a message.
#[derive(Debug)]
pub struct LessonText {
    /// Its words.
    pub tokens: Tokens,
    /// The address of its author; empty without one.
    pub author: String,
}

/// Reads the octets of a message, or the beginning of them; `None` when they are no message, or
/// when the filter fails on them.
pub fn lesson_text(octets: &[u8]) -> Option<LessonText> {
    let bounds = Bounds {
        received_hops: usize::MAX,
        ..Bounds::default()
    };
    catch_unwind(AssertUnwindSafe(|| {
        let analysis = digest::analyse(octets, &bounds).ok()?;
        let author = analysis.author().and_then(Mailbox::address);
        Some(LessonText {
            tokens: Tokens::of(&MailView::of(octets, &analysis)),
            author: author.map(|author| author.canonical()).unwrap_or_default(),
        })
    }))
    .unwrap_or_else(|_| {
        log::error!("the filter panicked on a lesson, which is passed over");
        None
    })
}

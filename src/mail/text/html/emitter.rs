//! What the tokenizer tells: tags and texts, comments where they are asked for, and no errors.
//!
//! It changes no token. It leaves out what costs time and is not used, and it reads the content
//! of `noscript` as elements, as a program without scripts does (HTML standard, section 13.2.6.4).

use html5gum::emitters::callback::{Callback, CallbackEmitter};
use html5gum::{Emitter, ForwardingEmitter, State};

use crate::pace;

/// An emitter over a function that takes the events.
pub struct PageEmitter<F: Callback<(), ()>> {
    inner: CallbackEmitter<F, (), ()>,
    /// The beginning of the name of the tag that is being read.
    name: [u8; NAME.len() + 1],
    name_len: usize,
    wants_comments: bool,
}

impl<F: Callback<(), ()>> PageEmitter<F> {
    /// An emitter that passes events on until the function gives a token.
    pub fn new(take: F, wants_comments: bool) -> PageEmitter<F> {
        let mut inner = CallbackEmitter::new(take);
        inner.naively_switch_states(true);
        PageEmitter {
            inner,
            name: [0; NAME.len() + 1],
            name_len: 0,
            wants_comments,
        }
    }
}

impl<F: Callback<(), ()>> ForwardingEmitter for PageEmitter<F> {
    type Token = ();

    fn inner(&mut self) -> &mut impl Emitter<Token = ()> {
        &mut self.inner
    }

    fn should_emit_errors(&mut self) -> bool {
        false
    }

    fn move_position(&mut self, _: isize) {}

    fn push_comment(&mut self, comment: &[u8]) {
        pace::spend(comment.len());
        if self.wants_comments {
            self.inner.push_comment(comment);
        }
    }

    fn init_start_tag(&mut self) {
        self.name_len = 0;
        self.inner.init_start_tag();
    }

    fn emit_string(&mut self, text: &[u8]) {
        pace::spend(text.len() + PIECE_WORK);
        self.inner.emit_string(text);
    }

    fn push_attribute_name(&mut self, name: &[u8]) {
        pace::spend(name.len() + PIECE_WORK);
        self.inner.push_attribute_name(name);
    }

    fn push_attribute_value(&mut self, value: &[u8]) {
        pace::spend(value.len() + PIECE_WORK);
        self.inner.push_attribute_value(value);
    }

    fn push_tag_name(&mut self, name: &[u8]) {
        let rest = self.name.get_mut(self.name_len..).unwrap_or_default();
        let len = rest.len().min(name.len());
        if let (Some(rest), Some(name)) = (rest.get_mut(..len), name.get(..len)) {
            rest.copy_from_slice(name);
        }
        self.name_len += len;
        self.inner.push_tag_name(name);
    }

    fn emit_current_tag(&mut self) -> Option<State> {
        let next = self.inner.emit_current_tag();
        next.filter(|_| self.name.get(..self.name_len) != Some(NAME))
    }
}

/// Nanoseconds of a piece of a text or attribute, which may be one character of many.
const PIECE_WORK: usize = 10;
const NAME: &[u8] = b"noscript";

//! What calls need of their callers.

use super::Scopes;

/// What a call needs of its caller. Every call states one, beside its enum.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Need {
    /// Nothing: any caller.
    Nothing,
    /// Any key, or the operator.
    Key,
    /// This scope.
    Scope(Scopes),
    /// This scope of a caller with a key; nothing of an anonymous one.
    AnonymousOr(Scopes),
}

//! The need of a call.

use super::Scopes;

/// What a call needs of its caller. Each enum of calls has a function `need` beside it, and the
/// service checks the need once, before it carries the call out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Need {
    /// Nothing: any caller.
    Nothing,
    /// Any key, or the operator.
    Key,
    /// This scope.
    Scope(Scopes),
    /// This scope when the caller has a key; nothing when it is anonymous.
    AnonymousOr(Scopes),
}

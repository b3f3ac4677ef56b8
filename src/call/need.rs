//! The need of a call.

use super::{Caller, Refusal, Scopes};

/// What a call needs of its caller. Each enum of calls has a function `need` beside it, and the
/// service checks the need once, before it carries the call out. A scope is needed either for
/// inboxes or for the organization: a new call has to say which.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Need {
    /// Nothing: any caller.
    Nothing,
    /// Any key, or the operator.
    Key,
    /// This scope. The call concerns inboxes, and a key that is bound to inboxes is confined to
    /// what it sees.
    Inboxes(Scopes),
    /// This scope, and a key that is bound to no inbox: the call concerns the organization.
    Organization(Scopes),
    /// The server itself.
    Server,
    /// `admin` and a key that is bound to no inbox, or the operator, also when it acts in no
    /// organization: the call names the organization that it concerns.
    OrgAdmin,
    /// The operator of the server, who acts in no organization.
    Operator,
    /// The operator, also when it acts inside an organization.
    AnyOperator,
    /// [`Need::Inboxes`] when the caller has a key; nothing when it is anonymous.
    AnonymousOr(Scopes),
}

impl Need {
    /// Checks that `caller` has what is needed. Whether a key has expired is not checked here.
    /// Errors: `BadCredentials`, `MissingScope`, `KeyBound`.
    pub fn check(self, caller: &Caller) -> Result<(), Refusal> {
        match (self, caller) {
            (Need::Nothing, _) | (Need::AnonymousOr(_), Caller::Anonymous) => Ok(()),
            (Need::Server, Caller::System) => Ok(()),
            (Need::Server, _) | (Need::Key, Caller::Anonymous) => Err(Refusal::UNKNOWN_KEY),
            (Need::Key, _) => Ok(()),
            (Need::Inboxes(scope) | Need::AnonymousOr(scope), _) => require(caller.scopes(), scope),
            (Need::Organization(scope), _) => {
                require(caller.scopes(), scope)?;
                match caller.key().is_some_and(|access| access.is_bound()) {
                    true => Err(Refusal::KeyBound),
                    false => Ok(()),
                }
            }
            (Need::OrgAdmin, Caller::Operator) => Ok(()),
            (Need::OrgAdmin, _) => Need::Organization(Scopes::ADMIN).check(caller),
            (Need::AnyOperator, Caller::Key(access)) if access.is_operator() => Ok(()),
            (Need::Operator | Need::AnyOperator, _) => require(caller.scopes(), Scopes::OPERATOR),
        }
    }
}

/// Checks that `held` contains `needed`. The refusal names the first missing scope.
pub fn require(held: Scopes, needed: Scopes) -> Result<(), Refusal> {
    if held.allow(needed) {
        return Ok(());
    }
    let missing = Scopes::NAMES
        .iter()
        .find(|(_, scope)| needed.0 & scope.0 != 0 && !held.allow(*scope))
        .map_or(Scopes::OPERATOR, |(_, scope)| *scope);
    Err(Refusal::MissingScope(missing))
}

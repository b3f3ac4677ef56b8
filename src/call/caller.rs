//! The caller of a call.

use super::{Access, OrgId, Refusal, Scopes};
use crate::call::Noun;

/// The caller of a call. The service checks the caller of every call; engines only pass it on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Caller {
    /// A peer without a key: a mail server on port 25, a request before its login.
    Anonymous,
    /// A key, or the operator acting inside one organization.
    Key(Access),
    /// The operator of the server. The operator manages organizations and sees nothing in them.
    Operator,
    /// The server itself.
    System,
}

impl Caller {
    /// The access of a caller that acts inside an organization. Errors: `BadCredentials` without a
    /// key; `NotFound` for the operator, which must name an organization.
    pub fn access(&self) -> Result<&Access, Refusal> {
        match self {
            Caller::Key(access) => Ok(access),
            Caller::Operator => Err(Refusal::NotFound(Noun::Organization)),
            Caller::Anonymous | Caller::System => Err(Refusal::UNKNOWN_KEY),
        }
    }

    /// The access of a key; `None` for every other caller.
    pub fn key(&self) -> Option<&Access> {
        match self {
            Caller::Key(access) => Some(access),
            Caller::Anonymous | Caller::Operator | Caller::System => None,
        }
    }

    /// The scopes that the caller holds.
    pub fn scopes(&self) -> Scopes {
        match self {
            Caller::Anonymous => Scopes::NONE,
            Caller::Key(access) => access.scopes,
            Caller::Operator => Scopes::OPERATOR,
            Caller::System => Scopes::ADMIN.and(Scopes::OPERATOR),
        }
    }

    /// The organization that the caller acts in; `None` when it acts in none.
    pub fn org(&self) -> Option<OrgId> {
        self.key().map(|access| access.org)
    }
}

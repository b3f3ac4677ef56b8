//! What the checks of a message's sender gave, in the words of RFC 8601. The checks themselves are
//! in `mail::auth`.

/// The result of one method (RFC 8601 section 2.7).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum AuthResult {
    /// There was nothing to check.
    #[default]
    None,
    /// The check succeeded.
    Pass,
    /// The check failed.
    Fail,
    /// SPF: the host is probably not allowed to send for the domain.
    SoftFail,
    /// SPF: the domain says nothing about the host. DKIM: the signature could not be read.
    Neutral,
    /// DKIM: the signature is of a kind that is not accepted, whether or not it is right.
    Policy,
    /// A name could not be asked for now, or the work would have been too much.
    TempError,
    /// A record, a key or the message is wrong, so that no check is possible.
    PermError,
}

impl AuthResult {
    /// The word of RFC 8601.
    pub const fn name(self) -> &'static str {
        match self {
            AuthResult::None => "none",
            AuthResult::Pass => "pass",
            AuthResult::Fail => "fail",
            AuthResult::SoftFail => "softfail",
            AuthResult::Neutral => "neutral",
            AuthResult::Policy => "policy",
            AuthResult::TempError => "temperror",
            AuthResult::PermError => "permerror",
        }
    }
}

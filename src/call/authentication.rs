//! What the checks of a message's sender gave, in the words of RFC 8601. The checks themselves are
//! in `mail::auth`.

/// What the checks of a message from outside gave.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Authentication {
    /// Whether its host may send for the envelope sender.
    pub spf: AuthResult,
    /// Its best signature.
    pub dkim: AuthResult,
    /// Whether it follows the policy of the domain in From.
    pub dmarc: AuthResult,
    /// SPF or DKIM passes for the domain in From, whether or not it has a policy.
    pub aligned: bool,
    /// From names a domain of this server, and nothing aligned passes.
    pub spoofed_local: bool,
}

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
    /// Every result. The place of each is its number in stored forms.
    pub const ALL: [AuthResult; 8] = [
        AuthResult::None,
        AuthResult::Pass,
        AuthResult::Fail,
        AuthResult::SoftFail,
        AuthResult::Neutral,
        AuthResult::Policy,
        AuthResult::TempError,
        AuthResult::PermError,
    ];

    /// Its number in stored forms.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The inverse of [`AuthResult::number`].
    pub fn of_number(number: u8) -> Option<AuthResult> {
        AuthResult::ALL.get(usize::from(number)).copied()
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_lead_back() {
        for result in AuthResult::ALL {
            assert_eq!(AuthResult::of_number(result.number()), Some(result));
        }
        assert_eq!(AuthResult::of_number(8), None);
    }
}

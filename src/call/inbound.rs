//! How mail from other servers is taken in, where the operator may choose: the section `[inbound]`
//! of the configuration. The numbers are in `limits`.

use serde::Deserialize;

/// The section `[inbound]`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InboundPolicy {
    /// What becomes of mail that the owner of the domain in From disowns (RFC 7489).
    pub dmarc: DmarcMode,
}

/// What becomes of mail that fails DMARC.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DmarcMode {
    /// What the owner of the domain wants: it is refused, or goes to Junk.
    #[default]
    Enforce,
    /// It is taken, and the result is shown.
    Report,
}

impl InboundPolicy {
    /// Whether mail that fails DMARC is refused or goes to Junk.
    pub fn enforces_dmarc(&self) -> bool {
        self.dmarc == DmarcMode::Enforce
    }
}

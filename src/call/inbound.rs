//! How mail is taken in, as plain data: what the operator chooses in the section `[inbound]` of the
//! configuration, and what the owner of an inbox chooses. The numbers are in `limits`.

use serde::Deserialize;

/// The section `[inbound]`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InboundPolicy {
    /// What becomes of mail that the owner of the domain in From disowns (RFC 7489).
    pub dmarc: DmarcMode,
    /// The first try of an unknown sender is put off (RFC 6647).
    pub greylist: bool,
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

/// The section `[filter]`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FilterSwitch {
    /// Received mail is judged.
    pub enabled: bool,
}

impl FilterSwitch {
    /// No mail is judged.
    pub const OFF: FilterSwitch = FilterSwitch { enabled: false };
}

impl Default for FilterSwitch {
    fn default() -> Self {
        FilterSwitch { enabled: true }
    }
}

/// What happens to mail of a sender that an inbox does not know.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum ReceiveDefault {
    /// It goes to INBOX.
    #[default]
    Allow,
    /// It goes to Junk, with the label [`ReceiveDefault::SCREENED`].
    Screen,
    /// It is refused.
    Reject,
}

impl ReceiveDefault {
    /// All of them, in the order of their numbers in the database.
    pub const ALL: [ReceiveDefault; 3] = [
        ReceiveDefault::Allow,
        ReceiveDefault::Screen,
        ReceiveDefault::Reject,
    ];
    /// Their names, in order.
    pub const NAMES: &'static [&'static str] = &["allow", "screen", "reject"];
    /// The label of a message that waits in Junk.
    pub const SCREENED: &'static str = "$Screened";

    /// Its name for clients.
    pub const fn name(self) -> &'static str {
        match self {
            ReceiveDefault::Allow => "allow",
            ReceiveDefault::Screen => "screen",
            ReceiveDefault::Reject => "reject",
        }
    }

    /// The one that has this name.
    pub fn named(name: &str) -> Option<ReceiveDefault> {
        (ReceiveDefault::ALL.into_iter()).find(|mode| mode.name() == name)
    }
}

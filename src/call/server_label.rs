//! The labels that only the server sets and removes: they say what it does with a message. The other
//! labels that it sets (`$Declined`, `$Screened`, `$Bounce`) are a client's to remove.

/// The label of a message that waits for a decision.
pub const HELD_LABEL: &str = "$Held";
/// The label of a message that waits for its time.
pub const SCHEDULED_LABEL: &str = "$Scheduled";

/// Whether only the server sets and removes a label; labels have no case.
pub fn is_server_label(word: &str) -> bool {
    [HELD_LABEL, SCHEDULED_LABEL]
        .iter()
        .any(|label| word.eq_ignore_ascii_case(label))
}

//! Rules of delivery: compiled when they are saved, kept compiled, asked about each message that an
//! inbox receives, and carried out with its delivery.
//!
//! ```text
//!   saved rule ─► compile ─► CompiledRules ─► outcome of a message ─► its entry and its event
//!                              (kept)
//! ```
//!
//! It stores nothing but counts. The rule: **a rule that fails loses no message**: the message is
//! delivered as without the rule, and the event says why.

mod apply;
mod check;
mod compile;
mod kept;
mod manners;
mod matching;
mod pattern;
mod subject;
mod tried;

pub(in crate::service) use apply::no_folder;
pub use apply::{PlannedReply, RuledEntry, RuledSend, RuledWay, run};
pub use check::check_rule;
pub use kept::KeptRules;
pub use subject::RuleSubject;
pub use tried::TriedRule;

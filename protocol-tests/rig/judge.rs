//! The stage of intake that judges senders, which a script switches on with `judge`. The messages
//! whose questions are answered stand in a queue, as in that of a reader.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use postern::testing::call::{Refusal, Resolve};
use postern::testing::service::{Finding, LookupId, Lookups, ParsedMessage, SenderLookups};

/// The stage. Clones share it.
#[derive(Clone, Debug)]
pub struct ScriptedJudge(Arc<JudgeShared>);

#[derive(Debug)]
struct JudgeShared {
    lookups: SenderLookups,
    is_on: AtomicBool,
    answered: Arc<Mutex<Vec<LookupId>>>,
}

impl ScriptedJudge {
    /// A stage that asks `dns`, and is off.
    pub fn new(dns: Arc<dyn Resolve>) -> ScriptedJudge {
        let lookups = SenderLookups::new(dns);
        let answered = Arc::new(Mutex::new(Vec::new()));
        let queue = answered.clone();
        lookups.tell_with(Box::new(move |id| queue.lock().unwrap().push(id)));
        ScriptedJudge(Arc::new(JudgeShared {
            lookups,
            is_on: AtomicBool::new(false),
            answered,
        }))
    }

    /// Mail from outside is judged from now on.
    pub fn switch_on(&self) {
        self.0.is_on.store(true, Ordering::Relaxed);
    }

    /// A message whose questions are all answered.
    pub fn next(&self) -> Option<LookupId> {
        self.0.answered.lock().unwrap().pop()
    }
}

impl Lookups for ScriptedJudge {
    fn start(&self, id: LookupId, parsed: &mut ParsedMessage) -> bool {
        self.0.is_on.load(Ordering::Relaxed) && self.0.lookups.start(id, parsed)
    }

    fn apply(
        &self,
        id: LookupId,
        parsed: &mut ParsedMessage,
        finding: Finding,
    ) -> Result<bool, Refusal> {
        self.0.lookups.apply(id, parsed, finding)
    }
}

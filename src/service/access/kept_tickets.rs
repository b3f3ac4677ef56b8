//! The tickets that have been made and not spent, by their hashes, in memory, and how many each key
//! has. It checks no key; `ticket.rs` does.

use std::collections::{HashMap, VecDeque};

use crate::call::{Access, KeyId, Now, OrgId};

/// The tickets that have been made and not spent.
#[derive(Debug, Default)]
pub struct KeptTickets {
    kept: HashMap<[u8; 32], KeptTicket>,
    /// The same in the order in which they end.
    order: VecDeque<(u64, [u8; 32])>,
    /// How many each key has.
    of_key: HashMap<(OrgId, Option<KeyId>), usize>,
}

#[derive(Debug)]
struct KeptTicket {
    access: Access,
    ends_ms: u64,
}

impl KeptTickets {
    /// Keeps a ticket by its hash. Errors: the key has `max` already.
    pub fn keep(&mut self, hash: [u8; 32], access: Access, now: Now, max: usize) -> Result<(), ()> {
        self.forget_ended(now);
        let count = self.of_key.entry((access.org, access.key)).or_default();
        if *count >= max {
            return Err(());
        }
        *count += 1;
        let ends_ms = now.mono_ms.saturating_add(TICKET_MS);
        self.order.push_back((ends_ms, hash));
        self.kept.insert(hash, KeptTicket { access, ends_ms });
        Ok(())
    }

    /// The access that a ticket gives, if its time is not over.
    pub fn look(&self, hash: &[u8; 32], now: Now) -> Option<Access> {
        let kept = self.kept.get(hash)?;
        (now.mono_ms < kept.ends_ms).then(|| kept.access.clone())
    }

    pub fn forget(&mut self, hash: &[u8; 32]) {
        let Some(kept) = self.kept.remove(hash) else {
            return;
        };
        let key = (kept.access.org, kept.access.key);
        if let Some(count) = self.of_key.get_mut(&key) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.of_key.remove(&key);
            }
        }
    }

    /// Forgets those whose time is over: all live equally long, so they end in their order.
    fn forget_ended(&mut self, now: Now) {
        while let Some((ends_ms, hash)) = self.order.front().copied()
            && ends_ms <= now.mono_ms
        {
            self.order.pop_front();
            self.forget(&hash);
        }
    }
}

/// How long a ticket is good: a page asks for it right before it connects.
pub const TICKET_MS: u64 = 30_000;

//! Converted messages whose other pieces have not been sent yet. A conversion reads the whole
//! message, so without this a message of many pieces would be converted for each of them.
//!
//! It is memory that may be lost: a conversion that is not here is made again. The rule: what is
//! here is charged to the budget of long answers, and a message for which that has no space is not
//! kept.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::call::{Charge, Conversion, Holders, Now, OutboundLease, Shared};

/// A message as it goes to one host.
#[derive(Debug)]
pub struct ConvertedMessage {
    lease: OutboundLease,
    conversion: Conversion,
    /// Its signatures.
    pub signatures: Arc<[u8]>,
    /// The rest of it.
    pub octets: Vec<u8>,
    /// Its memory, until it is dropped.
    _charge: Charge,
}

/// The messages that were converted last.
#[derive(Debug, Default)]
pub struct ConvertedMessages {
    kept: Mutex<VecDeque<Arc<ConvertedMessage>>>,
}

impl ConvertedMessages {
    fn kept(&self) -> MutexGuard<'_, VecDeque<Arc<ConvertedMessage>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The message of an attempt, if it is here.
    pub fn find(
        &self,
        lease: OutboundLease,
        conversion: Conversion,
    ) -> Option<Arc<ConvertedMessage>> {
        let kept = self.kept();
        let mut all = kept.iter();
        all.find(|one| one.lease == lease && one.conversion == conversion)
            .map(Arc::clone)
    }

    /// Keeps a message, if there is memory for it.
    pub fn keep(
        &self,
        (shared, now): (&Shared, Now),
        (lease, conversion): (OutboundLease, Conversion),
        signatures: Arc<[u8]>,
        octets: Vec<u8>,
    ) -> Arc<ConvertedMessage> {
        let mut charge = shared.outgoing.charge(Holders::NONE);
        let is_paid = charge.hold(octets.capacity(), now.mono_ms).is_ok();
        let converted = Arc::new(ConvertedMessage {
            lease,
            conversion,
            signatures,
            octets,
            _charge: charge,
        });
        if is_paid {
            let mut kept = self.kept();
            if kept.len() >= MESSAGES_KEPT {
                kept.pop_front();
            }
            kept.push_back(Arc::clone(&converted));
        }
        converted
    }

    /// An attempt has come to its end.
    pub fn forget(&self, lease: OutboundLease) {
        self.kept().retain(|one| one.lease != lease);
    }
}

/// Messages that are kept at most. Each host with this need has some connections, and few have it.
const MESSAGES_KEPT: usize = 8;

//! Answers that still hold, bounded in octets. Not which answers are kept for how long: the
//! resolver says that.
//!
//! When there is no room, answers that have expired or were not used since the last look at them go
//! first (the clock algorithm). An answer that has expired keeps its place until then, so that the
//! queue has each question once.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::call::{DnsAnswer, Question, Records};

/// The cache.
#[derive(Debug)]
pub(super) struct Cache {
    entries: HashMap<Arc<Question>, CachedAnswer>,
    /// Every question of `entries`, once.
    order: VecDeque<Arc<Question>>,
    bytes: usize,
    bytes_max: usize,
}

#[derive(Debug)]
struct CachedAnswer {
    answer: DnsAnswer,
    until_ms: u64,
    bytes: usize,
    is_used: bool,
}

impl Cache {
    pub fn new(bytes_max: usize) -> Self {
        Cache {
            entries: HashMap::new(),
            order: VecDeque::new(),
            bytes: 0,
            bytes_max,
        }
    }

    /// The answer, if it still holds.
    pub fn find(&mut self, now_ms: u64, question: &Question) -> Option<DnsAnswer> {
        let entry = self.entries.get_mut(question)?;
        if entry.until_ms <= now_ms {
            return None;
        }
        entry.is_used = true;
        Some(entry.answer.clone())
    }

    /// Keeps an answer until `until_ms`. One that is larger than the whole cache is not kept.
    pub fn keep(&mut self, now_ms: u64, question: &Question, answer: &DnsAnswer, until_ms: u64) {
        let bytes = bytes_of(question, answer);
        if bytes > self.bytes_max {
            return;
        }
        let entry = CachedAnswer {
            answer: answer.clone(),
            until_ms,
            bytes,
            is_used: false,
        };
        if let Some(old) = self.entries.get_mut(question) {
            self.bytes -= old.bytes;
            *old = entry;
        } else {
            let question = Arc::new(question.clone());
            self.order.push_back(Arc::clone(&question));
            self.entries.insert(question, entry);
        }
        self.bytes += bytes;
        self.make_room(now_ms);
    }

    /// Forgets all answers: the servers are others now.
    pub fn clear(&mut self) {
        *self = Cache::new(self.bytes_max);
    }

    /// Each question moves back at most once a use, so this ends.
    fn make_room(&mut self, now_ms: u64) {
        while self.bytes > self.bytes_max
            && let Some(question) = self.order.pop_front()
        {
            match self.entries.get_mut(&question) {
                Some(entry) if entry.is_used && entry.until_ms > now_ms => {
                    entry.is_used = false;
                    self.order.push_back(question);
                }
                _ => {
                    if let Some(gone) = self.entries.remove(&question) {
                        self.bytes -= gone.bytes;
                    }
                }
            }
        }
    }

    #[cfg(test)]
    pub fn state(&self) -> (usize, usize, usize) {
        (self.entries.len(), self.order.len(), self.bytes)
    }
}

/// Octets that an answer takes, with its places in the table and the queue.
fn bytes_of(question: &Question, answer: &DnsAnswer) -> usize {
    let records = match answer {
        Err(_) => 0,
        Ok(Records::A(all)) => all.len() * 4,
        Ok(Records::Aaaa(all)) => all.len() * 16,
        Ok(Records::Mx(all)) => all.iter().map(|mx| mx.exchange.len() + 32).sum(),
        Ok(Records::Txt(all)) => all.iter().map(|text| text.len() + 24).sum(),
        Ok(Records::Ptr(all)) => all.iter().map(|name| name.len() + 24).sum(),
        Ok(Records::Srv(all)) => all.iter().map(|srv| srv.target.len() + 32).sum(),
    };
    ENTRY_BYTES + question.name.len() + records
}

/// What an entry costs beside its names: three places and two allocations.
const ENTRY_BYTES: usize = 256;

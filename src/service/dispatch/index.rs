//! The writer builds the index of searches for messages that have no signature: a slice at a time,
//! while nothing else waits. Then it learns.

use crate::service::Writer;
use crate::service::intake::sign_again;
use crate::store::{Error, Store};

impl Writer {
    /// Does a slice of what an idle writer builds: the index, then the models; whether there is
    /// more. A disk that is full stays full for a while, and a row that is damaged for longer:
    /// after an error the next tidying tries again, and not the next turn.
    pub fn build(&mut self, store: &Store) -> Result<bool, Error> {
        let signed = self.sign_older(store);
        let done = signed.and_then(|more| Ok(more || self.learn(store)?));
        if done.is_err() {
            store.put_off_leftovers();
        }
        done
    }

    /// Puts some messages into the index of searches, in a transaction of its own; whether there
    /// are more.
    pub fn sign_older(&mut self, store: &Store) -> Result<bool, Error> {
        if store.unsigned_inboxes()? == 0 {
            return Ok(false);
        }
        store.begin()?;
        match store.sign_older(self.service().now(), SIGNED_AT_ONCE, &sign_again) {
            Ok(more) => store.commit().map(|_| more),
            Err(error) => {
                store.rollback();
                Err(error)
            }
        }
    }
}

/// Messages of one slice: about two milliseconds of work.
const SIGNED_AT_ONCE: usize = 64;

//! The loop of logins and short look-ups. It serves in the order of arrival: each look-up is a few
//! rows found by their key, so none needs a slice.

use std::sync::mpsc::Receiver;

use super::ToLookup;
use crate::call::{ConnId, Reply};
use crate::service::Reader;
use crate::service::access::lease;
use crate::store::Store;

/// The loop of logins and short look-ups, until every [`super::Router`] is dropped.
pub fn run_lookup(
    mut reader: Reader,
    store: &Store,
    inlet: &Receiver<ToLookup>,
    mut answer: impl FnMut(ConnId, Reply),
) {
    for what in inlet {
        match what {
            ToLookup::Look(request) => {
                let reply = reader.look(store, &request);
                if let Some(conn) = request.conn {
                    answer(conn, reply);
                }
            }
            ToLookup::Hangup(conn) => lease::end_leases(reader.service(), conn),
        }
    }
}

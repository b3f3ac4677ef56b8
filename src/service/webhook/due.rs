//! A delivery that is due.

use std::sync::Arc;

use crate::call::{DeliveryRow, Event, EventKind};

/// A delivery that is due.
#[derive(Clone, Debug)]
pub struct DueDelivery {
    pub kind: EventKind,
    pub event: Arc<Event>,
    /// The row of one that was tried before; `None`: it comes from the log.
    pub row: Option<DeliveryRow>,
    /// The place of the endpoint in the log when it was claimed.
    pub after: u64,
}

//! From a call to its function. A call has the type of the executor that answers it, so each list
//! here is complete and no call can reach another executor.

mod group;
mod import;
mod index;
mod look;
mod read;
mod reader;
mod waiting;
mod write;
mod writer;

pub use reader::{ReadTask, ReadTurn, Reader};
pub use writer::{DiskReserve, WriteTask, Writer};

use crate::call::{Metric, Refusal};
use crate::service::Service;

/// Counts a refusal of the writer: damage, so that an operator is told of it, and full quotas.
fn count_refusal(service: &Service, refusal: &Refusal) {
    if *refusal == Refusal::Damaged {
        service.shared.metrics.count(Metric::Damaged);
    }
    if let Refusal::Limit { .. } | Refusal::TooBig { .. } | Refusal::OverQuota { .. } = refusal {
        service.shared.metrics.count(Metric::RejectedQuota);
    }
}

//! From a call to its function. A call has the type of the executor that answers it, so each list
//! here is complete and no call can reach another executor.

mod alone;
mod group;
mod import;
mod index;
mod lessons;
mod look;
mod read;
mod reader;
mod waiting;
mod write;
mod writer;

pub use reader::{ReadTask, ReadTurn, Reader};
pub use writer::{DiskReserve, WriteTask, Writer};

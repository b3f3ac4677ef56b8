//! From a call to its function. Calls are typed by the thread that answers, so each list here
//! is whole and no call can be on the wrong thread.

mod look;
mod read;
mod reader;
mod write;
mod writer;

pub use reader::{ReadTask, ReadTurn, Reader};
pub use writer::{DiskReserve, WriteTask, Writer};

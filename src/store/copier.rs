//! Copies the write-ahead log into the database beside the writer, so that no call waits for it.
//!
//! The writer holds the log at its last commit: a read of a connection of its own stays open. Then
//! it writes the checksums of all pages up to there, and asks the copier, which makes them durable
//! before it copies. SQLite copies no frame behind the oldest read. So what is committed meanwhile
//! is not copied before it has its checksums either.

use std::fs::File;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};

use super::{Error, Store};

/// The writer's end: what it knows of the copier.
#[derive(Debug)]
pub struct LogCopier {
    /// Its read holds the log.
    hold: Store,
    asks: Sender<Option<File>>,
    ended: Receiver<LogCopied>,
    is_copying: bool,
}

/// The copier's end.
#[derive(Debug)]
pub struct CopierInlet {
    asks: Receiver<Option<File>>,
    ended: Sender<LogCopied>,
}

/// What became of a copy. The outer error is that of the checksums: without them nothing is copied.
type LogCopied = std::io::Result<Result<(), Error>>;

impl CopierInlet {
    /// The loop of the copier, until the writer has ended. `store` is a connection that reads.
    pub fn run(&self, store: &Store) {
        while self.copy_next(store) {}
    }

    /// Waits until it is asked, and copies once; whether there is still a writer.
    pub(super) fn copy_next(&self, store: &Store) -> bool {
        let Ok(sums) = self.asks.recv() else {
            return false;
        };
        let durable = sums.map_or(Ok(()), |sums| sums.sync_data());
        let copied = durable.map(|()| store.copy_log().map(drop));
        self.ended.send(copied).is_ok()
    }
}

impl LogCopier {
    /// Both ends. `hold` is a connection that reads.
    pub fn new(hold: Store) -> (LogCopier, CopierInlet) {
        let (asks, asked) = channel();
        let (tells, ended) = channel();
        let copier = LogCopier {
            hold,
            asks,
            ended,
            is_copying: false,
        };
        let inlet = CopierInlet {
            asks: asked,
            ended: tells,
        };
        (copier, inlet)
    }

    /// Begins to copy the log as far as `store` has committed; one copy at a time. There must be
    /// something to copy: a read of a log that is copied whole would not hold it.
    pub fn begin(&mut self, store: &Store) -> Result<(), Error> {
        if self.is_copying {
            return Ok(());
        }
        let held = self.hold.hold_log();
        let sums = held.and_then(|()| store.write_page_sums());
        let asked = sums.map(|sums| self.asks.send(sums).is_ok());
        self.is_copying = matches!(asked, Ok(true));
        if !self.is_copying {
            self.hold.let_log_go()?;
        }
        asked.map(drop)
    }

    /// Whether a copy has ended since. Errors: those of that copy.
    pub fn has_ended(&mut self, store: &Store) -> Result<bool, Error> {
        if !self.is_copying {
            return Ok(false);
        }
        match self.ended.try_recv() {
            Err(TryRecvError::Empty) => Ok(false),
            Err(TryRecvError::Disconnected) => self.end(store, Ok(Ok(()))),
            Ok(copied) => self.end(store, copied),
        }
    }

    /// Waits for the end of the copy that is under way. Errors: those of that copy.
    pub fn wait(&mut self, store: &Store) -> Result<(), Error> {
        if !self.is_copying {
            return Ok(());
        }
        let copied = self.ended.recv().unwrap_or(Ok(Ok(())));
        self.end(store, copied).map(drop)
    }

    fn end(&mut self, store: &Store, copied: LogCopied) -> Result<bool, Error> {
        self.is_copying = false;
        self.hold.let_log_go()?;
        match copied {
            Ok(copied) => copied.map(|()| true),
            Err(error) => {
                store.lose_page_sums(error);
                Ok(false)
            }
        }
    }
}

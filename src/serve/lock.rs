//! A start waits for the lock of the data folder.

use std::thread;
use std::time::{Duration, Instant};

use crate::store::FolderError;

/// Waits for a lock that another process has: a command without a server has the folder for some
/// milliseconds, and a server that stops for some seconds.
pub(super) fn when_free(mut lock: impl FnMut() -> Result<(), FolderError>) -> Result<(), String> {
    let began = Instant::now();
    let mut is_told = false;
    loop {
        let error = match lock() {
            Err(error @ FolderError::Taken(..)) if began.elapsed() < LOCK_PATIENCE => error,
            done => return done.map_err(|error| error.to_string()),
        };
        if !is_told && began.elapsed() >= LOCK_SILENCE {
            eprintln!("postern: waiting: {error}");
            is_told = true;
        }
        thread::sleep(LOCK_PAUSE);
    }
}

/// How long a start waits for the lock of the folder, for how long it says nothing of that, and how
/// often it looks.
const LOCK_PATIENCE: Duration = Duration::from_secs(3);
const LOCK_SILENCE: Duration = Duration::from_millis(300);
const LOCK_PAUSE: Duration = Duration::from_millis(20);

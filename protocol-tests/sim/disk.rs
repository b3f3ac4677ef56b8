//! The folder of a simulated server: a database file that survives the process. A stop copies
//! the files as they are at that moment, with the write-ahead log, and the next process opens
//! the copy; nothing that the old one held in memory can help it.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use postern::testing::store::{FILE, Role, Store};

/// See the module.
pub struct Disk {
    root: PathBuf,
    generation: u32,
}

impl Disk {
    /// An empty folder, in memory where the system has a place for that: the simulation is
    /// about what is written, not about how long a sync takes.
    pub fn new(seed: u64) -> Disk {
        static RUNS: AtomicU64 = AtomicU64::new(0);
        let shared = PathBuf::from("/dev/shm");
        let base = match shared.is_dir() {
            true => shared,
            false => std::env::temp_dir(),
        };
        let run = RUNS.fetch_add(1, Ordering::Relaxed);
        let name = format!("postern-sim-{}-{run}-{seed}", std::process::id());
        let root = base.join(name);
        fs::create_dir_all(root.join("0")).expect("a folder");
        Disk {
            root,
            generation: 0,
        }
    }

    /// Opens the database of the present generation.
    pub fn open(&self, seed: u64) -> Store {
        let seed = seed.wrapping_add(u64::from(self.generation));
        Store::open(&self.folder(), Role::Writer, seed).expect("a store")
    }

    /// The process stops here: the files as they are become the next generation.
    pub fn stop(&mut self) {
        let old = self.folder();
        self.generation += 1;
        let new = self.folder();
        fs::create_dir_all(&new).expect("a folder");
        for end in ["", "-wal"] {
            let name = format!("{FILE}{end}");
            if old.join(&name).exists() {
                fs::copy(old.join(&name), new.join(&name)).expect("a copy");
            }
        }
    }

    fn folder(&self) -> PathBuf {
        self.root.join(self.generation.to_string())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

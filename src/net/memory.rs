//! How much memory the process has, how much it may have, and what is done when the two come
//! close.
//!
//! Anonymous resident memory counts: the part that no file can give back. At 80 percent of the
//! limit new connections are refused, except over plain HTTP, and each refusal has some of the
//! oldest anonymous peers' connections closed. At 95 percent these are closed at once. Each state
//! ends 5 percent below its mark, so that the log has one line for each crossing. A system
//! without `/proc` has no watermark.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::call::{Metric, Metrics};

/// The watermark; the acceptor looks at it.
#[derive(Debug)]
pub(super) struct Memory {
    /// Held open: when memory is short there may be no descriptor left.
    statm: Option<File>,
    limit: u64,
    pressure: Pressure,
    /// It is not looked at again before this time.
    next: u64,
}

/// How short memory is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Pressure {
    /// New connections are accepted.
    Normal,
    /// New connections are refused; each has some anonymous peers' connections closed.
    High,
    /// Anonymous peers' connections are closed.
    Critical,
}

impl Memory {
    /// A watermark under `limit` mebibytes.
    pub fn new(limit_mb: usize) -> Self {
        Memory {
            statm: File::open("/proc/self/statm").ok(),
            limit: (limit_mb as u64).saturating_mul(MIB),
            pressure: Pressure::Normal,
            next: 0,
        }
    }

    /// Looks, unless it has just done so.
    pub fn look(&mut self, now: u64, metrics: &Metrics) {
        if now < self.next {
            return;
        }
        self.next = now.saturating_add(LOOK_EVERY_MS);
        let Some(used) = self.statm.as_ref().and_then(resident) else {
            return;
        };
        metrics.set(Metric::Memory, used);
        let pressure = self.pressure.after(used, self.limit);
        if pressure != self.pressure {
            let (mib, of) = (used / MIB, self.limit / MIB);
            match pressure {
                Pressure::Normal => {
                    log::info!("memory: {mib} of {of} MiB, everybody is let in again")
                }
                Pressure::High => log::warn!("memory: {mib} of {of} MiB, nobody new is let in"),
                Pressure::Critical => log::warn!("memory: {mib} of {of} MiB, strangers are closed"),
            }
            self.pressure = pressure;
        }
    }

    /// One whose pressure does not change.
    #[cfg(test)]
    pub fn at(pressure: Pressure) -> Self {
        Memory {
            statm: None,
            limit: 0,
            pressure,
            next: 0,
        }
    }

    /// The pressure at the last look.
    pub fn pressure(&self) -> Pressure {
        self.pressure
    }
}

impl Pressure {
    /// The pressure with `used` of `limit`: up at the marks, down five hundredths below them.
    fn after(self, used: u64, limit: u64) -> Pressure {
        let percent = used.saturating_mul(100) / limit.max(1);
        let reached = |mark: u64, pressure: Pressure| {
            let slack = if self >= pressure { SLACK_PERCENT } else { 0 };
            percent + slack >= mark
        };
        if reached(CRITICAL_PERCENT, Pressure::Critical) {
            Pressure::Critical
        } else if reached(HIGH_PERCENT, Pressure::High) {
            Pressure::High
        } else {
            Pressure::Normal
        }
    }
}

/// Anonymous resident octets: the second field less the third (proc(5), statm).
fn resident(statm: &File) -> Option<u64> {
    let mut text = [0; 128];
    let n = statm.read_at(&mut text, 0).ok()?;
    let text = core::str::from_utf8(text.get(..n)?).ok()?;
    let mut pages = text.split(' ').skip(1).map(str::parse::<u64>);
    let (all, of_files) = (pages.next()?.ok()?, pages.next()?.ok()?);
    Some(all.saturating_sub(of_files) * rustix::param::page_size() as u64)
}

/// The mebibytes that this process should use at most: three quarters of what its control
/// group, or else the machine, has. `None` where neither is known.
pub fn memory_mb() -> Option<usize> {
    let read = |path: &str| fs::read_to_string(path).ok();
    let machine = read("/proc/meminfo").and_then(|text| total(&text));
    let group = read("/proc/self/cgroup").and_then(|text| group_limit(&text, read));
    let most = match (machine, group) {
        (Some(a), Some(b)) => a.min(b),
        (a, b) => a.or(b)?,
    };
    usize::try_from(most / 4 * 3 / MIB).ok()
}

/// `MemTotal` of /proc/meminfo, in octets.
fn total(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|l| l.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib.saturating_mul(1024))
}

/// The least limit of the process' control group and those above it. In a container the
/// path may be one of the host's that cannot be seen; what can be seen of it counts.
fn group_limit(groups: &str, read: impl Fn(&str) -> Option<String>) -> Option<u64> {
    let mut least = None;
    for line in groups.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(kinds), Some(path)) = (fields.next(), fields.next()) else {
            continue;
        };
        let (root, files): (&str, &[&str]) = if kinds.is_empty() {
            ("/sys/fs/cgroup", &["memory.max", "memory.high"])
        } else if kinds.split(',').any(|kind| kind == "memory") {
            ("/sys/fs/cgroup/memory", &["memory.limit_in_bytes"])
        } else {
            continue;
        };
        for group in Path::new(path).ancestors().filter_map(Path::to_str) {
            for file in files {
                let group = group.trim_end_matches('/');
                // "max" is no number: no limit.
                let limit = read(&format!("{root}{group}/{file}"))
                    .and_then(|text| text.trim().parse::<u64>().ok());
                least = match (least, limit) {
                    (Some(a), Some(b)) => Some(u64::min(a, b)),
                    (a, b) => a.or(b),
                };
            }
        }
    }
    least
}

const MIB: u64 = 1 << 20;
/// A flood on loopback brings a few mebibytes in this time.
const LOOK_EVERY_MS: u64 = 100;
/// New connections are refused from here on. DECISIONS.md, "Fairness and limits".
const HIGH_PERCENT: u64 = 80;
/// Anonymous peers' connections are closed from here on.
const CRITICAL_PERCENT: u64 = 95;
/// A pressure ends this much below the mark at which it begins.
const SLACK_PERCENT: u64 = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pressure_ends_below_where_it_begins() {
        let mut pressure = Pressure::Normal;
        for (used, wanted) in [
            (79, Pressure::Normal),
            (80, Pressure::High),
            (76, Pressure::High),
            (94, Pressure::High),
            (95, Pressure::Critical),
            (91, Pressure::Critical),
            (89, Pressure::High),
            (75, Pressure::High),
            (74, Pressure::Normal),
            (79, Pressure::Normal),
            (120, Pressure::Critical),
            (3, Pressure::Normal),
        ] {
            pressure = pressure.after(used, 100);
            assert_eq!(pressure, wanted, "at {used}");
        }
        assert_eq!(Pressure::Normal.after(u64::MAX, 0), Pressure::Critical);
    }

    #[test]
    fn limits_are_found_in_either_version_of_groups() {
        let find = |groups: &str, files: &[(&str, &str)]| {
            group_limit(groups, |path| {
                let file = files.iter().find(|(name, _)| *name == path);
                file.map(|(_, text)| format!("{text}\n"))
            })
        };
        let above = ("/sys/fs/cgroup/a/memory.max", "5000");
        let own = ("/sys/fs/cgroup/a/b/memory.max", "max");
        assert_eq!(find("0::/a/b", &[own]), None);
        assert_eq!(find("0::/a/b", &[own, above]), Some(5000));
        let high = ("/sys/fs/cgroup/memory.high", "4000");
        assert_eq!(find("0::/", &[high]), Some(4000));
        let first = "9:name=systemd:/x\n4:cpu,memory:/docker/0123\n0::/\nnonsense\n";
        let seen = ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "3000");
        assert_eq!(find(first, &[seen]), Some(3000));
        assert_eq!(find(first, &[]), None);
    }

    #[test]
    fn the_system_tells_its_memory() {
        assert_eq!(total("MemTotal:  2048 kB\nMemFree: 1 kB\n"), Some(2 << 20));
        assert_eq!(total("MemFree: 1 kB\n"), None);
        if cfg!(target_os = "linux") {
            assert!(memory_mb().is_some_and(|mb| mb > 16));
            let metrics = Metrics::default();
            for (limit, wanted) in [(u64::MAX, Pressure::Normal), (1, Pressure::Critical)] {
                let mut memory = Memory::new(1);
                memory.limit = limit;
                memory.look(0, &metrics);
                assert_eq!(memory.pressure(), wanted);
            }
            assert!(metrics.value(Metric::Memory) > 100_000);
        }
    }
}

//! How far a long command has come: one line on a terminal, which is written over.

use std::io::{IsTerminal, Write};
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use crate::cli::show;

/// A line of progress. Without a terminal it prints nothing.
pub struct ProgressLine {
    begun: Instant,
    last: Instant,
    is_shown: bool,
    is_drawn: bool,
}

impl ProgressLine {
    /// Begins; `is_wanted` is `false` with `--json`.
    pub fn begin(is_wanted: bool) -> ProgressLine {
        let now = Instant::now();
        ProgressLine {
            begun: now,
            last: now,
            is_shown: is_wanted && std::io::stderr().is_terminal(),
            is_drawn: false,
        }
    }

    /// Shows how far it is, at most ten times a second: messages, and a part of a whole.
    pub fn tell(&mut self, what: &str, messages: u64, (done, whole): (u64, u64)) {
        let now = Instant::now();
        if !self.is_shown || now.duration_since(self.last) < BETWEEN {
            return;
        }
        self.last = now;
        let text = line(
            what,
            messages,
            (done, whole),
            now.duration_since(self.begun),
        );
        self.draw(&text);
    }

    fn draw(&mut self, text: &str) {
        let _ = write!(std::io::stderr(), "\r\x1b[K{}", show::one_line(text));
        let _ = std::io::stderr().flush();
        self.is_drawn = true;
    }

    /// Prints a remark above the line.
    pub fn note(&mut self, text: &str) {
        self.clear();
        show::note(&show::one_line(text));
    }

    /// Takes the line away.
    pub fn clear(&mut self) {
        if self.is_drawn {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
            self.is_drawn = false;
        }
    }

    /// Since the beginning.
    pub fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }
}

/// Does long work, and shows meanwhile for how long, and how much of a whole `part` says is done.
pub fn during<T>(
    is_wanted: bool,
    what: &str,
    part: impl Fn() -> (u64, u64) + Send,
    work: impl FnOnce() -> T,
) -> T {
    let mut progress = ProgressLine::begin(is_wanted);
    if !progress.is_shown {
        return work();
    }
    std::thread::scope(|scope| {
        // It ends when the work has: also when that has panicked.
        let (_running, ended) = std::sync::mpsc::channel::<()>();
        scope.spawn(move || {
            while ended.recv_timeout(BETWEEN) == Err(RecvTimeoutError::Timeout) {
                let took = progress.elapsed();
                progress.draw(&waiting(what, part(), took));
            }
            progress.clear();
        });
        work()
    })
}

/// `backup: 12 s, 37 %, 20 s left`.
fn waiting(what: &str, (done, whole): (u64, u64), took: Duration) -> String {
    let mut text = format!("{what}: {}", span(took.as_secs()));
    push_part(&mut text, (done, whole), took);
    text
}

/// `Archive: 1200 messages, 400 a second, 37 %, 12 s left`.
fn line(what: &str, messages: u64, (done, whole): (u64, u64), took: Duration) -> String {
    let mut text = format!("{what}: {messages} messages");
    let took_ms = millis(took);
    text += &format!(", {} a second", messages.saturating_mul(1000) / took_ms);
    push_part(&mut text, (done, whole), took);
    text
}

/// How much of a whole is done, and how long the rest will take.
fn push_part(text: &mut String, (done, whole): (u64, u64), took: Duration) {
    if whole == 0 {
        return;
    }
    let done = done.min(whole);
    *text += &format!(", {} %", done.saturating_mul(100) / whole);
    if let Some(left_ms) = millis(took).saturating_mul(whole - done).checked_div(done) {
        *text += &format!(", {} left", span(left_ms / 1000));
    }
}

fn millis(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX).max(1)
}

/// `2 h 5 min`, `3 min 20 s`, `7 s`.
fn span(seconds: u64) -> String {
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, s) => format!("{s} s"),
        (0, min, s) => format!("{min} min {s} s"),
        (h, min, _) => format!("{h} h {min} min"),
    }
}

const BETWEEN: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_has_a_rate_and_an_end() {
        for (messages, part, ms, text) in [
            (0, (0, 0), 0, "x: 0 messages, 0 a second"),
            (
                500,
                (50, 200),
                2000,
                "x: 500 messages, 250 a second, 25 %, 6 s left",
            ),
            (
                1,
                (1, 7301),
                1000,
                "x: 1 messages, 1 a second, 0 %, 2 h 1 min left",
            ),
            (
                9,
                (300, 200),
                60_000,
                "x: 9 messages, 0 a second, 100 %, 0 s left",
            ),
        ] {
            assert_eq!(line("x", messages, part, Duration::from_millis(ms)), text);
        }
        assert_eq!(span(200), "3 min 20 s");
        let took = Duration::from_secs(10);
        assert_eq!(waiting("x", (0, 0), took), "x: 10 s");
        assert_eq!(waiting("x", (25, 100), took), "x: 10 s, 25 %, 30 s left");
        assert_eq!(during(false, "x", || (0, 0), || 7), 7);
    }
}

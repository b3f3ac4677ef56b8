//! `postern tail --exec`: the command of one event. It is run again for the same event until it
//! exits with 0, so an event is done when its command says so.
//!
//! Which event is next, and what is remembered of those that are done, is in `jobs.rs`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::cli::CliError;

/// An event of a stream, as its frame had it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TailEvent {
    /// Its type, such as `message.received`.
    pub kind: String,
    /// The `id` of its frame: a stream that begins behind it misses nothing.
    pub number: String,
    /// The JSON.
    pub data: String,
}

/// The command of each event.
pub struct EventCommand {
    line: String,
}

impl EventCommand {
    /// `line` is given to `sh -c`.
    pub fn new(line: &str) -> EventCommand {
        EventCommand {
            line: line.to_owned(),
        }
    }

    /// Runs it once. Gives why it has failed, if it has.
    pub fn run(&self, event: &TailEvent) -> Option<String> {
        match self.ran(event) {
            Ok(why) => why,
            Err(error) => Some(format!("cannot be run by sh ({error})")),
        }
    }

    fn ran(&self, event: &TailEvent) -> io::Result<Option<String>> {
        let mut child = Command::new("sh")
            .args(["-c", &self.line])
            .env("POSTERN_EVENT_TYPE", &event.kind)
            .env("POSTERN_EVENT_SEQ", &event.number)
            .stdin(Stdio::piped())
            .spawn()?;
        if let Some(mut input) = child.stdin.take() {
            // A command need not read its input.
            let _ = input.write_all(format!("{}\n", event.data).as_bytes());
        }
        let status = child.wait()?;
        Ok(match (status.success(), status.code()) {
            (true, _) => None,
            (false, Some(code)) => Some(format!("exited with {code}")),
            (false, None) => Some("was killed".to_owned()),
        })
    }
}

/// The file of `--state`: the number of the last event up to which all are done.
pub struct StateFile {
    path: PathBuf,
}

impl StateFile {
    /// It need not be there yet.
    pub fn new(path: &Path) -> StateFile {
        StateFile {
            path: path.to_owned(),
        }
    }

    /// What an earlier run has noted; empty where there was none.
    pub fn last(&self) -> Result<String, CliError> {
        let text = match std::fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(String::new()),
            Err(error) => return Err(format!("{}: {error}", self.path.display()).into()),
        };
        let text = text.trim();
        match text.bytes().all(|b| b.is_ascii_digit()) {
            true => Ok(text.to_owned()),
            false => Err(format!(
                "{}: is not what `postern tail --state` writes: name another file",
                self.path.display()
            )
            .into()),
        }
    }

    /// Notes a number, whole or not at all.
    pub fn keep(&self, number: &str) -> Result<(), CliError> {
        let mut temporary = self.path.clone().into_os_string();
        temporary.push(".new");
        let written = std::fs::File::create(&temporary).and_then(|mut file| {
            file.write_all(format!("{number}\n").as_bytes())?;
            file.sync_all()?;
            std::fs::rename(&temporary, &self.path)
        });
        written.map_err(|error| format!("{}: {error}", self.path.display()).into())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn event(data: &str) -> TailEvent {
        TailEvent {
            kind: "message.received".to_owned(),
            number: "7".to_owned(),
            data: data.to_owned(),
        }
    }

    #[test]
    fn a_command_has_the_event_and_its_exit_code_counts() {
        let folder = std::env::temp_dir().join(format!("postern-exec-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let seen = folder.join("seen");
        let line = format!(
            "cat >> {0}; echo $POSTERN_EVENT_TYPE $POSTERN_EVENT_SEQ >> {0}",
            seen.display()
        );
        assert_eq!(EventCommand::new(&line).run(&event("{\"seq\":7}")), None);
        let text = std::fs::read_to_string(&seen).unwrap();
        assert_eq!(text, "{\"seq\":7}\nmessage.received 7\n");
        // Whatever a command does with its input.
        let huge = event(&"x".repeat(1 << 20));
        for (line, why) in [
            ("exit 3", Some("exited with 3")),
            ("exit 0", None),
            ("kill -9 $$", Some("was killed")),
        ] {
            let said = EventCommand::new(line).run(&huge);
            assert_eq!(said.as_deref(), why, "{line}");
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_state_file_has_a_number_and_nothing_else() {
        let path = std::env::temp_dir().join(format!("postern-state-{}", std::process::id()));
        let state = StateFile::new(&path);
        assert_eq!(state.last().unwrap(), "");
        state.keep("7").unwrap();
        state.keep("12").unwrap();
        assert_eq!(state.last().unwrap(), "12");
        std::fs::write(&path, "not ours").unwrap();
        assert!(state.last().is_err());
        std::fs::remove_file(&path).unwrap();
    }
}

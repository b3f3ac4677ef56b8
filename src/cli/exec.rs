//! `postern tail --exec`: a command for each event. It is run again for the same event until it
//! exits with 0, so an event is done when its command says so.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::cli::{CliError, show};

/// The command of each event, and the file that says how far it has come.
pub struct EventCommand {
    command: String,
    state: Option<PathBuf>,
}

impl EventCommand {
    /// `command` is given to `sh -c`.
    pub fn new(command: &str, state: Option<&Path>) -> EventCommand {
        EventCommand {
            command: command.to_owned(),
            state: state.map(Path::to_owned),
        }
    }

    /// The number of the last event that was done in an earlier run; empty where there was none.
    pub fn last(&self) -> Result<String, CliError> {
        let Some(path) = &self.state else {
            return Ok(String::new());
        };
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(String::new()),
            Err(error) => return Err(format!("{}: {error}", path.display()).into()),
        };
        let text = text.trim();
        match text.bytes().all(|b| b.is_ascii_digit()) {
            true => Ok(text.to_owned()),
            false => Err(format!(
                "{}: is not what `postern tail --state` writes: name another file",
                path.display()
            )
            .into()),
        }
    }

    /// Runs the command for an event until it exits with 0.
    pub fn carry_out(&self, kind: &str, number: &str, event: &str) -> Result<(), CliError> {
        let mut pause = FIRST_PAUSE;
        loop {
            let why = match self.run(kind, number, event)? {
                None => break,
                Some(why) => why,
            };
            show::note(&format!(
                "postern: the command {why} for event {number}; it is run again in {} s",
                pause.as_secs()
            ));
            std::thread::sleep(pause);
            pause = (pause * 2).min(LAST_PAUSE);
        }
        self.keep(number)
    }

    /// Runs it once. Gives why it has failed, if it has.
    fn run(&self, kind: &str, number: &str, event: &str) -> Result<Option<String>, CliError> {
        let mut child = Command::new("sh")
            .args(["-c", &self.command])
            .env("POSTERN_EVENT_TYPE", kind)
            .env("POSTERN_EVENT_SEQ", number)
            .stdin(Stdio::piped())
            .spawn()
            .map_err(|error| format!("sh cannot be run: {error}"))?;
        if let Some(mut input) = child.stdin.take() {
            // A command need not read its input.
            let _ = input.write_all(format!("{event}\n").as_bytes());
        }
        let status = child.wait()?;
        Ok(match (status.success(), status.code()) {
            (true, _) => None,
            (false, Some(code)) => Some(format!("exited with {code}")),
            (false, None) => Some("was killed".to_owned()),
        })
    }

    /// Notes that an event is done.
    pub fn keep(&self, number: &str) -> Result<(), CliError> {
        let Some(path) = &self.state else {
            return Ok(());
        };
        let mut temporary = path.clone().into_os_string();
        temporary.push(".new");
        let written = std::fs::File::create(&temporary).and_then(|mut file| {
            file.write_all(format!("{number}\n").as_bytes())?;
            file.sync_all()?;
            std::fs::rename(&temporary, path)
        });
        written.map_err(|error| format!("{}: {error}", path.display()).into())
    }
}

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LAST_PAUSE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_command_has_the_event_and_its_end_is_kept() {
        let folder = std::env::temp_dir().join(format!("postern-exec-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (seen, state) = (folder.join("seen"), folder.join("state"));
        let line = format!(
            "cat >> {0}; echo $POSTERN_EVENT_TYPE $POSTERN_EVENT_SEQ >> {0}",
            seen.display()
        );
        let command = EventCommand::new(&line, Some(&state));
        assert_eq!(command.last().unwrap(), "");
        command
            .carry_out("message.received", "7", "{\"seq\":7}")
            .unwrap();
        assert_eq!(command.last().unwrap(), "7");
        let text = std::fs::read_to_string(&seen).unwrap();
        assert_eq!(text, "{\"seq\":7}\nmessage.received 7\n");
        // Whatever a command does with its input, its exit code counts.
        let huge = "x".repeat(1 << 20);
        assert_eq!(
            EventCommand::new("exit 3", None)
                .run("a", "1", &huge)
                .unwrap(),
            Some("exited with 3".to_owned())
        );
        assert_eq!(
            EventCommand::new("exit 0", None)
                .run("a", "1", &huge)
                .unwrap(),
            None
        );
        let killed = EventCommand::new("kill -9 $$", None)
            .run("a", "1", "{}")
            .unwrap();
        assert_eq!(killed, Some("was killed".to_owned()));
        std::fs::write(&state, "not ours").unwrap();
        assert!(command.last().is_err());
        std::fs::remove_dir_all(&folder).unwrap();
    }
}

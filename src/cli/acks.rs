//! `postern tail --group`: events are acknowledged one by one when they are done.
//!
//! An event that cannot be acknowledged comes again, to this reader or to another one of the group.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use super::api::{Api, ServerAccess};
use super::exec::TailEvent;
use super::jobs::PlaceKeeper;
use super::{CliError, show};

/// The acknowledgements of one group. Clones share the server.
#[derive(Clone)]
pub struct GroupAcks {
    group: String,
    server: Arc<Mutex<ServerAccess>>,
}

impl GroupAcks {
    /// Those of a group on this server.
    pub fn new(group: &str, api: &Api) -> Result<GroupAcks, CliError> {
        Ok(GroupAcks {
            group: group.to_owned(),
            server: Arc::new(Mutex::new(api.access()?)),
        })
    }

    /// The server was found again, perhaps on another port.
    pub fn moved(&self, api: &Api) {
        if let Ok(found) = api.access() {
            *self.server.lock().unwrap_or_else(PoisonError::into_inner) = found;
        }
    }

    /// Acknowledges an event. One for which that fails is told on standard error.
    pub fn acknowledge(&self, event: &TailEvent) {
        let id = match event.number.parse::<u64>() {
            // A `reset` is no event of the log.
            Ok(id) if event.kind != "reset" => id,
            _ => return,
        };
        let body = json!({"group": self.group, "id": id});
        let mut pause = FIRST_PAUSE;
        for _ in 0..TRIES {
            let server = self.server.lock().unwrap_or_else(PoisonError::into_inner);
            let mut api = server.api();
            drop(server);
            let why = match api.post("/api/v1/events/ack", &body) {
                Ok(_) => return,
                Err(CliError::Own(why)) => why,
                Err(CliError::Api { octets, .. }) => {
                    let json: Value = serde_json::from_slice(&octets).unwrap_or(Value::Null);
                    let error = &json["error"];
                    let why = show::one_line(error["message"].as_str().unwrap_or_default());
                    if !matches!(
                        error["code"].as_str(),
                        Some("rate_limited" | "shutting_down")
                    ) {
                        self.tell(id, &why);
                        return;
                    }
                    why
                }
            };
            self.tell(id, &why);
            std::thread::sleep(pause);
            pause *= 2;
        }
    }

    fn tell(&self, id: u64, why: &str) {
        let group = &self.group;
        show::note(&format!(
            "postern: event {id} is not acknowledged in the group {group}, so it may come again: {why}"
        ));
    }
}

impl PlaceKeeper for GroupAcks {
    fn done_to(&mut self, _: &str) -> Result<(), CliError> {
        Ok(())
    }

    fn done(&mut self, event: &TailEvent) -> Result<(), CliError> {
        self.acknowledge(event);
        Ok(())
    }
}

/// Tries of one acknowledgement: a restart of the server takes less than all their pauses.
const TRIES: usize = 4;
const FIRST_PAUSE: Duration = Duration::from_secs(1);

//! Requests that may be repeated: while the server is away for a moment, or asks to wait.

use std::time::{Duration, Instant};

use crate::cli::api::{Api, ApiReply, KeptRequest};
use crate::cli::{Cli, CliError};

/// A request and its answer.
pub fn exchange(cli: &Cli, api: &mut Api, request: &KeptRequest) -> Result<ApiReply, CliError> {
    // A failure is found when the answer is read.
    let _ = api.begin(request);
    match api.end() {
        Ok(reply) => Ok(reply),
        Err(error) => again(cli, api, request, error),
    }
}

/// The same for a GET.
pub fn get(cli: &Cli, api: &mut Api, path: String) -> Result<ApiReply, CliError> {
    let request = KeptRequest {
        method: "GET",
        path,
        body: Vec::new(),
    };
    exchange(cli, api, &request)
}

/// Repeats a request that has failed with `error`, for as long as that may help.
pub fn again(
    cli: &Cli,
    api: &mut Api,
    request: &KeptRequest,
    error: CliError,
) -> Result<ApiReply, CliError> {
    let mut error = error;
    let mut lost_at: Option<Instant> = None;
    loop {
        match &error {
            CliError::Api {
                retry_after_s: Some(seconds),
                ..
            } => std::thread::sleep(Duration::from_secs((*seconds).clamp(1, WAIT_S_MAX))),
            CliError::Own(why) if api.is_served() => {
                let since = *lost_at.get_or_insert_with(Instant::now);
                if since.elapsed() > PATIENCE {
                    return Err(CliError::Own(format!(
                        "{why}; run the same command again when the server is back: it goes on \
                         where it was"
                    )));
                }
                std::thread::sleep(BETWEEN_TRIES);
                let _ = api.find_server(cli);
            }
            _ => return Err(error),
        }
        let _ = api.begin(request);
        match api.end() {
            Ok(reply) => return Ok(reply),
            Err(next) => error = next,
        }
    }
}

/// The longest pause that a server can ask for.
const WAIT_S_MAX: u64 = 120;
/// How long a server may be away.
const PATIENCE: Duration = Duration::from_secs(60);
const BETWEEN_TRIES: Duration = Duration::from_millis(250);

//! The routes for machines that look after the server: alive, ready, counters. They are
//! outside the API and, but for counters from afar, need no key.

use super::problems::Problem;
use super::routes::{Asked, Step};
use crate::call::{Access, Answer, Call, Shared};
use crate::http::wire::json;
use crate::http::wire::response::{Kind, Response};

/// The process answers.
pub(crate) fn healthz(_asked: &Asked<'_>) -> Result<Step, Box<Problem>> {
    Ok(Step::Respond(status("ok")))
}

/// Mail can be taken: the writer lives and the disk has room.
pub(crate) fn readyz(_asked: &Asked<'_>) -> Result<Step, Box<Problem>> {
    Ok(Step::Read(Box::new(Call::Ready), ready))
}

/// Prometheus text (exposition format 0.0.4).
pub(crate) fn metrics(asked: &Asked<'_>) -> Result<Step, Box<Problem>> {
    let mut text = String::with_capacity(8192);
    for (name, kind, help, value) in asked.shared.metrics.all() {
        let help = help.trim();
        text.push_str(&format!(
            "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n"
        ));
    }
    let response = Response::new(200, Kind::Metrics, text.into_bytes());
    Ok(Step::Respond(response))
}

fn ready(answer: Answer, _access: &Access, _house: &Shared) -> Option<Response> {
    matches!(answer, Answer::Done).then(|| status("ready"))
}

fn status(word: &str) -> Response {
    let mut body = Vec::new();
    json::object(&mut body, |o| o.text("status", word));
    Response::json(200, body)
}

//! The routes for machines that look after the server: alive, ready, counters. They are
//! outside the API and, but for counters from afar, need no key.

use super::problems::Problem;
use super::routes::{RouteRequest, RouteStep};
use crate::call::{Access, Answer, Call, Shared};
use crate::http::wire::json;
use crate::http::wire::response::{MediaType, Response};

/// The process answers.
pub(crate) fn healthz(_asked: &RouteRequest<'_>) -> Result<RouteStep, Box<Problem>> {
    Ok(RouteStep::Respond(status("ok")))
}

/// Mail can be taken: the writer lives and the disk has room.
pub(crate) fn readyz(_asked: &RouteRequest<'_>) -> Result<RouteStep, Box<Problem>> {
    Ok(RouteStep::Read(Box::new(Call::Ready), ready))
}

/// Prometheus text (exposition format 0.0.4).
pub(crate) fn metrics(asked: &RouteRequest<'_>) -> Result<RouteStep, Box<Problem>> {
    let mut text = String::with_capacity(8192);
    for (name, kind, help, value) in asked.shared.metrics.all() {
        let help = help.trim();
        text.push_str(&format!(
            "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n"
        ));
    }
    let response = Response::new(200, MediaType::Metrics, text.into_bytes());
    Ok(RouteStep::Respond(response))
}

fn ready(answer: Answer, _access: &Access, _house: &Shared) -> Option<Response> {
    matches!(answer, Answer::Done).then(|| status("ready"))
}

fn status(word: &str) -> Response {
    let mut body = Vec::new();
    json::object(&mut body, |o| o.text("status", word));
    Response::json(200, body)
}

//! The routes for machines that look after the server: alive, ready, counters. They are
//! outside the API and need no key, but for counters from another machine.

use super::codes;
use super::fields::FieldKind::OneOf;
use super::operation::{Gives, Operation, ResponseContent, Takes};
use super::routes::{RouteRequest, RouteResult, RouteStep};
use super::shapes::{Shape, shape};
use crate::call::{Answer, Look};
use crate::http::wire::response::{MediaType, Response};

static STATUS: Shape<&'static str> = shape! {
    "Status", "How the server is.";
    status: always OneOf(&["ok", "ready"]), r#""ok""#, "`ok` or `ready`."
        => |slot, word| slot.text(word);
};

pub(crate) static ALIVE: Operation = Operation {
    id: "server.alive",
    summary: "Is the process alive?",
    says: "Answers while the process lives.",
    query: &[],
    takes: Takes::Nothing,
    gives: &[Gives {
        status: 200,
        says: "It lives.",
        content: ResponseContent::One(&STATUS),
    }],
    errors: &[],
    run: |_| Ok(RouteStep::Respond(STATUS.response(200, &"ok"))),
};

pub(crate) static READY: Operation = Operation {
    id: "server.ready",
    summary: "Can mail be taken?",
    says: "Answers 200 while the writer lives and the disk has room, else 503 or 507.",
    query: &[],
    takes: Takes::Nothing,
    gives: &[Gives {
        status: 200,
        says: "Mail can be taken.",
        content: ResponseContent::One(&STATUS),
    }],
    errors: &[codes::NO_SPACE],
    run: ready,
};

fn ready(_request: &mut RouteRequest<'_>) -> RouteResult {
    Ok(RouteStep::Read(
        Box::new(Look::Ready.into()),
        |answer, _, _| matches!(answer, Answer::Done).then(|| STATUS.response(200, &"ready")),
    ))
}

pub(crate) static METRICS: Operation = Operation {
    id: "server.metrics",
    summary: "Counters",
    says: "Counters as Prometheus text (exposition format 0.0.4). No key is needed on a loopback \
           address, for a Host that is the server's own. They are of the whole server, so no key of \
           an organization reads them from elsewhere.",
    query: &[],
    takes: Takes::Nothing,
    gives: &[Gives {
        status: 200,
        says: "Every counter.",
        content: ResponseContent::Other("text/plain"),
    }],
    errors: &[codes::HOST_NOT_OURS],
    run: metrics,
};

fn metrics(request: &mut RouteRequest<'_>) -> RouteResult {
    let mut text = String::with_capacity(8192);
    for (name, kind, help, value) in request.shared.metrics.all() {
        let help = help.trim();
        text.push_str(&format!(
            "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n"
        ));
    }
    let response = Response::new(200, MediaType::Metrics, text.into_bytes());
    Ok(RouteStep::Respond(response))
}

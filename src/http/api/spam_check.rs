//! `POST /spam/check`: what the filter says of any message, as it would at its delivery.

use super::codes;
use super::fields::FieldKind::InboxName;
use super::fields::{FieldRow, sometimes};
use super::operation::{Gives, Operation, ResponseContent, Takes};
use super::problems::Problem;
use super::routes::{RouteRequest, RouteResult, RouteStep};
use super::spam::SPAM;
use crate::call::{Answer, Caller, Intake, Route, Shared};
use crate::http::wire::response::Response;

const INBOX: FieldRow = sometimes(
    "inbox",
    InboxName,
    r#""inb_01Hq7Zk3VdX""#,
    "Judge by the thresholds and weights of this inbox.",
);

pub(crate) static CHECK: Operation = Operation {
    id: "spam.check",
    summary: "Judge a message",
    says: "Says what the filter thinks of a message, which is the body as it is (RFC 5322). Nothing is \
           stored and nothing is learned. Of its sender nothing is known here, so that the rules \
           about earlier mail and about the checks of a sender find nothing.",
    query: &[INBOX],
    takes: Takes::MessageOctets,
    gives: &[Gives {
        status: 200,
        says: "The judgement.",
        content: ResponseContent::One(&SPAM),
    }],
    errors: &[codes::NOT_FOUND, codes::TOO_LARGE],
    run: check,
};

fn check(request: &mut RouteRequest<'_>) -> RouteResult {
    if request.octets.is_empty() {
        return Err(Problem::invalid(
            "body",
            "is empty: it must be the octets of a message",
        ));
    }
    let inbox = request.parameters.inbox("inbox");
    let intake = Intake {
        route: Route::Check { inbox },
        octets: Vec::new(),
        charge: None,
    };
    Ok(RouteStep::Check(Box::new(intake), show))
}

fn show(answer: Answer, _: &Caller, _: &Shared) -> Option<Response> {
    match answer {
        Answer::Judged(report) => Some(SPAM.response(200, &report)),
        _ => None,
    }
}

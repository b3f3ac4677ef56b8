//! Credentials of every inbox as CSV (RFC 4180): for tools that set up mail clients in bulk.
//!
//! Keys are not stored. So the GET gives the key of the request in every row, and the POST
//! makes a key for each inbox, bound to it. No cell needs more than quoting: user names cannot
//! begin with `= + - @` (DECISIONS.md, "Keys and scopes").

use super::codes;
use super::fields::BodyTable;
use super::operation::{Gives, Operation, ResponseContent, Takes};
use super::problems::Problem;
use super::routes::{RouteRequest, RouteResult, RouteStep};
use crate::call::{InboxRow, KeyWrite, PublicEndpoints, Shared, Written};
use crate::http::wire::response::{MediaType, Response};

/// The first line.
pub(crate) const HEADING: &[u8] =
    b"email,imap_host,imap_port,smtp_host,smtp_port,username,password\r\n";

/// The media type of the export.
const CSV: &str = "text/csv";

pub(crate) static EXPORT: Operation = Operation {
    id: "credentials.export",
    summary: "Export credentials",
    says: "One row of CSV for each inbox, with hosts and ports for mail clients. Keys are not \
           stored, so that `password` is the key of the request. The operator's token logs in to no \
           inbox: it is refused here.",
    query: &[],
    takes: Takes::Nothing,
    gives: &[Gives {
        status: 200,
        says: "The rows, with a heading.",
        content: ResponseContent::Other(CSV),
    }],
    errors: &[],
    run: export,
};

fn export(request: &mut RouteRequest<'_>) -> RouteResult {
    if request.access()?.key.is_none() {
        return Err(Problem::operator_is_no_password());
    }
    let secret = request.secret.cloned();
    let secret = secret.ok_or_else(|| Problem::unauthorized("A key is needed here."))?;
    Ok(RouteStep::Export(secret))
}

const NEW_CREDENTIALS: BodyTable = BodyTable {
    name: "NewCredentials",
    says: "Nothing is needed: the body may be empty, or an object without fields.",
    optional: true,
    example: "{}",
    fields: &[],
};

pub(crate) static MAKE: Operation = Operation {
    id: "credentials.create",
    summary: "Make credentials",
    says: "Makes a key for each inbox, bound to it, and answers with the same CSV. The keys are \
           in this response only.",
    query: &[],
    takes: Takes::Json(&NEW_CREDENTIALS),
    gives: &[Gives {
        status: 201,
        says: "The rows, with a heading. In a replay the passwords are empty.",
        content: ResponseContent::Other(CSV),
    }],
    errors: &[codes::LIMIT_REACHED],
    run: make,
};

fn make(request: &mut RouteRequest<'_>) -> RouteResult {
    let idempotency = request.idempotency(keep);
    Ok(RouteStep::Write(
        Box::new(KeyWrite::CreateCredentials { idempotency }.into()),
        made,
    ))
}

/// A row for each key that has just been made.
fn made(written: &Written, shared: &Shared) -> Option<Response> {
    let Written::Credentials(rows) = written else {
        return None;
    };
    let mut body = HEADING.to_vec();
    for (inbox, _, secret) in rows {
        row(&mut body, inbox, &shared.endpoints, secret.expose());
    }
    Some(Response::new(201, MediaType::Csv, body))
}

/// A replay names the inboxes again but not the keys; `Idempotent-Replayed` says why the
/// cells are empty. Hosts and ports are not known where answers are kept: [`complete`] adds
/// them.
fn keep(written: &Written) -> Vec<u8> {
    let Written::Credentials(rows) = written else {
        return Vec::new();
    };
    let mut body = HEADING.to_vec();
    for (inbox, _, _) in rows {
        line(&mut body, inbox, &[ENDPOINTS], b"");
    }
    Response::new(201, MediaType::Csv, body).keep()
}

/// Puts the hosts and ports of today into what was kept.
pub(crate) fn complete(kept: &[u8], endpoints: &PublicEndpoints) -> Vec<u8> {
    let cells = endpoint_cells(endpoints);
    let mut body = Vec::with_capacity(kept.len());
    for (at, part) in kept.split(|byte| *byte == ENDPOINTS).enumerate() {
        if at > 0 {
            body.extend_from_slice(&cells);
        }
        body.extend_from_slice(part);
    }
    body
}

/// Writes one inbox.
pub(crate) fn row(
    out: &mut Vec<u8>,
    inbox: &InboxRow,
    endpoints: &PublicEndpoints,
    password: &[u8],
) {
    line(out, inbox, &endpoint_cells(endpoints), password);
}

fn line(out: &mut Vec<u8>, inbox: &InboxRow, endpoints: &[u8], password: &[u8]) {
    cell(out, inbox.address.as_bytes());
    out.push(b',');
    out.extend_from_slice(endpoints);
    out.push(b',');
    cell(out, inbox.address.as_bytes());
    out.push(b',');
    cell(out, password);
    out.extend_from_slice(b"\r\n");
}

/// The four cells about hosts and ports.
fn endpoint_cells(endpoints: &PublicEndpoints) -> Vec<u8> {
    let port = |port: u16| match port {
        0 => String::new(),
        known => known.to_string(),
    };
    let mut out = Vec::new();
    cell(&mut out, endpoints.imap_host.as_bytes());
    out.push(b',');
    cell(&mut out, port(endpoints.imap_port).as_bytes());
    out.push(b',');
    cell(&mut out, endpoints.smtp_host.as_bytes());
    out.push(b',');
    cell(&mut out, port(endpoints.smtp_port).as_bytes());
    out
}

/// Stands for the cells about hosts and ports in a kept answer; no address has it.
const ENDPOINTS: u8 = 0;

fn cell(out: &mut Vec<u8>, text: &[u8]) {
    if !text.iter().any(|b| b",\"\r\n".contains(b)) {
        out.extend_from_slice(text);
        return;
    }
    out.push(b'"');
    for byte in text {
        if *byte == b'"' {
            out.push(b'"');
        }
        out.push(*byte);
    }
    out.push(b'"');
}

/// How many inboxes are asked for at once.
pub(crate) const PAGE: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted() {
        for (text, want) in [
            ("a@b", "a@b"),
            ("a,b", "\"a,b\""),
            ("\"a\"@b", "\"\"\"a\"\"@b\""),
            ("a\r\nb", "\"a\r\nb\""),
            ("", ""),
        ] {
            let mut out = Vec::new();
            cell(&mut out, text.as_bytes());
            assert_eq!(String::from_utf8_lossy(&out), want);
        }
    }
}

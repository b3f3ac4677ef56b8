//! Credentials of every inbox as CSV (RFC 4180): for tools that set up mail clients in bulk.
//!
//! Keys are not stored, so the GET gives the key that asked in every row, and the POST mints
//! one bound to each inbox. No cell needs more than quoting: user names cannot begin with
//! `= + - @` (decisions.md 29).

use super::problems::Problem;
use super::routes::{RouteRequest, RouteStep};
use crate::call::{Call, InboxRow, PublicEndpoints, Shared, Written};
use crate::http::wire::json::JsonFields;
use crate::http::wire::response::{MediaType, Response};

/// The first line.
pub(crate) const HEADING: &[u8] =
    b"email,imap_host,imap_port,smtp_host,smtp_port,username,password\r\n";

pub(crate) fn export(asked: &RouteRequest<'_>) -> Result<RouteStep, Box<Problem>> {
    asked.access()?;
    let secret = asked.secret.cloned();
    let secret = secret.ok_or_else(|| Problem::unauthorized("A key is needed here."))?;
    Ok(RouteStep::Export(secret))
}

pub(crate) fn mint(asked: &RouteRequest<'_>) -> Result<RouteStep, Box<Problem>> {
    if !asked.body.is_empty() {
        JsonFields::of_body(asked.body)?.end()?;
    }
    let access = asked.access()?;
    let once = asked.once(keep);
    Ok(RouteStep::Write(
        Box::new(Call::MintCredentials { access, once }),
        minted,
    ))
}

/// A row for each key that has just been minted.
fn minted(written: &Written, shared: &Shared) -> Option<Response> {
    let Written::Minted(rows) = written else {
        return None;
    };
    let mut body = HEADING.to_vec();
    for (inbox, _, secret) in rows {
        row(&mut body, inbox, &shared.endpoints, secret.expose());
    }
    Some(Response::new(201, MediaType::Csv, body))
}

/// A replay names the inboxes again but not the keys; `Idempotent-Replayed` says why the
/// cells are empty. The doors are not known where answers are kept: [`complete`] adds them.
fn keep(written: &Written) -> Vec<u8> {
    let Written::Minted(rows) = written else {
        return Vec::new();
    };
    let mut body = HEADING.to_vec();
    for (inbox, _, _) in rows {
        line(&mut body, inbox, &[DOORS], b"");
    }
    Response::new(201, MediaType::Csv, body).keep()
}

/// Puts the doors of today into what was kept.
pub(crate) fn complete(kept: &[u8], endpoints: &PublicEndpoints) -> Vec<u8> {
    let cells = endpoint_cells(endpoints);
    let mut body = Vec::with_capacity(kept.len());
    for (at, part) in kept.split(|byte| *byte == DOORS).enumerate() {
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

/// Stands for the cells about doors in a kept answer; no address has it.
const DOORS: u8 = 0;

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

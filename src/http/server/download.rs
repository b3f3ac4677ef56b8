//! Long responses, one page after the other.
//!
//! A page is asked for, or cut off, when the page before it has left. So a peer that reads slowly
//! holds a page, and no download holds a message. Not the requests (`exchange.rs`).
//!
//! The length of a part without its transfer encoding is found by a pass of its own before the
//! response begins: clients show progress by Content-Length, and rely on it to notice a cut.

use super::exchange::{Exchange, Waiting};
use super::paging::Paging;
use super::{Server, ServerState};
use crate::call::{Answer, Call, EntryRead, InboxRead, Now, OctetsOf, PartSource, Reply};
use crate::engine::{HIGH_WATER, Output};
use crate::http::api::credentials;
use crate::http::api::message;
use crate::http::api::refused::refused;
use crate::http::wire::response::{Length, MediaType, Response};
use crate::mail::parse::transfer::{Decoder, Encoding};

impl Server {
    /// Begins the download of a part.
    pub(crate) fn send_part(
        &mut self,
        now: Now,
        exchange: Box<Exchange>,
        mut place: Box<PartSource>,
        out: &mut Output,
    ) {
        let encoding = Encoding::of(place.encoding.as_bytes());
        let mut decoder = Decoder::new(encoding);
        if let Some(octets) = place.octets.take() {
            let mut head = message::part_response(&place);
            let mut decoded = Vec::with_capacity(octets.len());
            decoder.push(&octets, &mut decoded);
            decoder.finish(&mut decoded);
            head.body = decoded.into();
            return self.respond(now, exchange, head, out);
        }
        if encoding == Encoding::Identity {
            let size = u64::from(place.len);
            return self.send_counted(now, exchange, *place, size, out);
        }
        let paging = Paging::Count {
            at: place.offset,
            part: place,
            decoder,
            size: 0,
        };
        self.next_page(now, exchange, Box::new(paging), out);
    }

    /// The download of a part whose decoded size is known.
    fn send_counted(
        &mut self,
        now: Now,
        exchange: Box<Exchange>,
        place: PartSource,
        size: u64,
        out: &mut Output,
    ) {
        let head = message::part_response(&place);
        let paging = Paging::Octets {
            decoder: Decoder::new(Encoding::of(place.encoding.as_bytes())),
            of: place.of,
            at: place.offset,
            end: place.offset.saturating_add(place.len),
        };
        self.send_pages(now, exchange, (&head, size), paging, out);
    }

    /// A download of octets that stand as they are.
    pub(crate) fn send_octets(
        &mut self,
        now: Now,
        exchange: Box<Exchange>,
        head: &Response,
        paging: Paging,
        out: &mut Output,
    ) {
        let size = match &paging {
            Paging::Octets { at, end, .. } => u64::from(end.saturating_sub(*at)),
            _ => 0,
        };
        self.send_pages(now, exchange, (head, size), paging, out);
    }

    /// Writes the head of a response, then its first page.
    pub(crate) fn send_pages(
        &mut self,
        now: Now,
        exchange: Box<Exchange>,
        (head, size): (&Response, u64),
        paging: Paging,
        out: &mut Output,
    ) {
        head.write_head(exchange.frame(now), Length::Known(size), &mut out.bytes);
        self.log(&exchange, head.status);
        if exchange.head_only {
            out.hold = Some(false);
            return self.finish(now, &exchange, out);
        }
        self.next_page(now, exchange, Box::new(paging), out);
    }

    /// Asks for the next page of a long response, or writes it, or ends the response.
    pub(crate) fn next_page(
        &mut self,
        now: Now,
        exchange: Box<Exchange>,
        mut paging: Box<Paging>,
        out: &mut Output,
    ) {
        // Input is held while a long response goes out: the next request of the peer waits.
        out.hold = Some(true);
        let call: Call = match &mut *paging {
            Paging::Body { pieces, .. } => {
                let more = pieces.next_piece(HIGH_WATER, &mut out.bytes);
                return self.after_page(now, exchange, *paging, more, out);
            }
            Paging::Octets { at, end, .. } if *at >= *end => {
                return self.after_page(now, exchange, *paging, false, out);
            }
            Paging::Octets { of, at, end, .. } => self.read(of, *at, *end).into(),
            Paging::Count { part, at, .. } => {
                let end = part.offset.saturating_add(part.len);
                self.read(&part.of, *at, end).into()
            }
            Paging::Export { cursor, .. } => InboxRead::List {
                parent: None,
                cursor: cursor.clone(),
                limit: credentials::PAGE,
            }
            .into(),
        };
        out.ask = Some(exchange.ask(call));
        self.state = ServerState::ExpectAnswer(exchange, Waiting::Page(paging));
    }

    fn read(&self, of: &OctetsOf, at: u32, end: u32) -> EntryRead {
        let page = u32::try_from(self.shared().limits.page_bytes).unwrap_or(u32::MAX);
        EntryRead::Octets {
            of: of.clone(),
            offset: at,
            len: page.min(end.saturating_sub(at)),
        }
    }

    /// A page of a long response. After its head has gone, an error can only end the
    /// connection, which tells the peer that the length was not reached.
    pub(crate) fn page(
        &mut self,
        now: Now,
        exchange: Box<Exchange>,
        paging: Paging,
        reply: Reply,
        out: &mut Output,
    ) {
        match (paging, reply) {
            (
                Paging::Octets {
                    of,
                    at,
                    end,
                    mut decoder,
                },
                Reply::Answer(Answer::Octets(octets)),
            ) => {
                let Some(at) = behind(at, end, &octets) else {
                    return self.close(out);
                };
                decoder.push(&octets, &mut out.bytes);
                if at >= end {
                    decoder.finish(&mut out.bytes);
                }
                let paging = Paging::Octets {
                    of,
                    at,
                    end,
                    decoder,
                };
                self.after_page(now, exchange, paging, at < end, out);
            }
            (
                Paging::Count {
                    part,
                    at,
                    mut decoder,
                    size,
                },
                Reply::Answer(Answer::Octets(octets)),
            ) => {
                let end = part.offset.saturating_add(part.len);
                let Some(at) = behind(at, end, &octets) else {
                    return self.fail_internal(now, exchange, out);
                };
                let mut decoded = Vec::with_capacity(octets.len());
                decoder.push(&octets, &mut decoded);
                if at >= end {
                    decoder.finish(&mut decoded);
                }
                let size = size.saturating_add(decoded.len() as u64);
                if at >= end {
                    return self.send_counted(now, exchange, *part, size, out);
                }
                let paging = Paging::Count {
                    part,
                    at,
                    decoder,
                    size,
                };
                self.next_page(now, exchange, Box::new(paging), out);
            }
            (
                Paging::Export { secret, begun, .. },
                Reply::Answer(Answer::Inboxes { rows, next }),
            ) => {
                let mut csv = Vec::new();
                if !begun {
                    csv.extend_from_slice(credentials::HEADING);
                }
                for row in &rows {
                    credentials::row(&mut csv, row, &self.shared().endpoints, secret.expose());
                }
                let length = if exchange.old {
                    Length::Close
                } else {
                    Length::Chunked
                };
                if !begun {
                    let head = Response::new(200, MediaType::Csv, Vec::new());
                    head.write_head(exchange.frame(now), length, &mut out.bytes);
                    self.log(&exchange, head.status);
                    if exchange.head_only {
                        out.hold = Some(false);
                        return self.finish(now, &exchange, out);
                    }
                }
                let more = next.is_some();
                chunk(&csv, length, !more, &mut out.bytes);
                let paging = Paging::Export {
                    secret,
                    cursor: next,
                    begun: true,
                };
                self.after_page(now, exchange, paging, more, out);
            }
            (
                Paging::Export { begun: false, .. } | Paging::Count { .. },
                Reply::Refused(refusal),
            ) => {
                out.hold = Some(false);
                let problem = refused(&refusal, &self.shared().limits);
                self.fail(now, exchange, &problem, out);
            }
            _ => self.close(out),
        }
    }

    fn after_page(
        &mut self,
        now: Now,
        exchange: Box<Exchange>,
        paging: Paging,
        more: bool,
        out: &mut Output,
    ) {
        if more {
            out.more = true;
            self.state = ServerState::ExpectDrained(exchange, Box::new(paging));
        } else {
            out.hold = Some(false);
            self.finish(now, &exchange, out);
        }
    }
}

/// The place behind a page of octets; `None` if these cannot be the octets that were asked for.
fn behind(at: u32, end: u32, octets: &[u8]) -> Option<u32> {
    let n = u32::try_from(octets.len()).ok()?;
    (n > 0 && n <= end.saturating_sub(at)).then_some(at.saturating_add(n))
}

/// Writes octets as one chunk where the response is chunked, and the last chunk at the end.
fn chunk(octets: &[u8], length: Length, last: bool, out: &mut Vec<u8>) {
    if length != Length::Chunked {
        out.extend_from_slice(octets);
        return;
    }
    if !octets.is_empty() {
        out.extend_from_slice(format!("{:x}\r\n", octets.len()).as_bytes());
        out.extend_from_slice(octets);
        out.extend_from_slice(b"\r\n");
    }
    if last {
        out.extend_from_slice(b"0\r\n\r\n");
    }
}

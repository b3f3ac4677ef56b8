//! Long responses, one page after the other.
//!
//! A page is asked for, or cut off, when the page before it has left. So a peer that reads slowly
//! holds a page, and no download holds a message. Not the requests (`exchange.rs`).
//!
//! The length of a part without its transfer encoding is found by a pass of its own before the
//! response begins: clients show progress by Content-Length, and rely on it to notice a cut.

use core::ops::Range;

use super::exchange::{Exchange, Waiting};
use super::paging::{CountedPlace, Download, GatheredPart, PLACES_MAX, Paging};
use super::{Server, ServerState};
use crate::call::{Answer, Call, EntryRead, InboxRead, Now, OctetsOf, PartSource, Reply};
use crate::crypto::sha256_parts;
use crate::engine::{HIGH_WATER, Output};
use crate::http::api::codes;
use crate::http::api::credentials;
use crate::http::api::message;
use crate::http::api::problems::Problem;
use crate::http::api::refused::refused;
use crate::http::wire::range::Extent;
use crate::http::wire::response::{Length, MediaType, Response};
use crate::mail::parse::transfer::{Decoder, Encoding};

impl Server {
    /// Begins the download of a part, or of the range of it that the request asks for.
    pub(crate) fn send_part(
        &mut self,
        now: Now,
        exchange: Box<Exchange>,
        mut place: Box<PartSource>,
        out: &mut Output,
    ) {
        let encoding = Encoding::of(place.encoding.as_bytes());
        let tag = entity_tag(&place);
        if exchange.is_other(&tag) {
            return self.fail(now, exchange, &Problem::other_octets(), out);
        }
        if exchange.is_unchanged(&tag) {
            let mut response = Response::new(304, MediaType::Nothing, Vec::new());
            response.add("ETag", tag);
            return self.respond(now, exchange, response, out);
        }
        let mut head = message::part_response(&place);
        head.add("Accept-Ranges", "bytes");
        head.add("ETag", tag.clone());
        let mut decoder = Decoder::new(encoding);
        if let Some(octets) = place.octets.take() {
            let mut decoded = Vec::with_capacity(octets.len());
            decoder.push(&octets, &mut decoded);
            decoder.finish(&mut decoded);
            return self.send_small(now, exchange, (head, &tag), decoded, out);
        }
        let download = Box::new(Download {
            head,
            tag,
            of: place.of,
            at: place.offset,
            end: place.offset.saturating_add(place.len),
            encoding,
        });
        if encoding == Encoding::Identity {
            let size = u64::from(place.len);
            return self.send_counted(now, exchange, (download, Vec::new()), size, out);
        }
        let reached = CountedPlace {
            at: download.at,
            size: 0,
            decoder,
        };
        let paging = Paging::Count {
            download,
            reached,
            places: Vec::new(),
        };
        self.next_page(now, exchange, Box::new(paging), out);
    }

    /// The download of octets that are there.
    fn send_small(
        &mut self,
        now: Now,
        exchange: Box<Exchange>,
        (mut head, tag): (Response, &str),
        mut octets: Vec<u8>,
        out: &mut Output,
    ) {
        let size = octets.len() as u64;
        match exchange.range(tag).map_or(Extent::Whole, |r| r.of(size)) {
            Extent::Whole => {}
            Extent::Part(range) => {
                narrow(&mut head, &range, size);
                let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
                octets.truncate(place(range.end));
                octets.drain(..place(range.start).min(octets.len()));
            }
            Extent::Beyond => return self.fail(now, exchange, &Problem::beyond(size), out),
        }
        head.body = octets.into();
        self.respond(now, exchange, head, out);
    }

    /// The download of a part whose decoded size is known.
    fn send_counted(
        &mut self,
        now: Now,
        mut exchange: Box<Exchange>,
        (download, places): (Box<Download>, Vec<CountedPlace>),
        size: u64,
        out: &mut Output,
    ) {
        let mut download = *download;
        let extent = exchange.range(&download.tag).map(|range| range.of(size));
        let range = match extent {
            None | Some(Extent::Whole) => 0..size,
            Some(Extent::Part(range)) => {
                narrow(&mut download.head, &range, size);
                range
            }
            Some(Extent::Beyond) => {
                // A pass that counts holds the input.
                out.hold = Some(false);
                return self.fail(now, exchange, &Problem::beyond(size), out);
            }
        };
        let left = range.end.saturating_sub(range.start);
        if let Some(call) = &exchange.rpc {
            let max = call.octets_max();
            let gathered = self.gather(&exchange, download.head.clone(), (left, max), now);
            match gathered {
                Ok(gathered) => exchange.gathered = Some(Box::new(gathered)),
                Err(problem) => {
                    out.hold = Some(false);
                    return self.fail(now, exchange, &problem, out);
                }
            }
        }
        let octets = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
        let mut end = download.end;
        let begin = match download.encoding {
            // These octets are read where they stand.
            Encoding::Identity => {
                end = (download.at.saturating_add(octets(range.end))).min(download.end);
                CountedPlace {
                    at: download.at.saturating_add(octets(range.start)),
                    size: range.start,
                    decoder: Decoder::new(Encoding::Identity),
                }
            }
            encoding => (places.into_iter().rev())
                .find(|place| place.size <= range.start)
                .unwrap_or_else(|| CountedPlace {
                    at: download.at,
                    size: 0,
                    decoder: Decoder::new(encoding),
                }),
        };
        let waits = left > 0 && !exchange.head_only && exchange.gathered.is_none();
        let paging = Paging::Octets {
            of: download.of,
            at: begin.at,
            end,
            decoder: begin.decoder,
            skip: range.start.saturating_sub(begin.size),
            left,
            head: waits.then(|| Box::new(download.head.clone())),
        };
        if waits || exchange.gathered.is_some() {
            return self.next_page(now, exchange, Box::new(paging), out);
        }
        self.send_pages(now, exchange, (&download.head, left), paging, out);
    }

    /// A download that goes to a call of MCP: it is gathered, and charged.
    fn gather(
        &self,
        exchange: &Exchange,
        head: Response,
        (size, max): (u64, usize),
        now: Now,
    ) -> Result<GatheredPart, Box<Problem>> {
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        if size > max {
            return Err(Problem::new(
                codes::TOO_LARGE,
                format!("The part has {size} octets, and at most {max} are taken here."),
                "Read it over the API or IMAP.",
            ));
        }
        let mut charge = self.shared().outgoing.charge(self.holders(exchange));
        match charge.hold(size, now.mono_ms) {
            Ok(()) => Ok(GatheredPart {
                head,
                octets: Vec::with_capacity(size),
                _charge: charge,
            }),
            Err(shortage) => Err(Problem::unavailable(codes::BUSY, format!("{shortage}."))),
        }
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
            Paging::Octets { left: 0, .. } => {
                return self.after_page(now, exchange, *paging, false, out);
            }
            Paging::Octets { of, at, end, .. } => self.read(of, *at, *end).into(),
            Paging::Count {
                download, reached, ..
            } => self.read(&download.of, reached.at, download.end).into(),
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
        mut exchange: Box<Exchange>,
        paging: Paging,
        reply: Reply,
        out: &mut Output,
    ) {
        match (paging, reply) {
            (paging @ Paging::Octets { .. }, Reply::Answer(Answer::Octets(octets))) => {
                self.octets_page(now, exchange, paging, &octets, out);
            }
            (
                Paging::Count {
                    download,
                    reached,
                    places,
                },
                Reply::Answer(Answer::Octets(octets)),
            ) => {
                let counted = (download, reached, places);
                self.counted_page(now, exchange, counted, &octets, out);
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
                Paging::Export { begun: false, .. }
                | Paging::Count { .. }
                | Paging::Octets { head: Some(_), .. },
                Reply::Refused(refusal),
            ) => {
                out.hold = Some(false);
                let problem = refused(&refusal, &self.shared().limits);
                self.fail(now, exchange, &problem, out);
            }
            // What is gathered has no head yet.
            (Paging::Octets { .. }, Reply::Refused(refusal))
                if exchange.gathered.take().is_some() =>
            {
                out.hold = Some(false);
                let problem = refused(&refusal, &self.shared().limits);
                self.fail(now, exchange, &problem, out);
            }
            _ => self.close(out),
        }
    }

    /// A page of octets has been read: writes those of its decoded octets that are to be sent.
    fn octets_page(
        &mut self,
        now: Now,
        mut exchange: Box<Exchange>,
        paging: Paging,
        octets: &[u8],
        out: &mut Output,
    ) {
        let Paging::Octets {
            of,
            at,
            end,
            mut decoder,
            skip,
            left,
            mut head,
        } = paging
        else {
            return self.close(out);
        };
        let start = out.bytes.len();
        let is_begun = head.is_none() && exchange.gathered.is_none();
        let Some(at) = behind(at, end, octets) else {
            return self.cut_short(now, exchange, is_begun, out);
        };
        decoder.push(octets, &mut out.bytes);
        if at >= end {
            decoder.finish(&mut out.bytes);
        }
        let decoded = out.bytes.len().saturating_sub(start);
        let at_most = |n: u64, max: usize| usize::try_from(n).unwrap_or(usize::MAX).min(max);
        let skipped = at_most(skip, decoded);
        let sent = at_most(left, decoded - skipped);
        out.bytes.truncate(start + skipped + sent);
        out.bytes.drain(start..start + skipped);
        let size = left;
        let left = left - sent as u64;
        if left > 0 && at >= end {
            // These octets are fewer than were counted.
            if !is_begun {
                out.bytes.truncate(start);
            }
            return self.cut_short(now, exchange, is_begun, out);
        }
        if let Some(head) = head.take_if(|_| sent > 0) {
            let mut octets = Vec::new();
            head.write_head(exchange.frame(now), Length::Known(size), &mut octets);
            out.bytes.splice(start..start, octets);
            self.log(&exchange, head.status);
        }
        let paging = Paging::Octets {
            of,
            at,
            end,
            decoder,
            skip: skip - skipped as u64,
            left,
            head,
        };
        if let Some(mut gathered) = exchange.gathered.take() {
            gathered.octets.extend(out.bytes.drain(start..));
            if left == 0 {
                out.hold = Some(false);
                gathered.head.body = gathered.octets.into();
                return self.respond(now, exchange, gathered.head, out);
            }
            exchange.gathered = Some(gathered);
            return self.next_page(now, exchange, Box::new(paging), out);
        }
        match sent {
            // Nothing leaves, so nothing tells that it has left.
            0 => self.next_page(now, exchange, Box::new(paging), out),
            _ => self.after_page(now, exchange, paging, left > 0, out),
        }
    }

    /// Octets are not those that were asked for.
    fn cut_short(
        &mut self,
        now: Now,
        mut exchange: Box<Exchange>,
        is_begun: bool,
        out: &mut Output,
    ) {
        if is_begun {
            return self.close(out);
        }
        exchange.gathered = None;
        out.hold = Some(false);
        self.fail_internal(now, exchange, out);
    }

    /// A page of octets has been read: counts what they are once decoded.
    fn counted_page(
        &mut self,
        now: Now,
        exchange: Box<Exchange>,
        (download, mut reached, mut places): (Box<Download>, CountedPlace, Vec<CountedPlace>),
        octets: &[u8],
        out: &mut Output,
    ) {
        let Some(at) = behind(reached.at, download.end, octets) else {
            return self.fail_internal(now, exchange, out);
        };
        let mut decoded = Vec::with_capacity(octets.len());
        reached.decoder.push(octets, &mut decoded);
        if at >= download.end {
            reached.decoder.finish(&mut decoded);
        }
        reached.at = at;
        reached.size = reached.size.saturating_add(decoded.len() as u64);
        if at >= download.end {
            return self.send_counted(now, exchange, (download, places), reached.size, out);
        }
        let spacing = download.end.saturating_sub(download.at) / PLACES_MAX;
        let last = places.last().map_or(download.at, |place| place.at);
        if at.saturating_sub(last) >= spacing && exchange.range(&download.tag).is_some() {
            places.push(reached.clone());
        }
        let paging = Paging::Count {
            download,
            reached,
            places,
        };
        self.next_page(now, exchange, Box::new(paging), out);
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

/// The strong entity tag of a part (RFC 9110 section 8.8.3). Octets that are stored never change,
/// so their place names them. It is a digest, because ids of bodies are told to no client.
fn entity_tag(place: &PartSource) -> String {
    let parts: [&[u8]; 7] = [
        TAG_FORM,
        &place.of.inbox.0.to_be_bytes(),
        &place.of.body.0.to_be_bytes(),
        &place.offset.to_be_bytes(),
        &place.len.to_be_bytes(),
        place.encoding.as_bytes(),
        &place.of.prefix,
    ];
    let digest = sha256_parts(parts);
    let short = digest.get(..TAG_OCTETS).unwrap_or(&digest);
    format!("\"{}\"", data_encoding::HEXLOWER.encode(short))
}

/// Makes the head of a whole download that of a range of it.
fn narrow(head: &mut Response, range: &Range<u64>, size: u64) {
    head.status = 206;
    let last = range.end.saturating_sub(1);
    head.add(
        "Content-Range",
        format!("bytes {}-{last}/{size}", range.start),
    );
}

/// Changes when parts are decoded in another way than before.
const TAG_FORM: &[u8] = b"1";

/// Octets of the digest in an entity tag.
const TAG_OCTETS: usize = 16;

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

//! A response of a server, read from a blocking stream: its head, and its body by length, in
//! chunks or until the end of the connection (RFC 9112 section 6.3).
//!
//! A body that ends before its end is an error and never a short answer: a message that was cut
//! must not be taken for the whole.

use std::io::{self, Read};

use super::CliError;
use crate::http::Chunked;

/// A response whose head has been read.
pub struct ApiResponse<R> {
    /// The status.
    pub status: u16,
    /// `Retry-After`, in seconds.
    pub retry_after_s: Option<u64>,
    /// `Location` of a redirection.
    pub location: Option<String>,
    /// `Content-Type`.
    pub media_type: Option<String>,
    /// The connection can carry another request after the body.
    pub is_kept: bool,
    /// The body, decoded.
    pub body: ResponseBody<R>,
}

/// The body of a response.
pub struct ResponseBody<R> {
    from: R,
    framing: BodyEnd,
    /// Octets that were read and not used, from `at` on.
    unread: Vec<u8>,
    at: usize,
    /// Octets of the body that were not handed out, from `given` on.
    ready: Vec<u8>,
    given: usize,
}

enum BodyEnd {
    Length(u64),
    Chunks(Chunked),
    UntilEnd,
}

impl<R: Read> ApiResponse<R> {
    /// Reads the head. Interim responses (1xx) are passed over.
    pub fn read(mut from: R) -> Result<ApiResponse<R>, CliError> {
        let mut unread = Vec::new();
        let mut some = [0; 8192];
        loop {
            let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
            let mut head = httparse::Response::new(&mut fields);
            let parsed = head
                .parse(&unread)
                .map_err(|error| format!("the server did not answer in HTTP: {error}"))?;
            if let httparse::Status::Complete(length) = parsed {
                let status = head.code.unwrap_or(0);
                if (100..200).contains(&status) {
                    unread.drain(..length);
                    continue;
                }
                let field = |name: &str| {
                    let found = head
                        .headers
                        .iter()
                        .find(|f| f.name.eq_ignore_ascii_case(name))?;
                    Some(String::from_utf8_lossy(found.value).trim().to_owned())
                };
                let framing = framing(
                    status,
                    field("transfer-encoding").as_deref(),
                    field("content-length").as_deref(),
                )?;
                return Ok(ApiResponse {
                    status,
                    retry_after_s: field("retry-after").and_then(|text| text.parse().ok()),
                    location: field("location"),
                    media_type: field("content-type"),
                    is_kept: !matches!(framing, BodyEnd::UntilEnd)
                        && field("connection").is_none_or(|c| !c.eq_ignore_ascii_case("close")),
                    body: ResponseBody {
                        from,
                        framing,
                        unread,
                        at: length,
                        ready: Vec::new(),
                        given: 0,
                    },
                });
            }
            if unread.len() > HEAD_BYTES_MAX {
                return Err("the head of the server's answer is too long".into());
            }
            match from.read(&mut some) {
                Ok(0) => return Err("the server closed the connection without an answer".into()),
                Ok(n) => unread.extend_from_slice(some.get(..n).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(silent(&error)),
            }
        }
    }

    /// Reads the rest of the body.
    pub fn octets(&mut self) -> Result<Vec<u8>, CliError> {
        let mut all = Vec::new();
        match self.body.read_to_end(&mut all) {
            Ok(_) => Ok(all),
            Err(error) => Err(silent(&error)),
        }
    }
}

fn framing(status: u16, coding: Option<&str>, length: Option<&str>) -> Result<BodyEnd, CliError> {
    if status == 204 || status == 304 {
        return Ok(BodyEnd::Length(0));
    }
    match (coding, length) {
        (Some(coding), _) if coding.eq_ignore_ascii_case("chunked") => {
            Ok(BodyEnd::Chunks(Chunked::new()))
        }
        (Some(coding), _) => Err(format!("the server answered in the coding {coding}").into()),
        (None, Some(length)) => match length.parse() {
            Ok(length) => Ok(BodyEnd::Length(length)),
            Err(_) => Err("the server's answer has no valid length".into()),
        },
        (None, None) => Ok(BodyEnd::UntilEnd),
    }
}

/// A failure to read, in words.
fn silent(error: &io::Error) -> CliError {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
            "the server did not answer for a minute".into()
        }
        _ => format!("the server's answer was cut off: {error}").into(),
    }
}

impl<R: Read> ResponseBody<R> {
    /// Reads more octets from the stream; `false` at its end.
    fn fill(&mut self) -> io::Result<bool> {
        self.unread.drain(..self.at);
        self.at = 0;
        let mut some = [0; 16_384];
        let n = self.from.read(&mut some)?;
        self.unread
            .extend_from_slice(some.get(..n).unwrap_or_default());
        Ok(n > 0)
    }

    /// Puts the next octets of the body into `ready`; `false` at its end.
    fn step(&mut self) -> io::Result<bool> {
        let cut = || io::Error::from(io::ErrorKind::UnexpectedEof);
        loop {
            let unread = self.unread.get(self.at..).unwrap_or_default();
            let used = match &mut self.framing {
                BodyEnd::Length(0) => return Ok(false),
                BodyEnd::Length(left) => {
                    let take = unread
                        .len()
                        .min(usize::try_from(*left).unwrap_or(usize::MAX));
                    self.ready
                        .extend_from_slice(unread.get(..take).unwrap_or_default());
                    *left -= take as u64;
                    take
                }
                BodyEnd::UntilEnd => {
                    self.ready.extend_from_slice(unread);
                    unread.len()
                }
                BodyEnd::Chunks(chunks) if chunks.is_done() => return Ok(false),
                BodyEnd::Chunks(chunks) => {
                    let (used, data) = chunks
                        .step(unread, u64::MAX)
                        .map_err(|_| io::Error::other("its chunks are malformed"))?;
                    self.ready.extend_from_slice(data);
                    used
                }
            };
            self.at += used;
            if !self.ready.is_empty() {
                return Ok(true);
            }
            if used == 0 && !self.fill()? {
                return match self.framing {
                    BodyEnd::UntilEnd => Ok(false),
                    _ => Err(cut()),
                };
            }
        }
    }
}

impl<R: Read> Read for ResponseBody<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if self.given == self.ready.len() {
            self.ready.clear();
            self.given = 0;
            if !self.step()? {
                return Ok(0);
            }
        }
        let mut ready = self.ready.get(self.given..).unwrap_or_default();
        let n = ready.read(to)?;
        self.given += n;
        Ok(n)
    }
}

const FIELDS_MAX: usize = 100;
const HEAD_BYTES_MAX: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// A stream that gives a few octets at a time.
    struct Slow<'a>(&'a [u8], usize);

    impl Read for Slow<'_> {
        fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
            let n = self.0.len().min(self.1).min(to.len());
            to[..n].copy_from_slice(&self.0[..n]);
            self.0 = &self.0[n..];
            Ok(n)
        }
    }

    fn read(text: &str, step: usize) -> Result<(u16, Option<u64>, String), CliError> {
        let mut answer = ApiResponse::read(Slow(text.as_bytes(), step))?;
        let body = answer.octets()?;
        let body = String::from_utf8(body).unwrap();
        Ok((answer.status, answer.retry_after_s, body))
    }

    #[test]
    fn bodies_end_where_they_say() {
        for (text, status, retry_after_s, body) in [
            ("HTTP/1.1 204 No Content\r\n\r\n", 204, None, ""),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokmore",
                200,
                None,
                "ok",
            ),
            (
                "HTTP/1.1 200 OK\r\n\r\nuntil the end",
                200,
                None,
                "until the end",
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n",
                200,
                None,
                "abcd",
            ),
            (
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 429 Too Many Requests\r\n\
                 retry-after: 7\r\ncontent-length: 0\r\n\r\n",
                429,
                Some(7),
                "",
            ),
        ] {
            for step in [1, 2, 7, 1000] {
                let given = read(text, step).unwrap();
                assert_eq!(
                    given,
                    (status, retry_after_s, body.to_owned()),
                    "{text} {step}"
                );
            }
        }
    }

    #[test]
    fn what_is_cut_is_an_error() {
        for text in [
            "",
            "HTTP/1.1 200 OK\r\nContent-Le",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nabc",
            "HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nabc",
            "220 mail.example.com ESMTP\r\n",
        ] {
            for step in [1, 1000] {
                assert!(read(text, step).is_err(), "{text}");
            }
        }
    }
}

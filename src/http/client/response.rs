//! The answer of another server: interim responses, the head, the body (RFC 9112).
//!
//! Everything is bounded: the head, interim responses, the part of the body that is kept. A reader
//! is given everything unread and says how much it used; how the octets are cut changes nothing.
//! An answer that two readers could frame differently is taken, and its connection ends with it.

use core::fmt;

use memchr::memmem;

use crate::http::wire::chunked::Chunked;

/// An answer.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct HttpAnswer {
    /// 200 to 599.
    pub status: u16,
    /// The beginning of the body, at most [`BODY_MAX`] octets, as it came.
    pub body: Vec<u8>,
    /// The body is longer than what was kept.
    pub is_cut: bool,
    /// The connection can take another request.
    pub is_reusable: bool,
}

/// Why an answer is none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AnswerFault {
    /// The head is outside of the grammar.
    Syntax,
    /// The head is over [`HEAD_MAX`] octets or [`FIELDS_MAX`] fields.
    HeadTooLong,
    /// More than [`INTERIM_MAX`] interim responses, or a change of protocol that was not asked for.
    Interim,
    /// Content-Length is no number, or there are two that differ.
    Length,
    /// The chunked coding is broken.
    Chunk,
    /// The connection ended before the answer did.
    Ended,
}

impl fmt::Display for AnswerFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            AnswerFault::Syntax => "the answer is not HTTP/1.1",
            AnswerFault::HeadTooLong => "the header of the answer is too long",
            AnswerFault::Interim => "too many interim responses",
            AnswerFault::Length => "the length of the answer is not clear",
            AnswerFault::Chunk => "the chunked coding of the answer is broken",
            AnswerFault::Ended => "the connection was closed before the answer was complete",
        })
    }
}

/// Reads one answer.
#[derive(Debug)]
pub struct AnswerReader {
    stage: ReadStage,
    /// Octets of an incomplete head that have been searched for its end.
    searched: usize,
    interim: usize,
    answer: HttpAnswer,
}

#[derive(Debug)]
enum ReadStage {
    Head,
    Length(u64),
    Chunked(Chunked),
    UntilClose,
    Done,
}

impl Default for AnswerReader {
    fn default() -> Self {
        AnswerReader {
            stage: ReadStage::Head,
            searched: 0,
            interim: 0,
            answer: HttpAnswer {
                status: 0,
                body: Vec::new(),
                is_cut: false,
                is_reusable: true,
            },
        }
    }
}

impl AnswerReader {
    /// Takes octets, which begin with those that it has not used before. Gives how many it used.
    pub fn take(&mut self, bytes: &[u8]) -> Result<usize, AnswerFault> {
        let mut used = 0;
        while let Some(rest) = bytes.get(used..) {
            let step = match &mut self.stage {
                ReadStage::Done => 0,
                ReadStage::Head => self.head(rest)?,
                ReadStage::Length(left) => {
                    let n = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                    *left = left.saturating_sub(n as u64);
                    let is_whole = *left == 0;
                    self.keep(rest.get(..n).unwrap_or_default());
                    if is_whole {
                        self.stage = ReadStage::Done;
                    }
                    n
                }
                ReadStage::Chunked(chunked) => {
                    let (n, data) = chunked
                        .step(rest, u64::MAX)
                        .map_err(|_| AnswerFault::Chunk)?;
                    let is_whole = chunked.is_done();
                    self.keep(data);
                    if is_whole {
                        self.stage = ReadStage::Done;
                    }
                    n
                }
                ReadStage::UntilClose => {
                    self.keep(rest);
                    rest.len()
                }
            };
            used += step;
            if self.answer.is_cut {
                // What follows is of no use, and there may be no end of it.
                self.answer.is_reusable = false;
                self.stage = ReadStage::Done;
            }
            if step == 0 {
                break;
            }
        }
        Ok(used)
    }

    /// The other server has sent its last octet.
    pub fn end(&mut self) -> Result<(), AnswerFault> {
        match self.stage {
            ReadStage::Done => Ok(()),
            ReadStage::UntilClose => {
                self.stage = ReadStage::Done;
                Ok(())
            }
            ReadStage::Head | ReadStage::Length(_) | ReadStage::Chunked(_) => {
                Err(AnswerFault::Ended)
            }
        }
    }

    /// Whether the head of the answer has come.
    pub fn has_head(&self) -> bool {
        self.answer.status != 0
    }

    /// Whether the answer is complete.
    pub fn is_done(&self) -> bool {
        matches!(self.stage, ReadStage::Done)
    }

    /// The answer as far as it has come; a status of 0 before its head.
    pub fn into_answer(self) -> HttpAnswer {
        self.answer
    }

    fn keep(&mut self, data: &[u8]) {
        let room = BODY_MAX - self.answer.body.len();
        self.answer.is_cut |= data.len() > room;
        let kept = data.get(..room).unwrap_or(data);
        self.answer.body.extend_from_slice(kept);
    }

    /// Reads a whole head. Uses nothing while it is not complete.
    fn head(&mut self, bytes: &[u8]) -> Result<usize, AnswerFault> {
        let within = bytes.get(..HEAD_MAX).unwrap_or(bytes);
        let from = self.searched.saturating_sub(3);
        let tail = within.get(from..).unwrap_or_default();
        let Some(end) = memmem::find(tail, b"\r\n\r\n") else {
            self.searched = within.len();
            return match bytes.len() >= HEAD_MAX {
                true => Err(AnswerFault::HeadTooLong),
                false => Ok(0),
            };
        };
        self.searched = 0;
        let len = from + end + 4;
        let head = within.get(..len).unwrap_or_default();
        // RFC 9112 section 2.2: a bare LF ends no line here, so it cannot end a second head either.
        let bare = |at: usize| at == 0 || head.get(at - 1) != Some(&b'\r');
        if memchr::memchr_iter(b'\n', head).any(bare) {
            return Err(AnswerFault::Syntax);
        }
        let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
        let mut response = httparse::Response::new(&mut fields);
        match response.parse(head) {
            Ok(httparse::Status::Complete(n)) if n == len => {}
            Err(httparse::Error::TooManyHeaders) => return Err(AnswerFault::HeadTooLong),
            _ => return Err(AnswerFault::Syntax),
        }
        let status = response.code.unwrap_or(0);
        match status {
            // RFC 9110 section 15.2. No change of protocol was asked for.
            100 | 102..=199 if self.interim < INTERIM_MAX => {
                self.interim += 1;
                return Ok(len);
            }
            100..=199 => return Err(AnswerFault::Interim),
            200..=599 => {}
            _ => return Err(AnswerFault::Syntax),
        }
        self.answer.status = status;
        let framing = AnswerFraming::of(response.headers)?;
        self.answer.is_reusable = response.version == Some(1) && !framing.closes;
        self.stage = self.body_stage(status, &framing);
        Ok(len)
    }

    /// RFC 9112 section 6.3.
    fn body_stage(&mut self, status: u16, framing: &AnswerFraming) -> ReadStage {
        let until_close = match (framing.coding, framing.length) {
            // RFC 9110 sections 15.3.5 and 15.4.5: they have no body.
            _ if matches!(status, 204 | 304) => return ReadStage::Done,
            (Some(true), length) => {
                // Another reader on the way may have taken the length.
                self.answer.is_reusable &= length.is_none();
                return ReadStage::Chunked(Chunked::new());
            }
            (None, Some(0)) => return ReadStage::Done,
            (None, Some(length)) => return ReadStage::Length(length),
            (Some(false), _) | (None, None) => ReadStage::UntilClose,
        };
        self.answer.is_reusable = false;
        until_close
    }
}

/// What the fields say of the end of the answer.
#[derive(Debug, Default)]
struct AnswerFraming {
    length: Option<u64>,
    /// Transfer-Encoding is there, and whether it is `chunked` alone.
    coding: Option<bool>,
    closes: bool,
}

impl AnswerFraming {
    fn of(fields: &[httparse::Header<'_>]) -> Result<AnswerFraming, AnswerFault> {
        let mut framing = AnswerFraming::default();
        for field in fields {
            let is = |name: &str| field.name.eq_ignore_ascii_case(name);
            let value = field.value.trim_ascii();
            if is("Content-Length") {
                let length = length(value).ok_or(AnswerFault::Length)?;
                if framing.length.is_some_and(|known| known != length) {
                    return Err(AnswerFault::Length);
                }
                framing.length = Some(length);
            } else if is("Transfer-Encoding") {
                let is_chunked = value.eq_ignore_ascii_case(b"chunked");
                framing.coding = Some(is_chunked && framing.coding.is_none());
            } else if is("Connection") {
                let mut words = value.split(|b| *b == b',').map(<[u8]>::trim_ascii);
                framing.closes |= words.any(|word| word.eq_ignore_ascii_case(b"close"));
            }
        }
        Ok(framing)
    }
}

/// Digits alone, and no more than no body has.
fn length(value: &[u8]) -> Option<u64> {
    let text = core::str::from_utf8(value).ok()?;
    let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

/// Octets of a body that are kept. A longer one ends the connection.
pub const BODY_MAX: usize = 16 * 1024;
/// Octets of a head.
pub const HEAD_MAX: usize = 16 * 1024;
/// Fields of a head.
pub const FIELDS_MAX: usize = 64;
/// Interim responses before the answer.
pub const INTERIM_MAX: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads an answer in pieces, and its end if the connection ends behind it.
    fn read(bytes: &[u8], piece: usize, ends: bool) -> Result<Option<HttpAnswer>, AnswerFault> {
        let (mut reader, mut at, mut end) = (AnswerReader::default(), 0, 0);
        while end < bytes.len() && !reader.is_done() {
            end = (end + piece).min(bytes.len());
            at += reader.take(&bytes[at..end])?;
        }
        if ends {
            reader.end()?;
        }
        Ok(reader.is_done().then(|| reader.into_answer()))
    }

    fn shown(text: &str, ends: bool) -> String {
        let all: Vec<String> = [1, 7, usize::MAX / 2]
            .into_iter()
            .map(|piece| match read(text.as_bytes(), piece, ends) {
                Ok(None) => "more".to_owned(),
                Ok(Some(answer)) => {
                    let body = String::from_utf8_lossy(&answer.body);
                    let cut = if answer.is_cut { " cut" } else { "" };
                    let kept = if answer.is_reusable { " kept" } else { "" };
                    format!("{} {body:?}{cut}{kept}", answer.status)
                }
                Err(fault) => format!("{fault:?}"),
            })
            .collect();
        assert!(all.iter().all(|one| *one == all[0]), "{text:?}: {all:?}");
        all[0].clone()
    }

    #[test]
    fn an_answer_ends_where_it_says() {
        let ok = "HTTP/1.1 200 OK\r\n";
        for (text, expected) in [
            ("Content-Length: 2\r\n\r\nhi", r#"200 "hi" kept"#),
            ("Content-Length: 0\r\n\r\n", r#"200 "" kept"#),
            (
                "content-length:2\r\nConnection: x, CLOSE\r\n\r\nhi",
                r#"200 "hi""#,
            ),
            (
                "Content-Length: 2\r\nContent-Length: 2\r\n\r\nhi",
                r#"200 "hi" kept"#,
            ),
            ("Content-Length: 2\r\nContent-Length: 3\r\n\r\nhi", "Length"),
            ("Content-Length: +2\r\n\r\nhi", "Length"),
            ("Content-Length: \r\n\r\nhi", "Length"),
            ("Content-Length: 99999999999999999999\r\n\r\nhi", "Length"),
            ("Content-Length: 3\r\n\r\nhi", "more"),
            (
                "Transfer-Encoding: Chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
                r#"200 "hi" kept"#,
            ),
            (
                "Transfer-Encoding: chunked\r\nContent-Length: 9\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
                r#"200 "hi""#,
            ),
            ("Transfer-Encoding: chunked\r\n\r\nhi\r\n", "Chunk"),
            ("Transfer-Encoding: gzip\r\n\r\nhi", "more"),
            ("\r\nhi", "more"),
            ("A: b\nC: d\r\n\r\n", "Syntax"),
            ("A : b\r\n\r\n", "Syntax"),
        ] {
            assert_eq!(shown(&format!("{ok}{text}"), false), expected, "{text:?}");
        }
        assert_eq!(shown(&format!("{ok}\r\nhi"), true), r#"200 "hi""#);
        assert_eq!(
            shown(&format!("{ok}Content-Length: 3\r\n\r\nhi"), true),
            "Ended"
        );
        assert_eq!(shown("HTTP/1.1 200 O", true), "Ended");
        assert_eq!(
            shown("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", false),
            r#"200 """#
        );
        for status in ["204 No Content", "304 Not Modified"] {
            let text = format!("HTTP/1.1 {status}\r\nContent-Length: 5\r\n\r\n");
            assert!(shown(&text, false).ends_with(r#" "" kept"#));
        }
        for text in [
            "SSH-2.0-x\r\n\r\n",
            "HTTP/2 200\r\n\r\n",
            "HTTP/1.1 600 X\r\n\r\n",
        ] {
            assert_eq!(shown(text, false), "Syntax", "{text:?}");
        }
    }

    #[test]
    fn interim_responses_are_skipped_and_counted() {
        let interim = "HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n";
        let end = "HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(
            shown(&format!("{}{end}", interim.repeat(8)), false),
            r#"410 "" kept"#
        );
        assert_eq!(
            shown(&format!("{}{end}", interim.repeat(9)), false),
            "Interim"
        );
        assert_eq!(shown("HTTP/1.1 101 X\r\n\r\n", false), "Interim");
    }

    #[test]
    fn nothing_is_without_end() {
        let head = format!("HTTP/1.1 200 OK\r\nA: {}", "a".repeat(HEAD_MAX));
        assert_eq!(shown(&head, false), "HeadTooLong");
        let fields = "A: b\r\n".repeat(FIELDS_MAX + 1);
        assert_eq!(
            shown(&format!("HTTP/1.1 200 OK\r\n{fields}\r\n"), false),
            "HeadTooLong"
        );
        for framing in ["", "Content-Length: 16385\r\n"] {
            let body = "x".repeat(BODY_MAX + 1);
            let text = format!("HTTP/1.1 200 OK\r\n{framing}\r\n{body}");
            let answer = read(text.as_bytes(), 1000, false).map(Option::unwrap_or_default);
            let answer = answer.unwrap_or_default();
            assert!(answer.is_cut && !answer.is_reusable);
            assert_eq!(answer.body.len(), BODY_MAX);
        }
        let whole = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: 16384\r\n\r\n{}",
            "x".repeat(BODY_MAX)
        );
        let answer = read(whole.as_bytes(), 1000, false).map(Option::unwrap_or_default);
        assert!(answer.is_ok_and(|answer| !answer.is_cut && answer.is_reusable));
    }
}

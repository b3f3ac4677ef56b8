//! One request and its answer over a connection, under one deadline.
//!
//! ```text
//! new ─► (Open) ─► send ─► Bytes … ─► Answered ─► send ─► …      a connection that is kept
//!   └───────┴────────┴────────┴─────► Failed                     it is of no use from here on
//! ```
//!
//! It makes no call and knows no product: the engine that owns it gives it the inputs of its
//! connection. The deadline runs from the dial, so a slow connect leaves less for the answer.

use core::fmt;

use super::request::{PostRequest, UnsafeValue};
use super::response::{AnswerFault, AnswerReader, HttpAnswer};
use crate::call::Now;
use crate::engine::{DialError, Input, Output};

/// An exchange.
#[derive(Debug)]
pub struct HttpExchange {
    state: ExchangeState,
    due_ms: u64,
    limit_ms: u64,
}

#[derive(Debug)]
enum ExchangeState {
    /// The connection is not up.
    Connecting,
    /// It is up, and no answer is waited for. Octets that come now belong to no request.
    Idle,
    /// A request was sent.
    Waiting(AnswerReader),
    /// It is of no use any more.
    Ended,
}

/// What an input has led to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ExchangeStep {
    /// Nothing for the engine to do.
    None,
    /// The connection is up: a request can be sent.
    Connected,
    /// The answer is there. Another request can follow where it says so.
    Answered(HttpAnswer),
    /// The connection is of no use. No answer comes.
    Failed(ExchangeError),
}

/// Why there is no answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ExchangeError {
    /// The connection could not be made, or was lost.
    Dial(DialError),
    /// The deadline has passed.
    TimedOut,
    /// The answer is none.
    Answer(AnswerFault),
    /// The connection was closed, or octets came, while no answer was waited for.
    Idle,
    /// This server is stopping.
    Stopping,
}

impl fmt::Display for ExchangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExchangeError::Dial(error) => error.fmt(f),
            ExchangeError::TimedOut => f.write_str("no answer in time"),
            ExchangeError::Answer(fault) => fault.fmt(f),
            ExchangeError::Idle => f.write_str("the connection was closed"),
            ExchangeError::Stopping => f.write_str("the server is stopping"),
        }
    }
}

impl HttpExchange {
    /// For a connection that is dialed now. An exchange has `limit_ms` in all; for the first one
    /// the time of the connect and of TLS is a part of it.
    pub fn new(now: Now, limit_ms: u64) -> Self {
        HttpExchange {
            state: ExchangeState::Connecting,
            due_ms: now.mono_ms.saturating_add(limit_ms),
            limit_ms,
        }
    }

    /// Sends a request. Another must not be out.
    pub fn send(
        &mut self,
        now: Now,
        post: &PostRequest<'_>,
        is_first: bool,
        out: &mut Output,
    ) -> Result<(), UnsafeValue> {
        post.write(&mut out.bytes)?;
        self.state = ExchangeState::Waiting(AnswerReader::default());
        if !is_first {
            self.due_ms = now.mono_ms.saturating_add(self.limit_ms);
        }
        let left = self.due_ms.saturating_sub(now.mono_ms);
        out.deadline = Some(Some(now.plus_ms(left)));
        Ok(())
    }

    /// Takes an input of the connection. Gives how many octets of it were used.
    pub fn take(&mut self, now: Now, input: Input<'_>, out: &mut Output) -> (usize, ExchangeStep) {
        let mut used = 0;
        let step = match (input, &mut self.state) {
            (Input::Bytes(bytes), ExchangeState::Ended) => {
                used = bytes.len();
                ExchangeStep::None
            }
            (_, ExchangeState::Ended) => ExchangeStep::None,
            (Input::Open, ExchangeState::Connecting) => {
                self.state = ExchangeState::Idle;
                ExchangeStep::Connected
            }
            (Input::Bytes(bytes), ExchangeState::Waiting(reader)) => match reader.take(bytes) {
                Ok(taken) => {
                    used = taken;
                    match reader.is_done() {
                        true => self.answered(used < bytes.len(), out),
                        false => ExchangeStep::None,
                    }
                }
                Err(fault) => {
                    used = bytes.len();
                    self.fail(ExchangeError::Answer(fault), out)
                }
            },
            (Input::Bytes(bytes), ExchangeState::Connecting | ExchangeState::Idle) => {
                used = bytes.len();
                self.fail(ExchangeError::Idle, out)
            }
            (Input::Eof, ExchangeState::Waiting(reader)) => match reader.end() {
                Ok(()) => self.answered(false, out),
                Err(fault) => self.fail(ExchangeError::Answer(fault), out),
            },
            (Input::Eof, _) => self.fail(ExchangeError::Idle, out),
            // A peer that ends TLS badly may have said all that it has to say.
            (Input::Failed(error), _) => self.fail(ExchangeError::Dial(error), out),
            (Input::Deadline, ExchangeState::Connecting | ExchangeState::Waiting(_))
                if now.mono_ms >= self.due_ms =>
            {
                self.fail(ExchangeError::TimedOut, out)
            }
            // An answer that is under way may still come; the second call ends it.
            (Input::Shutdown, ExchangeState::Connecting | ExchangeState::Idle) => {
                self.fail(ExchangeError::Stopping, out)
            }
            _ => ExchangeStep::None,
        };
        (used, step)
    }

    /// Whether an answer, or a part of one, has come since the request was sent.
    pub fn has_answer(&self) -> bool {
        matches!(&self.state, ExchangeState::Waiting(reader) if reader.has_head())
    }

    /// Whether the connection can take a request.
    pub fn is_idle(&self) -> bool {
        matches!(self.state, ExchangeState::Idle)
    }

    fn answered(&mut self, more_follows: bool, out: &mut Output) -> ExchangeStep {
        let state = core::mem::replace(&mut self.state, ExchangeState::Idle);
        let ExchangeState::Waiting(reader) = state else {
            return ExchangeStep::None;
        };
        let mut answer = reader.into_answer();
        // Octets that no request has asked for would be taken for the next answer.
        answer.is_reusable &= !more_follows;
        if !answer.is_reusable {
            self.state = ExchangeState::Ended;
        }
        out.deadline = Some(None);
        ExchangeStep::Answered(answer)
    }

    fn fail(&mut self, error: ExchangeError, out: &mut Output) -> ExchangeStep {
        self.state = ExchangeState::Ended;
        out.deadline = Some(None);
        ExchangeStep::Failed(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POST: PostRequest<'_> = PostRequest {
        target: "/",
        host: "a.test",
        content_type: "text/plain",
        fields: &[],
        body: b"x",
    };

    fn at(mono_ms: u64) -> Now {
        Now {
            mono_ms,
            unix_ms: 0,
        }
    }

    fn take(exchange: &mut HttpExchange, ms: u64, input: Input<'_>) -> ExchangeStep {
        exchange.take(at(ms), input, &mut Output::default()).1
    }

    fn send(exchange: &mut HttpExchange, ms: u64, is_first: bool) {
        let sent = exchange.send(at(ms), &POST, is_first, &mut Output::default());
        assert_eq!(sent, Ok(()));
    }

    const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

    #[test]
    fn a_connection_takes_one_request_after_the_other() {
        let mut exchange = HttpExchange::new(at(0), 15_000);
        assert_eq!(
            take(&mut exchange, 10, Input::Open),
            ExchangeStep::Connected
        );
        for (ms, is_first) in [(20, true), (60_000, false)] {
            send(&mut exchange, ms, is_first);
            let step = take(&mut exchange, ms + 14_000, Input::Bytes(OK));
            let ExchangeStep::Answered(answer) = step else {
                unreachable!("{step:?}");
            };
            assert!(answer.is_reusable && exchange.is_idle());
        }
        let step = take(&mut exchange, 80_000, Input::Eof);
        assert_eq!(step, ExchangeStep::Failed(ExchangeError::Idle));
    }

    #[test]
    fn the_deadline_is_for_all_of_it() {
        let mut exchange = HttpExchange::new(at(0), 15_000);
        take(&mut exchange, 10_000, Input::Open);
        send(&mut exchange, 10_000, true);
        assert_eq!(
            take(&mut exchange, 14_999, Input::Bytes(b"HTTP/1.1 2")),
            ExchangeStep::None
        );
        assert_eq!(
            take(&mut exchange, 14_999, Input::Deadline),
            ExchangeStep::None
        );
        let step = take(&mut exchange, 15_000, Input::Deadline);
        assert_eq!(step, ExchangeStep::Failed(ExchangeError::TimedOut));
        let mut unanswered = HttpExchange::new(at(0), 15_000);
        let step = take(&mut unanswered, 15_000, Input::Deadline);
        assert_eq!(step, ExchangeStep::Failed(ExchangeError::TimedOut));
    }

    #[test]
    fn octets_without_a_request_end_the_connection() {
        let mut early = HttpExchange::new(at(0), 15_000);
        take(&mut early, 1, Input::Open);
        let step = take(&mut early, 2, Input::Bytes(OK));
        assert_eq!(step, ExchangeStep::Failed(ExchangeError::Idle));
        let mut two = HttpExchange::new(at(0), 15_000);
        take(&mut two, 1, Input::Open);
        send(&mut two, 2, true);
        let step = take(&mut two, 3, Input::Bytes(&[OK, OK].concat()));
        assert!(matches!(step, ExchangeStep::Answered(answer) if !answer.is_reusable));
        assert!(!two.is_idle());
    }
}

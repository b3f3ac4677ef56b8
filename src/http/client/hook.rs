//! The engine of a connection to an endpoint of a webhook: one delivery after the other, in the
//! form of Standard Webhooks (<https://www.standardwebhooks.com>).
//!
//! ```text
//! connect ─► Next ◄───────────────┐
//!             ├─► (the message) ─► Waiting ─► answer
//!             └─► closed           at any point: the connection is lost ─► Lost ─► closed
//! ```
//!
//! The service decides what is sent and what an answer means (`call::webhook`). A body is rendered
//! once, and the octets that are signed are the octets that are sent.

use super::exchange::{ExchangeError, ExchangeStep, HttpExchange};
use super::request::PostRequest;
use super::response::HttpAnswer;
use crate::call::{
    Answer, Ask, Call, Caller, Change, ContentAsk, ContentView, Event, HOOK_RESPONSE_BYTES_MAX,
    HookAnswer, HookContent, HookDelivery, HookDial, HookReport, InboxRef, MessageRead,
    MessageView, NextDelivery, Now, Read, Reply, WebhookWrite, Write, Written,
};
use crate::crypto::hmac_sha256;
use crate::engine::{Engine, Input, Output, Trust};
use crate::http::stream::show;
use crate::http::wire::json;

/// One connection to an endpoint.
#[derive(Debug)]
pub struct HookClient {
    dial: HookDial,
    exchange: HttpExchange,
    state: HookStage,
    /// A request was answered on this connection.
    has_served: bool,
    /// When the request was sent, or the dial began, monotonic milliseconds.
    since_ms: u64,
    /// The connection was lost while a call was out.
    lost: Option<ExchangeError>,
    is_stopping: bool,
}

#[derive(Debug)]
enum HookStage {
    Connecting,
    /// The service's next delivery.
    Next,
    /// The message of a delivery.
    Message(Box<HookDelivery>),
    /// The endpoint's answer.
    Waiting,
    /// The service's answer to a loss.
    Telling,
    Closed,
}

impl HookClient {
    /// An engine for this connection.
    pub fn new(dial: HookDial) -> Self {
        let began = Now {
            mono_ms: dial.began_ms,
            unix_ms: 0,
        };
        HookClient {
            exchange: HttpExchange::new(began, dial.limit_ms),
            since_ms: dial.began_ms,
            dial,
            state: HookStage::Connecting,
            has_served: false,
            lost: None,
            is_stopping: false,
        }
    }

    fn ask_next(&mut self, report: Option<HookReport>, is_last: bool, out: &mut Output) {
        self.state = HookStage::Next;
        let call = WebhookWrite::Next {
            route: self.dial.route,
            report: report.map(Box::new),
            is_last: is_last || self.is_stopping,
        };
        ask(call, out);
    }

    /// The connection is of no use, and no call is out.
    fn lose(&mut self, now: Now, error: &ExchangeError, out: &mut Output) {
        let is_unanswered = self.has_served && !matches!(self.state, HookStage::Connecting);
        let is_stale = match error {
            // This server stops, and its peer has not failed.
            ExchangeError::Stopping => true,
            ExchangeError::Idle | ExchangeError::Dial(_) | ExchangeError::Answer(_) => {
                is_unanswered && !self.exchange.has_answer()
            }
            ExchangeError::TimedOut => false,
        };
        self.state = HookStage::Telling;
        let report = HookReport {
            answer: HookAnswer::Error(error.to_string()),
            duration_ms: now.mono_ms.saturating_sub(self.since_ms),
            is_stale,
        };
        let call = WebhookWrite::Lost {
            route: self.dial.route,
            report: Box::new(report),
        };
        ask(call, out);
    }

    fn stepped(&mut self, now: Now, step: ExchangeStep, out: &mut Output) {
        match (step, &self.state) {
            (ExchangeStep::None, _) => {}
            (ExchangeStep::Connected, _) => self.ask_next(None, false, out),
            (ExchangeStep::Answered(answer), HookStage::Waiting) => {
                self.has_served = true;
                let is_last = !answer.is_reusable;
                let report = HookReport {
                    duration_ms: now.mono_ms.saturating_sub(self.since_ms),
                    answer: shown(&answer),
                    is_stale: false,
                };
                self.ask_next(Some(report), is_last, out);
            }
            (ExchangeStep::Answered(_), _) => {}
            (ExchangeStep::Failed(error), HookStage::Next | HookStage::Message(_)) => {
                self.lost = Some(error);
            }
            (ExchangeStep::Failed(error), HookStage::Connecting | HookStage::Waiting) => {
                self.lose(now, &error, out);
            }
            (ExchangeStep::Failed(_), HookStage::Telling | HookStage::Closed) => out.close = true,
        }
    }

    /// An answer of the service.
    fn answered(&mut self, now: Now, reply: Reply, out: &mut Output) {
        match core::mem::replace(&mut self.state, HookStage::Closed) {
            HookStage::Next => match reply {
                Reply::Written(Written::NextDelivery(NextDelivery::Send(delivery)), _) => {
                    self.begin(now, delivery, out);
                }
                _ => out.close = true,
            },
            HookStage::Message(delivery) => match reply {
                Reply::Answer(Answer::Message(view)) => {
                    self.send(now, &delivery, Some(&view), out);
                }
                // It is gone by now: the event alone is sent.
                _ => self.send(now, &delivery, None, out),
            },
            _ => out.close = true,
        }
    }

    fn begin(&mut self, now: Now, delivery: Box<HookDelivery>, out: &mut Output) {
        match message_of(&delivery) {
            Some(read) => {
                out.ask = Some(Ask {
                    request_id: None,
                    depth: 0,
                    caller: Caller::Key(delivery.access.clone()),
                    call: Call::Read(Read::Message(read)),
                });
                self.state = HookStage::Message(delivery);
            }
            None => self.send(now, &delivery, None, out),
        }
    }

    fn send(
        &mut self,
        now: Now,
        delivery: &HookDelivery,
        view: Option<&MessageView>,
        out: &mut Output,
    ) {
        self.state = HookStage::Waiting;
        if let Some(error) = self.lost.take() {
            return self.lose(now, &error, out);
        }
        let mut body = Vec::with_capacity(BODY_OCTETS);
        let id = match &delivery.content {
            HookContent::Event(kind, event) => {
                let sight = event.sight(&delivery.access);
                let extra = show::EventExtra {
                    view,
                    ..Default::default()
                };
                show::event_with(&mut body, *kind, (event, extra), sight);
                event.id().to_string()
            }
            HookContent::Test(webhook, number) => {
                json::object(&mut body, |o| {
                    o.text("type", TEST);
                    o.time("time", now.unix_ms);
                    o.object("webhook", |o| o.shown("id", webhook));
                });
                format!("test_{number:016x}")
            }
        };
        let depth = match &delivery.content {
            HookContent::Event(_, event) => event.depth.saturating_add(1),
            HookContent::Test(..) => 1,
        };
        let depth = depth.to_string();
        let timestamp = now.unix_ms.div_euclid(1000).to_string();
        let mut signed = format!("{id}.{timestamp}.").into_bytes();
        signed.extend_from_slice(&body);
        let signatures: Vec<String> = (delivery.keys.iter())
            .map(|key| {
                let tag = hmac_sha256(key.expose(), &signed);
                format!("v1,{}", data_encoding::BASE64.encode(&tag))
            })
            .collect();
        let signatures = signatures.join(" ");
        let host = self.dial.url.authority();
        let post = PostRequest {
            target: &self.dial.url.target,
            host: &host,
            content_type: "application/json",
            fields: &[
                ("webhook-id", &id),
                ("webhook-timestamp", &timestamp),
                ("webhook-signature", &signatures),
                ("postern-depth", &depth),
            ],
            body: &body,
        };
        let is_first = !self.has_served;
        if is_first {
            self.since_ms = self.dial.began_ms;
        } else {
            self.since_ms = now.mono_ms;
        }
        if self.exchange.send(now, &post, is_first, out).is_err() {
            // A URL is checked when it is stored.
            self.lose(now, &ExchangeError::Idle, out);
        }
    }
}

impl Engine for HookClient {
    fn handle(&mut self, now: Now, input: Input<'_>, out: &mut Output) -> usize {
        if let Input::Reply(reply) = input {
            self.answered(now, reply, out);
            return 0;
        }
        if matches!(input, Input::Shutdown) {
            self.is_stopping = true;
        }
        let (used, step) = self.exchange.take(now, input, out);
        self.stepped(now, step, out);
        used
    }

    fn trust(&self) -> Trust {
        Trust::Known
    }
}

fn ask(call: WebhookWrite, out: &mut Output) {
    out.ask = Some(Ask {
        request_id: None,
        depth: 0,
        caller: Caller::System,
        call: Call::Write(Write::Webhook(call)),
    });
}

/// The call for the message of a delivery that has it whole.
fn message_of(delivery: &HookDelivery) -> Option<MessageRead> {
    let HookContent::Event(_, event) = &delivery.content else {
        return None;
    };
    let (Event { inbox, change, .. }, true) = (&**event, delivery.is_full) else {
        return None;
    };
    let (Some(path), Change::Arrived(arrived)) = (inbox, change) else {
        return None;
    };
    Some(MessageRead::Get {
        inbox: InboxRef::Id(path.id),
        id: arrived.state.id,
        ask: ContentAsk {
            view: ContentView::Full,
            is_markdown: false,
            offset: 0,
            max_chars: Some(TEXT_CHARS_MAX),
            redacts: None,
        },
    })
}

/// What is kept of an answer: its status and the start of its body, as text.
fn shown(answer: &HttpAnswer) -> HookAnswer {
    let start = answer
        .body
        .get(..HOOK_RESPONSE_BYTES_MAX)
        .unwrap_or(&answer.body);
    let text: String = String::from_utf8_lossy(start)
        .chars()
        .map(|c| match c {
            '\n' | '\t' => c,
            c if c.is_control() => '\u{fffd}',
            c => c,
        })
        .collect();
    HookAnswer::Status(answer.status, text)
}

/// The type of an event that an owner asks for.
const TEST: &str = "webhook.test";

/// Characters of a text in the message object: 64 KiB in UTF-8 at most.
const TEXT_CHARS_MAX: usize = 16 * 1024;

/// Octets of a usual event.
const BODY_OCTETS: usize = 2048;

#[cfg(test)]
#[path = "../tests/hook.rs"]
mod tests;

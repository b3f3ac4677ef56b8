//! One subscription of a WebSocket: its name, its place in the gauge, the call that it waits to
//! make, and how it ends.

use super::writer::{MemberNews, MemberWriter, SocketOutput};
use crate::call::{Access, Ask, ConnId, Event, Look, Metric, Now, Opening, RaisedGauge, Reply};
use crate::engine::Output;
use crate::http::api::problems::Problem;
use crate::http::stream::cursor::LogAnswer;
use crate::http::stream::subscription::{FeedAnswer, Subscription};
use crate::http::stream::wanted::Wanted;
use crate::http::stream::writer::{EndReason, EventWriter as _};

/// See the module.
#[derive(Debug)]
pub(super) struct Member {
    pub id: Box<str>,
    /// Another one for each subscription of the connection.
    pub serial: u32,
    pub subscription: Subscription,
    pub told: MemberNews,
    /// The call that it makes in its turn.
    pub ask: Option<Box<Ask>>,
    pub stage: MemberStage,
    /// In the gauge of streams, for as long as the service holds its lease.
    held: Option<RaisedGauge>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum MemberStage {
    /// It begins, or it tells events.
    Open,
    /// It ends when its call has come back.
    Ending(MemberEnd),
    /// `CloseStream` is to be asked, or is out.
    Leaving(MemberEnd),
}

/// How a subscription ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum MemberEnd {
    /// The client has asked for it.
    Asked,
    /// By itself.
    Ended(EndReason),
    /// It never began; the client was told why.
    Refused,
}

impl Member {
    /// Begins to open.
    pub fn new(
        id: String,
        (conn, serial): (ConnId, u32),
        wanted: Wanted,
        out: &mut Output,
    ) -> Member {
        let mut own = Output::default();
        let subscription = Subscription::new(wanted, (conn, serial), &mut own);
        out.lease |= own.lease;
        Member {
            id: id.into_boxed_str(),
            serial,
            subscription,
            told: MemberNews::default(),
            ask: own.ask.map(Box::new),
            stage: MemberStage::Open,
            held: None,
        }
    }

    /// Whether it is told an event.
    pub fn hears(&self, event: &Event) -> bool {
        let topic = self.subscription.watched();
        self.is_live() && event.topics().any(|of_event| of_event == topic)
    }

    /// Whether it tells events, now or when there are some.
    pub fn is_live(&self) -> bool {
        self.stage == MemberStage::Open && self.subscription.is_open()
    }

    /// The answer to its call. `true`: it watches something else now.
    pub fn reply(
        &mut self,
        now: Now,
        reply: Reply,
        opening: &Opening,
        (output, out): (&mut SocketOutput, &mut Output),
    ) -> Result<bool, Box<Problem>> {
        let mut own = Output::default();
        let answer = self.subscription.reply(reply, &opening.shared, &mut own);
        out.lease |= own.lease;
        self.ask = own.ask.map(Box::new);
        if self.subscription.is_open() && self.held.is_none() {
            self.held = Some(RaisedGauge::new(&opening.shared, Metric::Streams));
        }
        let watches = own.watch.is_some();
        if self.stage != MemberStage::Open {
            return Ok(watches);
        }
        let Some(answer) = answer? else {
            return Ok(watches);
        };
        let begins = match &answer {
            FeedAnswer::Log(LogAnswer::Page(_) | LogAnswer::Expired(_)) => {
                Some(self.subscription.at())
            }
            FeedAnswer::Claimed(claimed) if claimed.tells() => Some(claimed.seq),
            FeedAnswer::Log(_) | FeedAnswer::Claimed(_) => None,
        };
        let (mut writer, subscription) = self.writer(now, output, out);
        if let Some(at) = begins.filter(|_| !writer.told.is_subscribed) {
            writer.subscribed(at);
        }
        let ask = subscription.answer(answer, &mut writer)?;
        let ended = writer.ended;
        self.follow(ask, ended);
        Ok(watches)
    }

    /// An event of what it watches.
    pub fn event(&mut self, now: Now, event: &Event, output: &mut SocketOutput, out: &mut Output) {
        let (mut writer, subscription) = self.writer(now, output, out);
        let ask = subscription.event(event, &mut writer);
        let ended = writer.ended;
        self.follow(ask, ended);
    }

    /// A heartbeat; `idle`: it is long since its number was told. See `LogCursor::refresh`.
    pub fn refresh(&mut self, now: Now, idle: bool, output: &mut SocketOutput, out: &mut Output) {
        if !self.is_live() || self.ask.is_some() {
            return;
        }
        let at = self.subscription.at();
        if idle && self.told.is_subscribed && at != self.told.seq {
            let epoch = self.told.epoch;
            let (mut writer, _) = self.writer(now, output, out);
            writer.ready(at, epoch);
        }
        self.ask = self.subscription.refresh(idle).map(Box::new);
    }

    /// The output has room again; see [`Subscription::resume`].
    pub fn resume(&mut self, is_quick: bool) {
        if self.is_live() && self.ask.is_none() {
            self.ask = self.subscription.resume(is_quick).map(Box::new);
        }
    }

    /// When a lease of its consumer group ends, monotonic milliseconds.
    pub fn wake_ms(&self) -> Option<u64> {
        self.subscription.wake_ms().filter(|_| self.is_live())
    }

    /// See [`Subscription::wake`].
    pub fn wake(&mut self, now: Now) {
        if self.is_live() && self.ask.is_none() {
            self.ask = self.subscription.wake(now).map(Box::new);
        }
    }

    /// Gives its lease back, if it has one. `false`: it is gone at once.
    pub fn leave(&mut self, end: MemberEnd, access: &Access) -> bool {
        if self.held.is_none() {
            return false;
        }
        self.stage = MemberStage::Leaving(end);
        let reader = self.subscription.group_reader();
        self.ask = Some(Box::new(Ask::of(access, Look::CloseStream { reader })));
        true
    }

    fn follow(&mut self, ask: Option<Ask>, ended: Option<EndReason>) {
        if ask.is_some() {
            self.ask = ask.map(Box::new);
        }
        if let Some(reason) = ended {
            self.stage = MemberStage::Ending(MemberEnd::Ended(reason));
        }
    }

    fn writer<'a>(
        &'a mut self,
        now: Now,
        output: &'a mut SocketOutput,
        out: &'a mut Output,
    ) -> (MemberWriter<'a>, &'a mut Subscription) {
        let writer = MemberWriter {
            id: &self.id,
            told: &mut self.told,
            output,
            now,
            ended: None,
            out,
        };
        (writer, &mut self.subscription)
    }
}

//! What the writer does without a call: mail to outside, webhooks, accounts elsewhere.

use super::Writer;
use super::group::GroupRun;
use crate::call::Event;
use crate::service::context::{LoneTurn, WriteContext};
use crate::store::Store;

impl Writer {
    /// Does what is due in the queue to outside, in transactions of its own. Gives the events that
    /// are published before its answers.
    pub fn run_outbound(&mut self, store: &Store) -> (LoneTurn, Vec<Event>) {
        let mut events = Vec::new();
        let mut context = self.lone_context(store, &mut events);
        let service = context.service;
        let turn = service.outbound.run(&mut context);
        self.service().tell_event_groups(&mut events);
        (turn, events)
    }

    /// Does what is due for webhooks, as [`Writer::run_outbound`] does for mail.
    pub fn run_webhooks(&mut self, store: &Store) -> (LoneTurn, Vec<Event>) {
        let mut events = Vec::new();
        let mut context = self.lone_context(store, &mut events);
        let service = context.service;
        let turn = service.webhooks.run(&mut context);
        self.service().webhooks.saw(&events);
        self.service().tell_event_groups(&mut events);
        (turn, events)
    }

    /// Makes the connections of accounts elsewhere that are wanted.
    pub fn run_upstream(&mut self, store: &Store) -> LoneTurn {
        let mut events = Vec::new();
        let mut context = self.lone_context(store, &mut events);
        let service = context.service;
        service.connections.run(&mut context)
    }

    /// What the server does by itself is carried out with.
    fn lone_context<'c>(
        &'c mut self,
        store: &'c Store,
        events: &'c mut Vec<Event>,
    ) -> WriteContext<'c> {
        let run = GroupRun {
            now: self.service().now(),
            is_guarded: false,
            is_again: false,
        };
        self.context(store, run, (None, (None, 0)), events)
    }
}

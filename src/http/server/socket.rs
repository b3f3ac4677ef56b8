//! A request that becomes a WebSocket, within its connection.
//!
//! What is said over it is in `stream/socket/`. The rule: its state stays when it closes, so that
//! its subscriptions count until the connection is gone and the service has their leases back.

use super::exchange::Exchange;
use super::{Server, ServerState};
use crate::call::{Access, Now, Opening, Refusal};
use crate::engine::Output;
use crate::http::api::refused::refused;
use crate::http::stream::EventSocket;
use crate::http::wire::response::{Length, MediaType, Response};

impl Server {
    /// Answers 101: the connection is a WebSocket from here on.
    pub(super) fn begin_socket(
        &mut self,
        now: Now,
        mut exchange: Box<Exchange>,
        access: Access,
        accept: String,
        out: &mut Output,
    ) {
        if self.stopping {
            let problem = refused(&Refusal::Stopping, &self.shared().limits);
            return self.fail(now, exchange, &problem, out);
        }
        exchange.close = false;
        let mut response = Response::new(101, MediaType::Nothing, Vec::new());
        response.add("Upgrade", "websocket");
        response.add("Connection", "Upgrade");
        response.add("Sec-WebSocket-Accept", accept);
        response.write_head(exchange.frame(now), Length::Close, &mut out.bytes);
        self.log(&exchange, response.status);
        let socket = EventSocket::start(access, now, &self.opening, out);
        self.state = ServerState::Socket(Box::new(socket));
    }

    /// Gives an input to the WebSocket; `false` when the connection is none.
    pub(super) fn with_socket(&mut self, act: impl FnOnce(&mut EventSocket, &Opening)) -> bool {
        match &mut self.state {
            ServerState::Socket(socket) => {
                act(socket, &self.opening);
                true
            }
            _ => false,
        }
    }
}

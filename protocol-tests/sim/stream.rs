//! A client of the event stream. It keeps the last id and everything that it heard, reconnects
//! at will, and may stop reading; it must miss nothing and hear nothing twice.

use std::net::IpAddr;

use postern::testing::call::Listener;

use crate::rig::{Conn, Rig};
use crate::socket;

/// See the module.
#[derive(Default)]
pub struct Stream {
    /// 0 is none.
    conn: u64,
    last: u64,
    heard: Vec<u64>,
    /// It reads over WebSocket.
    is_socket: bool,
}

impl Stream {
    /// Over WebSocket.
    pub fn of_socket() -> Stream {
        Stream {
            is_socket: true,
            ..Stream::default()
        }
    }

    /// Connects behind the last id that it has.
    pub fn connect(&mut self, rig: &mut Rig, key: &str) {
        if self.conn != 0 {
            rig.drop_conn(self.conn);
        }
        let conn = rig.open(Listener::Https, IpAddr::from([10, 0, 0, 4]));
        let last = self.last;
        if self.is_socket {
            rig.send(conn, socket::handshake(key).as_bytes(), usize::MAX);
            let message = format!(r#"{{"op":"subscribe","id":"s","since":{last}}}"#);
            rig.send(conn, &socket::message(&message), usize::MAX);
        } else {
            let request = format!(
                "GET /api/v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\
                 Accept: text/event-stream\r\nLast-Event-ID: {last}\r\n\r\n"
            );
            rig.send(conn, request.as_bytes(), usize::MAX);
        }
        self.conn = conn;
    }

    /// The server has stopped, and its connections are gone.
    pub fn forget_connection(&mut self) {
        self.conn = 0;
    }

    /// Whether it reads from now on.
    pub fn reads(&mut self, rig: &mut Rig, on: bool) {
        rig.reads(self.conn, on);
    }

    /// Takes what has come. The server may have cut it off, when it has not read for long.
    pub fn listen(&mut self, rig: &mut Rig) {
        match self.is_socket {
            true => self.listen_to_socket(rig),
            false => self.listen_to_frames(rig),
        }
        if rig.conns.get(&self.conn).is_some_and(Conn::is_closed) {
            self.conn = 0;
        }
    }

    fn listen_to_frames(&mut self, rig: &mut Rig) {
        let said = String::from_utf8(rig.take(self.conn)).unwrap();
        for frame in said.split("\n\n") {
            let mut id = None;
            let mut is_event = false;
            for line in frame.lines() {
                if let Some(text) = line.strip_prefix("id: ") {
                    id = Some(text.parse::<u64>().unwrap());
                }
                is_event |= line.starts_with("data: ");
            }
            assert!(!frame.contains("event: reset"), "{frame}");
            if let Some(id) = id {
                self.hear(id, is_event && !frame.contains("event: ready"));
            }
        }
    }

    fn listen_to_socket(&mut self, rig: &mut Rig) {
        for message in socket::listen(rig, self.conn) {
            let event = &message["event"];
            match (message["op"].as_str().unwrap(), event["type"].as_str()) {
                ("subscribed", _) => self.hear(message["seq"].as_u64().unwrap(), false),
                ("event", Some("reset")) => panic!("{message}"),
                ("event", kind) => {
                    self.hear(event["seq"].as_u64().unwrap(), kind != Some("ready"));
                }
                _ => panic!("{message}"),
            }
        }
    }

    fn hear(&mut self, id: u64, is_event: bool) {
        assert!(id >= self.last, "{id} after {}", self.last);
        if is_event {
            let is_new = self.heard.last().is_none_or(|last| *last < id);
            assert!(is_new, "{id} twice");
            self.heard.push(id);
        }
        self.last = id;
    }

    /// Every event of the log was heard, once and in order.
    pub fn compare_with_log(&mut self, rig: &mut Rig, key: &str) {
        self.reads(rig, true);
        // A ping may wait for it.
        self.listen(rig);
        if self.conn == 0 {
            self.connect(rig, key);
        }
        rig.wait(1000);
        self.listen(rig);
        let mut logged = Vec::new();
        let mut after = 0;
        loop {
            let conn = rig.open(Listener::Https, IpAddr::from([10, 0, 0, 5]));
            let request = format!(
                "GET /api/v1/events/log?after={after}&limit=200 HTTP/1.1\r\nHost: x\r\n\
                 Authorization: Bearer {key}\r\nConnection: close\r\n\r\n"
            );
            rig.send(conn, request.as_bytes(), usize::MAX);
            let said = String::from_utf8(rig.take(conn)).unwrap();
            let body = said.split_once("\r\n\r\n").unwrap().1;
            let page: serde_json::Value =
                serde_json::from_str(body).unwrap_or_else(|e| panic!("{e}: {said}"));
            let rows = page["data"].as_array().unwrap();
            logged.extend(rows.iter().map(|r| r["seq"].as_u64().unwrap()));
            match &page["next_cursor"] {
                serde_json::Value::String(next) if !rows.is_empty() => {
                    after = next.parse().unwrap()
                }
                _ => break,
            }
        }
        assert_eq!(self.heard, logged, "the stream is not the log");
    }
}

//! Keys against routes: every route of the description is asked with keys that may not read
//! messages, and no answer has a planted word of the mail. A new route is in it by being described.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "rig.rs"]
mod rig;

use std::net::IpAddr;

use postern::testing::call::{
    Ask, Call, Envelope, InboxId, Intake, Limits, Listener, OrgId, Recipient, Reply, Route, Scopes,
};
use rig::Rig;
use serde_json::Value;

/// A message whose every text is planted: `zqplant` and what it is.
const MAIL: &str = "From: Zqplant-name <zqplant-from@zqplant-host.test>\r\nTo: Zqplant-to <low@x.test>\r\n\
    Cc: zqplant-cc@else.test\r\nReply-To: zqplant-reply@else.test\r\nSubject: zqplant-subject 918273\r\n\
    Message-ID: <zqplant-id@else.test>\r\nX-Note: zqplant-header\r\nDate: Thu, 01 Jan 2026 00:00:00 +0000\r\n\
    MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\
    Content-Type: text/plain\r\n\r\nzqplant-text: your code is 918273, see https://zqplant-link.test/a\r\n\
    --b\r\nContent-Type: text/html\r\n\r\n<p>zqplant-html</p>\r\n--b\r\n\
    Content-Type: application/x-zqplant-type; name=\"zqplant-file.bin\"\r\n\
    Content-Disposition: attachment; filename=\"zqplant-file.bin\"\r\n\r\nzqplant-octets\r\n--b--\r\n";

/// What no answer may have: the planted words, and the code.
const PLANTED: [&str; 2] = ["zqplant", "918273"];
/// The same for what an inbox has beside its address, for keys that may not read inboxes.
const PLANTED_IN_INBOX: &str = "xqinbox";

struct World {
    rig: Rig,
    org: OrgId,
    top: InboxId,
    low: InboxId,
    /// The values of the names in paths.
    names: Vec<(&'static str, String)>,
}

impl World {
    fn new() -> World {
        let mut limits = Limits::default();
        limits.lift();
        let mut rig = Rig::new(7, limits);
        let org = rig.make_org("one");
        let top = rig.make_inbox(org, "top@x.test", None);
        let low = rig.make_inbox(org, "low@x.test", Some(top));
        let admin = rig.make_key(org, Scopes::ADMIN, None, None);
        let spare = rig.make_key(org, Scopes::MESSAGES_WRITE, Some(&[top]), None);
        let mut world = World {
            rig,
            org,
            top,
            low,
            names: Vec::new(),
        };
        world.deliver();
        let inbox = format!(
            "{{\"display_name\":\"{PLANTED_IN_INBOX}\",\"metadata\":{{\"a\":\"{PLANTED_IN_INBOX}\"}}}}"
        );
        let path = format!("/api/v1/inboxes/{low}");
        world.ask(&admin, "PATCH", &path, Some(&inbox), "");
        let list = world.ask(&admin, "GET", &format!("{path}/messages"), None, "");
        assert!(PLANTED.iter().all(|word| list.contains(word)), "{list}");
        let message = id_in(&list, "msg_");
        let open = world.ask(
            &admin,
            "GET",
            &format!("{path}/messages/{message}"),
            None,
            "",
        );
        let domains = world.ask(&admin, "GET", "/api/v1/domains", None, "");
        let spare = world.rig.key_id(org, &spare);
        world.names = vec![
            ("{inbox}", low.to_string()),
            ("{id}", message),
            ("{att}", id_in(&open, "att_")),
            ("{key}", spare.to_string()),
            ("{domain}", id_in(&domains, "dom_")),
            ("{org}", org.to_string()),
        ];
        world
    }

    fn deliver(&mut self) {
        let envelope = Envelope {
            reverse_path: Some("zqplant-path@else.test".into()),
            recipients: vec![Recipient {
                address: "low@x.test".into(),
                inbox: Some(self.low),
                org: None,
                notify: 0,
                orcpt: None,
            }],
            ..Envelope::default()
        };
        let route = Route::Inbound {
            envelope,
            received: b"Received: by mx.test\r\n".to_vec(),
            helo: "mx.out.test".into(),
        };
        let intake = Box::new(Intake {
            route,
            charge: None,
            octets: MAIL.into(),
        });
        let reply = self.rig.call(Ask::anonymous(Call::Accept(intake)));
        assert!(matches!(reply, Some(Reply::Written(..))), "{reply:?}");
    }

    /// The whole answer, with its head. A stream is left open while a message comes in.
    fn ask(
        &mut self,
        key: &str,
        method: &str,
        path: &str,
        body: Option<&str>,
        fields: &str,
    ) -> String {
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n{fields}"
        );
        if let Some(body) = body {
            let length = body.len();
            request += &format!("Content-Type: application/json\r\nContent-Length: {length}\r\n");
        }
        request += "\r\n";
        request += body.unwrap_or_default();
        // From another address for each request: wrong ones are not to end the run.
        let conn = self.rig.open(Listener::Https, IpAddr::from([10, 0, 0, 9]));
        self.rig.send(conn, request.as_bytes(), usize::MAX);
        if path.contains("/events") || path.contains("/watch") {
            self.deliver();
        }
        let said = self.rig.take(conn);
        self.rig.drop_conn(conn);
        String::from_utf8_lossy(&said).into_owned()
    }
}

/// The first id of this kind in a text.
fn id_in(text: &str, prefix: &str) -> String {
    let at = text.find(prefix).expect(prefix);
    let end = text[at..].find('"').unwrap();
    text[at..at + end].to_owned()
}

/// Every operation: method, path, the names and examples of its query, the example of its body.
type Operations = Vec<(String, String, Vec<(String, String)>, Option<String>)>;

/// Those of the description, the ones that delete last.
fn operations(world: &mut World) -> Operations {
    let said = world.ask("", "GET", "/api/v1/openapi.json", None, "");
    let (_, body) = said.split_once("\r\n\r\n").unwrap();
    let document: Value = serde_json::from_str(body).unwrap();
    let mut all = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let mut query = Vec::new();
            for row in operation["parameters"].as_array().into_iter().flatten() {
                if row["in"] == "query" {
                    let value = match &row["example"] {
                        Value::Array(many) => text(&many[0]),
                        one => text(one),
                    };
                    query.push((text(&row["name"]), value));
                }
            }
            let body = &operation["requestBody"]["content"]["application/json"]["example"];
            let body = (!body.is_null()).then(|| body.to_string());
            all.push((method.to_uppercase(), path.clone(), query, body));
        }
    }
    all.sort_by_key(|(method, path, ..)| (method == "DELETE", core::cmp::Reverse(path.len())));
    all
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Binding {
    Free,
    Bound,
    Subtree,
}

/// Asks every route with one key, plain, with each parameter, and a second time where an answer
/// may be kept. Gives how many answers were no refusal.
fn ask_all(scopes: Scopes, binding: Binding) -> usize {
    let mut world = World::new();
    let operations = operations(&mut world);
    let (org, top, low) = (world.org, world.top, world.low);
    let key = match binding {
        Binding::Free => world.rig.make_key(org, scopes, None, None),
        Binding::Bound => world.rig.make_key(org, scopes, Some(&[low]), None),
        Binding::Subtree => {
            let made = world.rig.product.make_subtree_key(org, scopes, &[top]);
            made.unwrap()
        }
    };
    let mut accepted = 0;
    for (method, path, query, body) in operations {
        let mut place = path.clone();
        for (name, value) in &world.names {
            place = place.replace(name, value);
        }
        let mut asks = vec![(place.clone(), String::new())];
        for (name, value) in query {
            asks.push((
                format!("{place}?{name}={}", value.replace(' ', "%20")),
                String::new(),
            ));
        }
        if method == "POST" {
            let field = "Idempotency-Key: k\r\n".to_owned();
            asks.extend([(place.clone(), field.clone()), (place, field)]);
        }
        for (place, field) in asks {
            let said = world.ask(&key, &method, &place, body.as_deref(), &field);
            let shown = format!("{scopes:?} {binding:?} {method} {place}: {said}");
            assert!(said.starts_with("HTTP/1.1 "), "{shown}");
            accepted += usize::from(said.starts_with("HTTP/1.1 2"));
            let lower = said.to_lowercase();
            assert!(!PLANTED.iter().any(|word| lower.contains(word)), "{shown}");
            if !scopes.allow(Scopes::INBOXES_READ) {
                assert!(!lower.contains(PLANTED_IN_INBOX), "{shown}");
            }
        }
    }
    accepted
}

#[test]
fn no_answer_shows_mail_to_a_key_that_may_not_read_it() {
    let reading = Scopes::MESSAGES_READ.and(Scopes::ADMIN);
    let mut all = Scopes::NONE;
    let mut sets = Vec::new();
    for (_, scope) in Scopes::NAMES {
        if scope.0 & reading.0 == 0 {
            sets.push(scope);
            all = all.and(scope);
        }
    }
    sets.push(all);
    sets.push(Scopes(all.0 & !Scopes::INBOXES_READ.0));
    for scopes in sets {
        let answered = [Binding::Free, Binding::Bound, Binding::Subtree]
            .map(|binding| ask_all(scopes, binding));
        // Each may at least read the description and its own rights.
        assert!(answered.iter().all(|n| *n >= 5), "{scopes:?} {answered:?}");
    }
}

/// The test above can fail: a key that may read is shown the words.
#[test]
fn a_key_that_may_read_is_shown_them() {
    let scopes = Scopes::MESSAGES_READ;
    let run = std::panic::catch_unwind(|| ask_all(scopes, Binding::Free));
    assert!(run.is_err());
}

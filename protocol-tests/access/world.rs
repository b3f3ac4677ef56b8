//! Two organizations with one thing of each kind that a path can name, and a client of each.

use std::collections::BTreeMap;
use std::net::IpAddr;

use postern::testing::call::{
    Ask, Call, DeliveryId, DeliveryRow, DeliveryStatus, Envelope, EventKind, InboxId, Intake,
    Limits, Listener, OrgId, OutboundSettings, Recipient, Reply, Route, Scopes, WebhookId,
};
use postern::testing::store::{state, verify};
use serde_json::{Value, json};

use crate::rig::Rig;

/// A message whose every text is planted: `zqplant` and what it is.
pub const MAIL: &str = "From: Zqplant-name <zqplant-from@zqplant-host.test>\r\nTo: Zqplant-to <low@x.test>\r\n\
    Cc: zqplant-cc@else.test\r\nReply-To: zqplant-reply@else.test\r\nSubject: zqplant-subject 918273\r\n\
    Message-ID: <zqplant-id@else.test>\r\nX-Note: zqplant-header\r\nDate: Thu, 01 Jan 2026 00:00:00 +0000\r\n\
    MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\
    Content-Type: text/plain\r\n\r\nzqplant-text: your code is 918273, see https://zqplant-link.test/a\r\n\
    --b\r\nContent-Type: text/html\r\n\r\n<p>zqplant-html</p>\r\n--b\r\n\
    Content-Type: application/x-zqplant-type; name=\"zqplant-file.bin\"\r\n\
    Content-Disposition: attachment; filename=\"zqplant-file.bin\"\r\n\r\nzqplant-octets\r\n--b--\r\n";

/// What no answer may have: the planted words, and the code.
pub const PLANTED: [&str; 2] = ["zqplant", "918273"];
/// The same for what an inbox has beside its address, for keys that may not read inboxes.
pub const PLANTED_IN_INBOX: &str = "xqinbox";

/// An inbox with everything below it, and the things of its organization.
#[derive(Clone, Debug)]
pub struct Side {
    pub org: OrgId,
    /// The inbox above the other.
    pub top: InboxId,
    pub inbox: InboxId,
    pub address: String,
    /// A key with `admin`, bound to nothing.
    pub admin: String,
    /// By the segment of a path before a `{name}`: what the name may stand for.
    things: BTreeMap<&'static str, String>,
}

/// One answer.
#[derive(Clone, Debug)]
pub struct Said {
    pub status: u16,
    pub head: String,
    pub body: String,
    /// Head and body.
    pub whole: String,
}

pub struct World {
    pub rig: Rig,
    pub one: Side,
    /// Another inbox of the same organization, neither above nor below.
    pub beside: Side,
    /// Another organization.
    pub two: Side,
    /// A message comes in while a stream is open.
    pub streams_deliver: bool,
    asked: u32,
    /// The number of the next connection of the second organization, and its requests.
    other: (u64, u32),
}

impl World {
    pub fn new() -> World {
        let mut limits = Limits::default();
        limits.lift();
        World::with(limits, true)
    }

    /// With these limits. Without another organization, `two` is the first one.
    pub fn with(limits: Limits, has_two: bool) -> World {
        let outbound = Some(OutboundSettings::default());
        let mut rig = Rig::with(7, limits, Default::default(), outbound);
        let of = |rig: &mut Rig, org: OrgId, name: &str, domain: &str| {
            let top = rig.make_inbox(org, &format!("{name}-top@{domain}"), None);
            let address = format!("{name}@{domain}");
            let inbox = rig.make_inbox(org, &address, Some(top));
            Side {
                org,
                top,
                inbox,
                address,
                admin: rig.make_key(org, Scopes::ADMIN, None, None),
                things: BTreeMap::new(),
            }
        };
        let first = rig.make_org("one");
        let one = of(&mut rig, first, "low", "x.test");
        let beside = of(&mut rig, first, "beside", "x.test");
        let two = match has_two {
            true => {
                let second = rig.make_org("two");
                of(&mut rig, second, "low", "y.test")
            }
            false => one.clone(),
        };
        let mut world = World {
            rig,
            one,
            beside,
            two,
            streams_deliver: true,
            asked: 0,
            other: (1 << 32, 1 << 20),
        };
        world.one.things = world.fill(&world.one.clone());
        world.beside.things = world.fill(&world.beside.clone());
        world.two.things = match has_two {
            true => world.beside_the_first(|world| world.fill(&world.two.clone())),
            false => world.one.things.clone(),
        };
        world
    }

    /// Acts for the second organization: the numbers and addresses of the connections of the first
    /// one stay as they are without it.
    pub fn beside_the_first<T>(&mut self, act: impl FnOnce(&mut World) -> T) -> T {
        let next = self.rig.number_from(self.other.0);
        let asked = core::mem::replace(&mut self.asked, self.other.1);
        let done = act(self);
        self.other = (self.rig.number_from(next), self.asked);
        self.asked = asked;
        done
    }

    /// Makes one thing of each kind.
    fn fill(&mut self, side: &Side) -> BTreeMap<&'static str, String> {
        self.deliver(side);
        let inbox = format!("/api/v1/inboxes/{}", side.inbox);
        let named = json!({"display_name": PLANTED_IN_INBOX, "metadata": {"a": PLANTED_IN_INBOX}});
        self.own(side, "PATCH", &inbox, Some(named));
        let list = self.own(side, "GET", &format!("{inbox}/messages"), None);
        let message = list["data"][0]["id"].as_str().unwrap().to_owned();
        let path = format!("{inbox}/messages/{message}");
        let open = self.own(side, "GET", &path, None);
        let folders = format!("{inbox}/folders");
        self.own(side, "POST", &folders, Some(json!({"name": "Projects"})));
        // One message that waits for an approval: its text is not planted, since a key with
        // `approve` reads it.
        self.own(side, "PATCH", &inbox, Some(json!({"send_mode": "hold"})));
        let held = json!({"to": ["ann@elsewhere.test"], "subject": "held", "text": "held"});
        let held = self.own(side, "POST", &format!("{inbox}/messages"), Some(held));
        self.own(side, "PATCH", &inbox, Some(json!({"send_mode": "direct"})));
        let draft = json!({"to": ["zqplant-to@else.test"], "subject": "zqplant-subject",
            "text": "zqplant-text"});
        let draft = self.own(side, "POST", &format!("{inbox}/drafts"), Some(draft));
        let of_inbox = format!("/api/v1/outbound?inbox={}", side.inbox);
        let waiting = self.own(side, "GET", &of_inbox, None);
        let rule = json!({"direction": "receive", "action": "block", "match_type": "domain",
            "value": format!("spam-of-{}", side.address.replace('@', ".")), "inbox": side.inbox.to_string()});
        let rule = self.own(side, "POST", "/api/v1/filter-rules", Some(rule));
        let of_delivery = json!({"name": "Rule", "when": {"all": []}, "then": ["flag"]});
        let of_org = self.own(side, "POST", "/api/v1/rules", Some(of_delivery.clone()));
        let of_inbox = self.own(side, "POST", &format!("{inbox}/rules"), Some(of_delivery));
        let address = format!("gone-{}", side.address);
        let gone = json!({"address": address});
        let gone = self.own(side, "POST", "/api/v1/suppressions", Some(gone));
        let hook = json!({"url": "https://hooks.example.com/in", "types": ["inbox.deleted"]});
        let hooks = format!("{inbox}/webhooks");
        let hook = self.own(side, "POST", &hooks, Some(hook));
        let delivery = self.deliver_hook(side, hook["id"].as_str().unwrap());
        let name = format!("{}.example", side.address.replace('@', "-at-"));
        let domain = self.own(side, "POST", "/api/v1/domains", Some(json!({"name": name})));
        let file = Some(json!({"file": "zqplant-upload"}));
        let upload = self.own(side, "POST", "/api/v1/uploads?filename=zqplant-file", file);
        let (org, inbox) = (side.org, side.inbox);
        let spare = (self.rig).make_key(org, Scopes::MESSAGES_WRITE, Some(&[inbox]), None);
        let spare = self.rig.key_id(org, &spare);
        // A reader that polls makes it. Each side has a name of its own.
        let group = format!("workers-{}", side.inbox);
        let poll = format!("/api/v1/events/log?group={group}&type=inbox.deleted");
        self.own(side, "GET", &poll, None);
        let id = |of: &Value, field: &str| of[field].as_str().unwrap().to_owned();
        BTreeMap::from([
            ("inboxes", inbox.to_string()),
            ("attachments", id(&open["attachments"][0], "id")),
            ("messages", message),
            ("drafts", id(&draft, "id")),
            ("threads", id(&open, "thread_id")),
            ("folders", "Projects".to_owned()),
            ("approvals", id(&held, "approval")),
            ("outbound", id(&waiting["data"][0], "id")),
            ("filter-rules", id(&rule, "id")),
            ("rules", id(&of_inbox, "id")),
            ("rules of all", id(&of_org, "id")),
            ("suppressions", id(&gone, "id")),
            ("webhooks", id(&hook, "id")),
            ("deliveries", delivery),
            ("uploads", id(&upload, "id")),
            ("domains", id(&domain, "id")),
            ("keys", spare.to_string()),
            ("orgs", org.to_string()),
            ("groups", group),
        ])
    }

    /// The row of a delivery of a webhook.
    fn deliver_hook(&mut self, side: &Side, hook: &str) -> String {
        let row = DeliveryRow {
            org: side.org,
            // Another one for each side.
            id: DeliveryId(side.address.bytes().map(i64::from).sum()),
            kind: EventKind::InboxCreated,
            status: DeliveryStatus::Delivered,
            attempts: Vec::new(),
            tries: 1,
            next_attempt_at: None,
        };
        let hook = WebhookId::parse(hook).unwrap();
        self.rig.product.store.put_delivery(hook, &row).unwrap();
        row.id.to_string()
    }

    /// A message comes in from outside.
    pub fn deliver(&mut self, side: &Side) {
        self.deliver_octets(side, MAIL);
    }

    /// These octets come in from outside.
    pub fn deliver_octets(&mut self, side: &Side, octets: impl Into<Vec<u8>>) {
        let reply = self.accept(side, octets.into());
        assert!(matches!(reply, Some(Reply::Written(..))), "{reply:?}");
    }

    /// The same; what is said of them.
    pub fn accept(&mut self, side: &Side, octets: Vec<u8>) -> Option<Reply> {
        let envelope = Envelope {
            reverse_path: Some("zqplant-path@else.test".into()),
            recipients: vec![Recipient {
                address: side.address.clone(),
                inbox: Some(side.inbox),
                org: Some(side.org),
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
            octets,
        });
        self.rig.call(Ask::anonymous(Call::Accept(intake)))
    }

    /// A request of the owner that must succeed.
    fn own(&mut self, side: &Side, method: &str, path: &str, body: Option<Value>) -> Value {
        let body = body.map(|body| body.to_string());
        let said = self.ask(Some(&side.admin), method, path, body.as_deref(), "");
        assert!(said.status < 300, "{method} {path}: {}", said.whole);
        serde_json::from_str(&said.body).unwrap_or_default()
    }

    /// One request on a connection of its own, from an address of its own, so that no failure
    /// counts for another. A stream is left open while a message comes in.
    pub fn ask(
        &mut self,
        key: Option<&str>,
        method: &str,
        path: &str,
        body: Option<&str>,
        fields: &str,
    ) -> Said {
        let key = key.map(|key| format!("Authorization: Bearer {key}\r\n"));
        let key = key.unwrap_or_default();
        let mut request = format!("{method} {path} HTTP/1.1\r\nHost: x\r\n{key}{fields}");
        if let Some(body) = body {
            let length = body.len();
            request += &format!("Content-Type: application/json\r\nContent-Length: {length}\r\n");
        }
        request += "\r\n";
        request += body.unwrap_or_default();
        self.asked += 1;
        let [_, a, b, c] = self.asked.to_be_bytes();
        let peer = match key.contains(&self.rig.product.operator) {
            true => IpAddr::from([127, 0, 0, 1]),
            false => IpAddr::from([10 + a, b, c, 9]),
        };
        let conn = self.rig.open(Listener::Https, peer);
        self.rig.send(conn, request.as_bytes(), usize::MAX);
        let mut whole = self.rig.take(conn);
        let is_stream = b"\r\nContent-Type: text/event-stream\r\n";
        let is_stream = whole.windows(is_stream.len()).any(|part| part == is_stream);
        if is_stream && self.streams_deliver {
            let side = self.one.clone();
            self.deliver(&side);
            whole.extend(self.rig.take(conn));
        }
        if whole.is_empty() {
            // A request that waits for a message ends with its time.
            self.rig.wait(WAIT_MS);
            whole = self.rig.take(conn);
        }
        self.rig.drop_conn(conn);
        let whole = String::from_utf8_lossy(&whole).into_owned();
        let (head, body) = whole.split_once("\r\n\r\n").unwrap_or((&whole, ""));
        Said {
            status: head.get(9..12).and_then(|n| n.parse().ok()).unwrap_or(0),
            head: head.to_owned(),
            body: body.to_owned(),
            whole: whole.clone(),
        }
    }

    /// Every row of the database, as one line a table.
    pub fn state(&self) -> Vec<String> {
        state(&self.rig.product.store).unwrap()
    }

    /// Whether `verify` finds nothing wrong.
    pub fn check(&self) {
        let found = verify(&self.rig.product.store, true);
        assert!(found.is_empty(), "{found:?}");
    }
}

impl Side {
    /// What a `{name}` behind this segment may stand for.
    pub fn thing(&self, kind: &str) -> String {
        let thing = self.things.get(kind);
        thing.cloned().unwrap_or_else(|| {
            panic!("a path names a thing behind /{kind}/: make one in World::fill")
        })
    }

    /// Values for all names of a path.
    pub fn things(&self, kinds: &[String]) -> Vec<String> {
        // The rules of an organization stand below nothing.
        match kinds {
            [kind] if kind == "rules" => vec![self.thing("rules of all")],
            kinds => kinds.iter().map(|kind| self.thing(kind)).collect(),
        }
    }
}

/// A thing of the same kind that is nowhere.
pub fn absent(thing: &str) -> String {
    if let Some((local, domain)) = thing.split_once('@') {
        return format!("nowhere-{local}@{domain}");
    }
    match thing.split_once('_') {
        Some(("att", _)) => "att_77".to_owned(),
        Some((prefix, _)) => format!("{prefix}_00000000001"),
        None => format!("Nowhere-{thing}"),
    }
}

/// A body without what differs from request to request.
pub fn plain(said: &Said) -> (u16, String) {
    let body = match said.body.split_once("\"request_id\":\"") {
        Some((before, after)) => {
            let end = after.find('"').unwrap();
            format!("{before}{}", &after[end..])
        }
        None => said.body.clone(),
    };
    (said.status, body)
}

/// More than the time that a waiting request has without `timeout`.
const WAIT_MS: u64 = 31_000;

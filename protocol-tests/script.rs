//! A transcript: a text file that a mail administrator can read.
//!
//! | Line | Meaning |
//! |---|---|
//! | `# text` | a comment; the first line says what must hold, with the RFC and section |
//! | `org NAME` | an organization; the lines below it make things there (one exists at first) |
//! | `inbox ADDRESS KEY` | an inbox and, as `$KEY`, an unbound admin key; `parent=ADDRESS` |
//! | `key KEY scopes=a,b inbox=ADDRESS expires=1h` | a key, as `$KEY`; scopes default to admin; |
//! | | `subtree` after `inbox=` covers the inboxes under it |
//! | `limit NAME VALUE` | a limit of `call::Limits`; only before the first session |
//! | `inbound NAME VALUE` | a line of `[inbound]`; only before the first session |
//! | `filter NAME VALUE` | a line of `[filter]`, which is off without one; likewise |
//! | `smtp B [LISTENER] [from 10.0.0.9] [early]` | a session on `mx`, `submission`, `submissions` |
//! | | (on `mx` the wait before the greeting passes by itself, unless `early`) |
//! | `imap A [imap\|imaps]`, `http C [http\|https]` | a session over IMAP or HTTP |
//! | `B> text` | the client sends text and CRLF; lines in a row are one write |
//! | `B>> text` | the same without the CRLF |
//! | `B>! text` | lines in a row are one write at every chunk size |
//! | `B>* N text` | text and CRLF, N times |
//! | `B< text` | the next line from the server; `...` at its end matches the rest |
//! | `B< nothing` | silence |
//! | `B< anything` | all lines that are there |
//! | `C: GET /path $key`, `C: 200 {…}` | an HTTP exchange in short (`script/short.rs`) |
//! | `C ws> {…}`, `C ws< {…}` | messages over WebSocket (`script/frames.rs`) |
//! | `B closes` | the server hangs up |
//! | `B hangs up`, `B is gone` | the client closes its sending side; the client vanishes |
//! | `B stops reading`, `B reads` | the client does not take output; it does again |
//! | `wait 29m` | time passes (`ms`, `s`, `m`, `h`, `d`) |
//! | `shutdown`, `store fails` | SIGTERM, and again: its time is over; the next commit fails |
//! | `judge` | mail from outside is judged from now on, by the records of `dns` |
//! | `dns NAME TYPE DATA` | a record in the DNS; a name without a line does not exist |
//! | `dns NAME NXDOMAIN\|SERVFAIL\|TIMEOUT` | what is said of it instead; `dns NAME forgotten` |
//! | | (`*` is each name without a line)
//! | `disk N`, `disk free` | so many octets are free on the disk; enough |
//! | `restarts` | the server ends without a word and starts again over the same database |
//! | `store tidies` | the writer does its idle work: old rows are deleted |
//! | `counts NAME`, `counts NAME N` | the metric `postern_NAME` is not 0; it is N |
//! | `deliver ADDRESS "subject"` | a small message comes in |
//! | `revoke KEY` | `$KEY` ends |
//!
//! `script/remote.rs` has the lines of connections that go out, and of the queue.
//!
//! In texts: `\r \n \t \0 \\ \xNN` are octets. A known `$name` is replaced by its value. In an
//! expected line an unknown `$name` takes the text that stands there. `$plain(address,key)` is a
//! SASL PLAIN response, `$plain(identity,address,key)` one with an authorization identity;
//! `$b64(text)` is base64, and `\0` in its text is a NUL.

mod frames;
mod octets;
mod remote;
pub mod resolver;
mod short;

use std::collections::HashMap;
use std::net::IpAddr;

use serde::de::DeserializeOwned;

use postern::testing::call::{
    Ask, Call, Envelope, FilterSwitch, InboundPolicy, Intake, KeyWrite, Limits, Listener,
    OutboundSettings, Recipient, Reply, Route, Scopes,
};
use postern::testing::service::access::login::folder_access;

use crate::rig::Rig;
use octets::{Token, escape, tokens, unescape};

type Fault = String;

struct World {
    rig: Rig,
    names: HashMap<String, u64>,
    vars: HashMap<String, String>,
    inboxes: HashMap<String, postern::testing::call::InboxId>,
    keys: HashMap<String, postern::testing::call::KeyId>,
    org: postern::testing::call::OrgId,
    buffers: HashMap<u64, Vec<u8>>,
    /// Connections that go out: session, and whether TLS is implicit.
    dials: HashMap<String, (u64, bool)>,
    piece: usize,
}

/// Runs one transcript; with `update` gives the text with what was really said.
pub fn run(text: &str, piece: usize, update: bool) -> Result<Option<String>, Fault> {
    let lines: Vec<&str> = text.lines().collect();
    let mut world = World::new(
        settings(&lines, "limit")?,
        (settings(&lines, "inbound")?, filter(&lines)?),
        remote::queue(&lines)?,
        piece,
    );
    if lines.contains(&"accounts") {
        world.rig.connect_accounts();
    }
    if let Some(settings) = remote::webhooks(&lines)? {
        world.rig.connect_webhooks(settings);
    }
    let mut new = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let line = lines[at];
        let fail = |why: String| format!("line {}: {line}\n    {why}", at + 1);
        let is_response = short::line(line).is_some_and(|(_, rest)| short::is_response(rest));
        if update && !is_response && !line.contains(" ws< ") && world.expectation(line).is_none() {
            world.say_all(&mut new, line);
        }
        let used = world.step(&lines[at..], update, &mut new).map_err(fail)?;
        at += used;
    }
    if update {
        world.say_all(&mut new, "");
        return Ok(Some(new.join("\n") + "\n"));
    }
    world.nothing_left()?;
    Ok(None)
}

/// The lines `filter NAME VALUE`; without one no mail is judged.
fn filter(lines: &[&str]) -> Result<FilterSwitch, Fault> {
    match lines.iter().any(|line| line.starts_with("filter ")) {
        true => settings(lines, "filter"),
        false => Ok(FilterSwitch::OFF),
    }
}

/// The lines `limit NAME VALUE`, `inbound NAME VALUE` or `filter NAME VALUE` as a section of the
/// configuration.
fn settings<T: DeserializeOwned>(lines: &[&str], word: &str) -> Result<T, Fault> {
    let mut table = String::new();
    for line in lines {
        if let Some(rest) = line
            .strip_prefix(word)
            .and_then(|rest| rest.strip_prefix(' '))
        {
            let (name, value) = rest.split_once(' ').ok_or("NAME VALUE")?;
            table += &format!("{name} = {value}\n");
        }
    }
    toml::from_str(&table).map_err(|e| e.to_string())
}

impl World {
    fn new(
        limits: Limits,
        arriving: (InboundPolicy, FilterSwitch),
        outbound: Option<OutboundSettings>,
        piece: usize,
    ) -> World {
        let mut rig = Rig::with(7, limits, arriving, outbound);
        let org = rig.make_org("first");
        // `$operator` is the token that the data folder would hold.
        let vars = HashMap::from([("operator".to_string(), rig.product.operator.clone())]);
        World {
            rig,
            names: HashMap::new(),
            vars,
            inboxes: HashMap::new(),
            keys: HashMap::new(),
            org,
            buffers: HashMap::new(),
            dials: HashMap::new(),
            piece,
        }
    }

    /// The session and text of a `X< text` or `X closes` line.
    fn expectation<'a>(&self, line: &'a str) -> Option<(u64, &'a str)> {
        if let Some(name) = line.strip_suffix(" closes") {
            return self.names.get(name).map(|id| (*id, "closes"));
        }
        let (name, rest) = line.split_once('<')?;
        let id = self.names.get(name)?;
        Some((*id, rest.strip_prefix(' ').unwrap_or(rest)))
    }

    /// One line (or a run of sending lines); how many were used.
    fn step(
        &mut self,
        lines: &[&str],
        update: bool,
        new: &mut Vec<String>,
    ) -> Result<usize, Fault> {
        let line = lines[0];
        if let Some((id, text)) = self.expectation(line) {
            if update {
                self.update(id, line, text, new);
            } else {
                self.expect(id, line, text)?;
            }
            return Ok(1);
        }
        if let Some((id, text)) = self.telling(line) {
            let told = self.next_told(id).unwrap_or("tells nothing".into());
            match self.matches(text, &told) {
                true => new.push(line.to_string()),
                false if update => new.push(format!(
                    "{} {told}",
                    line.split(' ').next().unwrap_or_default()
                )),
                false => return Err(format!("it {told}")),
            }
            return Ok(1);
        }
        if let Some((name, rest)) = short::line(line)
            && let Some(id) = self.names.get(name).copied()
        {
            self.short(id, (name, rest), line, update, new)?;
            return Ok(1);
        }
        if let Some(used) = self.frame_line(line, update, new)? {
            return Ok(used);
        }
        let (name, rest) = line.split_once(['>', ' ']).unwrap_or((line, ""));
        let used = match self.names.get(name).copied() {
            Some(id) if line[name.len()..].starts_with('>') => self.send(id, name, lines)?,
            Some(id) => {
                self.act(id, rest)?;
                1
            }
            None => {
                self.world_line(line)?;
                1
            }
        };
        new.extend(lines[..used].iter().map(|l| (*l).to_string()));
        Ok(used)
    }

    /// A line in the short form of HTTP.
    fn short(
        &mut self,
        id: u64,
        (name, rest): (&str, &str),
        line: &str,
        update: bool,
        new: &mut Vec<String>,
    ) -> Result<(), Fault> {
        if !short::is_response(rest) {
            self.send_short(id, name, rest)?;
            new.push(line.to_string());
            return Ok(());
        }
        match self.expect_short(id, rest) {
            Ok(()) => new.push(line.to_string()),
            Err((_, said)) if update => {
                new.extend(said.iter().map(|said| self.said(name, said)));
            }
            Err((why, _)) => return Err(why),
        }
        Ok(())
    }

    fn act(&mut self, id: u64, what: &str) -> Result<(), Fault> {
        match what {
            "hangs up" => self.rig.hang_up(id),
            "is gone" => self.rig.drop_conn(id),
            "stops reading" => self.rig.reads(id, false),
            "reads" => self.rig.reads(id, true),
            other if self.act_remote(id, other) => {}
            other => return Err(format!("no such act: {other}")),
        }
        Ok(())
    }

    /// A run of `X>` lines in a row is one write; of `X>!` lines one write at any chunk size.
    fn send(&mut self, id: u64, name: &str, lines: &[&str]) -> Result<usize, Fault> {
        self.silent(id)?;
        let mut bytes = Vec::new();
        let mut used = 0;
        let whole = lines[0][name.len() + 1..].starts_with('!');
        for line in lines {
            let Some(rest) = line.strip_prefix(name).and_then(|r| r.strip_prefix('>')) else {
                break;
            };
            if rest.starts_with('!') != whole {
                break;
            }
            let rest = rest.strip_prefix('!').unwrap_or(rest);
            let (rest, crlf) = match rest.strip_prefix('>') {
                Some(rest) => (rest, false),
                None => (rest, true),
            };
            let (rest, times) = match rest.strip_prefix("* ") {
                Some(rest) => {
                    let (n, rest) = rest.split_once(' ').ok_or("X>* N text")?;
                    (rest, n.parse::<usize>().map_err(|e| e.to_string())?)
                }
                None => (rest.strip_prefix(' ').unwrap_or(rest), 1),
            };
            let mut text = unescape(&self.fill(rest))?;
            if crlf {
                text.extend_from_slice(b"\r\n");
            }
            for _ in 0..times {
                bytes.extend_from_slice(&text);
            }
            used += 1;
        }
        let piece = if whole { usize::MAX } else { self.piece };
        self.rig.send(id, &bytes, piece);
        Ok(used)
    }

    fn heard(&mut self, id: u64) -> &mut Vec<u8> {
        let more = self.rig.take(id);
        let buffer = self.buffers.entry(id).or_default();
        buffer.extend(more);
        buffer
    }

    /// Takes the next line, without its line end.
    fn next_line(&mut self, id: u64) -> Option<String> {
        let buffer = self.heard(id);
        if buffer.is_empty() {
            return None;
        }
        let end = buffer
            .iter()
            .position(|b| *b == b'\n')
            .map_or(buffer.len(), |i| i + 1);
        let mut line: Vec<u8> = buffer.drain(..end).collect();
        if line.last() == Some(&b'\n') {
            line.pop();
            if line.last() == Some(&b'\r') {
                line.pop();
            }
        }
        Some(escape(&line))
    }

    /// The next line where `pattern` is expected. The fields that tell what is left of a rate stand
    /// in every response in front of its id; a transcript of something else leaves them out.
    fn next_line_for(&mut self, id: u64, pattern: &str) -> Option<String> {
        let is_id = pattern.starts_with("X-Request-Id:");
        while is_id && self.heard(id).starts_with(b"RateLimit-") {
            self.next_line(id);
        }
        self.next_line(id)
    }

    fn silent(&mut self, id: u64) -> Result<(), Fault> {
        match self.next_line(id) {
            None => Ok(()),
            Some(line) => Err(format!("the server also said: {line}")),
        }
    }

    fn expect(&mut self, id: u64, _line: &str, text: &str) -> Result<(), Fault> {
        match text {
            "nothing" => return self.silent(id),
            "anything" => {
                self.heard(id).clear();
                return Ok(());
            }
            "closes" => {
                self.silent(id)?;
                let closed = self.rig.conns.get(&id).is_some_and(|c| c.is_closed());
                self.names.retain(|_, v| *v != id || !closed);
                return if closed {
                    Ok(())
                } else {
                    Err("the connection is open".into())
                };
            }
            _ => {}
        }
        let Some(said) = self.next_line_for(id, text) else {
            return Err("the server said nothing".into());
        };
        if self.matches(text, &said) {
            Ok(())
        } else {
            Err(format!("the server said: {said}"))
        }
    }

    /// Whether `said` is what `pattern` wants; captures on the way.
    fn matches(&mut self, pattern: &str, said: &str) -> bool {
        let (pattern, open) = match pattern.strip_suffix("...") {
            Some(p) => (p, true),
            None => (pattern, false),
        };
        let mut left = said;
        let mut captured = Vec::new();
        let mut tokens = tokens(pattern).into_iter().peekable();
        while let Some(token) = tokens.next() {
            match token {
                Token::Text(text) => match left.strip_prefix(text) {
                    Some(rest) => left = rest,
                    None => return false,
                },
                Token::Var(name) => {
                    let known = self.value(name).or_else(|| {
                        captured
                            .iter()
                            .find(|(n, _)| *n == name)
                            .map(|(_, v): &(&str, String)| v.clone())
                    });
                    match known {
                        Some(value) => match left.strip_prefix(value.as_str()) {
                            Some(rest) => left = rest,
                            None => return false,
                        },
                        None => {
                            let end = match tokens.peek() {
                                Some(Token::Text(next)) => match left.find(next) {
                                    Some(end) => end,
                                    None => return false,
                                },
                                _ if open => left.find([' ', '"']).unwrap_or(left.len()),
                                _ => left.len(),
                            };
                            captured.push((name, left[..end].to_string()));
                            left = &left[end..];
                        }
                    }
                }
            }
        }
        if !open && !left.is_empty() {
            return false;
        }
        self.vars
            .extend(captured.into_iter().map(|(n, v)| (n.to_string(), v)));
        true
    }

    fn value(&self, name: &str) -> Option<String> {
        if let Some(inner) = name
            .strip_prefix("plain(")
            .and_then(|n| n.strip_suffix(')'))
        {
            let (user, key) = inner.rsplit_once(',').unwrap_or((inner, ""));
            let (act_as, user) = user.split_once(',').unwrap_or(("", user));
            let key = self
                .vars
                .get(key)
                .cloned()
                .unwrap_or_else(|| key.to_string());
            return Some(
                data_encoding::BASE64.encode(format!("{act_as}\0{user}\0{key}").as_bytes()),
            );
        }
        if let Some(inner) = name.strip_prefix("b64(").and_then(|n| n.strip_suffix(')')) {
            let inner = self
                .vars
                .get(inner)
                .cloned()
                .unwrap_or_else(|| inner.to_string());
            return Some(data_encoding::BASE64.encode(inner.replace("\\0", "\0").as_bytes()));
        }
        self.vars.get(name).cloned()
    }

    fn fill(&self, text: &str) -> String {
        let mut filled = String::new();
        for token in tokens(text) {
            match token {
                Token::Text(t) => filled += t,
                Token::Var(name) => match self.value(name) {
                    Some(v) => filled += &v,
                    None => {
                        filled.push('$');
                        filled += name;
                    }
                },
            }
        }
        filled
    }

    /// With UPDATE: an expected line that holds stays, else what was said takes its place.
    fn update(&mut self, id: u64, line: &str, text: &str, new: &mut Vec<String>) {
        let name = line
            .split(['<', ' '])
            .next()
            .unwrap_or_default()
            .to_string();
        match text {
            "nothing" | "anything" => {
                if text == "anything" {
                    self.heard(id).clear();
                    new.push(line.to_string());
                } else if self.heard(id).is_empty() {
                    new.push(line.to_string());
                }
            }
            "closes" => {
                while let Some(said) = self.next_line(id) {
                    new.push(self.said(&name, &said));
                }
                if self.rig.conns.get(&id).is_some_and(|c| c.is_closed()) {
                    new.push(line.to_string());
                    self.names.retain(|_, v| *v != id);
                }
            }
            _ => {
                if let Some(said) = self.next_line_for(id, text) {
                    if self.matches(text, &said) {
                        new.push(line.to_string());
                    } else {
                        new.push(self.said(&name, &said));
                    }
                }
            }
        }
    }

    fn said(&self, name: &str, said: &str) -> String {
        let mut text = said.to_string();
        for (var, value) in &self.vars {
            if value.len() >= 8 {
                text = text.replace(value.as_str(), &format!("${var}"));
            }
        }
        format!("{name}< {text}")
    }

    /// With UPDATE: everything said and not yet in the file, before a line that is not about it.
    fn say_all(&mut self, new: &mut Vec<String>, before: &str) {
        let mut names: Vec<(String, u64)> =
            self.names.iter().map(|(n, i)| (n.clone(), *i)).collect();
        names.sort();
        let blank = new.iter().rev().take_while(|l| l.is_empty()).count();
        let tail = new.split_off(new.len() - blank);
        for (name, id) in names {
            if !before.is_empty()
                && !before.starts_with(name.as_str())
                && before.contains('>')
                && self.names.len() > 1
            {
                // Another session speaks: what this one was told may come later in the file.
                continue;
            }
            while let Some(said) = self.next_line(id) {
                new.push(self.said(&name, &said));
            }
            if self.rig.conns.get(&id).is_some_and(|c| c.is_closed()) && before.is_empty() {
                new.push(format!("{name} closes"));
            }
        }
        new.extend(tail);
    }

    fn nothing_left(&mut self) -> Result<(), Fault> {
        self.untold()?;
        let mut names: Vec<(String, u64)> =
            self.names.iter().map(|(n, i)| (n.clone(), *i)).collect();
        names.sort();
        for (name, id) in names {
            self.silent(id)
                .map_err(|why| format!("at the end, {name}: {why}"))?;
            if self.rig.conns.get(&id).is_some_and(|c| c.is_closed()) {
                return Err(format!("at the end: {name} was closed by the server"));
            }
        }
        Ok(())
    }

    fn world_line(&mut self, line: &str) -> Result<(), Fault> {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [] => {}
            [first, ..] if first.starts_with('#') => {}
            ["limit" | "inbound" | "filter", ..] | ["accounts"] => {}
            ["org", name] => self.org = self.rig.make_org(name),
            ["inbox", address, rest @ ..] => self.make_inbox(address, rest)?,
            ["key", name, rest @ ..] => self.make_key(name, rest)?,
            ["smtp" | "imap" | "http", name, rest @ ..] => self.open(words[0], name, rest)?,
            ["dial", name, rest @ ..] => self.dial(name, rest)?,
            ["mail", ..] => self.order(line)?,
            ["queue", "dialled", n] => self.dialled(n)?,
            ["queue", ..] => {}
            ["webhooks", "dialled", n] => self.hooks_dialled(n)?,
            ["webhooks", ..] => {}
            ["dials", rest @ ..] => self.dials(rest)?,
            ["host", ..] => self.host(line)?,
            ["wait", time] => self.rig.wait(millis(time)?),
            ["judge"] => self.rig.judge.switch_on(),
            ["dns", ..] => self
                .rig
                .dns
                .learn(line.strip_prefix("dns ").unwrap_or(line))?,
            ["disk", octets] => {
                let free = match *octets {
                    "free" => u64::MAX,
                    n => n.parse().map_err(|_| "disk N or disk free")?,
                };
                self.rig.product.set_free_bytes(free);
            }
            ["counts", name, wanted @ ..] => {
                let found = self.rig.metric(name).ok_or("no such metric")?;
                let wanted = wanted.first();
                if wanted.map_or(found == 0, |n| *n != found.to_string()) {
                    return Err(format!("{name} is {found}"));
                }
            }
            ["shutdown"] => self.rig.shutdown(),
            ["restarts"] => self.rig.restart(),
            ["store", "tidies"] => self.tidy()?,
            ["store", "fails"] => self.rig.product.fail_next_commit(),
            ["deliver", address, ..] => {
                let subject = line.split('"').nth(1).unwrap_or("hello");
                self.deliver(address, subject)?;
            }
            ["revoke", key] => {
                let key = *self.keys.get(*key).ok_or("no such key")?;
                let access = folder_access(self.org);
                match self.rig.call(Ask::of(&access, KeyWrite::Revoke { key })) {
                    Some(Reply::Written(..)) => {}
                    other => return Err(format!("{other:?}")),
                }
            }
            _ => return Err("not a line of a transcript".into()),
        }
        Ok(())
    }

    fn make_inbox(&mut self, address: &str, rest: &[&str]) -> Result<(), Fault> {
        let mut parent = None;
        let mut key = None;
        for word in rest {
            match word.split_once('=') {
                Some(("parent", a)) => parent = Some(*self.inboxes.get(a).ok_or("no such parent")?),
                _ => key = Some(*word),
            }
        }
        let inbox = self.rig.make_inbox(self.org, address, parent);
        self.inboxes.insert(address.to_string(), inbox);
        self.vars
            .insert(format!("inbox{}", self.inboxes.len()), inbox.to_string());
        match key {
            Some(name) => self.make_key(name, &[]),
            None => Ok(()),
        }
    }

    fn make_key(&mut self, name: &str, rest: &[&str]) -> Result<(), Fault> {
        let mut scopes = Scopes::ADMIN;
        let mut inboxes = None;
        let mut expires = None;
        let mut subtree = false;
        for word in rest {
            match word.split_once('=') {
                Some(("scopes", list)) => {
                    scopes = Scopes::NONE;
                    for scope in list.split(',') {
                        scopes = scopes.and(Scopes::named(scope).ok_or("no such scope")?);
                    }
                }
                Some(("inbox", list)) => {
                    let mut bound = Vec::new();
                    for address in list.split(',') {
                        bound.push(*self.inboxes.get(address).ok_or("no such inbox")?);
                    }
                    bound.sort();
                    inboxes = Some(bound);
                }
                Some(("expires", time)) => {
                    let ms = i64::try_from(millis(time)?).map_err(|e| e.to_string())?;
                    expires = Some(self.rig.now().unix_ms + ms);
                }
                _ if *word == "subtree" => subtree = true,
                _ => return Err(format!("not of a key: {word}")),
            }
        }
        let text = match (subtree, inboxes) {
            (true, Some(bound)) => {
                let made = self.rig.product.make_subtree_key(self.org, scopes, &bound);
                made.map_err(|e| e.to_string())?
            }
            (_, bound) => self
                .rig
                .make_key(self.org, scopes, bound.as_deref(), expires),
        };
        let id = self.rig.key_id(self.org, &text);
        self.vars.insert(format!("{name}_id"), id.to_string());
        self.vars.insert(name.to_string(), text);
        self.keys.insert(name.to_string(), id);
        Ok(())
    }

    fn open(&mut self, protocol: &str, name: &str, rest: &[&str]) -> Result<(), Fault> {
        let mut listener = match protocol {
            "smtp" => Listener::Mx,
            "imap" => Listener::Imaps,
            _ => Listener::Https,
        };
        let mut peer = IpAddr::from([10, 0, 0, 1]);
        let mut early = false;
        let mut words = rest.iter();
        while let Some(word) = words.next() {
            match *word {
                "mx" => listener = Listener::Mx,
                "submission" => listener = Listener::Submission,
                "submissions" => listener = Listener::Submissions,
                "imap" => listener = Listener::Imap,
                "imaps" => listener = Listener::Imaps,
                "http" => listener = Listener::Http,
                "https" => listener = Listener::Https,
                "early" => early = true,
                "from" => {
                    let text = words.next().ok_or("from ADDRESS")?;
                    peer = text.parse().map_err(|_| "not an address")?;
                }
                other => return Err(format!("not of a session: {other}")),
            }
        }
        let id = self.rig.open(listener, peer);
        self.names.insert(name.to_string(), id);
        if listener == Listener::Mx && !early {
            let ms = self.rig.shared.limits.mx_greet_ms;
            self.rig.wait(ms);
        }
        Ok(())
    }

    fn tidy(&mut self) -> Result<(), Fault> {
        let product = &mut self.rig.product;
        while product
            .writer
            .trim(&product.store)
            .map_err(|e| e.to_string())?
        {}
        Ok(())
    }

    fn deliver(&mut self, address: &str, subject: &str) -> Result<(), Fault> {
        let inbox = *self.inboxes.get(address).ok_or("no such inbox")?;
        let octets = format!(
            "From: Ann <ann@else.test>\r\nTo: <{address}>\r\nSubject: {subject}\r\n\
             Message-ID: <{}@else.test>\r\nDate: Thu, 01 Jan 2026 00:00:00 +0000\r\n\r\nHello.\r\n",
            subject.replace(' ', "-")
        );
        let envelope = Envelope {
            reverse_path: Some("ann@else.test".into()),
            recipients: vec![Recipient {
                address: address.into(),
                inbox: Some(inbox),
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
            octets: octets.into_bytes(),
        });
        match self.rig.call(Ask::anonymous(Call::Accept(intake))) {
            Some(Reply::Written(..)) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    }
}

fn millis(text: &str) -> Result<u64, Fault> {
    let split = text
        .find(|c: char| !c.is_ascii_digit())
        .ok_or("a time needs a unit")?;
    let n: u64 = text[..split].parse().map_err(|_| "not a time")?;
    let unit = match &text[split..] {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err("a time ends in ms, s, m, h or d".into()),
    };
    Ok(n * unit)
}

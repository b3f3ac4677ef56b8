//! An IMAP client that knows only what it was told. It keeps the state of its last check, as
//! a client keeps it on its disk, and comes back with it after a reconnect.

use std::collections::BTreeMap;
use std::net::IpAddr;

use postern::testing::call::Listener;

use crate::rig::Rig;

/// See the module.
pub struct Reader {
    pub conn: u64,
    pub inbox: &'static str,
    /// UIDs by sequence number; `None` for a message that it has not fetched yet.
    pub uids: Vec<Option<u32>>,
    pub flags: BTreeMap<u32, Vec<String>>,
    pub is_idle: bool,
    /// It does not read; what is sent to it waits.
    pub is_stuck: bool,
    pub kept: Kept,
    tag: u32,
}

/// What a client keeps over a reconnect.
#[derive(Default, Clone)]
pub struct Kept {
    pub validity: u32,
    pub modseq: u64,
    pub rows: BTreeMap<u32, Vec<String>>,
}

impl Reader {
    /// Logs in and selects INBOX.
    pub fn login(rig: &mut Rig, inbox: &'static str, key: &str) -> Reader {
        let conn = rig.open(Listener::Imaps, IpAddr::from([10, 0, 0, 2]));
        rig.take(conn);
        let mut reader = Reader {
            conn,
            inbox,
            uids: Vec::new(),
            flags: BTreeMap::new(),
            is_idle: false,
            is_stuck: false,
            kept: Kept::default(),
            tag: 0,
        };
        reader.command(rig, &format!("LOGIN {inbox} {key}"));
        let said = reader.command(rig, "SELECT INBOX (CONDSTORE)");
        reader.kept.validity = code(&said, "UIDVALIDITY").expect("UIDVALIDITY") as u32;
        reader.kept.modseq = code(&said, "HIGHESTMODSEQ").expect("HIGHESTMODSEQ");
        reader
    }

    /// Sends a command and hears everything up to its answer, which stands last.
    pub fn command(&mut self, rig: &mut Rig, text: &str) -> Vec<String> {
        self.begin(rig, text);
        self.answer(rig)
    }

    /// Hears everything up to the answer to the last command.
    pub fn answer(&mut self, rig: &mut Rig) -> Vec<String> {
        let said = self.listen(rig);
        let tag = format!("t{} ", self.tag);
        let is_answered = said.iter().any(|l| l.starts_with(&tag));
        let is_closed = rig.conns[&self.conn].is_closed();
        assert!(
            is_answered,
            "no answer {tag}: {said:?}, closed: {is_closed}"
        );
        said
    }

    /// Sends a command and leaves its answer where it is.
    pub fn begin(&mut self, rig: &mut Rig, text: &str) {
        self.tag += 1;
        let line = format!("t{} {text}\r\n", self.tag);
        rig.send(self.conn, line.as_bytes(), usize::MAX);
    }

    /// Takes what the server has sent and learns from it.
    pub fn listen(&mut self, rig: &mut Rig) -> Vec<String> {
        let said = String::from_utf8(rig.take(self.conn)).unwrap();
        let said = responses(&said);
        for line in &said {
            self.hear(line);
        }
        said
    }

    /// Ends IDLE and reads again, so that a command can be sent.
    pub fn settle(&mut self, rig: &mut Rig) {
        if std::mem::take(&mut self.is_stuck) {
            rig.reads(self.conn, true);
        }
        if std::mem::take(&mut self.is_idle) {
            rig.send(self.conn, b"DONE\r\n", usize::MAX);
        }
        self.listen(rig);
    }

    /// Connects again with what it kept, and asks only for what has changed since.
    pub fn resync(&mut self, rig: &mut Rig, key: &str) {
        rig.drop_conn(self.conn);
        let mut kept = std::mem::take(&mut self.kept);
        let mut fresh = Reader::login(rig, self.inbox, key);
        assert_eq!(
            fresh.kept.validity, kept.validity,
            "UIDVALIDITY has changed"
        );
        if !fresh.uids.is_empty() {
            let ask = format!("UID FETCH 1:* (UID FLAGS) (CHANGEDSINCE {})", kept.modseq);
            let changed = fresh.command(rig, &ask);
            kept.rows
                .extend(changed.iter().filter_map(|l| uid_flags(l)));
            let said = fresh.command(rig, "UID SEARCH ALL");
            let found = said.iter().find_map(|l| l.strip_prefix("* SEARCH"));
            let found: Vec<u32> = (found.unwrap().split_whitespace())
                .map(|uid| uid.parse().unwrap())
                .collect();
            kept.rows.retain(|uid, _| found.contains(uid));
            let rows = fresh.rows(rig);
            let known: Vec<_> = kept.rows.iter().map(|(u, f)| (*u, f.clone())).collect();
            assert_eq!(known, rows, "a resynchronised client is wrong");
        }
        fresh.check(rig, key);
        *self = fresh;
    }

    /// The server has stopped, and its connections are gone.
    pub fn forget_connection(&mut self) {
        self.conn = 0;
        self.is_idle = false;
        self.is_stuck = false;
    }

    /// Every message of the mailbox as this session sees it.
    fn rows(&mut self, rig: &mut Rig) -> Vec<(u32, Vec<String>)> {
        match self.uids.is_empty() {
            true => Vec::new(),
            false => {
                let said = self.command(rig, "FETCH 1:* (UID FLAGS)");
                said.iter().filter_map(|l| uid_flags(l)).collect()
            }
        }
    }

    /// After a NOOP the client's view is the store's, and nothing changed in silence.
    pub fn check(&mut self, rig: &mut Rig, key: &str) {
        self.settle(rig);
        self.command(rig, "NOOP");
        let before = self.uids.clone();
        let told = self.flags.clone();
        let rows = self.rows(rig);
        assert_eq!(rows.len(), before.len(), "EXISTS is wrong");
        let mut fresh = Reader::login(rig, self.inbox, key);
        let truth = fresh.rows(rig);
        rig.drop_conn(fresh.conn);
        assert_eq!(rows, truth, "the view is not the store");
        for (known, (uid, flags)) in before.iter().zip(&rows) {
            if let Some(known) = known {
                assert_eq!(known, uid, "a sequence number moved without EXPUNGE");
                if let Some(told) = told.get(uid) {
                    assert_eq!(told, flags, "flags of {uid} changed in silence");
                }
            }
        }
        self.uids = rows.iter().map(|(uid, _)| Some(*uid)).collect();
        self.flags = rows.iter().cloned().collect();
        let modseq = fresh.kept.modseq;
        assert!(modseq >= self.kept.modseq, "HIGHESTMODSEQ went back");
        self.kept.modseq = modseq;
        self.kept.rows = rows.into_iter().collect();
    }

    /// UID and number of the message at a sequence number, if it is still there.
    pub fn identify(&mut self, rig: &mut Rig, n: usize) -> Option<(u32, u32)> {
        if n > self.uids.len() {
            return None;
        }
        let ask = format!("FETCH {n} (UID BODY.PEEK[HEADER.FIELDS (X-Sim)])");
        let said = self.command(rig, &ask);
        said.iter().find_map(|line| {
            let uid = number_after(line, "UID ")?;
            Some((uid as u32, number_after(line, "X-Sim: ")? as u32))
        })
    }

    /// Applies what it was told to what it knows.
    fn hear(&mut self, line: &str) {
        let Some(rest) = line.strip_prefix("* ") else {
            return;
        };
        let mut words = rest.split(' ');
        let Some(n) = words.next().and_then(|n| n.parse::<usize>().ok()) else {
            return;
        };
        match words.next() {
            Some("EXISTS") => {
                let grew = n >= self.uids.len();
                assert!(grew, "EXISTS went back without EXPUNGE: {line}");
                self.uids.resize(n, None);
            }
            Some("EXPUNGE") => {
                if let Some(uid) = self.uids.remove(n - 1) {
                    self.flags.remove(&uid);
                }
            }
            Some("FETCH") => {
                if let (Some(known), Some(uid)) = (self.uids[n - 1], number_after(line, "UID ")) {
                    assert_eq!(u64::from(known), uid, "{line}");
                }
                if let (Some(uid), Some(flags)) = (self.uids[n - 1], flags(line)) {
                    self.flags.insert(uid, flags);
                }
            }
            _ => {}
        }
    }
}

/// The responses in a stretch of output: a line each, with its literals.
pub fn responses(said: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = said;
    while !rest.is_empty() {
        let mut end = 0;
        loop {
            let line = rest[end..].find("\r\n").map_or(rest.len(), |at| end + at);
            let literal = rest[end..line]
                .strip_suffix('}')
                .and_then(|l| l.rsplit_once('{'))
                .and_then(|(_, n)| n.parse::<usize>().ok());
            end = (line + 2).min(rest.len());
            match literal {
                Some(octets) => end += octets,
                None => break,
            }
        }
        found.push(rest[..end].trim_end().to_owned());
        rest = &rest[end..];
    }
    found
}

/// The number of a response code such as `[UIDNEXT 4]`.
pub fn code(said: &[String], name: &str) -> Option<u64> {
    (said.iter()).find_map(|line| number_after(line, &format!("[{name} ")))
}

/// The number that stands behind `mark`.
pub fn number_after(line: &str, mark: &str) -> Option<u64> {
    let rest = &line[line.find(mark)? + mark.len()..];
    let end = rest.find(|c: char| !c.is_ascii_digit());
    rest[..end.unwrap_or(rest.len())].parse().ok()
}

fn uid_flags(line: &str) -> Option<(u32, Vec<String>)> {
    let uid = number_after(line, "UID ")?;
    Some((uid as u32, flags(line)?))
}

fn flags(line: &str) -> Option<Vec<String>> {
    let at = line.find("FLAGS (")? + 7;
    let mut flags: Vec<String> = line[at..]
        .split(')')
        .next()?
        .split_whitespace()
        .map(str::to_string)
        .collect();
    flags.retain(|f| f != "\\Recent");
    flags.sort();
    Some(flags)
}

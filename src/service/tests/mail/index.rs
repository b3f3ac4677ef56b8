//! The index of searches against a comparison with every message: the same answers always, whatever
//! was delivered, copied, moved, deleted and made a block in between.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::rc::Rc;

use memchr::memmem;

use super::*;
use crate::mail::Digest;
use crate::mail::text::grams::{GramField, folded_grams, lower_grams, shown_forms};
use crate::mail::text::search::{Scope, searchable};
use crate::mail::text::shown_text;
use crate::mail::unicode::{fold, lower, one_line};
use crate::mail::write::encode::encode_base64;
use crate::service::intake::read_again;
use crate::service::mail::opened::OpenedMessage;
use crate::store::{Depth, MailboxRecord, examine};

/// Letters of twenty scripts, some of them with case, marks and forms of their own.
const SCRIPTS: [&str; 20] = [
    "abcdefghijklmnopqrstuvwxyzABCDEIS",
    "äöüßéèñçåøæœÄÖÜẞÉabcdefs",
    "ıİiIşŞğĞçÇabcdSs",
    "абвгдежзийклмнопрстуфхцчшщъыьэюяАБВГД",
    "αβγδεζηθικλμνξοπρσςτυφχψωΣΑΒΓ",
    "ابتثجحخدذرزسشصضطظعغفقكلمنهوي",
    "אבגדהוזחטיכלמנסעפצקרשתםןץ",
    "अआइईउऊएऐओकखगघचछजझटठडढणतथदधनपफबभमयरलवशषसहािीुू",
    "กขคงจฉชซญฐณดตถทธนบปผฝพฟภมยรลวศษสหอะาิีุู",
    "的一是不了人我在有他这中大来上国个到说们为子和你地出道也时年",
    "あいうえおかきくけこさしすせそたちつてとなにぬねのはひふへほ",
    "アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホ",
    "가나다라마바사아자차카타파하각난달람말밥삿앙",
    "😀😁😂🤣😃🎉🚀🌍🔥💡👍",
    "აბგდევზთიკლმნოპჟრსტუფქღყშჩცძწჭხჯჰ",
    "աբգդեզէըթժիլխծկհձղճմյնշոչպջռսվտրցւփքօֆԱԲԳ",
    "অআইঈউকখগঘচছজঝটঠডঢণতথদধনপফবভমযরলশষসহ",
    "அஆஇஈஉஊஎஏகஙசஞடணதநபமயரலவழளறன",
    "e\u{301}a\u{300}o\u{308}n\u{303}u\u{308}c\u{327}sie",
    "0123456789-_./@$%+#",
];

struct Generator(u64);

impl Generator {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = self.0.wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % n.max(1)
    }

    fn word(&mut self, script: usize) -> String {
        let letters: Vec<char> = SCRIPTS[script].chars().collect();
        let n = 3 + self.below(6);
        (0..n).map(|_| letters[self.below(letters.len())]).collect()
    }

    fn words(&mut self, n: usize) -> String {
        let script = self.below(SCRIPTS.len());
        let words: Vec<String> = (0..n)
            .map(|_| match self.below(8) {
                0 => {
                    let other = self.below(SCRIPTS.len());
                    self.word(other)
                }
                _ => self.word(script),
            })
            .collect();
        words.join(" ")
    }

    /// A message of one of several kinds; and the texts that were put into it.
    fn message(&mut self) -> (Vec<u8>, Vec<String>) {
        let (subject, name) = (self.words(3), self.words(2));
        let body = self.words(12);
        let name = name.replace(['"', '@', '.', ','], "x");
        let head = format!(
            "From: \"{name}\" <a{}@x.test>\r\nSubject: {subject}\r\n",
            self.0 % 97
        );
        let mut raw = head.into_bytes();
        let page = format!("<p>{}</p><p>a&amp;b</p>", body.replace(' ', "</b> <i>"));
        match self.below(5) {
            0 => raw.extend(format!("Content-Type: text/plain; charset=utf-8\r\n\r\n{body}").bytes()),
            1 => raw.extend(format!("Content-Type: text/html; charset=utf-8\r\n\r\n{page}").bytes()),
            2 => {
                raw.extend(
                    b"Content-Type: text/plain; charset=utf-8\r\n\
                      Content-Transfer-Encoding: base64\r\n\r\n",
                );
                encode_base64(body.as_bytes(), &mut raw);
            }
            3 => {
                let half = body.len() / 2;
                let half = (half..).find(|at| body.is_char_boundary(*at)).unwrap();
                let (a, b) = body.split_at(half);
                let kind = "text/plain; charset=utf-8; format=flowed; delsp=yes";
                raw.extend(format!("Content-Type: {kind}\r\n\r\n{a} \r\n{b}\r\n").bytes());
            }
            _ => raw.extend(
                format!(
                    "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: \
                     text/plain; charset=utf-8\r\n\r\n{body}\r\n--b\r\nContent-Type: text/html; \
                     charset=utf-8\r\nContent-Disposition: attachment; filename=\"f.html\"\r\n\r\n{page}\r\n--b--\r\n"
                )
                .bytes(),
            ),
        }
        (raw, vec![subject, name, body])
    }

    /// A part of a text that was sent, in some case, or a text that was not.
    fn needle(&mut self, texts: &[String]) -> String {
        let text = match self.below(10) {
            0 => self.words(2),
            _ => texts[self.below(texts.len())].clone(),
        };
        let chars: Vec<char> = text.chars().collect();
        let from = self.below(chars.len().saturating_sub(3));
        let len = 3 + self.below(8);
        let part: String = chars.iter().skip(from).take(len).collect();
        match self.below(3) {
            0 => part.to_uppercase(),
            1 => part.to_lowercase(),
            _ => part,
        }
    }
}

/// A mailbox of bob.
fn mailbox_of(world: &World, name: &str) -> MailboxRecord {
    let inbox = world.bob.inbox.unwrap();
    let found = world.inline.store.mailbox_named(world.org, inbox, name);
    found.unwrap().unwrap()
}

fn change(world: &mut World, ask: EntryWrite) {
    let access = world.bob.clone();
    world.written(Ask::of(&access, ask));
}

/// Appends a message with some flags and keywords, received on some day.
fn append_any(world: &mut World, random: &mut Generator, octets: &[u8]) {
    let access = world.bob.clone();
    let mut flags = Flags::NONE;
    for (flag, one_of) in [(Flags::SEEN, 2), (Flags::FLAGGED, 20)] {
        if random.below(one_of) == 0 {
            flags = flags.with(flag);
        }
    }
    let words = [("Old", 3), ("Rare", 50)];
    let keywords = words
        .iter()
        .filter(|(_, one_of)| random.below(*one_of) == 0);
    let route = Route::Append {
        inbox: access.inbox.unwrap(),
        mailbox: "inbox".into(),
        flags,
        keywords: keywords.map(|(word, _)| (*word).to_owned()).collect(),
        received_at: Some(random.below(DAYS) as i64 * DAY_MS + random.below(20) as i64),
    };
    let plan = world.decide(Some(&access), route, octets).unwrap();
    world.deliver(&plan);
}

/// Something that happens to the mail of bob.
fn disturb(world: &mut World, random: &mut Generator) {
    let (inbox, work) = (mailbox_of(world, "INBOX"), mailbox_of(world, "work"));
    let uid = 1 + random.below(inbox.uidnext as usize) as u32;
    let uids = UidSet::from(uid..=uid + random.below(6) as u32);
    let copy = |remove: bool, mailbox: MailboxId, to: &str| EntryWrite::Copy {
        mailbox,
        uids: uids.clone().into(),
        to: to.into(),
        all: false,
        remove,
        progress: Box::default(),
    };
    match random.below(7) {
        0 => change(world, copy(false, inbox.id, "work")),
        1 => change(world, copy(true, inbox.id, "work")),
        2 => change(world, copy(false, inbox.id, "INBOX")),
        3 => change(world, copy(true, work.id, "INBOX")),
        4 => {
            let store = &world.inline.store;
            let place = store.place_of(world.org, inbox.inbox).unwrap().unwrap();
            store.begin().unwrap();
            let now = (Now::default(), None);
            let what = (&place, &inbox);
            store
                .expunge(now, what, Some(&uids), Flags::NONE, &mut Vec::new())
                .unwrap();
            store.commit().unwrap();
        }
        5 => {
            let how = [FlagChange::Add, FlagChange::Remove][random.below(2)];
            let set = EntryWrite::SetFlags {
                mailbox: inbox.id,
                uids,
                how,
                flags: [Flags::SEEN, Flags::FLAGGED][random.below(2)],
                keywords: vec![["Rare", "new"][random.below(2)].to_owned()],
                unchanged_since: None,
            };
            change(world, set);
        }
        _ => world.inline.store.seal_small(inbox.inbox),
    }
    while world.inline.writer.reclaim(&world.inline.store).unwrap() {}
}

/// A full disk stops the building of the index until the next tidying. The writer tries again while
/// there are leftovers, so there are none meanwhile.
#[test]
fn an_index_that_cannot_be_built_is_put_off() {
    use crate::store::StoreFault;

    for fault in [StoreFault::StatementFull(3), StoreFault::CommitFull] {
        let mut world = world();
        let plan = world.receive("bob@a.test", b"From: a@b.test\r\n\r\nHi.\r\n");
        world.deliver(&plan.unwrap());
        while world.inline.writer.reclaim(&world.inline.store).unwrap() {}
        let store = &world.inline.store;
        store.begin().unwrap();
        assert!(store.forget_signatures(Now::default()).unwrap() > 0);
        store.commit().unwrap();
        world.inline.store.expect_leftovers();
        world.inline.store.fail(fault);
        let failed = world.inline.writer.build(&world.inline.store);
        assert!(failed.unwrap_err().is_full(), "{fault:?}");
        assert!(!world.inline.store.has_leftovers(), "{fault:?}");
        assert!(world.inline.store.unsigned_inboxes().unwrap() > 0);
        // The tidying of the next minute.
        while world.inline.writer.reclaim(&world.inline.store).unwrap() {}
        assert_eq!(world.inline.store.unsigned_inboxes().unwrap(), 0);
    }
}

/// Texts of all messages in one, so that one pass looks at all of them.
#[derive(Default)]
struct AllTexts {
    text: Vec<u8>,
    /// Where the text of each message begins.
    starts: Vec<usize>,
}

impl AllTexts {
    fn add(&mut self, text: &str) {
        self.starts.push(self.text.len());
        self.text.extend_from_slice(text.as_bytes());
        self.text.push(0);
    }

    /// The messages that have a needle, by their number.
    fn find(&self, needle: &str) -> BTreeSet<usize> {
        let finder = memmem::Finder::new(needle.as_bytes());
        let (mut found, mut from) = (BTreeSet::new(), 0);
        while let Some(at) = finder.find(&self.text[from..]) {
            let message = self.starts.partition_point(|start| *start <= from + at) - 1;
            found.insert(message);
            from = match self.starts.get(message + 1) {
                Some(next) => *next,
                None => break,
            };
        }
        found
    }
}

/// What one message says, read and folded once. Texts end with NUL, which is in no needle.
struct KnownMessage {
    received_at: i64,
    size: u32,
    thread: ThreadId,
    has_attachments: bool,
    /// The header and the rest, with letters of ASCII in lower case, and both folded.
    header: [String; 2],
    rest: [String; 2],
    /// What the API compares with.
    shown: String,
    from: String,
}

/// A comparison with every message, without the index. A message is read once, when it is first
/// seen in a mailbox.
#[derive(Default)]
struct Oracle {
    known: HashMap<EntryId, Rc<KnownMessage>>,
    /// The messages now: those of INBOX in the order of their UIDs, then those of `work`.
    messages: Vec<(EntryState, bool, Rc<KnownMessage>)>,
    header: [AllTexts; 2],
    rest: [AllTexts; 2],
    shown: AllTexts,
    from: AllTexts,
}

impl Oracle {
    fn look(&mut self, world: &World) {
        let known = core::mem::take(&mut self.known);
        *self = Oracle::default();
        for name in ["INBOX", "work"] {
            let mailbox = mailbox_of(world, name);
            let all = UidSet::from(1..=u32::MAX);
            for state in world.inline.store.states(&mailbox, &all).unwrap() {
                let of = known.get(&state.id).cloned();
                let of = of.unwrap_or_else(|| Rc::new(read(world, mailbox.inbox, state.id)));
                for form in 0..2 {
                    self.header[form].add(&of.header[form]);
                    self.rest[form].add(&of.rest[form]);
                }
                self.shown.add(&of.shown);
                self.from.add(&of.from);
                self.known.insert(state.id, Rc::clone(&of));
                self.messages.push((state, name == "INBOX", of));
            }
        }
    }

    /// The messages with a needle in the scope of BODY, and those with it in that of TEXT.
    fn folded(&self, needle: &str) -> (BTreeSet<usize>, BTreeSet<usize>) {
        let form = usize::from(!needle.is_ascii());
        let needle = fold(needle);
        let rest = self.rest[form].find(&needle);
        let mut text = self.header[form].find(&needle);
        text.extend(&rest);
        (rest, text)
    }

    /// The UIDs in INBOX of messages that meet a condition.
    fn uids(&self, within: &UidSet, is_found: impl Fn(usize) -> bool) -> String {
        let all = self.messages.iter().enumerate();
        let found = all.filter(|(n, (state, is_inbox, _))| {
            *is_inbox && within.contains(state.uid) && is_found(*n)
        });
        let uids = found.map(|(_, (state, ..))| state.uid);
        uids.collect::<UidSet>().to_string()
    }
}

fn read(world: &World, inbox: InboxId, id: EntryId) -> KnownMessage {
    let store = &world.inline.store;
    let place = (world.org, inbox);
    let record = store.message(place.0, place.1, id).unwrap().unwrap();
    let opened = OpenedMessage::read(store, place, id).unwrap().unwrap();
    let digest = Digest::open(&opened.digest).unwrap();
    let (mut header, mut rest) = (String::new(), String::new());
    for field in crate::mail::Headers::parse(&opened.prefix).fields() {
        let name = String::from_utf8_lossy(field.name);
        header += &format!("{name}: {}\0", field.decoded());
    }
    for chunk in searchable(&opened.octets, &digest) {
        let text = if chunk.is_in(Scope::Body) {
            &mut rest
        } else {
            &mut header
        };
        *text += &chunk.text;
        text.push('\0');
    }
    let envelope = digest.envelope();
    let named = |list: crate::mail::digest::AddressItems<'_>| -> String {
        let forms = list.mailboxes().flat_map(|mailbox| shown_forms(&mailbox));
        forms.map(|text| lower(&text) + "\0").collect()
    };
    let mut shown = lower(&shown_text(&opened.octets, &digest)) + "\0";
    shown += &lower(&one_line(&envelope.subject_text(), usize::MAX));
    shown.push('\0');
    for list in [envelope.from, envelope.to, envelope.cc] {
        shown += &named(list);
    }
    let forms = |text: &str| [text.to_ascii_lowercase(), fold(text)];
    KnownMessage {
        received_at: record.entry.received_at,
        size: record.entry.size,
        thread: record.entry.thread,
        has_attachments: record.summary.has_attachments,
        header: forms(&header),
        rest: forms(&rest),
        shown,
        from: named(envelope.from),
    }
}

/// Conditions on what is stored beside the octets, as words of `q`, with their meaning.
type Fact = (String, Box<dyn Fn(&EntryState, &KnownMessage) -> bool>);

fn fact(random: &mut Generator, oracle: &Oracle) -> Fact {
    let day = random.below(DAYS) as i64;
    let date = crate::mail::time::rfc3339(day * DAY_MS);
    let date = date.split('T').next().unwrap().to_owned();
    let size = 200 + random.below(500) as u32;
    let thread = match oracle.messages.is_empty() {
        true => ThreadId(1),
        false => {
            oracle.messages[random.below(oracle.messages.len())]
                .2
                .thread
        }
    };
    let labelled = |word: &'static str| -> Fact {
        let has = move |state: &EntryState, _: &KnownMessage| {
            state
                .keywords
                .iter()
                .any(|own| own.eq_ignore_ascii_case(word))
        };
        (format!("label:{word}"), Box::new(has))
    };
    match random.below(10) {
        0 => (
            "is:unread".into(),
            Box::new(|s, _| !s.flags.has(Flags::SEEN)),
        ),
        1 => (
            "is:flagged".into(),
            Box::new(|s, _| s.flags.has(Flags::FLAGGED)),
        ),
        2 => labelled("old"),
        3 => labelled("rare"),
        4 => labelled("never"),
        5 => (
            format!("before:{date}"),
            Box::new(move |_, m| m.received_at < day * DAY_MS),
        ),
        6 => (
            format!("after:{date}"),
            Box::new(move |_, m| m.received_at >= day * DAY_MS),
        ),
        7 => (
            format!("larger:{size}"),
            Box::new(move |_, m| m.size > size),
        ),
        8 => ("has:attachment".into(), Box::new(|_, m| m.has_attachments)),
        _ => (
            format!("thread:{thread}"),
            Box::new(move |_, m| m.thread == thread),
        ),
    }
}

/// The messages of a list in its order, read in pages of some size; at most `most` of them. Every
/// page but the last has messages.
fn pages(world: &mut World, filter: &MessageFilter, limit: usize, most: usize) -> Vec<EntryId> {
    let access = world.bob.clone();
    let (mut all, mut cursor) = (Vec::new(), None);
    loop {
        let call = MessageRead::List {
            inbox: InboxRef::Id(access.inbox.unwrap()),
            filter: Box::new(filter.clone()),
            cursor,
            limit,
            progress: Box::default(),
        };
        let Answer::Messages { rows, next } = world.answer(Ask::of(&access, call)) else {
            panic!()
        };
        assert!(rows.len() <= limit && (next.is_none() || !rows.is_empty()));
        all.extend(rows.iter().map(|row| row.state.id));
        cursor = next;
        if cursor.is_none() || all.len() >= most {
            all.truncate(most);
            return all;
        }
    }
}

/// Compares SEARCH with the oracle.
fn check_imap(world: &mut World, oracle: &Oracle, needles: &[String]) {
    let access = world.bob.clone();
    let mailbox = mailbox_of(world, "INBOX").id;
    let mut search = |key: SearchKey, within: UidSet| {
        let search = EntryRead::Search {
            mailbox,
            within,
            key: Arc::new(key),
            progress: Box::default(),
        };
        match world.answer(Ask::of(&access, search)) {
            Answer::Found { uids, .. } => uids.to_string(),
            other => panic!("{other:?}"),
        }
    };
    for (n, needle) in needles.iter().enumerate() {
        let (body, text) = oracle.folded(needle);
        let key = |text: &String| SearchKey::Text(text.clone());
        let other = &needles[(n + 1) % needles.len()];
        // The index says nothing of these, so each message is read: some of them.
        let is_open = |text: &str| folded_grams(text, GramField::Anywhere).is_empty();
        let within = match is_open(needle) || (n % 3 == 1 && is_open(other)) {
            true => (1 + (n as u32 * 97) % 9_000, 200),
            false => (1, u32::MAX - 1),
        };
        let within = UidSet::from(within.0..=within.0 + within.1);
        let found = match n % 3 {
            0 => {
                let found = oracle.uids(&within, |n| body.contains(&n));
                (search(SearchKey::Body(needle.clone()), within), found)
            }
            1 => {
                let (_, others) = oracle.folded(other);
                let [a, b] = [needle, other].map(|text| Box::new(key(text)));
                let is_found = |n: usize| text.contains(&n) || others.contains(&n);
                let found = oracle.uids(&within, is_found);
                (search(SearchKey::Or(a, b), within), found)
            }
            _ => {
                let found = oracle.uids(&within, |n| text.contains(&n));
                (search(key(needle), within), found)
            }
        };
        assert_eq!(found.0, found.1, "{n} {needle:?}");
    }
}

/// Compares SEARCH by columns with the oracle.
fn check_imap_facts(world: &mut World, random: &mut Generator, oracle: &Oracle) {
    let day = random.below(DAYS) as i64 * DAY_MS;
    let size = 200 + random.below(500) as u32;
    type Check = Box<dyn Fn(&EntryState, &KnownMessage) -> bool>;
    let has = |word: &'static str| -> Check {
        Box::new(move |s, _| s.keywords.iter().any(|own| own.eq_ignore_ascii_case(word)))
    };
    let one = |random: &mut Generator| -> (SearchKey, Check) {
        match random.below(9) {
            0 => (
                SearchKey::Has(Flags::FLAGGED),
                Box::new(|s, _| s.flags.has(Flags::FLAGGED)),
            ),
            1 => (
                SearchKey::Lacks(Flags::SEEN),
                Box::new(|s, _| !s.flags.has(Flags::SEEN)),
            ),
            2 => (SearchKey::Keyword("rare".into()), has("rare")),
            3 => (SearchKey::Keyword("old".into()), has("old")),
            4 => (
                SearchKey::Since(day),
                Box::new(move |_, m| m.received_at >= day),
            ),
            5 => (
                SearchKey::Before(day),
                Box::new(move |_, m| m.received_at < day),
            ),
            6 => (SearchKey::Larger(size), Box::new(move |_, m| m.size > size)),
            7 => (
                SearchKey::Smaller(size),
                Box::new(move |_, m| m.size < size),
            ),
            _ => (SearchKey::Keyword("never".into()), has("never")),
        }
    };
    for round in 0..24 {
        let (key, own) = one(random);
        let (other, others) = one(random);
        let (key, is_found): (_, Check) = match round % 4 {
            0 => (key, own),
            1 => (
                SearchKey::And(vec![key, other]),
                Box::new(move |s, m| own(s, m) && others(s, m)),
            ),
            2 => {
                let key = SearchKey::And(vec![SearchKey::Not(Box::new(key)), other]);
                (key, Box::new(move |s, m| !own(s, m) && others(s, m)))
            }
            _ => {
                let key = SearchKey::Or(Box::new(key), Box::new(other));
                (key, Box::new(move |s, m| own(s, m) || others(s, m)))
            }
        };
        let want = oracle.uids(&UidSet::from(1..=u32::MAX), |n| {
            let (state, _, known) = &oracle.messages[n];
            is_found(state, known)
        });
        assert_eq!(world.search(key.clone()), want, "{key:?}");
    }
}

/// Compares `q`, with and without conditions beside its text, with the oracle, page by page.
fn check_pages(world: &mut World, random: &mut Generator, oracle: &Oracle, needles: &[String]) {
    let mut open = 0;
    for (n, needle) in needles.iter().enumerate() {
        // Every message is read for these: some of them are sought.
        open += usize::from(n % 3 < 2 && lower_grams(needle, GramField::Anywhere).is_empty());
        if open > OPEN_MOST && lower_grams(needle, GramField::Anywhere).is_empty() {
            continue;
        }
        let (mut q, mut facts) = (String::new(), Vec::new());
        let mut found: HashSet<usize> = (0..oracle.messages.len()).collect();
        if n % 3 < 2 {
            if needle.contains('"') || needle.trim().is_empty() {
                continue;
            }
            q = format!("\"{needle}\"");
            found = oracle.shown.find(&lower(needle)).into_iter().collect();
        }
        for _ in 0..(n % 3) + usize::from(n % 3 == 0 && n % 2 == 1) {
            let (word, is_so) = fact(random, oracle);
            let is_not = random.below(4) == 0;
            q += if is_not { " -" } else { " " };
            q += &word;
            facts.push((is_so, is_not));
        }
        let folder = [None, Some("INBOX"), Some("all")][random.below(3)];
        let mut want: Vec<(i64, i64)> = (found.into_iter())
            .map(|n| &oracle.messages[n])
            .filter(|(state, is_inbox, known)| {
                let all = facts
                    .iter()
                    .all(|(is_so, is_not)| is_so(state, known) != *is_not);
                all && (*is_inbox || folder != Some("INBOX"))
            })
            .map(|(state, _, known)| (known.received_at, state.id.0))
            .collect();
        want.sort_unstable_by(|a, b| b.cmp(a));
        want.truncate(PAGED_MOST);
        let filter = MessageFilter {
            folder: folder.map(str::to_owned),
            q: Some(q.clone()),
            ..MessageFilter::default()
        };
        let ids = pages(world, &filter, 1 + random.below(60), PAGED_MOST);
        let want: Vec<EntryId> = want.into_iter().map(|(_, id)| EntryId(id)).collect();
        assert_eq!(ids, want, "{q:?} {folder:?}");
    }
}

/// Compares lists with filters with the oracle, page by page.
fn check_lists(world: &mut World, random: &mut Generator, oracle: &Oracle) {
    for round in 0..16 {
        let mut filter = MessageFilter::default();
        let from = [format!("a{}@", random.below(97)), "nobody@".into()][random.below(2)].clone();
        let day = random.below(DAYS) as i64 * DAY_MS;
        let (label, is_true) = (
            ["rare", "old", "never"][random.below(3)],
            random.below(2) == 0,
        );
        let kind = random.below(6);
        match kind {
            0 => filter.label = Some(label.into()),
            1 => filter.seen = Some(is_true),
            2 => filter.from = Some(from.clone()),
            3 => filter.has_attachments = Some(is_true),
            4 => filter.since = Some(day),
            _ => filter.until = Some(day),
        }
        let in_folder = round % 2 == 0;
        filter.folder = in_folder.then(|| "INBOX".to_owned());
        let with_from = oracle.from.find(&from);
        let found = (0..oracle.messages.len()).filter(|n| {
            let (state, is_inbox, known) = &oracle.messages[*n];
            let has = |word: &str| {
                state
                    .keywords
                    .iter()
                    .any(|own| own.eq_ignore_ascii_case(word))
            };
            (*is_inbox || !in_folder)
                && match kind {
                    0 => has(label),
                    1 => state.flags.has(Flags::SEEN) == is_true,
                    2 => with_from.contains(n),
                    3 => known.has_attachments == is_true,
                    4 => known.received_at >= day,
                    _ => known.received_at < day,
                }
        });
        let mut want: Vec<&EntryState> = found.map(|n| &oracle.messages[n].0).collect();
        want.sort_unstable_by_key(|state| {
            let order = if in_folder {
                state.uid.into()
            } else {
                state.id.0
            };
            core::cmp::Reverse(order)
        });
        let want: Vec<EntryId> = want.iter().map(|state| state.id).take(PAGED_MOST).collect();
        let ids = pages(world, &filter, 1 + random.below(60), PAGED_MOST);
        assert_eq!(ids, want, "{filter:?}");
    }
}

fn check(
    world: &mut World,
    random: &mut Generator,
    oracle: &mut Oracle,
    (texts, needles): (&[String], usize),
) {
    oracle.look(world);
    let needles: Vec<String> = (0..needles).map(|_| random.needle(texts)).collect();
    check_imap(world, oracle, &needles);
    check_imap_facts(world, random, oracle);
    let shown = needles.len().div_ceil(8);
    check_pages(world, random, oracle, &needles[..shown]);
    check_lists(world, random, oracle);
}

/// Days on which messages are received.
const DAYS: usize = 400;
const DAY_MS: i64 = 86_400_000;
/// Needles of which the index says nothing that `q` has in one comparison.
const OPEN_MOST: usize = 3;
/// Messages of a list that are compared.
const PAGED_MOST: usize = 150;

fn same_answers(messages: usize, needles: usize, rounds: usize) {
    let mut world = world();
    let access = world.bob.clone();
    let mailbox = "work".into();
    world.written(Ask::of(&access, MailboxWrite::Create { mailbox }));
    let mut random = Generator(7);
    let (mut texts, mut oracle) = (Vec::new(), Oracle::default());
    for _ in 0..rounds {
        for n in 0..messages / rounds {
            let (raw, new) = random.message();
            append_any(&mut world, &mut random, &raw);
            texts.extend(new);
            if n % 16 == 15 {
                disturb(&mut world, &mut random);
            }
        }
        check(
            &mut world,
            &mut random,
            &mut oracle,
            (&texts, needles / rounds),
        );
    }
    // Built again, it gives the same answers, and each signature has what its message has.
    let store = &world.inline.store;
    store.begin().unwrap();
    assert!(store.forget_signatures(Now::default()).unwrap() > 0);
    store.commit().unwrap();
    check(&mut world, &mut random, &mut oracle, (&texts, 12));
    while world.inline.writer.sign_older(&world.inline.store).unwrap() {}
    assert_eq!(world.inline.store.unsigned_inboxes().unwrap(), 0);
    check(
        &mut world,
        &mut random,
        &mut oracle,
        (&texts, needles / rounds),
    );
    let found = examine(&world.inline.store, Depth::Deep, Some(&read_again));
    let faults: Vec<String> = found.faults.iter().map(ToString::to_string).collect();
    assert_eq!(faults, Vec::<String>::new());
}

#[test]
fn the_index_gives_the_answers_of_a_comparison_with_every_message() {
    same_answers(480, 240, 3);
}

#[test]
#[ignore = "ten thousand messages and five thousand needles: minutes"]
fn the_index_gives_the_same_answers_for_thousands_of_messages() {
    same_answers(10_000, 5_000, 10);
}

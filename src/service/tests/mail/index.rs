//! The index of searches against a comparison with every message: the same answers always, whatever
//! was delivered, copied, moved, deleted and made a block in between.

use std::collections::BTreeSet;

use super::*;
use crate::mail::Digest;
use crate::mail::text::grams::shown_forms;
use crate::mail::text::needles::Needles;
use crate::mail::text::search::{Scope, searchable};
use crate::mail::text::shown_text;
use crate::mail::unicode::{lower, one_line};
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
    match random.below(6) {
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
        _ => world.inline.store.seal_small(inbox.inbox),
    }
    while world.inline.writer.reclaim(&world.inline.store).unwrap() {}
}

/// What every message of a mailbox has of some needles.
struct Compared {
    /// UIDs with the needle in scope of TEXT, of BODY, and as the API finds it.
    text: Vec<BTreeSet<u32>>,
    body: Vec<BTreeSet<u32>>,
    shown: Vec<BTreeSet<(i64, i64)>>,
}

/// Looks at every message, without the index.
fn compare(world: &World, mailbox: &MailboxRecord, needles: &[String], shown: usize) -> Compared {
    let store = &world.inline.store;
    let mut folded = Needles::new(needles.iter().map(String::as_str));
    let sets = |n: usize| (0..n).map(|_| BTreeSet::new()).collect();
    let mut found = Compared {
        text: sets(needles.len()),
        body: sets(needles.len()),
        shown: (0..shown).map(|_| BTreeSet::new()).collect(),
    };
    let lowered: Vec<String> = needles.iter().take(shown).map(|text| lower(text)).collect();
    let all = UidSet::from(1..=u32::MAX);
    for state in store.states(mailbox, &all).unwrap() {
        let place = (world.org, mailbox.inbox);
        let record = store.message(place.0, place.1, state.id).unwrap().unwrap();
        let opened = OpenedMessage::read(store, place, state.id)
            .unwrap()
            .unwrap();
        let digest = Digest::open(&opened.digest).unwrap();
        let (mut header, mut rest) = (folded.no_hits(), folded.no_hits());
        for field in crate::mail::Headers::parse(&opened.prefix).fields() {
            let text = format!(
                "{}: {}",
                String::from_utf8_lossy(field.name),
                field.decoded()
            );
            folded.find(&text, &mut header);
        }
        for chunk in searchable(&opened.octets, &digest) {
            match chunk.is_in(Scope::Body) {
                true => folded.find(&chunk.text, &mut rest),
                false => folded.find(&chunk.text, &mut header),
            };
        }
        for n in 0..needles.len() {
            if folded.has(&rest, n) {
                found.body[n].insert(state.uid);
            }
            if folded.has(&rest, n) || folded.has(&header, n) {
                found.text[n].insert(state.uid);
            }
        }
        let envelope = digest.envelope();
        let mut texts = vec![
            shown_text(&opened.octets, &digest),
            one_line(&envelope.subject_text(), usize::MAX),
        ];
        for list in [envelope.from, envelope.to, envelope.cc] {
            texts.extend(list.mailboxes().flat_map(|mailbox| shown_forms(&mailbox)));
        }
        let texts: Vec<String> = texts.iter().map(|text| lower(text)).collect();
        for (n, needle) in lowered.iter().enumerate() {
            if texts.iter().any(|text| text.contains(needle.as_str())) {
                found.shown[n].insert((record.entry.received_at, state.id.0));
            }
        }
    }
    found
}

fn check(world: &mut World, random: &mut Generator, texts: &[String], needles: usize) {
    let mailbox = mailbox_of(world, "INBOX");
    let needles: Vec<String> = (0..needles).map(|_| random.needle(texts)).collect();
    let shown = needles.len().div_ceil(8);
    let compared = compare(world, &mailbox, &needles, shown);
    let set = |uids: &BTreeSet<u32>| uids.iter().copied().collect::<UidSet>().to_string();
    for (n, needle) in needles.iter().enumerate() {
        let (text, body) = (&compared.text[n], &compared.body[n]);
        let found = match n % 3 {
            0 => (world.search(SearchKey::Body(needle.clone())), set(body)),
            1 => {
                let other = (n + 1) % needles.len();
                let keys = [needle, &needles[other]].map(|text| SearchKey::Text(text.clone()));
                let [a, b] = keys.map(Box::new);
                let both = text.union(&compared.text[other]).copied().collect();
                (world.search(SearchKey::Or(a, b)), set(&both))
            }
            _ => (world.search(SearchKey::Text(needle.clone())), set(text)),
        };
        assert_eq!(found.0, found.1, "{n} {needle:?}");
    }
    let access = world.bob.clone();
    for (needle, want) in needles.iter().zip(&compared.shown) {
        if needle.contains('"') || needle.trim().is_empty() {
            continue;
        }
        let filter = MessageFilter {
            folder: Some("INBOX".into()),
            q: Some(format!("\"{needle}\"")),
            ..MessageFilter::default()
        };
        let found = world.list(&access, filter);
        let found: Vec<_> = found
            .iter()
            .map(|row| (row.received_at, row.state.id.0))
            .collect();
        let want: Vec<_> = want.iter().rev().copied().collect();
        assert_eq!(found, want, "{needle:?}");
    }
}

fn same_answers(messages: usize, needles: usize, rounds: usize) {
    let mut world = world();
    let access = world.bob.clone();
    let mailbox = "work".into();
    world.written(Ask::of(&access, MailboxWrite::Create { mailbox }));
    let mut random = Generator(7);
    let mut texts: Vec<String> = Vec::new();
    for _ in 0..rounds {
        for n in 0..messages / rounds {
            let (raw, new) = random.message();
            let at = random.below(1_000_000) as i64;
            append(&mut world, &raw, at);
            texts.extend(new);
            if n % 16 == 15 {
                disturb(&mut world, &mut random);
            }
        }
        check(&mut world, &mut random, &texts, needles / rounds);
    }
    // Built again, it gives the same answers, and each signature has what its message has.
    let store = &world.inline.store;
    store.begin().unwrap();
    assert!(store.forget_signatures(Now::default()).unwrap() > 0);
    store.commit().unwrap();
    check(&mut world, &mut random, &texts, 12);
    while world.inline.writer.sign_older(&world.inline.store).unwrap() {}
    assert_eq!(world.inline.store.unsigned_inboxes().unwrap(), 0);
    check(&mut world, &mut random, &texts, needles / rounds);
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

//! Orders to an agent in every place of a message: what is hidden is read, what is encoded is
//! decoded, and a place that no person looks at makes an order worse.
//!
//! Who says it matters more than the words: the owner of an inbox gives orders. A carrier alone is
//! no proof, since newsletters hide preheaders and keys are encoded; tag characters outside of
//! flags, and letters that are parted by characters without width, are.

use super::decode;
use super::fold::Folded;
use super::orders::{self, Orders};
use super::phrases::PhraseHit;
use super::view::{MailView, ViewFile};
use crate::call::{INJECTION_SPANS_MAX, InjectionPlace, InjectionSpan};

/// The names of the rules about orders.
pub fn rule_names() -> impl Iterator<Item = &'static str> {
    let places = [
        "prompt_aside",
        "hidden_order",
        "hidden_task",
        "invisible_tags",
        "invisible_letters",
        "prompt_places",
    ];
    orders::ORDERS.iter().map(|order| order.id).chain(places)
}

/// What was found.
#[derive(Debug, Clone, Default)]
pub struct Injection {
    /// Hits: the name of a rule, what it adds in hundredths, and why.
    pub hits: Vec<(&'static str, i32, &'static str)>,
    /// Where.
    pub spans: Vec<InjectionSpan>,
    /// Traces of orders that are not enough.
    pub traces: i32,
    /// Orders stand where no person looks.
    pub is_hidden: bool,
}

/// How a person meets a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exposure {
    /// It is seen and read.
    Open,
    /// It is seen, and no one writes orders there.
    Aside,
    /// It is not seen, and ordinary mail has words there.
    Preheader,
    /// It is not seen.
    Hidden,
}

/// Looks for orders in every place of a message. `text` is the folded text of the view, with its
/// phrases.
pub fn find(view: &MailView, (text, phrases): (&Folded, Vec<PhraseHit>)) -> Injection {
    let mut search = OrderSearch::default();
    // Where the end of a long text stands in it is not known here.
    search.place(&view.tail, InjectionPlace::Text, Exposure::Open);
    search.spans.clear();
    search.text(view, (text, phrases));
    // The title of a page is mostly the subject.
    let markup = view.unseen.markup.lines();
    let markup: Vec<&str> = markup.filter(|line| line.trim() != view.subject).collect();
    let markup = markup.join("\n\n");
    let places: [(&str, InjectionPlace, Exposure); 9] = [
        (&view.subject, InjectionPlace::Subject, Exposure::Open),
        (&view.calendar, InjectionPlace::Calendar, Exposure::Aside),
        (&view.attached, InjectionPlace::Attachment, Exposure::Open),
        (&view.otherwise, InjectionPlace::Alternative, Exposure::Open),
        (
            &view.unseen.hidden,
            InjectionPlace::Hidden,
            Exposure::Hidden,
        ),
        (
            &view.unseen.preheader,
            InjectionPlace::Hidden,
            Exposure::Preheader,
        ),
        (&markup, InjectionPlace::Markup, Exposure::Hidden),
        (
            &view.unseen.pictures,
            InjectionPlace::Picture,
            Exposure::Aside,
        ),
        (&view.header.free, InjectionPlace::Header, Exposure::Aside),
    ];
    for (place, name, exposure) in places {
        search.place(place, name, exposure);
    }
    let name = view.from.as_ref().and_then(|from| from.name.as_deref());
    search.place(
        name.unwrap_or_default(),
        InjectionPlace::Name,
        Exposure::Aside,
    );
    let mut names = view.files.iter().flat_map(ViewFile::names);
    for name in names.by_ref().take(NAMES_APART_MAX) {
        search.name(name);
    }
    let others: Vec<&str> = names.collect();
    search.name(&others.join("\n\n"));
    search.differing(view, text);
    search.marks(view);
    search.finish()
}

/// The places of a text that people see which give orders, in its characters.
pub fn of_text(text: &str) -> Vec<InjectionSpan> {
    let mut search = OrderSearch::default();
    let folded = Folded::of(text);
    let orders = orders::read(&folded, true);
    search.take(&folded, &orders, InjectionPlace::Text, Exposure::Open);
    search.spans
}

#[derive(Default)]
struct OrderSearch {
    /// The weightiest sum so far, with its orders.
    best: i32,
    /// Orders were found where no person looks.
    is_hidden: bool,
    /// Why they are hidden.
    hidden: Option<(&'static str, i32, &'static str)>,
    hits: Vec<(&'static str, i32, &'static str)>,
    spans: Vec<InjectionSpan>,
    /// What stands in several places adds only a little.
    places: usize,
    alone: Vec<(&'static str, i32, &'static str)>,
}

impl OrderSearch {
    fn name(&mut self, name: &str) {
        let words = name.replace(['_', '-', '+'], " ");
        self.place(&words, InjectionPlace::Filename, Exposure::Aside);
        if words != name {
            self.place(name, InjectionPlace::Filename, Exposure::Aside);
        }
    }

    fn text(&mut self, view: &MailView, (folded, phrases): (&Folded, Vec<PhraseHit>)) {
        let orders = orders::read_found(folded, phrases, true);
        self.take(folded, &orders, InjectionPlace::Text, Exposure::Open);
        if orders.rotated >= SPELLED_MIN {
            self.encoded(&decode::rotated(&view.text));
        }
        if orders.reversed >= SPELLED_MIN {
            self.encoded(&decode::reversed(&view.text));
        }
        for found in decode::decoded(&view.text) {
            self.encoded(&found.text);
        }
    }

    /// A text that had to be decoded.
    fn encoded(&mut self, text: &str) {
        let folded = Folded::of(text);
        let orders = orders::read(&folded, false);
        self.take(&folded, &orders, InjectionPlace::Encoded, Exposure::Hidden);
    }

    fn place(&mut self, text: &str, place: InjectionPlace, exposure: Exposure) {
        if text.len() < TEXT_MIN {
            return;
        }
        let folded = Folded::of(text);
        let is_shown = exposure == Exposure::Open || place == InjectionPlace::Calendar;
        let orders = orders::read(&folded, is_shown);
        self.take(&folded, &orders, place, exposure);
        if exposure != Exposure::Open {
            for found in decode::decoded(text) {
                self.encoded(&found.text);
            }
        }
    }

    /// Counts what a place has.
    fn take(
        &mut self,
        folded: &Folded,
        orders: &Orders,
        place: InjectionPlace,
        exposure: Exposure,
    ) {
        let said = orders.weight();
        let mut hits: Vec<(&'static str, i32, &'static str)> = orders
            .found
            .iter()
            .map(|found| (found.order.id, found.weight, found.order.why))
            .collect();
        let speaks = orders.is_task_for_program;
        match exposure {
            Exposure::Open => {}
            Exposure::Aside if said >= 100 => {
                hits.push((
                    "prompt_aside",
                    130,
                    "An order stands where no one writes any.",
                ));
            }
            Exposure::Aside => {}
            Exposure::Hidden | Exposure::Preheader if said >= HIDDEN_MIN => {
                hits.push((
                    "hidden_order",
                    260,
                    "An order to an agent is hidden from people.",
                ));
            }
            Exposure::Hidden
                if orders.task.is_some() && (speaks || folded.text.len() <= TEMPLATE_MIN) =>
            {
                let weight = if speaks { 380 } else { 310 };
                hits.push((
                    "hidden_task",
                    weight,
                    "A task for an agent is hidden from people.",
                ));
            }
            Exposure::Preheader if orders.task.is_some() && speaks => {
                hits.push((
                    "hidden_task",
                    310,
                    "A task for an agent is hidden from people.",
                ));
            }
            Exposure::Hidden | Exposure::Preheader => {}
        }
        let sum: i32 = hits.iter().map(|(_, weight, _)| weight).sum();
        let is_shown = exposure == Exposure::Open || place == InjectionPlace::Calendar;
        if sum >= FOUND_MIN {
            self.is_hidden |= !is_shown;
            let why = hits.iter().find(|(id, ..)| id.starts_with("hidden"));
            self.hidden = self.hidden.or(why.copied());
            self.places += 1;
            let places = orders.found.iter().map(|found| (found.start, found.end));
            for (start, end) in places.chain(orders.task.filter(|_| orders.found.is_empty())) {
                self.span(folded, place, (start, end));
            }
            for (start, end) in &orders.places {
                self.span(folded, place, (*start, *end));
            }
        }
        if sum > self.best {
            self.best = sum;
            self.hits = hits;
        }
    }

    /// Marks the sentences around an order.
    fn span(&mut self, folded: &Folded, place: InjectionPlace, (start, end): (u32, u32)) {
        let first = folded.sentence(start).saturating_sub(1);
        let start = folded.sentences.get(first).copied().unwrap_or(start);
        let next = folded.sentence(end);
        let len = u32::try_from(folded.text.len()).unwrap_or(u32::MAX);
        let end = folded.sentences.get(next).copied().unwrap_or(len);
        let (start, end) = folded.original(start as usize, end as usize);
        let overlaps = |span: &&mut InjectionSpan| {
            span.place == place && span.start <= end && start <= span.end
        };
        if let Some(span) = self.spans.iter_mut().find(overlaps) {
            span.start = span.start.min(start);
            span.end = span.end.max(end);
        } else if self.spans.len() < INJECTION_SPANS_MAX {
            self.spans.push(InjectionSpan { place, start, end });
        }
    }

    /// Sentences of the plain text that the page beside it does not have: people see the page.
    fn differing(&mut self, view: &MailView, text: &Folded) {
        if !view.has_page || view.alternative.is_empty() {
            return;
        }
        let other = Folded::of(&view.alternative);
        self.only_in(text, &other, Exposure::Hidden);
        self.only_in(&other, text, Exposure::Open);
    }

    fn only_in(&mut self, text: &Folded, other: &Folded, exposure: Exposure) {
        let mut known: Option<Vec<u64>> = None;
        let mut others = other.each_sentence().map(|(_, sentence)| sentence);
        let (mut extra, mut shared) = (String::new(), 0);
        for (_, sentence) in text.each_sentence() {
            let mut triples_of = triples(sentence).peekable();
            if triples_of.peek().is_none() {
                continue;
            }
            // Most texts that stand beside one another have the same sentences in the same order.
            let mut ahead = others.clone();
            if (ahead.by_ref().take(AHEAD)).any(|other| other == sentence) {
                others = ahead;
                shared += sentence.len();
                continue;
            }
            let known = known.get_or_insert_with(|| {
                let mut known: Vec<u64> = triples(&other.text).collect();
                known.sort_unstable();
                known
            });
            let (mut all, mut found) = (0, 0);
            for triple in triples_of {
                all += 1;
                found += usize::from(known.binary_search(&triple).is_ok());
            }
            if found * 5 <= all {
                extra.push_str(sentence);
                extra.push('\n');
            } else {
                shared += sentence.len();
            }
        }
        if shared < extra.len() && exposure == Exposure::Hidden {
            // Two different texts: the page may be a picture, or the plain text a notice.
            return;
        }
        if extra.len() >= TEXT_MIN {
            let folded = Folded::of(&extra);
            let orders = orders::read(&folded, exposure == Exposure::Open);
            self.take(&folded, &orders, InjectionPlace::Alternative, exposure);
        }
    }

    /// Writing that no one uses for words.
    fn marks(&mut self, view: &MailView) {
        let tags = &view.unseen.tags;
        if tags.chars().filter(char::is_ascii_alphabetic).count() >= TAG_LETTERS_MIN {
            self.place(tags, InjectionPlace::Hidden, Exposure::Hidden);
            let why = "Words are spelled in tag characters, which no one sees.";
            self.alone.push(("invisible_tags", 420, why));
        }
        if view.unseen.parted_letters >= PARTED_LETTERS_MIN {
            let why = "Letters are parted by characters that take no space.";
            self.alone.push(("invisible_letters", 330, why));
        }
    }

    fn finish(mut self) -> Injection {
        if self.best < FOUND_MIN && self.alone.is_empty() {
            return Injection {
                traces: self.best,
                ..Injection::default()
            };
        }
        if self.best >= TRACES_MIN {
            let is_told = self.hits.iter().any(|(id, ..)| id.starts_with("hidden"));
            self.hits.extend(self.hidden.filter(|_| !is_told));
            self.alone.append(&mut self.hits);
        }
        if self.places > 1 {
            self.alone
                .push(("prompt_places", 60, "It stands in several places."));
        }
        Injection {
            is_hidden: self.is_hidden
                || self
                    .alone
                    .iter()
                    .any(|(id, ..)| id.starts_with("invisible")),
            hits: self.alone,
            spans: self.spans,
            traces: 0,
        }
    }
}

/// Hashes of each three words that follow one another.
fn triples(text: &str) -> impl Iterator<Item = u64> {
    let mut last = [0u64; 2];
    text.split(' ')
        .filter(|word| !word.is_empty())
        .map(move |word| {
            let hash = word.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, b| {
                (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3)
            });
            let triple = last[0].rotate_left(21) ^ last[1].rotate_left(42) ^ hash;
            last = [last[1], hash];
            triple
        })
        .skip(2)
}

/// The sum from which a place has orders: that of a suspicious message.
/// Names of files that are read each by itself; a message has rarely more than ten. Those behind
/// them are read as one text.
const NAMES_APART_MAX: usize = 32;
const FOUND_MIN: i32 = 300;
const TRACES_MIN: i32 = 100;
/// What a hidden text must say to be an order.
const HIDDEN_MIN: i32 = 160;
/// In more hidden text, such as the notes of a template, a task must speak to a program.
const TEMPLATE_MIN: usize = 900;
/// A shorter text gives no order.
const TEXT_MIN: usize = 12;
/// Sentences of the other text that may be left out before one that both have.
const AHEAD: usize = 4;
const SPELLED_MIN: usize = 2;
const TAG_LETTERS_MIN: usize = 8;
const PARTED_LETTERS_MIN: usize = 6;

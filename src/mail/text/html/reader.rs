//! The loop over a page: tags and texts from the tokenizer, a bounded stack of open elements,
//! and what each of them does to the text.
//!
//! It decides nothing about style and layout itself. Every step on the stack has a bound, so that
//! no nesting makes an element dear.

use html5gum::Tokenizer;
use html5gum::emitters::callback::CallbackEvent;

use super::css::{Color, LineEnds, declarations};
use super::element::{Closes, ElementKind, hash, heading_level, marks_of};
use super::emitter::PageEmitter;
use super::hidden::HiddenWords;
use super::layout::{InlineMarks, PageWriter, RowPlace};
use super::list::ListMarks;
use super::markdown::MarkdownWriter;
use super::sheet::{Sheet, Subject, class_hash};
use super::style::{Declared, Style};
use super::tag::StartTag;
use super::writer::TextWriter;
use super::{Addresses, HtmlPage};
use crate::mail::text::unseen::UnseenText;
use crate::pace;

/// Reads a page until its text has `text_bytes_max` octets. The cost is linear in its length.
pub fn read(html: &str, text_bytes_max: usize, addresses: Addresses) -> HtmlPage {
    let wants_links = addresses == Addresses::Shown;
    let writer = || TextWriter::new(text_bytes_max, addresses);
    read_with(html, wants_links, None, writer).0
}

/// Reads a page with its links and with what is not seen of it.
pub fn read_apart(html: &str, text_bytes_max: usize) -> (HtmlPage, UnseenText) {
    let writer = || TextWriter::new(text_bytes_max, Addresses::Shown);
    let (page, unseen) = read_with(html, true, Some(UnseenText::default()), writer);
    (page, unseen.unwrap_or_default())
}

/// Reads a page as Markdown, with the same bound and cost: what is seen is what the text has.
pub fn read_markdown(html: &str, text_bytes_max: usize) -> HtmlPage {
    let writer = || MarkdownWriter::new(text_bytes_max);
    read_with(html, true, None, writer).0
}

fn read_with<W: PageWriter>(
    html: &str,
    wants_links: bool,
    unseen: Option<UnseenText>,
    writer: impl Fn() -> W,
) -> (HtmlPage, Option<UnseenText>) {
    let mut reader = HtmlReader::new(Sheet::default(), writer(), wants_links, unseen.clone());
    tokenize(&mut reader, html);
    if reader.is_late {
        // A style sheet counts for what stands before it too: the page is read once more with
        // all sheets.
        let sheet = std::mem::take(&mut reader.sheet);
        reader = HtmlReader::new(sheet, writer(), wants_links, unseen);
        reader.has_all_sheets = true;
        tokenize(&mut reader, html);
    }
    reader.finish()
}

fn tokenize<W: PageWriter>(reader: &mut HtmlReader<W>, html: &str) {
    let mut tag = StartTag::new(reader.wants_links);
    let is_apart = reader.unseen.is_some();
    let take = |event: CallbackEvent<'_>, _: html5gum::Span<()>| {
        let mut work = 0;
        match event {
            CallbackEvent::OpenStartTag { name } => {
                work = name.len();
                tag.open(name);
            }
            CallbackEvent::AttributeName { name } => {
                work = name.len();
                tag.attribute(name);
            }
            CallbackEvent::AttributeValue { value } => {
                work = value.len();
                tag.value(value);
                if let Some(unseen) = reader.unseen.as_mut().filter(|_| tag.has_free_value()) {
                    unseen.attribute(value);
                }
            }
            CallbackEvent::CloseStartTag { .. } => reader.start(&tag),
            CallbackEvent::EndTag { name } => {
                work = name.len();
                reader.end(name);
            }
            CallbackEvent::String { value } => {
                work = value.len();
                reader.string(value);
            }
            CallbackEvent::Comment { value } => {
                if let Some(unseen) = &mut reader.unseen {
                    unseen.mark_up(value);
                }
            }
            _ => {}
        }
        pace::spend(work.saturating_mul(OCTET_WORK) + EVENT_WORK);
        (reader.writer.room() == 0).then_some(())
    };
    let emitter = PageEmitter::new(take, is_apart);
    // The emitter gives a token only when the text is long enough.
    let _ = Tokenizer::new_with_emitter(html, emitter).next();
}

struct HtmlReader<W> {
    writer: W,
    wants_links: bool,
    hidden: HiddenWords,
    /// What is not seen, if it is asked for.
    unseen: Option<UnseenText>,
    sheet: Sheet,
    page: Style,
    open: Vec<Element>,
    /// Elements opened above [`DEPTH_MAX`]; they are only counted.
    overflow: usize,
    /// Hashes of the classes of the open elements, one after the other.
    classes: Vec<u64>,
    declared: Declared,
    lists: Vec<ListMarks>,
    tables: Vec<OpenTable>,
    /// The text of the style sheet that is open, its media, and whether it is no CSS.
    css: Vec<u8>,
    media: Vec<u8>,
    is_foreign: bool,
    /// What is left for the matching of rules.
    steps: u32,
    /// A style sheet came behind elements that it may select.
    is_late: bool,
    /// The sheets come from a reading before.
    has_all_sheets: bool,
}

struct Element {
    name: u64,
    kind: ElementKind,
    id: u64,
    /// Where its classes begin.
    classes: usize,
    style: Style,
    /// Never shown and no sign of hidden content.
    is_skipped: bool,
    /// Its text is hidden, that of the element around it is not.
    hides: bool,
    /// Hidden here, and shown on a telephone.
    is_elsewhere: bool,
    /// How its text is set off.
    marks: InlineMarks,
    /// It is a heading that is seen, or preformatted text that is.
    is_set_apart: bool,
}

struct OpenTable {
    row: RowPlace,
    is_data: bool,
}

impl<W: PageWriter> HtmlReader<W> {
    fn new(
        sheet: Sheet,
        writer: W,
        wants_links: bool,
        unseen: Option<UnseenText>,
    ) -> HtmlReader<W> {
        let steps = match unseen.is_some() {
            true => MATCH_STEPS_APART,
            false => MATCH_STEPS,
        };
        HtmlReader {
            writer,
            wants_links,
            hidden: HiddenWords::default(),
            unseen,
            page: page_style(&sheet),
            sheet,
            open: Vec::new(),
            overflow: 0,
            classes: Vec::new(),
            declared: Declared::default(),
            lists: Vec::new(),
            tables: Vec::new(),
            css: Vec::new(),
            media: Vec::new(),
            is_foreign: false,
            steps,
            is_late: false,
            has_all_sheets: false,
        }
    }

    fn finish(mut self) -> (HtmlPage, Option<UnseenText>) {
        let unseen = self.unseen.take();
        let hidden = self.hidden.is_of_substance() || self.writer.has_unseen();
        (self.writer.finish(hidden), unseen)
    }

    fn start(&mut self, tag: &StartTag) {
        let kind = tag.kind;
        if let Some(unseen) = &mut self.unseen {
            unseen.part();
            unseen.forms += usize::from(tag.name == FORM);
            unseen.password_fields += usize::from(tag.is_password);
        }
        self.close_for(kind);
        if self.overflow > 0 || (self.open.len() >= DEPTH_MAX && !kind.is_void()) {
            self.overflow += usize::from(!kind.is_void());
            return;
        }
        let above = self.open.last();
        let (around, was_skipped, was_elsewhere) = above.map_or((self.page, false, false), |e| {
            (e.style, e.is_skipped, e.is_elsewhere)
        });
        let classes = self.classes.len();
        let is_skipped = was_skipped || kind.is_skipped();
        let (style, is_elsewhere) = match was_skipped || around.is_away() {
            true => (around, was_elsewhere),
            false => {
                let (style, elsewhere) = self.style_of(tag, around);
                (style, elsewhere || (was_elsewhere && style.is_hidden()))
            }
        };
        let is_shown = !is_skipped && !style.is_away();
        if is_shown {
            self.lay_out_start(tag, &style);
        }
        if kind == ElementKind::Image && !is_skipped {
            self.image(tag, &style, is_elsewhere);
        }
        if kind.is_void() {
            self.classes.truncate(classes);
            return;
        }
        let hides = !is_skipped && style.is_hidden() && !around.is_hidden();
        if hides {
            self.hidden.open();
        }
        let is_heading = is_shown && heading_level(tag.name) > 0;
        if is_heading {
            self.writer.start_heading(heading_level(tag.name));
        }
        match kind {
            ElementKind::Blockquote => self.writer.start_quote(),
            ElementKind::Item if !is_shown => self.writer.start_item(None),
            ElementKind::Numbered | ElementKind::Unnumbered => {
                self.writer.start_list();
                let is_numbered = kind == ElementKind::Numbered;
                self.lists
                    .push(ListMarks::new(is_numbered, tag.numbering, tag.number));
            }
            ElementKind::Table => {
                if let Some(table) = self.tables.last_mut() {
                    table.is_data = false;
                }
                self.tables.push(OpenTable {
                    row: self.writer.start_table(!tag.is_layout),
                    is_data: !tag.is_layout,
                });
            }
            ElementKind::Style => {
                self.media.clone_from(&tag.media);
                self.is_foreign = tag.is_foreign;
            }
            _ => {}
        }
        let around = self.open.last().map_or(InlineMarks::NONE, |e| e.marks);
        self.open.push(Element {
            marks: around.with(marks_of(tag.name)),
            is_set_apart: is_heading || (is_shown && kind == ElementKind::Preformatted),
            name: tag.name,
            kind,
            id: tag.id,
            classes,
            style,
            is_skipped,
            hides,
            is_elsewhere,
        });
    }

    /// Closes the elements that a start tag closes by the rules of HTML.
    fn close_for(&mut self, kind: ElementKind) {
        if self.overflow > 0 {
            return;
        }
        while kind.is_block() || kind == ElementKind::Option {
            let mut above = self.open.iter().rev().take(CLOSE_SEARCH_MAX).enumerate();
            let found = above.find_map(|(n, element)| match kind.closes(element.kind) {
                Closes::This => Some(Some(n + 1)),
                Closes::Nothing => Some(None),
                Closes::Further => None,
            });
            let Some(Some(n)) = found else { return };
            for _ in 0..n {
                self.pop();
            }
        }
    }

    /// The style of an element, and whether it is hidden here and shown on a telephone.
    fn style_of(&mut self, tag: &StartTag, around: Style) -> (Style, bool) {
        let is_link = tag.is_link;
        let own = self.classes.len();
        if !self.sheet.is_empty() {
            self.classes.extend(
                tag.class
                    .split(u8::is_ascii_whitespace)
                    .filter(|name| !name.is_empty())
                    .take(CLASSES_MAX)
                    .map(class_hash),
            );
        }
        self.cascade(tag, own, false);
        if self.declared.is_empty() {
            return (around.within(tag.kind, is_link), false);
        }
        let style = around.with(tag.kind, is_link, &self.declared);
        if !style.is_hidden() || around.is_hidden() || !self.sheet.has_phone_rules {
            return (style, false);
        }
        self.cascade(tag, own, true);
        let on_phone = around.with(tag.kind, is_link, &self.declared);
        (style, !on_phone.is_hidden())
    }

    /// Collects what is declared for an element, whose classes begin at `own`.
    fn cascade(&mut self, tag: &StartTag, own: usize, is_phone: bool) {
        let (declared, open, classes) = (&mut self.declared, &self.open, &self.classes);
        declared.clear();
        tag.hints(declared);
        if !self.sheet.is_empty() {
            let subject = Subject {
                name: tag.name,
                id: tag.id,
                classes: classes.get(own..).unwrap_or_default(),
            };
            let above = |level: usize| {
                let n = open.len().checked_sub(level + 1)?;
                let element = open.get(n)?;
                let end = open.get(n + 1).map_or(own, |inner| inner.classes);
                Some(Subject {
                    name: element.name,
                    id: element.id,
                    classes: classes.get(element.classes..end).unwrap_or_default(),
                })
            };
            let steps = self.steps;
            self.sheet
                .matching(subject, above, &mut self.steps, |found| {
                    let counts = match is_phone {
                        true => found.screens.is_phone(),
                        false => found.screens.is_desktop(),
                    };
                    for declaration in found.declarations.iter().filter(|_| counts) {
                        declared.rule(*declaration, found.rank);
                    }
                });
            pace::spend((steps - self.steps) as usize * STEP_WORK);
        }
        if !tag.style.is_empty() {
            pace::spend(tag.style.len() * STYLE_WORK);
            declarations(&tag.style, |declaration| declared.inline(declaration));
        }
    }

    fn lay_out_start(&mut self, tag: &StartTag, style: &Style) {
        let writer = &mut self.writer;
        match tag.kind {
            ElementKind::Break => writer.break_line(),
            ElementKind::Anchor => {
                pace::spend(LINK_WORK);
                writer.start_link(tag.href.clone(), style.is_hidden());
                if let Some(title) = &tag.title {
                    writer.title_link(title);
                }
            }
            ElementKind::Area => {
                if let Some(url) = tag.href.clone().filter(|url| !url.starts_with("mailto:")) {
                    writer.keep_link(url, tag.alt.as_deref().unwrap_or(""));
                }
            }
            ElementKind::Item => {
                let marker = match self.lists.last_mut() {
                    Some(list) => list.next(tag.number),
                    None => "- ".to_owned(),
                };
                writer.start_item(Some(marker));
            }
            ElementKind::Row | ElementKind::Cell | ElementKind::HeaderCell => {
                match self.tables.last_mut() {
                    Some(table) if tag.kind == ElementKind::Row => {
                        table.row = writer.start_row(table.is_data);
                    }
                    Some(table) => {
                        let is_header = tag.kind == ElementKind::HeaderCell;
                        table.is_data |= is_header;
                        writer.start_cell(&mut table.row, table.is_data, is_header);
                    }
                    None if tag.kind == ElementKind::Row => writer.end_line(1),
                    None => writer.space(),
                }
            }
            ElementKind::Rule => {
                writer.end_line(1);
                if !style.is_hidden() {
                    let line = if tag.is_history { HISTORY } else { "---" };
                    writer.rule(line, style.lines);
                }
                writer.end_line(1);
            }
            kind => {
                lay_out(writer, kind);
                if kind == ElementKind::Preformatted {
                    writer.start_preformatted();
                }
            }
        }
    }

    fn image(&mut self, tag: &StartTag, style: &Style, is_elsewhere: bool) {
        let alt = tag.alt.as_deref().map_or("", str::trim);
        if let Some(unseen) = &mut self.unseen {
            unseen.picture(alt);
        }
        if style.shows_images() && !tag.is_tiny {
            self.hidden.show();
            let marks = self.open.last().map_or(InlineMarks::NONE, |e| e.marks);
            self.writer.set_marks(marks);
            self.writer.image(alt, tag.is_embedded);
        } else if !is_elsewhere {
            self.hidden.hide(alt, style.is_away());
        }
    }

    fn end(&mut self, name: &[u8]) {
        if let Some(unseen) = &mut self.unseen {
            unseen.part();
        }
        if self.overflow > 0 {
            self.overflow -= 1;
            return;
        }
        let (hash, kind) = (hash(name), ElementKind::of(name));
        if kind.is_void() {
            if kind == ElementKind::Break && self.is_shown() {
                self.writer.break_line();
            }
            return;
        }
        if kind == ElementKind::Style {
            self.end_style_sheet();
        }
        let mut above = self.open.iter().rev().take(CLOSE_SEARCH_MAX).enumerate();
        let found = above.find_map(|(n, element)| {
            if element.name == hash {
                return Some(Some(n + 1));
            }
            kind.ends_before(element.kind).then_some(None)
        });
        let Some(Some(n)) = found else { return };
        if kind.is_formatting() && self.open.iter().rev().take(n).any(|e| e.kind.is_block()) {
            self.end_around_block(n);
            return;
        }
        let is_shown = self.is_shown();
        for _ in 0..n {
            self.pop();
        }
        if is_shown {
            match self.tables.last() {
                Some(table) if kind == ElementKind::Row => self.writer.end_row(table.is_data),
                _ => lay_out(&mut self.writer, kind),
            }
        }
    }

    /// Ends an element whose end tag stands within a block that it holds: the block goes on, and
    /// what follows it has the style from before.
    fn end_around_block(&mut self, n: usize) {
        let at = self.open.len().saturating_sub(n);
        let around = at.checked_sub(1).and_then(|below| self.open.get(below));
        let style = around.map_or(self.page, |element| element.style);
        let marks = around.map_or(InlineMarks::NONE, |element| element.marks);
        let Some(element) = self.open.get_mut(at) else {
            return;
        };
        element.name = 0;
        element.style = style;
        element.marks = marks;
        if std::mem::take(&mut element.hides) {
            self.hidden.close();
        }
        if element.kind == ElementKind::Anchor {
            element.kind = ElementKind::Inline;
            self.writer.end_link();
        }
    }

    fn is_shown(&self) -> bool {
        self.open
            .last()
            .is_none_or(|element| !element.is_skipped && !element.style.is_away())
    }

    fn pop(&mut self) {
        let Some(element) = self.open.pop() else {
            return;
        };
        self.classes.truncate(element.classes);
        if element.hides {
            self.hidden.close();
        }
        match element.kind {
            ElementKind::Anchor => self.writer.end_link(),
            ElementKind::Blockquote => self.writer.end_quote(),
            ElementKind::Item => self.writer.end_item(),
            ElementKind::Numbered | ElementKind::Unnumbered => {
                self.writer.end_list();
                self.lists.pop();
            }
            ElementKind::Table => {
                self.writer.end_table();
                self.tables.pop();
            }
            ElementKind::Preformatted if element.is_set_apart => self.writer.end_preformatted(),
            _ if element.is_set_apart => self.writer.end_heading(),
            _ => {}
        }
    }

    fn string(&mut self, value: &[u8]) {
        let Some(top) = self.open.last() else {
            self.writer.set_marks(InlineMarks::NONE);
            self.visible(value, self.page.lines);
            return;
        };
        if top.kind == ElementKind::Style {
            let room = CSS_MAX.saturating_sub(self.css.len());
            self.css
                .extend_from_slice(value.get(..room).unwrap_or(value));
        }
        if top.is_skipped {
            if top.kind != ElementKind::Style
                && let Some(unseen) = &mut self.unseen
            {
                unseen.skip(value);
            }
            return;
        }
        if !top.style.is_hidden() {
            self.writer.set_marks(top.marks);
            self.visible(value, top.style.lines);
        } else if !top.is_elsewhere {
            let is_away = top.style.is_away();
            let text = String::from_utf8_lossy(value);
            if let Some(unseen) = &mut self.unseen {
                unseen.hide(&text, is_away && !self.hidden.has_visible());
            }
            self.hidden.hide(&text, is_away);
        }
    }

    fn visible(&mut self, value: &[u8], lines: LineEnds) {
        let room = self.writer.room().saturating_mul(4).saturating_add(64);
        let text = String::from_utf8_lossy(value.get(..room).unwrap_or(value));
        if let Some(unseen) = &mut self.unseen {
            unseen.read_invisible(&text);
        }
        self.writer.push(&text, lines);
        if !self.writer.is_empty() {
            self.hidden.show();
        }
    }

    fn end_style_sheet(&mut self) {
        let css = std::mem::take(&mut self.css);
        let is_within = self.open.iter().rev().skip(1).any(|above| above.is_skipped);
        if self.has_all_sheets || is_within || self.is_foreign || css.is_empty() {
            return;
        }
        let before = self.sheet.len();
        self.sheet.read(&css, &self.media);
        let is_early = self
            .open
            .iter()
            .all(|e| matches!(e.kind, ElementKind::Style) || e.name == HTML || e.name == HEAD);
        if self.sheet.len() > before {
            self.is_late |= !is_early || !self.writer.is_empty();
        }
        self.page = page_style(&self.sheet);
        if is_early {
            for element in &mut self.open {
                element.style = self.page;
            }
        }
    }
}

/// The line ends around a block.
fn lay_out(writer: &mut impl PageWriter, kind: ElementKind) {
    match kind {
        ElementKind::Paragraph
        | ElementKind::Blockquote
        | ElementKind::Preformatted
        | ElementKind::Table => writer.end_line(2),
        ElementKind::Numbered | ElementKind::Unnumbered if writer.lists() == 0 => {
            writer.end_line(2)
        }
        kind if kind.is_cell() => {}
        kind if kind.is_block() => writer.end_line(1),
        _ => {}
    }
}

fn page_style(sheet: &Sheet) -> Style {
    Style::page(match sheet.unknown_background {
        true => Color::Unknown,
        false => Color::Opaque(255, 255, 255),
    })
}

const FORM: u64 = hash(b"form");
const HTML: u64 = hash(b"html");
const HEAD: u64 = hash(b"head");
/// The line that Outlook writes above the message that is answered.
const HISTORY: &str = "________________________________";
/// Open elements; newsletters have up to 60.
const DEPTH_MAX: usize = 512;
/// How far up the stack a tag looks for the element that it closes, so that a wrong one costs a
/// constant.
const CLOSE_SEARCH_MAX: usize = 64;
const CLASSES_MAX: usize = 32;
/// Octets of one style sheet.
const CSS_MAX: usize = 256 * 1024;
/// Comparisons of rules with elements on one page. A newsletter with a style sheet for every mail
/// program needs some 200,000.
const MATCH_STEPS: u32 = 1_000_000;
/// The same for a page that is read once more by a filter, whose time is short.
const MATCH_STEPS_APART: u32 = 40_000;
/// Nanoseconds of an event, of an octet of it, of such a comparison, and of an octet of a `style`
/// attribute.
const EVENT_WORK: usize = 30;
const OCTET_WORK: usize = 2;
const STEP_WORK: usize = 20;
/// Nanoseconds of a link.
const LINK_WORK: usize = 300;
const STYLE_WORK: usize = 6;

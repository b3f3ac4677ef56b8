//! The layout of visible text as Markdown: CommonMark, with tables and struck text as GitHub has
//! them.
//!
//! It lays out and decides nothing of what is seen. Images are notes in brackets and never links: a
//! program that shows the Markdown fetches nothing. Text that looks like Markdown is escaped where
//! that needs no look ahead, so that the words of a mail do not make headings, lists or links. The
//! rule: every octet that is written is moved a bounded number of times, so the cost is linear.

use super::css::LineEnds;
use super::layout::{InlineMarks, LINKS_MAX, PageWriter, RowPlace, Spacing, WORDS_MAX};
use super::marked::{Container, LineStart, MarkedLink, OpenedTable};
use super::table::{CapturedTable, TableForm};
use super::writer::is_address;
use super::{HtmlPage, PageLink};
use crate::mail::unicode;
use crate::pace;

/// Writes a page as Markdown.
pub struct MarkdownWriter {
    /// The page, or the cell of the table that is captured.
    text: String,
    links: Vec<PageLink>,
    bytes_max: usize,
    containers: Vec<Container>,
    /// Those below are outside of the table that is captured.
    base: usize,
    lists: usize,
    spacing: Spacing,
    /// The next line end is none of a text.
    is_soft: bool,
    /// A nested list has ended: another item follows it closely, a text does not.
    after_list: bool,
    line: LineStart,
    /// The heading that is open, and whether it has text.
    heading: Option<(u8, bool)>,
    wanted: InlineMarks,
    /// Marks that are open, the innermost last.
    open: Vec<InlineMarks>,
    /// Where the code begins that is open.
    code_at: Option<usize>,
    /// Preformatted elements that are open.
    preformatted: usize,
    /// Where the fence stands that is open.
    fence_at: Option<usize>,
    link: Option<MarkedLink>,
    /// Where the last link that was written begins, so that a cut does not divide it.
    link_at: Option<usize>,
    tables: Vec<OpenedTable>,
    captured: Option<CapturedTable>,
}

impl MarkdownWriter {
    /// A writer of at most `bytes_max` octets.
    pub fn new(bytes_max: usize) -> MarkdownWriter {
        MarkdownWriter {
            text: String::new(),
            links: Vec::new(),
            bytes_max,
            containers: Vec::new(),
            base: 0,
            lists: 0,
            spacing: Spacing::default(),
            is_soft: false,
            after_list: false,
            line: LineStart::Nothing,
            heading: None,
            wanted: InlineMarks::NONE,
            open: Vec::new(),
            code_at: None,
            preformatted: 0,
            fence_at: None,
            link: None,
            link_at: None,
            tables: Vec::new(),
            captured: None,
        }
    }

    fn has_room(&self) -> bool {
        self.room() > 0
    }

    /// Within code nothing is escaped.
    fn is_verbatim(&self) -> bool {
        self.fence_at.is_some() || self.code_at.is_some()
    }

    /// What stands before the next character: ends of marks, white space, beginnings of marks.
    fn begin(&mut self) {
        self.spacing.skips_line_end = false;
        let is_new_line = self.text.is_empty() || self.spacing.line_breaks > 0;
        let wants_code = self.wanted.has(InlineMarks::CODE) && self.preformatted == 0;
        if is_new_line {
            self.write_lines();
        } else {
            if self.code_at.is_some() && !wants_code {
                self.close_code();
            }
            self.close_unwanted();
            if self.spacing.space && !self.text.ends_with([' ', '\n', '\t']) {
                self.text.push(' ');
            }
        }
        self.after_list = false;
        self.spacing.line_breaks = 0;
        self.spacing.is_exact = false;
        self.spacing.space = false;
        if let Some((_, has_text)) = &mut self.heading {
            *has_text = true;
        }
        if self.preformatted > 0 {
            return;
        }
        self.begin_link();
        if self.code_at.is_none() {
            self.open_wanted();
            if wants_code {
                self.code_at = Some(self.text.len());
            }
        }
    }

    fn begin_link(&mut self) {
        let depth = self.open.len();
        if let Some(link) = &mut self.link
            && link.at.is_none()
            && !link.is_written
            && self.code_at.is_none()
        {
            link.at = Some((self.text.len(), depth));
            self.link_at = self.captured.is_none().then_some(self.text.len());
            self.text.push('[');
            self.line = LineStart::Text;
        }
    }

    fn open_wanted(&mut self) {
        for (marks, sign) in SIGNS {
            if self.wanted.has(marks) && !self.open.contains(&marks) {
                self.open.push(marks);
                self.text.push_str(sign);
                self.line = LineStart::Text;
            }
        }
    }

    /// Closes marks that are not wanted any more, with those that were opened within them.
    fn close_unwanted(&mut self) {
        let unwanted = |marks: &InlineMarks| !self.wanted.has(*marks);
        if let Some(at) = self.open.iter().position(unwanted) {
            self.close_marks(at);
        }
    }

    /// Closes marks down to `depth` open ones. Those around an open link stay: the link ends first.
    fn close_marks(&mut self, depth: usize) {
        let around = self.link.as_ref().and_then(|link| link.at);
        if around.is_some_and(|(_, around)| depth < around) {
            self.write_link();
        }
        while self.open.len() > depth
            && let Some(marks) = self.open.pop()
        {
            let sign = SIGNS.iter().find(|(of, _)| *of == marks);
            self.text.push_str(sign.map_or("", |(_, sign)| sign));
        }
    }

    /// Puts the code that is open between backticks, one more than stand in it.
    fn close_code(&mut self) {
        let Some(at) = self.code_at.take() else {
            return;
        };
        let code = self.text.get(at..).unwrap_or("");
        if code.is_empty() {
            return;
        }
        let fence = "`".repeat(longest_run(code) + 1);
        let pad = match code.starts_with('`') || code.ends_with('`') {
            true => " ",
            false => "",
        };
        pace::spend(code.len() / 8);
        self.text.insert_str(at, &format!("{fence}{pad}"));
        self.text.push_str(pad);
        self.text.push_str(&fence);
        self.line = LineStart::Text;
    }

    /// Ends everything that cannot go on in another line.
    fn close_inline(&mut self) {
        self.close_code();
        self.write_link();
        self.close_marks(0);
    }

    /// Writes the address of the link that is open behind its words.
    fn write_link(&mut self) {
        let Some(link) = &mut self.link else { return };
        let Some((at, depth)) = link.at.take() else {
            return;
        };
        link.is_written = true;
        let url = link.url.replace('\\', "%5C");
        let words = unicode::one_line(&link.words, WORDS_MAX);
        let is_bare = is_address(&words, &link.url) && !link.url.starts_with("mailto:");
        self.close_code();
        self.close_marks(depth);
        if is_bare {
            self.text.truncate(at);
            self.text.push('<');
            self.text.push_str(&url);
            self.text.push('>');
            return;
        }
        let is_plain = !url.contains(['(', ')']);
        self.text.push_str(if is_plain { "](" } else { "](<" });
        self.text.push_str(&url);
        self.text.push_str(if is_plain { ")" } else { ">)" });
    }

    /// Line ends with what the containers put in front of a line, the marks of items, a heading.
    fn write_lines(&mut self) {
        self.close_inline();
        let is_first = self.text.is_empty();
        if self.after_list && self.spacing.line_breaks < 2 && !self.has_pending_marker() {
            self.spacing.line_breaks = 2;
        }
        let breaks = match self.spacing.is_exact && self.fence_at.is_some() {
            true => self.spacing.line_breaks.max(1),
            false => self.spacing.line_breaks.clamp(1, 2),
        };
        let is_hard = breaks == 1
            && !std::mem::take(&mut self.is_soft)
            && self.fence_at.is_none()
            && self.preformatted == 0
            && self.heading.is_none()
            && !self.has_pending_marker();
        for n in 0..if is_first { 1 } else { breaks } {
            if !is_first || n > 0 {
                let end = self.text.trim_end_matches([' ', '\t']).len();
                self.text.truncate(end);
                if is_hard && !self.text.ends_with('\n') {
                    self.text.push_str("  ");
                }
                self.text.push('\n');
            }
            self.write_prefix(n + 1 == breaks || is_first);
            if !self.has_room() {
                break;
            }
        }
        self.line = LineStart::Nothing;
        if self.preformatted > 0 && self.fence_at.is_none() {
            self.fence_at = Some(self.text.len());
            self.text.push_str(FENCE);
            self.text.push('\n');
            self.write_prefix(true);
        }
        if let Some((level, false)) = self.heading
            && self.captured.is_none()
        {
            for _ in 0..level {
                self.text.push('#');
            }
            self.text.push(' ');
        }
        if let Some(link) = self.link.as_mut().filter(|link| !link.words.is_empty()) {
            link.words.push(' ');
        }
    }

    fn has_pending_marker(&self) -> bool {
        let inner = self.containers.get(self.base..).unwrap_or_default();
        let is_pending = |of: &Container| matches!(of, Container::Item(_, Some(_)));
        inner.iter().rev().take(CONTAINERS_MAX).any(is_pending)
    }

    fn write_prefix(&mut self, with_markers: bool) {
        let inner = self.containers.get_mut(self.base..).unwrap_or_default();
        for container in inner.iter_mut().take(CONTAINERS_MAX) {
            match container {
                Container::Quote => self.text.push_str("> "),
                Container::Item(width, marker) => match marker.take_if(|_| with_markers) {
                    Some(marker) => self.text.push_str(&marker),
                    None => self.text.push_str(SPACES.get(..*width).unwrap_or(SPACES)),
                },
            }
        }
    }

    /// Appends text in which nothing is a mark. `in_note`: a bracket would end the note.
    fn push_escaped(&mut self, run: &str, in_note: bool) {
        let in_link = in_note || self.link.as_ref().is_some_and(|link| link.at.is_some());
        let bytes = run.as_bytes();
        let mut from = 0;
        for (at, &b) in bytes.iter().enumerate() {
            let before = match at.checked_sub(1).and_then(|at| bytes.get(at)) {
                Some(before) => Some(*before),
                None => self.text.as_bytes().last().copied(),
            };
            let next = bytes.get(at + 1).copied();
            let is_escaped = match b {
                b'\\' | b'`' | b'*' | b'[' | b'<' => true,
                b']' => in_link,
                b'_' => !(before.is_some_and(is_word) && next.is_some_and(is_word)),
                b'~' => before == Some(b'~') || next == Some(b'~'),
                b'#' | b'-' | b'+' if self.line == LineStart::Nothing => {
                    next.is_none_or(|next| next == b' ' || next == b)
                }
                b'>' | b'=' | b'|' => self.line == LineStart::Nothing,
                b'.' | b')' => {
                    matches!(self.line, LineStart::Digits(_))
                        && next.is_none_or(|next| next == b' ')
                }
                _ => false,
            };
            self.line = match (self.line, b) {
                (LineStart::Nothing, b' ') => LineStart::Nothing,
                (LineStart::Nothing, b'0'..=b'9') => LineStart::Digits(1),
                (LineStart::Digits(n), b'0'..=b'9') if n < 9 => LineStart::Digits(n + 1),
                _ => LineStart::Text,
            };
            if is_escaped {
                self.text.push_str(run.get(from..at).unwrap_or(""));
                self.text.push('\\');
                from = at;
            }
        }
        self.text.push_str(run.get(from..).unwrap_or(""));
    }

    /// Appends a line that is Markdown already.
    fn push_line(&mut self, line: &str) {
        self.wanted = InlineMarks::NONE;
        self.begin();
        self.text.push_str(line);
        self.line = LineStart::Text;
        self.spacing.last = None;
    }

    fn keep_clean(&mut self, url: String, text: String) {
        if self.links.len() < LINKS_MAX {
            self.links.push(PageLink { url, text });
        }
    }

    /// Ends the table that is captured: writes it as a table, or its cells one below the other. An
    /// `is_layout` table holds another one.
    fn write_captured(&mut self, is_layout: bool) {
        let Some(mut table) = self.captured.take() else {
            return;
        };
        self.close_fence();
        self.close_inline();
        let cell = std::mem::replace(&mut self.text, std::mem::take(&mut table.outside));
        table.end_cell(cell);
        self.base = table.base.min(self.containers.len());
        (self.spacing.line_breaks, self.spacing.space) = (table.line_breaks, false);
        let wanted = self.wanted;
        let heading = self.heading.take();
        match table.form(is_layout) {
            TableForm::Rows => {
                self.spacing.line_breaks = 2;
                table.each_line(|line| {
                    self.push_line(line);
                    (self.spacing.line_breaks, self.is_soft) = (1, true);
                    self.has_room()
                });
                (self.spacing.line_breaks, self.is_soft) = (2, false);
            }
            TableForm::Blocks => {
                for cell in table.cells() {
                    for line in cell.split('\n') {
                        let line = line.trim_end();
                        match line.is_empty() {
                            true => self.spacing.line_breaks = 2,
                            false => self.push_line(line),
                        }
                        self.end_line(1);
                    }
                }
            }
        }
        self.heading = heading;
        self.wanted = wanted;
    }

    /// Takes the text of the cell that ends.
    fn take_cell(&mut self) -> String {
        self.close_inline();
        (
            self.spacing.line_breaks,
            self.spacing.space,
            self.after_list,
        ) = (0, false, false);
        std::mem::take(&mut self.text)
    }

    fn close_fence(&mut self) {
        let Some(at) = self.fence_at else { return };
        self.spacing.line_breaks = 1;
        self.spacing.is_exact = false;
        let end = self.text.trim_end_matches([' ', '\t', '\n']).len();
        self.text.truncate(end.max(at + FENCE.len()));
        self.text.push('\n');
        self.write_prefix(true);
        let block = self.text.get(at + FENCE.len()..).unwrap_or("");
        pace::spend(block.len() / 8);
        let more = (longest_run(block) + 1).saturating_sub(FENCE.len());
        let more = "`".repeat(more);
        self.text.insert_str(at, &more);
        self.text.push_str(&more);
        self.text.push_str(FENCE);
        self.fence_at = None;
        self.spacing.line_breaks = 2;
        self.spacing.space = false;
    }
}

impl PageWriter for MarkdownWriter {
    const OCTET_WORK: usize = 4;

    fn spacing(&mut self) -> &mut Spacing {
        &mut self.spacing
    }

    fn link_words(&mut self) -> Option<&mut String> {
        self.link.as_mut().map(|link| &mut link.words)
    }

    fn keeps_breaks(&self) -> bool {
        self.fence_at.is_some() || self.preformatted > 0
    }

    fn push_run(&mut self, run: &str) {
        self.begin();
        match self.is_verbatim() {
            true => self.text.push_str(run),
            false => self.push_escaped(run, false),
        }
        self.spacing.last = run.chars().next_back();
        if let Some(link) = &mut self.link
            && link.words.len() < WORDS_MAX * 4
        {
            link.is_seen = true;
            link.words.push_str(unicode::prefix(run, WORDS_MAX * 4));
        }
    }

    fn room(&self) -> usize {
        let captured = self.captured.as_ref().map_or(0, CapturedTable::octets);
        let used = self.text.len().saturating_add(captured);
        self.bytes_max.saturating_sub(used)
    }

    fn is_empty(&self) -> bool {
        self.text.is_empty() && self.captured.as_ref().is_none_or(|t| t.octets() == 0)
    }

    fn has_unseen(&self) -> bool {
        self.spacing.has_unseen
    }

    fn finish(mut self, hidden_content: bool) -> HtmlPage {
        self.end_link();
        self.close_fence();
        self.close_inline();
        self.write_captured(false);
        let mut cut = unicode::prefix(&self.text, self.bytes_max).len();
        if let Some(start) = self.link_at.filter(|start| *start < cut) {
            let link = self.text.get(start..).unwrap_or("");
            let len = link.find(['\n']).unwrap_or(link.len());
            if cut < start + len {
                cut = start;
            }
        }
        let cut = self.text.get(..cut).unwrap_or("").trim_end().len();
        self.text.truncate(cut);
        HtmlPage {
            text: self.text,
            hidden_content,
            links: self.links,
        }
    }

    fn space(&mut self) {
        self.spacing.space = true;
    }

    fn end_line(&mut self, breaks: usize) {
        match self.heading {
            // A heading is one line.
            Some((_, true)) => self.spacing.space = true,
            _ => self.spacing.line_breaks = self.spacing.line_breaks.max(breaks),
        }
    }

    fn break_line(&mut self) {
        match self.heading {
            Some(_) => self.spacing.space = true,
            None => self.spacing.line_breaks += 1,
        }
    }

    fn rule(&mut self, _line: &str, _lines: LineEnds) {
        if self.fence_at.is_some() || self.captured.is_some() || self.heading.is_some() {
            return;
        }
        self.spacing.line_breaks = 2;
        let wanted = self.wanted;
        self.push_line("---");
        self.wanted = wanted;
        self.spacing.line_breaks = 2;
    }

    fn image(&mut self, alt: &str, is_embedded: bool) {
        if let Some(link) = &mut self.link {
            link.is_seen = true;
        }
        let alt = unicode::one_line(alt, WORDS_MAX);
        let has_words = alt.contains(char::is_alphanumeric);
        if !has_words && !is_embedded {
            return;
        }
        self.spacing.space = true;
        self.begin();
        if let Some(link) = &mut self.link
            && link.words.len() < WORDS_MAX * 4
        {
            link.words.push_str(&alt);
        }
        self.line = LineStart::Text;
        match (has_words, self.is_verbatim()) {
            (false, _) => self.text.push_str("[image]"),
            (true, true) => self.text.push_str(&alt),
            (true, false) => {
                self.text.push_str("[image: ");
                self.push_escaped(&alt, true);
                self.text.push(']');
            }
        }
        self.spacing.last = Some(']');
        self.spacing.space = true;
    }

    fn start_link(&mut self, url: Option<String>, is_hidden: bool) {
        self.end_link();
        let Some(url) = url else { return };
        self.link = Some(MarkedLink {
            url,
            words: String::new(),
            title: String::new(),
            is_seen: !is_hidden,
            at: None,
            is_written: false,
        });
    }

    fn title_link(&mut self, title: &str) {
        if let Some(link) = &mut self.link {
            unicode::one_line(title, WORDS_MAX).clone_into(&mut link.title);
        }
    }

    fn end_link(&mut self) {
        self.write_link();
        let Some(link) = self.link.take().filter(|link| link.is_seen) else {
            return;
        };
        if !link.url.starts_with("mailto:") {
            let words = unicode::one_line(&link.words, WORDS_MAX);
            let words = if words.is_empty() { link.title } else { words };
            self.keep_clean(link.url, words);
        }
    }

    fn keep_link(&mut self, url: String, text: &str) {
        self.keep_clean(url, unicode::one_line(text, WORDS_MAX));
    }

    fn start_quote(&mut self) {
        self.containers.push(Container::Quote);
    }

    fn end_quote(&mut self) {
        self.containers.pop();
        self.base = self.base.min(self.containers.len());
    }

    fn start_list(&mut self) {
        self.lists += 1;
        self.after_list = false;
    }

    fn end_list(&mut self) {
        self.lists = self.lists.saturating_sub(1);
        self.after_list = true;
        self.spacing.line_breaks = self.spacing.line_breaks.max(1);
    }

    fn lists(&self) -> usize {
        self.lists
    }

    fn start_item(&mut self, marker: Option<String>) {
        if marker.is_some() {
            self.close_fence();
            self.heading = None;
            // The items of a list stand together, also where one of them has a list.
            self.spacing.line_breaks = match self.lists > 1 || self.after_list {
                true => 1,
                false => self.spacing.line_breaks.max(1),
            };
        }
        // Other marks than numbers make no list of Markdown.
        let marker = marker.map(|marker| match marker.as_bytes().first() {
            Some(b'0'..=b'9' | b'-') if marker.len() <= MARKER_MAX => marker,
            _ => "1. ".to_owned(),
        });
        let width = marker.as_ref().map_or(0, String::len);
        self.containers.push(Container::Item(width, marker));
    }

    fn end_item(&mut self) {
        self.end_quote();
    }

    fn start_table(&mut self, is_data: bool) -> RowPlace {
        if self.captured.is_some() {
            if let Some(table) = self.tables.last_mut() {
                *table = OpenedTable::Layout;
            }
            self.write_captured(true);
        }
        self.tables.push(OpenedTable::New(is_data));
        RowPlace::default()
    }

    fn end_table(&mut self) {
        if self.tables.pop() == Some(OpenedTable::Captured) {
            self.write_captured(false);
        }
    }

    fn start_row(&mut self, is_data: bool) -> RowPlace {
        self.end_row(is_data);
        if self.captured.is_some() && self.preformatted == 0 {
            let cell = self.take_cell();
            if let Some(table) = &mut self.captured {
                table.start_row(cell);
            }
        }
        RowPlace::default()
    }

    fn end_row(&mut self, _is_data: bool) {
        self.end_line(1);
    }

    fn start_cell(&mut self, _row: &mut RowPlace, _is_data: bool, is_header: bool) {
        let Some(table) = self.tables.last().copied() else {
            return;
        };
        let now = match table {
            OpenedTable::New(is_data) if is_data || is_header => {
                match self.preformatted > 0 || self.captured.is_some() {
                    true => OpenedTable::Layout,
                    false => OpenedTable::Captured,
                }
            }
            OpenedTable::New(_) => OpenedTable::Layout,
            old => old,
        };
        if let Some(last) = self.tables.last_mut() {
            *last = now;
        }
        if now == OpenedTable::Captured && now != table {
            self.close_inline();
            let (outside, base) = (std::mem::take(&mut self.text), self.base);
            self.captured = Some(CapturedTable::new(outside, base, self.spacing.line_breaks));
            self.base = self.containers.len();
        }
        if now == OpenedTable::Layout || self.preformatted > 0 {
            return self.end_line(1);
        }
        let cell = self.take_cell();
        if let Some(captured) = &mut self.captured {
            captured.start_cell(cell, is_header);
        }
    }

    fn start_preformatted(&mut self) {
        self.spacing.skips_line_end = true;
        if self.preformatted == 0 {
            self.heading = None;
            self.close_inline();
        }
        self.preformatted += 1;
        if let Some(captured) = &mut self.captured {
            captured.has_block = true;
        }
    }

    fn end_preformatted(&mut self) {
        self.preformatted = self.preformatted.saturating_sub(1);
        if self.preformatted == 0 {
            self.close_fence();
        }
    }

    fn start_heading(&mut self, level: u8) {
        if self.preformatted == 0 {
            self.heading = Some((level.clamp(1, 6), false));
        }
    }

    fn end_heading(&mut self) {
        if self.heading.take().is_some() {
            self.end_line(2);
        }
    }

    fn set_marks(&mut self, marks: InlineMarks) {
        self.wanted = marks;
    }
}

fn is_word(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b >= 0x80
}

/// The most backticks in a row.
fn longest_run(text: &str) -> usize {
    let runs = text.as_bytes().chunk_by(|a, b| a == b);
    let ticks = runs.filter(|run| run.first() == Some(&b'`'));
    ticks.map(<[u8]>::len).max().unwrap_or(0)
}

const SIGNS: [(InlineMarks, &str); 3] = [
    (InlineMarks::BOLD, "**"),
    (InlineMarks::ITALIC, "*"),
    (InlineMarks::STRUCK, "~~"),
];
const FENCE: &str = "```";
const SPACES: &str = "            ";
/// Quotations and lists around a line that are shown.
const CONTAINERS_MAX: usize = 12;
/// Octets of the mark of an item: Markdown knows numbers of nine digits.
const MARKER_MAX: usize = 11;

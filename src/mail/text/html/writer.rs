//! The layout of visible text: lines, lists, rows of tables, quotations, addresses of links.
//!
//! White space is written when the next character comes, so that what closes a block and what
//! opens the next one make one gap. Every step costs what it writes.

use super::css::LineEnds;
use super::layout::{LINKS_MAX, PageWriter, RowPlace, Spacing, WORDS_MAX};
use super::{Addresses, HtmlPage, PageLink};
use crate::mail::unicode;

/// Writes the text of a page.
pub struct TextWriter {
    text: String,
    links: Vec<PageLink>,
    bytes_max: usize,
    addresses: Addresses,
    /// Blockquotes that are open.
    quotes: usize,
    /// Lists that are open.
    lists: usize,
    spacing: Spacing,
    /// The mark of a list item that has no text yet.
    marker: Option<String>,
    /// What separates the cell that begins from the one before.
    separator: Option<Separator>,
    /// Where the current line begins.
    line_start: usize,
    link: Option<OpenLink>,
    /// The address that follows the words of the link that has ended.
    address: Option<String>,
    /// Where the last address was written, so that a cut does not divide it.
    address_start: Option<usize>,
}

/// A link whose end has not come.
struct OpenLink {
    url: String,
    words: String,
    /// Words of an image, for a link without text.
    title: String,
    /// It has something to see.
    is_seen: bool,
}

/// What stands between two cells of a row.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Separator {
    Space,
    Tabs(usize),
}

impl TextWriter {
    /// A writer of at most `bytes_max` octets.
    pub fn new(bytes_max: usize, addresses: Addresses) -> TextWriter {
        TextWriter {
            text: String::new(),
            links: Vec::new(),
            bytes_max,
            addresses,
            quotes: 0,
            lists: 0,
            spacing: Spacing::default(),
            marker: None,
            separator: None,
            line_start: 0,
            link: None,
            address: None,
            address_start: None,
        }
    }

    /// The place of a row that begins here.
    fn row(&self) -> RowPlace {
        RowPlace {
            start: self.text.len(),
            cells: 0,
        }
    }

    fn keep_clean(&mut self, url: String, text: String) {
        if self.links.len() < LINKS_MAX {
            self.links.push(PageLink { url, text });
        }
    }

    /// Writes the white space that comes before the next character.
    fn white_space(&mut self) {
        self.spacing.skips_line_end = false;
        if self.address.is_some() {
            self.write_address();
        }
        if self.text.is_empty() || self.spacing.line_breaks > 0 {
            self.write_lines();
        } else if let Some(separator) = self.separator {
            match separator {
                Separator::Space if self.text.ends_with([' ', '\n']) => {}
                Separator::Space => self.text.push(' '),
                Separator::Tabs(n) => self.write_tabs(n),
            }
        } else if self.spacing.space && !self.text.ends_with([' ', '\n', '\t']) {
            self.text.push(' ');
        }
        self.separator = None;
        self.spacing.line_breaks = 0;
        self.spacing.is_exact = false;
        self.spacing.space = false;
    }

    fn write_tabs(&mut self, n: usize) {
        for _ in 0..n.min(COLUMNS_MAX) {
            self.text.push('\t');
        }
    }

    /// Line ends with the marks of quotations, then the mark of an item or its indent.
    fn write_lines(&mut self) {
        let is_first = self.text.is_empty();
        let breaks = match self.spacing.is_exact {
            true => self.spacing.line_breaks.max(1),
            false => self.spacing.line_breaks.clamp(1, 2),
        };
        // The first line of a text needs no line end.
        for n in 0..if is_first { 1 } else { breaks } {
            if !is_first || n > 0 {
                let end = self.text.trim_end_matches([' ', '\t']).len();
                self.text.truncate(end);
                self.text.push('\n');
            }
            self.line_start = self.text.len();
            for _ in 0..self.quotes.min(QUOTES_MAX) {
                self.text.push_str("> ");
            }
            if self.text.len() >= self.bytes_max {
                break;
            }
        }
        if let Some(link) = self.link.as_mut().filter(|link| !link.words.is_empty()) {
            link.words.push(' ');
        }
        let levels = self.lists.min(LISTS_MAX);
        match self.marker.take() {
            Some(marker) => {
                self.indent(levels.saturating_sub(1));
                self.text.push_str(&marker);
            }
            None => self.indent(levels),
        }
        if let Some(Separator::Tabs(n)) = self.separator {
            self.write_tabs(n);
        }
    }

    fn indent(&mut self, levels: usize) {
        for _ in 0..levels {
            self.text.push_str("  ");
        }
    }

    fn write_address(&mut self) {
        let Some(url) = self.address.take() else {
            return;
        };
        let end = self.text.trim_end_matches([' ', '\t']).len();
        self.text.truncate(end);
        self.address_start = Some(end);
        self.text.push_str(" <");
        self.text.push_str(&url);
        self.text.push('>');
        self.spacing.last = Some('>');
    }
}

impl PageWriter for TextWriter {
    const OCTET_WORK: usize = 2;

    fn spacing(&mut self) -> &mut Spacing {
        &mut self.spacing
    }

    fn link_words(&mut self) -> Option<&mut String> {
        self.link.as_mut().map(|link| &mut link.words)
    }

    fn push_run(&mut self, run: &str) {
        self.white_space();
        self.text.push_str(run);
        self.spacing.last = run.chars().next_back();
        if let Some(link) = &mut self.link
            && link.words.len() < WORDS_MAX * 4
        {
            link.is_seen = true;
            link.words.push_str(unicode::prefix(run, WORDS_MAX * 4));
        }
    }

    fn room(&self) -> usize {
        self.bytes_max.saturating_sub(self.text.len())
    }

    fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    fn finish(mut self, hidden_content: bool) -> HtmlPage {
        self.end_link();
        self.write_address();
        let mut cut = unicode::prefix(&self.text, self.bytes_max).len();
        if let Some(start) = self.address_start.filter(|start| *start < cut) {
            let address = self.text.get(start..).unwrap_or("");
            let len = address.find('>').map_or(address.len(), |at| at + 1);
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

    fn end_line(&mut self, breaks: usize) {
        // A block at the start of a cell or item stands behind its separator or mark.
        if self.separator.is_none() && self.marker.is_none() {
            self.spacing.line_breaks = self.spacing.line_breaks.max(breaks);
        }
    }

    fn break_line(&mut self) {
        if self.separator.is_none() && self.marker.is_none() {
            self.spacing.line_breaks += 1;
        }
    }

    fn start_preformatted(&mut self) {
        self.spacing.skips_line_end = true;
    }

    fn start_item(&mut self, marker: Option<String>) {
        let Some(marker) = marker else { return };
        self.separator = None;
        self.marker = None;
        self.spacing.line_breaks = self.spacing.line_breaks.max(1);
        self.marker = Some(marker);
    }

    fn end_item(&mut self) {
        self.marker = None;
    }

    fn start_row(&mut self, is_data: bool) -> RowPlace {
        self.end_row(is_data);
        self.row()
    }

    fn end_row(&mut self, is_data: bool) {
        self.separator = None;
        self.end_line(1);
        if is_data && self.spacing.line_breaks > 1 && self.marker.is_none() {
            self.spacing.line_breaks = 1;
        }
    }

    fn start_cell(&mut self, row: &mut RowPlace, is_data: bool, _is_header: bool) {
        row.cells += 1;
        if self.text.len() <= row.start {
            // What a cell begins with stands in the line of its row.
            if is_data {
                self.separator = Some(Separator::Tabs(row.cells - 1));
            }
            return;
        }
        if row.cells == 1 {
            return;
        }
        let before = self.text.get(row.start..self.line_start).unwrap_or("");
        let is_one_line =
            before.len() <= MARKS_MAX && before.bytes().all(|b| matches!(b, b'\n' | b'>' | b' '));
        let is_short = self.text.len() - self.line_start <= CELL_LINE_MAX;
        if !is_one_line || !(is_short || is_data) {
            self.separator = None;
            self.end_line(1);
            return;
        }
        self.spacing.line_breaks = 0;
        self.spacing.is_exact = false;
        self.separator = Some(match (is_data, self.separator) {
            (true, Some(Separator::Tabs(n))) => Separator::Tabs(n + 1),
            (true, _) => Separator::Tabs(1),
            (false, _) => Separator::Space,
        });
    }

    fn start_link(&mut self, url: Option<String>, is_hidden: bool) {
        self.end_link();
        let Some(url) = url else { return };
        let mut words = String::new();
        if self.address.as_deref() == Some(&url) {
            self.address = None;
            if let Some(link) = self.links.pop_if(|link| link.url == url) {
                words = link.text;
                words.push(' ');
            }
        }
        self.link = Some(OpenLink {
            url,
            words,
            title: String::new(),
            is_seen: !is_hidden,
        });
    }

    fn title_link(&mut self, title: &str) {
        if let Some(link) = &mut self.link {
            unicode::one_line(title, WORDS_MAX).clone_into(&mut link.title);
        }
    }

    fn end_link(&mut self) {
        let Some(link) = self.link.take().filter(|link| link.is_seen) else {
            return;
        };
        let words = unicode::one_line(&link.words, WORDS_MAX);
        if self.addresses == Addresses::Shown && !words.is_empty() && !is_address(&words, &link.url)
        {
            self.address = Some(link.url.clone());
        }
        if !link.url.starts_with("mailto:") {
            let words = if words.is_empty() {
                &link.title
            } else {
                &words
            };
            // Both are one line already.
            self.keep_clean(link.url, words.clone());
        }
    }

    fn keep_link(&mut self, url: String, text: &str) {
        if self.links.len() < LINKS_MAX {
            self.keep_clean(url, unicode::one_line(text, WORDS_MAX));
        }
    }

    fn image(&mut self, alt: &str, _is_embedded: bool) {
        if let Some(link) = &mut self.link {
            link.is_seen = true;
        }
        // A picture of a face belongs to its sentence, a logo stands by itself.
        let is_words = alt.contains(char::is_alphanumeric);
        self.spacing.space |= is_words;
        self.push(alt, LineEnds::Collapsed);
        self.spacing.space |= is_words;
    }

    fn space(&mut self) {
        self.spacing.space = true;
    }

    fn has_unseen(&self) -> bool {
        self.spacing.has_unseen
    }

    fn rule(&mut self, line: &str, lines: LineEnds) {
        self.push(line, lines);
    }

    fn start_quote(&mut self) {
        self.quotes += 1;
    }

    fn end_quote(&mut self) {
        self.quotes = self.quotes.saturating_sub(1);
    }

    fn start_list(&mut self) {
        self.lists += 1;
    }

    fn end_list(&mut self) {
        self.lists = self.lists.saturating_sub(1);
    }

    fn lists(&self) -> usize {
        self.lists
    }

    fn start_table(&mut self, _is_data: bool) -> RowPlace {
        self.row()
    }

    fn end_table(&mut self) {}
}

/// Whether the words of a link are its address already: the scheme and a slash at the end make
/// no difference, and neither does the name beside an address of mail.
pub(super) fn is_address(words: &str, url: &str) -> bool {
    if let Some(address) = url.strip_prefix("mailto:") {
        let address = address.split('?').next().unwrap_or("");
        return address.is_empty()
            || words
                .to_ascii_lowercase()
                .contains(&address.to_ascii_lowercase());
    }
    let bare = |text: &str| {
        let text = text.split_once("://").map_or(text, |(_, rest)| rest);
        text.trim_matches(['<', '>'])
            .trim_end_matches('/')
            .to_owned()
    };
    bare(words).eq_ignore_ascii_case(&bare(url))
}

/// Marks of quotations at the start of a line.
const QUOTES_MAX: usize = 5;
/// Levels of lists that are indented.
const LISTS_MAX: usize = 8;
/// Tabs for empty cells.
const COLUMNS_MAX: usize = 32;
/// Line ends and marks before the first text of a row.
const MARKS_MAX: usize = 64;
/// Octets of a line that the next cell of a layout may join. Columns of text are longer.
const CELL_LINE_MAX: usize = 80;

//! The plain text of a message that was written in Markdown: what a person would type instead.
//!
//! Headings, emphasis and code lose their signs. A link stands behind its words, a list keeps its
//! bullets, a quotation its `>`, and the cells of a table stand in one line. The rule: **every line
//! has the marks of at most [`LEVELS_MAX`] levels**, so that deep nesting does not multiply.

use pulldown_cmark::{Event, Tag, TagEnd};

use super::markup::{CELLS_MAX, is_break, link_target};

/// The text while it is written.
#[derive(Default)]
pub(super) struct PlainText {
    out: String,
    levels: Vec<TextLevel>,
    /// The numbers of the lists that are open.
    lists: Vec<Option<u64>>,
    links: Vec<ShownLink>,
    gap: Gap,
    /// Something stands in the line.
    in_line: bool,
    cells_in_row: usize,
    cells: usize,
}

/// A container whose mark stands in front of its lines.
enum TextLevel {
    Quote,
    /// Of a list: its mark, and whether that has been written.
    Item(String, bool),
    Code,
}

/// A link, and where its words begin.
struct ShownLink {
    target: Option<String>,
    words_at: usize,
}

/// What stands between the last block and the next.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Gap {
    #[default]
    None,
    Line,
    Blank,
}

impl PlainText {
    pub fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text)
            | Event::Html(text)
            | Event::Code(text)
            | Event::InlineMath(text)
            | Event::DisplayMath(text)
            | Event::FootnoteReference(text) => self.words(text),
            Event::InlineHtml(tag) if is_break(tag) => self.words("\n"),
            Event::InlineHtml(tag) => self.words(tag),
            Event::SoftBreak | Event::HardBreak => self.words("\n"),
            Event::Rule => {
                self.gap = Gap::Blank;
                self.words("----");
                self.gap = Gap::Blank;
            }
            Event::TaskListMarker(_) => {}
        }
    }

    pub fn finish(mut self) -> String {
        while self.out.ends_with('\n') {
            self.out.pop();
        }
        if !self.out.is_empty() {
            self.out.push('\n');
        }
        self.out
    }

    fn start(&mut self, tag: &Tag<'_>) {
        match tag {
            Tag::Paragraph | Tag::Heading { .. } | Tag::HtmlBlock | Tag::Table(_) => self.block(),
            Tag::BlockQuote(_) => {
                self.block();
                self.levels.push(TextLevel::Quote);
            }
            Tag::CodeBlock(_) => {
                self.block();
                self.levels.push(TextLevel::Code);
            }
            Tag::List(first) => {
                self.gap = self.gap.max(Gap::Line);
                self.lists.push(*first);
            }
            Tag::Item => {
                self.gap = self.gap.max(Gap::Line);
                let mark = match self.lists.last_mut() {
                    Some(Some(number)) => {
                        let mark = format!("{number}. ");
                        *number = number.saturating_add(1);
                        mark
                    }
                    _ => "- ".to_owned(),
                };
                self.levels.push(TextLevel::Item(mark, false));
            }
            Tag::TableHead | Tag::TableRow => {
                self.gap = self.gap.max(Gap::Line);
                self.cells_in_row = 0;
            }
            Tag::TableCell => {
                self.cells += 1;
                if self.cells_in_row > 0 && self.cells <= CELLS_MAX {
                    self.words(" | ");
                }
                self.cells_in_row += 1;
            }
            Tag::Link {
                link_type,
                dest_url,
                ..
            } => {
                self.begin_line();
                self.links.push(ShownLink {
                    target: link_target(*link_type, dest_url),
                    words_at: self.out.len(),
                });
            }
            _ => {}
        }
    }

    fn end(&mut self, tag: &TagEnd) {
        match tag {
            TagEnd::Paragraph | TagEnd::Heading(_) | TagEnd::HtmlBlock | TagEnd::Table => {
                self.gap = Gap::Blank;
            }
            TagEnd::BlockQuote(_) | TagEnd::CodeBlock => {
                self.levels.pop();
                self.gap = Gap::Blank;
            }
            TagEnd::List(_) => {
                self.lists.pop();
                if self.lists.is_empty() {
                    self.gap = Gap::Blank;
                }
            }
            TagEnd::Item => {
                // An item without a text has its mark all the same.
                if matches!(self.levels.last(), Some(TextLevel::Item(_, false))) {
                    self.begin_line();
                }
                self.levels.pop();
                self.gap = self.gap.max(Gap::Line);
            }
            TagEnd::TableHead => {
                self.gap = Gap::Line;
                self.words("----");
                self.gap = Gap::Line;
            }
            TagEnd::Link => self.end_link(),
            _ => {}
        }
    }

    /// The address of a link stands behind its words, unless they say it.
    fn end_link(&mut self) {
        let Some(ShownLink { target, words_at }) = self.links.pop() else {
            return;
        };
        let Some(target) = target else { return };
        let words = self.out.get(words_at..).unwrap_or_default().trim();
        if words == target || Some(words) == target.strip_prefix("mailto:") {
            return;
        }
        match words.is_empty() {
            true => self.words(&target),
            false => self.words(&format!(" <{target}>")),
        }
    }

    /// A block begins: a blank line stands before it, except at the mark of an item.
    fn block(&mut self) {
        let is_first = matches!(self.levels.last(), Some(TextLevel::Item(_, false)));
        if !self.out.is_empty() && !is_first {
            self.gap = Gap::Blank;
        }
    }

    fn words(&mut self, text: &str) {
        for (n, line) in text.split('\n').enumerate() {
            if n > 0 {
                if !self.in_line {
                    self.begin_line();
                }
                self.end_line();
            }
            if !line.is_empty() {
                self.begin_line();
                self.out.push_str(line.trim_end_matches('\r'));
            }
        }
    }

    fn begin_line(&mut self) {
        let gap = core::mem::take(&mut self.gap);
        if gap != Gap::None && self.in_line {
            self.end_line();
        }
        if self.in_line {
            return;
        }
        if gap == Gap::Blank && !self.out.is_empty() {
            self.marks(true);
            self.end_line();
        }
        self.marks(false);
        self.in_line = true;
    }

    /// Writes the marks of the outer levels. A blank line writes no mark of an item.
    fn marks(&mut self, is_blank: bool) {
        for level in self.levels.iter_mut().take(LEVELS_MAX) {
            match level {
                TextLevel::Quote => self.out.push_str("> "),
                TextLevel::Code => self.out.push_str("    "),
                TextLevel::Item(mark, is_written) if !*is_written && !is_blank => {
                    self.out.push_str(mark);
                    *is_written = true;
                }
                TextLevel::Item(mark, _) => self.out.extend(mark.chars().map(|_| ' ')),
            }
        }
    }

    fn end_line(&mut self) {
        let kept = self.out.trim_end_matches(' ').len();
        self.out.truncate(kept);
        self.out.push('\n');
        self.in_line = false;
    }
}

/// Levels whose marks are written.
const LEVELS_MAX: usize = 8;

//! What a reader of a page asks of the writer that lays it out. There are two: one for text
//! (`writer.rs`), one for Markdown (`markdown.rs`).
//!
//! The reader decides what is seen; a writer decides how it looks. The rule: every `start_` of an
//! element that is open has its `end_`, in the order of the elements.

use super::HtmlPage;
use super::css::LineEnds;
use crate::mail::unicode::{Visibility, visibility};
use crate::pace;

/// Lays out what is seen of a page.
pub trait PageWriter {
    /// The octets that the text may still have.
    fn room(&self) -> usize;
    /// The text has no character yet.
    fn is_empty(&self) -> bool;
    /// A character that no one sees was found in visible text.
    fn has_unseen(&self) -> bool;
    /// The page that was written.
    fn finish(self, hidden_content: bool) -> HtmlPage;

    /// The work of an octet that stands as it is.
    const OCTET_WORK: usize;
    /// The white space before the next character.
    fn spacing(&mut self) -> &mut Spacing;
    /// The words of the link that is open.
    fn link_words(&mut self) -> Option<&mut String>;
    /// Whether every line break counts in preformatted text that comes now.
    fn keeps_breaks(&self) -> bool {
        true
    }
    /// Appends characters that are seen, behind the white space.
    fn push_run(&mut self, run: &str);

    /// Appends visible text.
    fn push(&mut self, text: &str, lines: LineEnds) {
        let mut rest = text;
        while !rest.is_empty() && self.room() > 0 {
            let run = plain_run(rest.as_bytes(), lines);
            pace::spend(run * Self::OCTET_WORK + CHAR_WORK);
            if run > 0 {
                let (plain, tail) = rest.split_at_checked(run).unwrap_or((rest, ""));
                self.push_run(plain);
                rest = tail;
            }
            let Some(c) = rest.chars().next() else { break };
            rest = rest.get(c.len_utf8()..).unwrap_or("");
            self.push_char(c, lines);
        }
    }

    /// Appends one character: one that is seen, or white space for later.
    fn push_char(&mut self, c: char, lines: LineEnds) {
        let keeps_breaks = self.keeps_breaks();
        match self.spacing().take(c, lines, keeps_breaks) {
            CharPlace::Nothing => {}
            CharPlace::Space => {
                if let Some(words) = self.link_words()
                    && !words.is_empty()
                    && words.len() < WORDS_MAX * 4
                {
                    words.push(' ');
                }
            }
            CharPlace::Seen => self.push_run(c.encode_utf8(&mut [0; 4])),
        }
    }

    /// A space comes before the next character.
    fn space(&mut self);
    /// Ends the line; with 2, a blank line follows.
    fn end_line(&mut self, breaks: usize);
    /// A `br`.
    fn break_line(&mut self);
    /// A line across the page stands here, and in text these characters.
    fn rule(&mut self, line: &str, lines: LineEnds);
    /// An image stands here; its words stand for it. `is_embedded`: its octets are in the page.
    fn image(&mut self, alt: &str, is_embedded: bool);

    /// A link begins.
    fn start_link(&mut self, url: Option<String>, is_hidden: bool);
    /// Words that an open link has beside its text.
    fn title_link(&mut self, title: &str);
    /// A link ends.
    fn end_link(&mut self);
    /// A link that the text does not show, such as one of an image map.
    fn keep_link(&mut self, url: String, text: &str);

    /// A quotation begins.
    fn start_quote(&mut self);
    /// It ends.
    fn end_quote(&mut self);
    /// A list begins.
    fn start_list(&mut self);
    /// It ends.
    fn end_list(&mut self);
    /// Lists that are open.
    fn lists(&self) -> usize;
    /// A list item begins; `None` when nothing of it is seen.
    fn start_item(&mut self, marker: Option<String>);
    /// It ends.
    fn end_item(&mut self);

    /// A table begins. `is_data`: nothing says that it only places things.
    fn start_table(&mut self, is_data: bool) -> RowPlace;
    /// It ends.
    fn end_table(&mut self);
    /// A row begins.
    fn start_row(&mut self, is_data: bool) -> RowPlace;
    /// A row ends.
    fn end_row(&mut self, is_data: bool);
    /// A cell begins.
    fn start_cell(&mut self, row: &mut RowPlace, is_data: bool, is_header: bool);

    /// Preformatted text begins.
    fn start_preformatted(&mut self);
    /// It ends.
    fn end_preformatted(&mut self) {}
    /// A heading of this level begins.
    fn start_heading(&mut self, _level: u8) {}
    /// It ends.
    fn end_heading(&mut self) {}
    /// What follows has these marks.
    fn set_marks(&mut self, _marks: InlineMarks) {}
}

/// The white space that has come and is written when the next character comes, so that what closes
/// a block and what opens the next one make one gap.
#[derive(Default)]
pub struct Spacing {
    /// Line ends.
    pub line_breaks: usize,
    /// Every line break counts: they come from preformatted text.
    pub is_exact: bool,
    /// A space.
    pub space: bool,
    /// A line end at the start of preformatted text is not shown.
    pub skips_line_end: bool,
    /// The last character that was written.
    pub last: Option<char>,
    /// A character that no one sees was found in visible text.
    pub has_unseen: bool,
}

/// What a character of visible text is for the layout.
enum CharPlace {
    /// Nothing, or the end of a line.
    Nothing,
    /// A space.
    Space,
    /// It is seen.
    Seen,
}

impl Spacing {
    /// Takes the next character.
    fn take(&mut self, c: char, lines: LineEnds, keeps_breaks: bool) -> CharPlace {
        if lines != LineEnds::Collapsed && (c == '\n' || c == '\r') {
            if c == '\n' && !core::mem::take(&mut self.skips_line_end) {
                self.line_breaks += 1;
                self.is_exact = keeps_breaks;
            }
            return CharPlace::Nothing;
        }
        self.skips_line_end = false;
        if c.is_whitespace() && (lines != LineEnds::Exact || (c != ' ' && c != '\t')) {
            self.space = true;
            return CharPlace::Space;
        }
        match visibility(self.last, c) {
            Visibility::Keep => CharPlace::Seen,
            Visibility::Drop => CharPlace::Nothing,
            Visibility::Hide => {
                self.has_unseen = true;
                CharPlace::Nothing
            }
        }
    }
}

/// The place of the row of a table that is being written.
#[derive(Clone, Copy, Default)]
pub struct RowPlace {
    /// The length of the text when it began.
    pub start: usize,
    /// Its cells so far.
    pub cells: usize,
}

/// How a piece of text is set off from the text around it, as bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct InlineMarks(pub u8);

impl InlineMarks {
    /// None.
    pub const NONE: InlineMarks = InlineMarks(0);
    /// `b`, `strong`
    pub const BOLD: InlineMarks = InlineMarks(1);
    /// `i`, `em`
    pub const ITALIC: InlineMarks = InlineMarks(2);
    /// `s`, `del`
    pub const STRUCK: InlineMarks = InlineMarks(4);
    /// `code`, `tt`
    pub const CODE: InlineMarks = InlineMarks(8);

    /// Whether all of `other` are set.
    pub const fn has(self, other: InlineMarks) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both together.
    pub const fn with(self, other: InlineMarks) -> InlineMarks {
        InlineMarks(self.0 | other.0)
    }
}

/// How many octets at the start are visible ASCII with single spaces between them.
fn plain_run(text: &[u8], lines: LineEnds) -> usize {
    let mut end = 0;
    for (at, &b) in text.iter().enumerate() {
        match b {
            b'!'..=b'~' => end = at + 1,
            b' ' if lines == LineEnds::Exact => end = at + 1,
            b' ' if at > 0 && end == at => {}
            _ => break,
        }
    }
    end
}

/// Nanoseconds of a character that is no plain ASCII.
const CHAR_WORK: usize = 15;
/// Links that are kept of one page.
pub(super) const LINKS_MAX: usize = 200;
/// Characters of the words of a link.
pub(super) const WORDS_MAX: usize = 200;

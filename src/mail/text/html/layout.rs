//! What a reader of a page asks of the writer that lays it out. There are two: one for text
//! (`writer.rs`), one for Markdown (`markdown.rs`).
//!
//! The reader decides what is seen; a writer decides how it looks. The rule: every `start_` of an
//! element that is open has its `end_`, in the order of the elements.

use super::HtmlPage;
use super::css::LineEnds;

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

    /// Appends visible text.
    fn push(&mut self, text: &str, lines: LineEnds);
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

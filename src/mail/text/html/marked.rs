//! What is open while a page is written as Markdown: containers, links, tables, the beginning of a
//! line. How they are written is in `markdown.rs`.

/// What the lines of an element begin with.
pub enum Container {
    /// A quotation.
    Quote,
    /// An item: the width of its mark, and the mark until a line has it.
    Item(usize, Option<String>),
}

/// How much of a line there is, as far as its beginning can be the mark of a block.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum LineStart {
    /// No character.
    Nothing,
    /// Digits alone.
    Digits(usize),
    /// It can be no mark any more.
    Text,
}

/// A link whose end has not come.
pub struct MarkedLink {
    /// Its address.
    pub url: String,
    /// Its words so far.
    pub words: String,
    /// Words that it has beside its text.
    pub title: String,
    pub is_seen: bool,
    /// Where its bracket stands, and how many marks were open around it.
    pub at: Option<(usize, usize)>,
    /// Its address is written, because its line has ended.
    pub is_written: bool,
}

/// A table that is open.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum OpenedTable {
    /// No cell has come. Whether nothing says that it only places things.
    New(bool),
    /// Its cells are kept until its end.
    Captured,
    /// Its cells are written one below the other.
    Layout,
}

//! The elements of HTML, by what the text of a page needs to know of them.
//!
//! An element is a hash of its name and a kind. Two names with one hash would only close each
//! other wrongly.

use super::layout::InlineMarks;

/// The hash of a name: FNV-1a.
pub const fn hash(name: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut rest = name;
    while let Some((b, tail)) = rest.split_first() {
        hash = (hash ^ *b as u64).wrapping_mul(0x0000_0100_0000_01b3);
        rest = tail;
    }
    hash
}

/// The level of a heading by the hash of its name; 0 for another element.
pub fn heading_level(name: u64) -> u8 {
    const NAMES: [&[u8]; 6] = [b"h1", b"h2", b"h3", b"h4", b"h5", b"h6"];
    const HASHES: [u64; 6] = [
        hash(NAMES[0]),
        hash(NAMES[1]),
        hash(NAMES[2]),
        hash(NAMES[3]),
        hash(NAMES[4]),
        hash(NAMES[5]),
    ];
    let level = HASHES.iter().zip(1..).find(|(of, _)| **of == name);
    level.map_or(0, |(_, level)| level)
}

/// How an element sets its text off, by the hash of its name.
pub fn marks_of(name: u64) -> InlineMarks {
    const MARKS: [(u64, InlineMarks); 14] = [
        (hash(b"b"), InlineMarks::BOLD),
        (hash(b"strong"), InlineMarks::BOLD),
        (hash(b"i"), InlineMarks::ITALIC),
        (hash(b"em"), InlineMarks::ITALIC),
        (hash(b"cite"), InlineMarks::ITALIC),
        (hash(b"dfn"), InlineMarks::ITALIC),
        (hash(b"s"), InlineMarks::STRUCK),
        (hash(b"strike"), InlineMarks::STRUCK),
        (hash(b"del"), InlineMarks::STRUCK),
        (hash(b"code"), InlineMarks::CODE),
        (hash(b"tt"), InlineMarks::CODE),
        (hash(b"kbd"), InlineMarks::CODE),
        (hash(b"samp"), InlineMarks::CODE),
        (hash(b"var"), InlineMarks::CODE),
    ];
    let found = MARKS.iter().find(|(of, _)| *of == name);
    found.map_or(InlineMarks::NONE, |(_, marks)| *marks)
}

/// What an element does to the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ElementKind {
    /// `a`
    Anchor,
    /// `area`, a link of an image map.
    Area,
    /// A block without a meaning of its own.
    Block,
    /// `blockquote`
    Blockquote,
    /// `body`
    Body,
    /// `br`
    Break,
    /// `button`, which has a style of its own.
    Button,
    /// `td`
    Cell,
    /// `dd`, `dt`
    Description,
    /// `font`
    Font,
    /// An inline element that an end tag closes across blocks: `b`, `i` and the like.
    Formatting,
    /// `th`
    HeaderCell,
    /// `hr`
    Rule,
    /// `img`
    Image,
    /// `li`
    Item,
    /// `ol`
    Numbered,
    /// `noscript`: mail programs run no scripts, so its content is shown.
    NoScript,
    /// `option`
    Option,
    /// `p`, headings and others with a blank line around them.
    Paragraph,
    /// `pre`
    Preformatted,
    /// `tr`
    Row,
    /// Never shown, and no sign of hidden content.
    Skipped,
    /// `style`
    Style,
    /// `table`
    Table,
    /// `caption`, `thead`, `tbody`, `tfoot`
    TablePart,
    /// `ul`
    Unnumbered,
    /// An element without content that shows nothing.
    Void,
    /// Any other: part of a line.
    #[default]
    Inline,
}

impl ElementKind {
    /// The kind of a name in lower case.
    pub fn of(name: &[u8]) -> ElementKind {
        match name {
            b"a" => ElementKind::Anchor,
            b"area" => ElementKind::Area,
            b"blockquote" => ElementKind::Blockquote,
            b"body" => ElementKind::Body,
            b"br" => ElementKind::Break,
            b"button" => ElementKind::Button,
            b"td" => ElementKind::Cell,
            b"th" => ElementKind::HeaderCell,
            b"dd" | b"dt" => ElementKind::Description,
            b"font" => ElementKind::Font,
            b"hr" => ElementKind::Rule,
            b"img" | b"image" => ElementKind::Image,
            b"li" => ElementKind::Item,
            b"ol" => ElementKind::Numbered,
            b"noscript" => ElementKind::NoScript,
            b"option" => ElementKind::Option,
            b"p" | b"h1" | b"h2" | b"h3" | b"h4" | b"h5" | b"h6" | b"dl" => ElementKind::Paragraph,
            b"pre" | b"listing" | b"xmp" | b"plaintext" => ElementKind::Preformatted,
            b"tr" => ElementKind::Row,
            b"style" => ElementKind::Style,
            b"table" => ElementKind::Table,
            b"caption" | b"thead" | b"tbody" | b"tfoot" => ElementKind::TablePart,
            b"ul" | b"menu" | b"dir" => ElementKind::Unnumbered,
            b"b" | b"big" | b"code" | b"em" | b"i" | b"nobr" | b"s" | b"small" | b"strike"
            | b"strong" | b"tt" | b"u" => ElementKind::Formatting,
            b"base" | b"basefont" | b"bgsound" | b"col" | b"embed" | b"frame" | b"input"
            | b"keygen" | b"link" | b"meta" | b"param" | b"source" | b"track" | b"wbr" => {
                ElementKind::Void
            }
            b"script" | b"title" | b"template" | b"noembed" | b"noframes" | b"object"
            | b"textarea" | b"select" | b"svg" | b"math" | b"iframe" | b"audio" | b"video"
            | b"canvas" | b"datalist" => ElementKind::Skipped,
            b"address" | b"article" | b"aside" | b"center" | b"details" | b"dialog" | b"div"
            | b"fieldset" | b"figcaption" | b"figure" | b"footer" | b"form" | b"header"
            | b"hgroup" | b"html" | b"legend" | b"main" | b"nav" | b"optgroup" | b"search"
            | b"section" | b"summary" => ElementKind::Block,
            _ => ElementKind::Inline,
        }
    }

    /// It has no content and no end tag.
    pub fn is_void(self) -> bool {
        matches!(
            self,
            ElementKind::Area
                | ElementKind::Break
                | ElementKind::Image
                | ElementKind::Rule
                | ElementKind::Void
        )
    }

    /// It and everything in it is left out.
    pub fn is_skipped(self) -> bool {
        matches!(self, ElementKind::Skipped | ElementKind::Style)
    }

    /// A cell of a table.
    pub fn is_cell(self) -> bool {
        matches!(self, ElementKind::Cell | ElementKind::HeaderCell)
    }

    /// A table or a part of one.
    pub fn is_tabular(self) -> bool {
        self.is_cell()
            || matches!(
                self,
                ElementKind::Row | ElementKind::Table | ElementKind::TablePart
            )
    }

    /// Its end tag closes it across blocks.
    pub fn is_formatting(self) -> bool {
        matches!(
            self,
            ElementKind::Anchor | ElementKind::Font | ElementKind::Formatting
        )
    }

    /// A list.
    pub fn is_list(self) -> bool {
        matches!(self, ElementKind::Numbered | ElementKind::Unnumbered)
    }

    /// It begins a line of its own.
    pub fn is_block(self) -> bool {
        self.is_tabular()
            || self.is_list()
            || matches!(
                self,
                ElementKind::Block
                    | ElementKind::Blockquote
                    | ElementKind::Body
                    | ElementKind::Description
                    | ElementKind::Item
                    | ElementKind::Paragraph
                    | ElementKind::Preformatted
                    | ElementKind::Rule
            )
    }

    /// The open elements that a start tag of this kind closes, and those at which it stops
    /// looking for them.
    pub fn closes(self, open: ElementKind) -> Closes {
        let closes = match self {
            ElementKind::Item => open == ElementKind::Item || open == ElementKind::Paragraph,
            ElementKind::Description => {
                open == ElementKind::Description || open == ElementKind::Paragraph
            }
            ElementKind::Cell | ElementKind::HeaderCell => open.is_cell(),
            ElementKind::Row => open.is_cell() || open == ElementKind::Row,
            ElementKind::TablePart => {
                open.is_cell() || open == ElementKind::Row || open == ElementKind::TablePart
            }
            ElementKind::Option => open == ElementKind::Option,
            ElementKind::Table => false,
            kind => kind.is_block() && open == ElementKind::Paragraph,
        };
        let stops = match self {
            ElementKind::Cell
            | ElementKind::HeaderCell
            | ElementKind::Row
            | ElementKind::TablePart => open == ElementKind::Table,
            ElementKind::Item => open.is_list() || open.is_tabular(),
            _ => open.is_block(),
        };
        match (closes, stops) {
            (true, _) => Closes::This,
            (false, true) => Closes::Nothing,
            (false, false) => Closes::Further,
        }
    }

    /// Whether an end tag of this kind does not reach beyond an open element.
    pub fn ends_before(self, open: ElementKind) -> bool {
        let is_table = self.is_tabular() || self == ElementKind::Body;
        let is_line = matches!(
            self,
            ElementKind::Inline | ElementKind::Button | ElementKind::NoScript
        );
        (!is_table && (open.is_cell() || open == ElementKind::Table))
            || (is_line && open.is_block())
    }
}

/// What a start tag does to one open element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closes {
    /// It closes it, with all within.
    This,
    /// It looks at the one below.
    Further,
    /// It closes nothing.
    Nothing,
}

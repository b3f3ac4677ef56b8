//! HTML to the text that a reader sees, and the links in it.
//!
//! The tokenizer is html5gum's (`emitter`). Above it is one loop with a bounded stack of open
//! elements (`reader`). `sheet` and `css` read style sheets and declarations, `style` decides by
//! them whether a text is seen (`media` for which screens), `writer` lays out what is seen as
//! text, and `markdown` as Markdown, with the tables of `table` (`layout` says what both are
//! asked). `hidden` judges what is not seen. Nothing is fetched or executed. This is no
//! sanitiser: it does not make the HTML itself safe to show. The rule: whatever the nesting, an
//! element costs a bounded amount of work, and what cannot be evaluated hides nothing.

mod css;
mod element;
mod emitter;
mod hidden;
mod href;
mod layout;
mod list;
mod markdown;
mod marked;
mod media;
mod meta;
mod reader;
mod sheet;
mod style;
mod table;
mod tag;
mod writer;

pub use meta::label_of;
pub use reader::{read, read_apart, read_markdown};

/// The content of a page.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HtmlPage {
    /// Its text, lines separated by `\n`, quotations marked with `> `.
    pub text: String,
    /// The page has text of substance that a person does not see, and that is no preheader.
    pub hidden_content: bool,
    /// Visible links in order, at most 200.
    pub links: Vec<PageLink>,
}

/// A visible link of a page.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PageLink {
    /// Its address, at most 2,048 octets without white space.
    pub url: String,
    /// Its words in one line; may be empty.
    pub text: String,
}

/// Whether the text names the address of a link behind its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Addresses {
    /// `words <https://example.com/>`, where the words are not the address.
    Shown,
    /// Words only, and no links, for previews and codes.
    Omitted,
}

/// Browsers and mail clients open URLs up to this length.
pub(crate) const URL_MAX: usize = 2_048;

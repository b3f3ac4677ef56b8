//! Markdown (CommonMark with tables) becomes the text and the HTML of a message.
//!
//! It is not the Markdown of mail that is read. The rule: **no octet of the source becomes markup
//! by itself.** HTML in the source is shown as it is written, except for `<br>`. A link leads to
//! http, https or mailto, or it is no link; a picture comes by http, https or cid. The work is
//! linear: deep nesting is shown up to a bound, and a table is as wide as its header says, up to a
//! bound of cells.

use pulldown_cmark::{Alignment, CodeBlockKind, Event, LinkType, Options, Parser, Tag, TagEnd};

use super::markup::{CELLS_MAX, escape, has_scheme, is_break, link_target};
use super::plain_text::PlainText;
use crate::pace;

/// The two parts of a message that was written in Markdown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rendered {
    /// Plain text that reads well; lines end with `\n`.
    pub text: String,
    /// A fragment of HTML.
    pub html: String,
}

/// Renders Markdown. The source is at most [`SOURCE_MAX`] octets long; what is behind is left out.
pub fn render(source: &str) -> Rendered {
    let source = crate::mail::unicode::prefix(source, SOURCE_MAX);
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    pace::spend(source.len().saturating_mul(PARSE_WORK));
    let mut page = MarkdownPage::default();
    let mut text = PlainText::default();
    for (n, event) in Parser::new_ext(source, options).enumerate() {
        if n % EVENTS_AT_ONCE == 0 {
            pace::spend(EVENTS_AT_ONCE);
        }
        text.event(&event);
        page.event(event);
    }
    Rendered {
        text: text.finish(),
        html: page.html,
    }
}

/// The HTML while it is written.
#[derive(Default)]
struct MarkdownPage {
    html: String,
    /// Links that are open: whether a tag was written.
    links: Vec<bool>,
    /// The pictures that are open: their text becomes an attribute.
    pictures: usize,
    columns: Vec<Alignment>,
    column: usize,
    in_head: bool,
    cells: usize,
}

impl MarkdownPage {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) | Event::Html(text) => self.words(&text),
            Event::Code(code) => {
                self.markup("<code>");
                self.words(&code);
                self.markup("</code>");
            }
            Event::InlineHtml(tag) if is_break(&tag) => self.markup("<br>\n"),
            Event::InlineHtml(tag) => self.words(&tag),
            Event::SoftBreak => self.words("\n"),
            Event::HardBreak => self.markup("<br>\n"),
            Event::Rule => self.markup("<hr>\n"),
            // Their options are off.
            Event::InlineMath(text) | Event::DisplayMath(text) | Event::FootnoteReference(text) => {
                self.words(&text);
            }
            Event::TaskListMarker(_) => {}
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Paragraph => self.markup("<p>"),
            Tag::Heading { level, .. } => self.markup(&format!("<{level}>")),
            Tag::BlockQuote(_) => self.markup("<blockquote>\n"),
            Tag::CodeBlock(CodeBlockKind::Fenced(_) | CodeBlockKind::Indented) => {
                self.markup("<pre><code>");
            }
            Tag::HtmlBlock => self.markup("<p>"),
            Tag::List(None) => self.markup("<ul>\n"),
            Tag::List(Some(1)) => self.markup("<ol>\n"),
            Tag::List(Some(first)) => self.markup(&format!("<ol start=\"{first}\">\n")),
            Tag::Item => self.markup("<li>"),
            Tag::Table(columns) => {
                self.columns = columns;
                self.markup("<table>\n");
            }
            Tag::TableHead => {
                (self.in_head, self.column) = (true, 0);
                self.markup("<thead><tr>");
            }
            Tag::TableRow => {
                self.column = 0;
                self.markup("<tr>");
            }
            Tag::TableCell => self.cell(),
            Tag::Emphasis => self.markup("<em>"),
            Tag::Strong => self.markup("<strong>"),
            Tag::Strikethrough => self.markup("<del>"),
            Tag::Link {
                link_type,
                dest_url,
                ..
            } => self.link(link_type, &dest_url),
            Tag::Image { dest_url, .. } => self.picture(&dest_url),
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph | TagEnd::HtmlBlock => self.markup("</p>\n"),
            TagEnd::Heading(level) => self.markup(&format!("</{level}>\n")),
            TagEnd::BlockQuote(_) => self.markup("</blockquote>\n"),
            TagEnd::CodeBlock => self.markup("</code></pre>\n"),
            TagEnd::List(true) => self.markup("</ol>\n"),
            TagEnd::List(false) => self.markup("</ul>\n"),
            TagEnd::Item => self.markup("</li>\n"),
            TagEnd::Table => self.markup("</tbody></table>\n"),
            TagEnd::TableHead => {
                self.in_head = false;
                self.markup("</tr></thead>\n<tbody>\n");
            }
            TagEnd::TableRow => self.markup("</tr>\n"),
            TagEnd::TableCell => self.end_cell(),
            TagEnd::Emphasis => self.markup("</em>"),
            TagEnd::Strong => self.markup("</strong>"),
            TagEnd::Strikethrough => self.markup("</del>"),
            TagEnd::Link => self.end_link(),
            TagEnd::Image => self.end_picture(),
            _ => {}
        }
    }

    fn cell(&mut self) {
        self.cells += 1;
        if self.cells > CELLS_MAX {
            return;
        }
        let name = if self.in_head { "th" } else { "td" };
        let side = match self.columns.get(self.column) {
            Some(Alignment::Left) => " style=\"text-align:left\"",
            Some(Alignment::Center) => " style=\"text-align:center\"",
            Some(Alignment::Right) => " style=\"text-align:right\"",
            Some(Alignment::None) | None => "",
        };
        self.markup(&format!("<{name}{side}>"));
        self.column += 1;
    }

    fn end_cell(&mut self) {
        match (self.cells > CELLS_MAX, self.in_head) {
            (true, _) => {}
            (false, true) => self.markup("</th>"),
            (false, false) => self.markup("</td>"),
        }
    }

    fn link(&mut self, link_type: LinkType, url: &str) {
        let url = link_target(link_type, url);
        self.links.push(url.is_some() && self.pictures == 0);
        if let Some(url) = url.filter(|_| self.pictures == 0) {
            self.html.push_str("<a href=\"");
            escape(&url, &mut self.html);
            self.html.push_str("\">");
        }
    }

    /// A picture whose text follows as its `alt`. One that may not be loaded has no address.
    fn picture(&mut self, url: &str) {
        self.pictures += 1;
        if self.pictures > 1 {
            return;
        }
        self.html.push_str("<img");
        if has_scheme(url, &["http", "https", "cid"]) {
            self.html.push_str(" src=\"");
            escape(url.trim(), &mut self.html);
            self.html.push('"');
        }
        self.html.push_str(" alt=\"");
    }

    fn end_link(&mut self) {
        if self.links.pop() == Some(true) {
            self.markup("</a>");
        }
    }

    fn end_picture(&mut self) {
        self.pictures = self.pictures.saturating_sub(1);
        if self.pictures == 0 {
            self.html.push_str("\">");
        }
    }

    fn markup(&mut self, tag: &str) {
        // The text of a picture stands in an attribute.
        if self.pictures == 0 {
            self.html.push_str(tag);
        }
    }

    fn words(&mut self, text: &str) {
        escape(text, &mut self.html);
    }
}

/// Octets of a source: the longest text that people write in Markdown has a tenth of that.
pub const SOURCE_MAX: usize = 1 << 20;
/// Units of work for each octet of the source.
const PARSE_WORK: usize = 8;
/// Events between two counts of work.
const EVENTS_AT_ONCE: usize = 256;

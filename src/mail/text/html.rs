//! HTML to the text that a reader sees, and the links in it.
//!
//! The tokenizer is html5gum's. Above it is one loop with a bounded stack of open elements, which
//! finds hidden elements. Hidden elements (`display:none` and its many relatives, inline or by a
//! simple rule of a style sheet), zero-width characters and tag characters are left out and
//! reported. Nothing is fetched or executed. This is no sanitiser: it does not make the HTML itself
//! safe to show.

use std::collections::HashSet;

use html5gum::Tokenizer;
use html5gum::emitters::callback::{CallbackEmitter, CallbackEvent};

use crate::mail::unicode::{self, Visibility, visibility};

/// The content of a page.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HtmlPage {
    /// Its text, lines separated by `\n`, quotations marked with `> `.
    pub text: String,
    /// The page has content that a reader does not see.
    pub hidden_content: bool,
    /// Targets of visible links and their texts, in order, at most [`LINKS_MAX`].
    pub links: Vec<PageLink>,
}

/// A visible link of a page.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PageLink {
    /// Its address, at most [`URL_MAX`] octets without white space.
    pub url: String,
    /// Its words in one line; may be empty.
    pub text: String,
}

/// Reads a page until its text has `text_bytes_max` octets. The cost is linear in its length.
pub fn read(html: &str, text_bytes_max: usize) -> HtmlPage {
    let mut reader = HtmlReader {
        text_bytes_max,
        ..HtmlReader::default()
    };
    let mut emitter =
        CallbackEmitter::new(|event: CallbackEvent<'_>, _: html5gum::Span<()>| reader.take(event));
    emitter.naively_switch_states(true);
    // The emitter gives a token only when the text is long enough.
    let _ = Tokenizer::new_with_emitter(html, emitter).next();
    reader.finish()
}

#[derive(Default)]
struct HtmlReader {
    page: HtmlPage,
    text_bytes_max: usize,
    open: Vec<Element>,
    /// Elements opened above [`DEPTH_MAX`]; they are only counted.
    overflow: usize,
    tag: Tag,
    attribute: Attribute,
    /// Class names and ids that a style sheet hides.
    hidden_names: HashSet<Vec<u8>>,
    css: Vec<u8>,
    quotes: usize,
    preformatted: usize,
    line_breaks: usize,
    space: bool,
    last: Option<char>,
    link: Option<(String, usize)>,
}

/// A name cut at twelve octets; no element of HTML has a longer one.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
struct TagName([u8; 12], usize);

impl TagName {
    fn of(name: &[u8]) -> TagName {
        let mut short = [0; 12];
        for (slot, b) in short.iter_mut().zip(name) {
            *slot = *b;
        }
        TagName(short, name.len().min(12))
    }

    fn get(&self) -> &[u8] {
        self.0.get(..self.1).unwrap_or(b"")
    }
}

#[derive(Clone, Copy)]
struct Element {
    name: TagName,
    hidden: bool,
    /// Never shown and no sign of hidden content: scripts, styles, titles.
    skipped: bool,
}

#[derive(Default)]
struct Tag {
    name: TagName,
    hidden: bool,
    href: Option<String>,
    alt: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Attribute {
    Alt,
    Class,
    Href,
    Id,
    #[default]
    Other,
    Style,
}

impl HtmlReader {
    fn take(&mut self, event: CallbackEvent<'_>) -> Option<()> {
        match event {
            CallbackEvent::OpenStartTag { name } => {
                self.tag = Tag {
                    name: TagName::of(name),
                    ..Tag::default()
                }
            }
            CallbackEvent::AttributeName { name } => {
                self.tag.hidden |= name == b"hidden";
                self.attribute = match name {
                    b"alt" => Attribute::Alt,
                    b"class" => Attribute::Class,
                    b"href" => Attribute::Href,
                    b"id" => Attribute::Id,
                    b"style" => Attribute::Style,
                    _ => Attribute::Other,
                };
            }
            CallbackEvent::AttributeValue { value } => self.attribute_value(value),
            CallbackEvent::CloseStartTag { .. } => self.start(),
            CallbackEvent::EndTag { name } => self.end(TagName::of(name)),
            CallbackEvent::String { value } => self.string(value),
            _ => {}
        }
        (self.page.text.len() >= self.text_bytes_max).then_some(())
    }

    fn finish(mut self) -> HtmlPage {
        self.end_link();
        let cut = unicode::prefix(&self.page.text, self.text_bytes_max)
            .trim_end()
            .len();
        self.page.text.truncate(cut);
        self.page
    }

    fn attribute_value(&mut self, value: &[u8]) {
        let text = |max: usize| {
            Some(
                String::from_utf8_lossy(value.get(..max).unwrap_or(value))
                    .trim()
                    .to_owned(),
            )
        };
        match self.attribute {
            Attribute::Style => self.tag.hidden |= hides(value),
            Attribute::Href if self.tag.href.is_none() => self.tag.href = text(URL_MAX + 1),
            Attribute::Alt if self.tag.alt.is_none() => self.tag.alt = text(ALT_MAX),
            Attribute::Class | Attribute::Id if !self.hidden_names.is_empty() => {
                let mut names = value.split(u8::is_ascii_whitespace).take(CLASSES_MAX);
                self.tag.hidden |= names.any(|name| self.hidden_names.contains(name));
            }
            _ => {}
        }
    }

    fn is_hidden(&self) -> bool {
        self.open.last().is_some_and(|element| element.hidden)
    }

    fn is_skipped(&self) -> bool {
        self.open.last().is_some_and(|element| element.skipped)
    }

    fn start(&mut self) {
        let tag = std::mem::take(&mut self.tag);
        let name = tag.name.get();
        // The elements that this start tag closes by the rules of HTML.
        let closes: &[&[u8]] = match name {
            b"li" => &[b"li", b"p"],
            b"td" | b"th" => &[b"td", b"th", b"p"],
            b"tr" => &[b"td", b"th", b"tr"],
            b"dd" | b"dt" => &[b"dd", b"dt", b"p"],
            b"option" => &[b"option"],
            name if is_block(name) => &[b"p"],
            _ => &[],
        };
        while self
            .open
            .last()
            .is_some_and(|top| closes.contains(&top.name.get()))
        {
            self.pop();
        }
        let (hidden, skipped) = (tag.hidden || self.is_hidden(), self.is_skipped());
        let visible = !hidden && !skipped;
        if visible {
            self.lay_out(name);
        }
        match name {
            b"img" if visible => {
                if let Some(alt) = tag.alt.filter(|alt| !alt.is_empty()) {
                    self.text(&alt);
                }
            }
            b"img" if hidden => {
                self.page.hidden_content |= tag.alt.is_some_and(|alt| !alt.is_empty())
            }
            b"a" if visible => {
                self.end_link();
                self.link = tag
                    .href
                    .filter(|href| is_web_link(href))
                    .map(|href| (href, self.page.text.len()));
            }
            b"li" if visible => {
                self.text("- ");
            }
            _ => {}
        }
        if is_void(name) {
            return;
        }
        if self.open.len() >= DEPTH_MAX {
            self.overflow += 1;
            return;
        }
        self.quotes += usize::from(name == b"blockquote");
        self.preformatted += usize::from(name == b"pre");
        self.open.push(Element {
            name: tag.name,
            hidden,
            skipped: skipped || is_skipped(name),
        });
    }

    fn lay_out(&mut self, name: &[u8]) {
        match name {
            b"br" => self.line_breaks += 1,
            b"p" | b"h1" | b"h2" | b"h3" | b"h4" | b"h5" | b"h6" | b"blockquote" | b"pre"
            | b"ul" | b"ol" | b"table" => {
                self.line_breaks = self.line_breaks.max(2);
            }
            b"td" | b"th" => self.space = true,
            name if is_block(name) => self.line_breaks = self.line_breaks.max(1),
            _ => {}
        }
    }

    fn end(&mut self, name: TagName) {
        if self.overflow > 0 {
            self.overflow -= 1;
            return;
        }
        if name.get() == b"style" {
            self.style_sheet();
        }
        if !self.is_hidden() && !self.is_skipped() {
            if name.get() == b"a" {
                self.end_link();
            }
            if name.get() != b"br" {
                self.lay_out(name.get());
            }
        }
        let near = self
            .open
            .iter()
            .rev()
            .take(CLOSE_SEARCH_MAX)
            .position(|element| element.name == name);
        for _ in 0..near.map_or(0, |above| above + 1) {
            self.pop();
        }
    }

    fn pop(&mut self) {
        if let Some(element) = self.open.pop() {
            match element.name.get() {
                b"blockquote" => self.quotes = self.quotes.saturating_sub(1),
                b"pre" => self.preformatted = self.preformatted.saturating_sub(1),
                _ => {}
            }
        }
    }

    fn end_link(&mut self) {
        if let Some((href, start)) = self.link.take()
            && self.page.links.len() < LINKS_MAX
        {
            let label = unicode::one_line(self.page.text.get(start..).unwrap_or(""), ALT_MAX);
            self.page.links.push(PageLink {
                url: href,
                text: label,
            });
        }
    }

    fn string(&mut self, value: &[u8]) {
        if self
            .open
            .last()
            .is_some_and(|top| top.name.get() == b"style")
        {
            let room = CSS_MAX.saturating_sub(self.css.len());
            self.css
                .extend_from_slice(value.get(..room).unwrap_or(value));
        }
        if self.is_skipped() {
            return;
        }
        let room = self
            .text_bytes_max
            .saturating_sub(self.page.text.len())
            .saturating_mul(4)
            .saturating_add(64);
        let text = String::from_utf8_lossy(value.get(..room).unwrap_or(value));
        if self.is_hidden() {
            self.page.hidden_content |= text.chars().any(|c| {
                !c.is_whitespace() && visibility(None, c) != Visibility::Drop && c != '\u{a0}'
            });
            return;
        }
        self.text(&text);
    }

    /// Appends visible text, white space collapsed outside `pre`.
    fn text(&mut self, text: &str) {
        for c in text.chars() {
            if self.preformatted > 0 && (c == '\n' || c == '\r') {
                self.line_breaks += usize::from(c == '\n');
                continue;
            }
            if c.is_whitespace() && (self.preformatted == 0 || c != ' ') {
                self.space = true;
                continue;
            }
            match visibility(self.last, c) {
                Visibility::Keep => {}
                Visibility::Drop => continue,
                Visibility::Hide => {
                    self.page.hidden_content = true;
                    continue;
                }
            }
            self.white_space();
            self.page.text.push(c);
            self.last = Some(c);
        }
    }

    /// Writes the white space that comes before the next character.
    fn white_space(&mut self) {
        let text = &mut self.page.text;
        if text.is_empty() || self.line_breaks > 0 {
            for n in 0..if text.is_empty() {
                1
            } else {
                self.line_breaks.min(2)
            } {
                if !text.is_empty() || n > 0 {
                    while text.ends_with(' ') {
                        text.pop();
                    }
                    text.push('\n');
                }
                for _ in 0..self.quotes.min(QUOTES_MAX) {
                    text.push_str("> ");
                }
            }
        } else if self.space && !text.ends_with([' ', '\n']) {
            text.push(' ');
        }
        self.line_breaks = 0;
        self.space = false;
    }

    /// Collects the class names and ids that simple rules of a style sheet hide. Rules within
    /// `@media` and the like do not count: ordinary mail hides parts on some screens.
    fn style_sheet(&mut self) {
        let css = std::mem::take(&mut self.css);
        let mut depth = 0_usize;
        let (mut start, mut selector) = (0, 0..0);
        for (at, b) in css.iter().enumerate() {
            match b {
                b'{' => {
                    if depth == 0 {
                        selector = start..at;
                        start = at + 1;
                    }
                    depth += 1;
                }
                b'}' => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        let rule = css.get(start..at).unwrap_or(b"");
                        let names = css.get(selector.clone()).unwrap_or(b"");
                        if hides(rule) && !rule.contains(&b'{') {
                            self.hide_names(names);
                        }
                        start = at + 1;
                    }
                }
                _ => {}
            }
        }
    }

    fn hide_names(&mut self, selectors: &[u8]) {
        for selector in selectors.split(|&b| b == b',') {
            let selector = selector.trim_ascii();
            let Some(at) = selector.iter().position(|b| matches!(b, b'.' | b'#')) else {
                continue;
            };
            let name = selector.get(at + 1..).unwrap_or(b"");
            let is_simple = name
                .iter()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
            if is_simple && !name.is_empty() && self.hidden_names.len() < HIDDEN_NAMES_MAX {
                self.hidden_names.insert(name.to_vec());
            }
        }
    }
}

/// Whether style declarations make an element invisible.
fn hides(style: &[u8]) -> bool {
    let mut text = String::new();
    let mut rest = style.get(..STYLE_MAX).unwrap_or(style);
    while let Some((&b, tail)) = rest.split_first() {
        if rest.starts_with(b"/*") {
            rest = memchr::memmem::find(rest, b"*/")
                .and_then(|n| rest.get(n + 2..))
                .unwrap_or(b"");
            continue;
        }
        if b.is_ascii() && !b.is_ascii_whitespace() {
            text.push(char::from(b.to_ascii_lowercase()));
        }
        rest = tail;
    }
    let (mut clipped, mut no_room) = (false, false);
    let (mut color, mut background) = ("", "");
    for declaration in text.split(';') {
        let Some((name, value)) = declaration.split_once(':') else {
            continue;
        };
        let value = value.split('!').next().unwrap_or("");
        match name {
            "display" if value == "none" => return true,
            "visibility" if value == "hidden" || value == "collapse" => return true,
            "opacity" if number(value).is_some_and(|n| n < 0.05) => return true,
            "font-size"
                if number(value).is_some_and(|n| {
                    n <= 1.0 && !value.contains("em") && !value.contains("rem")
                }) =>
            {
                return true;
            }
            "font-size" if number(value).is_some_and(|n| n < 0.1) => return true,
            "text-indent" | "left" | "top" | "margin-left" | "margin-top" | "right"
                if number(value).is_some_and(|n| n <= -500.0) =>
            {
                return true;
            }
            "clip" if value.starts_with("rect(0") => return true,
            "transform" if value == "scale(0)" => return true,
            "overflow" | "overflow-y" | "overflow-x" => clipped |= value == "hidden",
            "height" | "max-height" | "width" | "max-width" => {
                no_room |= number(value).is_some_and(|n| {
                    n.abs() <= 1.0 && !value.ends_with('%') && !value.ends_with("em")
                });
            }
            "color" => color = value,
            "background" | "background-color" => background = value,
            _ => {}
        }
    }
    (clipped && no_room) || color == "transparent" || (!color.is_empty() && color == background)
}

/// The number that a CSS value starts with.
fn number(value: &str) -> Option<f32> {
    let end = value
        .find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '-' | '+')))
        .unwrap_or(value.len());
    value.get(..end)?.parse().ok()
}

fn is_web_link(href: &str) -> bool {
    let web = ["http://", "https://"].iter().any(|s| {
        href.get(..s.len())
            .is_some_and(|h| h.eq_ignore_ascii_case(s))
    });
    web && href.len() <= URL_MAX && !href.chars().any(|c| c.is_control() || c.is_whitespace())
}

fn is_void(name: &[u8]) -> bool {
    matches!(
        name,
        b"area"
            | b"base"
            | b"br"
            | b"col"
            | b"embed"
            | b"hr"
            | b"img"
            | b"input"
            | b"link"
            | b"meta"
            | b"param"
            | b"source"
            | b"track"
            | b"wbr"
    )
}

fn is_skipped(name: &[u8]) -> bool {
    matches!(
        name,
        b"script"
            | b"style"
            | b"title"
            | b"template"
            | b"noembed"
            | b"noframes"
            | b"object"
            | b"textarea"
            | b"select"
            | b"svg"
            | b"math"
            | b"iframe"
            | b"audio"
            | b"video"
            | b"canvas"
    )
}

fn is_block(name: &[u8]) -> bool {
    matches!(
        name,
        b"address"
            | b"article"
            | b"aside"
            | b"blockquote"
            | b"body"
            | b"center"
            | b"dd"
            | b"div"
            | b"dl"
            | b"dt"
            | b"fieldset"
            | b"figure"
            | b"footer"
            | b"form"
            | b"h1"
            | b"h2"
            | b"h3"
            | b"h4"
            | b"h5"
            | b"h6"
            | b"header"
            | b"hr"
            | b"li"
            | b"main"
            | b"nav"
            | b"ol"
            | b"p"
            | b"pre"
            | b"section"
            | b"table"
            | b"tr"
            | b"ul"
    )
}

/// Links that are kept of one page.
pub(crate) const LINKS_MAX: usize = 200;
/// Browsers and mail clients open URLs up to this length.
pub(crate) const URL_MAX: usize = 2_048;
/// Open elements; newsletters have up to 60.
const DEPTH_MAX: usize = 512;
/// How far up the stack an end tag looks for its start tag, so that a wrong end tag costs a
/// constant.
const CLOSE_SEARCH_MAX: usize = 128;
/// Quotation marks at the start of a line.
const QUOTES_MAX: usize = 5;
const ALT_MAX: usize = 200;
const CLASSES_MAX: usize = 32;
const STYLE_MAX: usize = 4_096;
const CSS_MAX: usize = 128 * 1024;
const HIDDEN_NAMES_MAX: usize = 256;

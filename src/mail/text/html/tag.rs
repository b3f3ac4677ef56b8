//! A start tag with those of its attributes that matter.
//!
//! The buffers are used again for every tag, so that a tag costs no allocation.

use super::css::{Color, Property, TextSize, Value, attribute_color};
use super::element::{ElementKind, hash};
use super::href;
use super::sheet::id_hash;
use super::style::Declared;

/// A start tag that is being read.
#[derive(Default)]
pub struct StartTag {
    /// The hash of its name.
    pub name: u64,
    pub kind: ElementKind,
    attribute: Attribute,
    /// The `style` attribute.
    pub style: Vec<u8>,
    /// The `class` attribute.
    pub class: Vec<u8>,
    /// The hash of its id, 0 for none.
    pub id: u64,
    /// It leads somewhere.
    pub is_link: bool,
    /// The address that it leads to, if that is asked for.
    pub href: Option<String>,
    wants_links: bool,
    pub alt: Option<String>,
    pub title: Option<String>,
    /// The `media` attribute of a style sheet.
    pub media: Vec<u8>,
    color: Option<Color>,
    background: Option<Color>,
    is_hidden: bool,
    has_size: bool,
    /// `start` of a list, `value` of an item.
    pub number: Option<i64>,
    /// `type` of a list: one of `1aAiI`.
    pub numbering: u8,
    /// A table that only places things.
    pub is_layout: bool,
    /// An image of a pixel.
    pub is_tiny: bool,
    /// An image whose octets stand in the page.
    pub is_embedded: bool,
    /// The rule that Outlook draws above the message that is answered.
    pub is_history: bool,
    /// A style sheet in another language than CSS.
    pub is_foreign: bool,
    /// A field for a password.
    pub is_password: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Attribute {
    Alt,
    Background,
    BackgroundColor,
    Class,
    Color,
    FieldType,
    Height,
    Href,
    Id,
    Machine,
    Media,
    Number,
    #[default]
    Other,
    Role,
    Size,
    Source,
    Spacing,
    Style,
    TabIndex,
    Title,
    Type,
}

impl StartTag {
    /// A tag that keeps the addresses of links, or does not.
    pub fn new(wants_links: bool) -> StartTag {
        StartTag {
            wants_links,
            ..StartTag::default()
        }
    }

    /// Begins a tag.
    pub fn open(&mut self, name: &[u8]) {
        self.name = hash(name);
        self.kind = ElementKind::of(name);
        self.style.clear();
        self.class.clear();
        self.media.clear();
        self.is_link = false;
        self.href = None;
        self.alt = None;
        self.title = None;
        self.attribute = Attribute::Other;
        self.id = 0;
        self.color = None;
        self.background = None;
        self.number = None;
        self.numbering = 0;
        self.is_hidden = false;
        self.has_size = false;
        self.is_layout = false;
        self.is_tiny = false;
        self.is_embedded = false;
        self.is_history = false;
        self.is_foreign = false;
        self.is_password = false;
    }

    /// The name of the attribute whose value comes.
    pub fn attribute(&mut self, name: &[u8]) {
        self.attribute = match name {
            b"style" => Attribute::Style,
            b"class" => Attribute::Class,
            b"id" => Attribute::Id,
            b"href" if matches!(self.kind, ElementKind::Anchor | ElementKind::Area) => {
                Attribute::Href
            }
            b"alt" if matches!(self.kind, ElementKind::Image | ElementKind::Area) => Attribute::Alt,
            b"src" if self.kind == ElementKind::Image => Attribute::Source,
            b"title" | b"aria-label" if self.kind == ElementKind::Anchor => Attribute::Title,
            b"bgcolor" => Attribute::BackgroundColor,
            b"background" => Attribute::Background,
            b"color" if self.kind == ElementKind::Font => Attribute::Color,
            b"text" if self.kind == ElementKind::Body => Attribute::Color,
            b"size" if self.kind == ElementKind::Font => Attribute::Size,
            b"width" | b"height" if self.kind == ElementKind::Image => Attribute::Height,
            b"start" | b"value" if self.kind.is_list() || self.kind == ElementKind::Item => {
                Attribute::Number
            }
            b"type" if self.kind.is_list() || self.kind == ElementKind::Style => Attribute::Type,
            b"role" if self.kind == ElementKind::Table => Attribute::Role,
            b"border" | b"cellpadding" | b"cellspacing" if self.kind == ElementKind::Table => {
                Attribute::Spacing
            }
            b"tabindex" if self.kind == ElementKind::Rule => Attribute::TabIndex,
            b"media" if self.kind == ElementKind::Style => Attribute::Media,
            b"type" if self.name == INPUT => Attribute::FieldType,
            b"href" | b"src" | b"srcset" | b"content" | b"action" => Attribute::Machine,
            b"hidden" => {
                self.is_hidden = true;
                Attribute::Other
            }
            _ => Attribute::Other,
        };
    }

    /// The value of the attribute. Of two with one name the first counts.
    pub fn value(&mut self, value: &[u8]) {
        let text = || String::from_utf8_lossy(value.get(..TEXT_MAX).unwrap_or(value));
        let keep = |old: &mut Vec<u8>, max: usize| {
            if old.is_empty() {
                old.extend_from_slice(value.get(..max).unwrap_or(value));
            }
        };
        match self.attribute {
            Attribute::Style => keep(&mut self.style, STYLE_MAX),
            Attribute::Class => keep(&mut self.class, CLASS_MAX),
            Attribute::Media => keep(&mut self.media, TEXT_MAX),
            Attribute::Id => {
                self.id = id_hash(value.trim_ascii());
                self.is_history |= self.kind == ElementKind::Rule && value == b"stopSpelling";
            }
            Attribute::Href if !self.is_link => {
                self.is_link = true;
                if self.wants_links {
                    self.href = href::address(value);
                }
            }
            Attribute::Alt if self.alt.is_none() => self.alt = Some(text().into_owned()),
            Attribute::Title if self.title.is_none() => self.title = Some(text().into_owned()),
            Attribute::Color => self.color = attribute_color(&text()),
            Attribute::BackgroundColor if self.background.is_none() => {
                self.background = attribute_color(&text());
            }
            // An image behind the text is stronger than a colour.
            Attribute::Background => self.background = Some(Color::Unknown),
            Attribute::Height => self.is_tiny |= matches!(value.trim_ascii(), b"0" | b"1"),
            Attribute::Number => self.number = text().trim().parse().ok(),
            Attribute::Size => self.has_size = true,
            Attribute::Source => {
                let scheme = value.trim_ascii_start().get(..5).unwrap_or_default();
                self.is_embedded |= scheme.eq_ignore_ascii_case(b"data:");
            }
            Attribute::Role => {
                self.is_layout |= matches!(value.trim_ascii(), b"presentation" | b"none");
            }
            Attribute::Spacing => self.is_layout |= value.trim_ascii() == b"0",
            Attribute::FieldType => {
                self.is_password |= value.trim_ascii().eq_ignore_ascii_case(b"password");
            }
            Attribute::TabIndex => self.is_history |= value == b"-1",
            Attribute::Type if self.kind == ElementKind::Style => {
                self.is_foreign = !value.trim_ascii().eq_ignore_ascii_case(b"text/css");
            }
            Attribute::Type => self.numbering = value.first().copied().unwrap_or(0),
            _ => {}
        }
    }

    /// Whether the attribute whose value comes may say anything.
    pub fn has_free_value(&self) -> bool {
        matches!(self.attribute, Attribute::Other | Attribute::Title)
    }

    /// What its attributes say of its style, weaker than any rule.
    pub fn hints(&self, declared: &mut Declared) {
        if self.is_hidden {
            declared.hint(Property::Display, Value::Away);
        }
        if let Some(color) = self.color {
            declared.hint(Property::Color, Value::Color(color));
        }
        if let Some(color) = self.background {
            declared.hint(Property::Background, Value::Color(color));
        }
        if self.has_size {
            declared.hint(Property::FontSize, Value::Size(TextSize::Px(16.0)));
        }
    }
}

const INPUT: u64 = hash(b"input");
const STYLE_MAX: usize = 4_096;
const CLASS_MAX: usize = 1_024;
const TEXT_MAX: usize = 800;

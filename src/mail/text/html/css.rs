//! Declarations of CSS, as far as they decide whether a text is seen and keeps its lines.
//!
//! It reads octets of a `style` attribute or of a rule and gives the declarations that matter.
//! A value that is not valid is left out, as in a browser; a value that cannot be evaluated
//! counts as one that shows. The cost is linear, and nothing here allocates for common input.

/// A property that matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Property {
    Animation,
    Background,
    BackgroundClip,
    BackgroundImage,
    Clip,
    ClipPath,
    Color,
    ContentVisibility,
    Display,
    FillColor,
    Filter,
    FontSize,
    Height,
    Left,
    MarginLeft,
    MarginTop,
    MaxHeight,
    MaxWidth,
    Opacity,
    Overflow,
    Position,
    Right,
    TextIndent,
    Top,
    Transform,
    Visibility,
    WhiteSpace,
    Width,
}

impl Property {
    /// How many there are.
    pub const COUNT: usize = Property::Width as usize + 1;

    /// All of them.
    pub const ALL: [Property; Property::COUNT] = [
        Property::Animation,
        Property::Background,
        Property::BackgroundClip,
        Property::BackgroundImage,
        Property::Clip,
        Property::ClipPath,
        Property::Color,
        Property::ContentVisibility,
        Property::Display,
        Property::FillColor,
        Property::Filter,
        Property::FontSize,
        Property::Height,
        Property::Left,
        Property::MarginLeft,
        Property::MarginTop,
        Property::MaxHeight,
        Property::MaxWidth,
        Property::Opacity,
        Property::Overflow,
        Property::Position,
        Property::Right,
        Property::TextIndent,
        Property::Top,
        Property::Transform,
        Property::Visibility,
        Property::WhiteSpace,
        Property::Width,
    ];

    /// The property of a name in lower case.
    fn of(name: &[u8]) -> Option<Property> {
        Some(match name {
            b"animation" | b"animation-name" | b"-webkit-animation" => Property::Animation,
            b"background" | b"background-color" => Property::Background,
            b"background-clip" | b"-webkit-background-clip" => Property::BackgroundClip,
            b"background-image" => Property::BackgroundImage,
            b"clip" => Property::Clip,
            b"clip-path" | b"-webkit-clip-path" => Property::ClipPath,
            b"color" => Property::Color,
            b"content-visibility" => Property::ContentVisibility,
            b"display" => Property::Display,
            b"-webkit-text-fill-color" => Property::FillColor,
            b"filter" | b"-webkit-filter" => Property::Filter,
            b"font" | b"font-size" => Property::FontSize,
            b"height" => Property::Height,
            b"left" => Property::Left,
            b"margin-left" => Property::MarginLeft,
            b"margin" | b"margin-top" => Property::MarginTop,
            b"max-height" => Property::MaxHeight,
            b"max-width" => Property::MaxWidth,
            b"opacity" => Property::Opacity,
            b"overflow" | b"overflow-x" | b"overflow-y" => Property::Overflow,
            b"position" => Property::Position,
            b"right" => Property::Right,
            b"text-indent" => Property::TextIndent,
            b"top" => Property::Top,
            b"transform" | b"-webkit-transform" => Property::Transform,
            b"visibility" => Property::Visibility,
            b"white-space" => Property::WhiteSpace,
            b"width" => Property::Width,
            _ => return None,
        })
    }
}

/// A value, as far as it matters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value {
    /// `inherit`, and `unset` of an inherited property.
    Inherit,
    /// The value that an element has without any rule, and every value that shows.
    Initial,
    /// The value takes the text away: `none` for `display`, no room for a height, and so on.
    Away,
    /// A size of the text.
    Size(TextSize),
    /// A colour.
    Color(Color),
    /// A share of 1.
    Number(f32),
    /// `static` (0), in the flow (1), out of the flow (2).
    Position(u8),
    /// `pre` and its relatives.
    Lines(LineEnds),
}

/// What `white-space` keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LineEnds {
    /// Nothing: white space is one space.
    #[default]
    Collapsed,
    /// Line ends only.
    Kept,
    /// Line ends and spaces.
    Exact,
}

/// A size of text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum TextSize {
    /// In CSS pixels.
    Px(f32),
    /// A multiple of the size around it.
    Em(f32),
    /// A multiple of the size of the page.
    Rem(f32),
}

/// A colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Color {
    /// Red, green, blue; opaque.
    Opaque(u8, u8, u8),
    /// Not visible at all.
    Transparent,
    /// One that cannot be evaluated, an image, or a half transparent one.
    Unknown,
}

/// One declaration.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Declaration {
    pub property: Property,
    pub value: Value,
    pub important: bool,
}

/// Reads the declarations of a block and passes those that matter on.
pub fn declarations(block: &[u8], mut take: impl FnMut(Declaration)) {
    let cleaned;
    let block = if memchr::memchr2(b'\\', b'*', block).is_some() {
        cleaned = plain(block);
        &cleaned
    } else {
        block
    };
    let mut at = 0;
    while at < block.len() {
        let rest = block.get(at..).unwrap_or(b"");
        let (colon, end) = declaration_end(rest);
        at += end + 1;
        let Some(colon) = colon else { continue };
        let name = rest.get(..colon).unwrap_or(b"").trim_ascii();
        let mut lower = [0_u8; NAME_MAX];
        let Some(lower) = lower.get_mut(..name.len()) else {
            continue;
        };
        lower.copy_from_slice(name);
        lower.make_ascii_lowercase();
        let Some(property) = Property::of(lower) else {
            continue;
        };
        let value = rest.get(colon + 1..end).unwrap_or(b"").trim_ascii();
        let mut text = [0_u8; VALUE_MAX];
        let n = value.len().min(VALUE_MAX);
        let Some(text) = text.get_mut(..n) else {
            continue;
        };
        text.copy_from_slice(value.get(..n).unwrap_or(b""));
        text.make_ascii_lowercase();
        let important = memchr::memrchr(b'!', value).filter(|at| {
            let word = value.get(at + 1..).unwrap_or(b"").trim_ascii();
            word.eq_ignore_ascii_case(b"important")
        });
        let text = text
            .get(..important.map_or(n, |at| at.min(n)))
            .unwrap_or(b"");
        let is_font = lower.len() == 4 && property == Property::FontSize;
        let Some(value) = value_of(property, is_font, text.trim_ascii()) else {
            continue;
        };
        take(Declaration {
            property,
            value,
            important: important.is_some(),
        });
    }
}

/// The colon of the declaration at the start, and its end. A semicolon within quotes or brackets
/// ends nothing.
fn declaration_end(text: &[u8]) -> (Option<usize>, usize) {
    let mut colon = None;
    let mut depth = 0_usize;
    let mut quote = 0;
    for (at, &b) in text.iter().enumerate() {
        if b > b';' && !matches!(b, b'[' | b']') {
            continue;
        }
        match b {
            b'"' | b'\'' if quote == 0 => quote = b,
            b if quote != 0 && b == quote => quote = 0,
            _ if quote != 0 => {}
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth = depth.saturating_sub(1),
            b':' if colon.is_none() && depth == 0 => colon = Some(at),
            b';' if depth == 0 => return (colon, at),
            _ => {}
        }
    }
    (colon, text.len())
}

/// The octets without comments, and with escapes of letters and digits read. An escape of any
/// other character belongs to a name that is not read.
pub fn plain(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&b, tail)) = rest.split_first() {
        if b == b'/' && tail.first() == Some(&b'*') {
            let end = find(tail, b"*/").map_or(tail.len(), |at| at + 2);
            rest = tail.get(end..).unwrap_or(b"");
            continue;
        }
        if b != b'\\' {
            out.push(b);
            rest = tail;
            continue;
        }
        let (c, len) = escaped(tail);
        out.push(match c {
            Some(c) if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') => c as u8,
            _ => b'_',
        });
        rest = tail.get(len..).unwrap_or(b"");
    }
    out
}

/// The character of an escape behind its backslash, and the octets that it takes.
pub fn escaped(tail: &[u8]) -> (Option<char>, usize) {
    let digits = tail
        .iter()
        .take(6)
        .take_while(|b| b.is_ascii_hexdigit())
        .count();
    if digits == 0 {
        let c = tail.first().map(|b| char::from(*b));
        return (c.filter(char::is_ascii), usize::from(!tail.is_empty()));
    }
    let hex = std::str::from_utf8(tail.get(..digits).unwrap_or(b"")).unwrap_or("");
    let c = u32::from_str_radix(hex, 16).ok().and_then(char::from_u32);
    let space = tail.get(digits).is_some_and(u8::is_ascii_whitespace);
    (c, digits + usize::from(space))
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    memchr::memmem::find(text, what)
}

/// The value of a property; `None` if it is not valid.
fn value_of(property: Property, is_font: bool, text: &[u8]) -> Option<Value> {
    let text = std::str::from_utf8(text).ok()?;
    match text {
        "inherit" => return Some(Value::Inherit),
        "initial" | "revert" | "revert-layer" => return Some(Value::Initial),
        "unset" => {
            return Some(match property {
                Property::Color
                | Property::FillColor
                | Property::FontSize
                | Property::TextIndent
                | Property::Visibility
                | Property::WhiteSpace => Value::Inherit,
                _ => Value::Initial,
            });
        }
        "" => return None,
        _ => {}
    }
    match property {
        Property::Animation => Some(away_if(text != "none")),
        Property::Background => background(text),
        Property::BackgroundImage => Some(match text {
            "none" => Value::Initial,
            _ => Value::Color(Color::Unknown),
        }),
        Property::BackgroundClip => Some(away_if(text == "text")),
        Property::Clip => Some(away_if(is_empty_rect(text))),
        Property::ClipPath => Some(away_if(is_empty_shape(text))),
        Property::Color | Property::FillColor => color(text).map(Value::Color),
        Property::ContentVisibility => Some(away_if(text == "hidden")),
        Property::Display => display(text),
        Property::Filter => Some(away_if(
            argument(text, "opacity").is_some_and(|a| share(a).is_some_and(|n| n < 0.05)),
        )),
        Property::FontSize if is_font => font(text),
        Property::FontSize => font_size(text).map(Value::Size),
        Property::Height | Property::MaxHeight | Property::MaxWidth | Property::Width => {
            Some(away_if(is_no_room(text)))
        }
        Property::Left
        | Property::Right
        | Property::Top
        | Property::MarginLeft
        | Property::TextIndent => Some(away_if(pixels(text).is_some_and(|px| px <= FAR_PX))),
        Property::MarginTop => Some(away_if(
            text.split_ascii_whitespace()
                .any(|side| pixels(side).is_some_and(|px| px <= FAR_PX)),
        )),
        Property::Opacity => share(text).map(Value::Number),
        Property::Overflow => {
            Some(away_if(text.split_ascii_whitespace().any(|word| {
                matches!(word, "hidden" | "clip" | "auto" | "scroll")
            })))
        }
        Property::Position => Some(Value::Position(match text {
            "static" => 0,
            "relative" | "sticky" | "-webkit-sticky" => 1,
            "absolute" | "fixed" => 2,
            _ => return None,
        })),
        Property::Transform => Some(away_if(is_transformed_away(text))),
        Property::Visibility => match text {
            "hidden" | "collapse" => Some(Value::Away),
            "visible" => Some(Value::Initial),
            _ => None,
        },
        Property::WhiteSpace => Some(Value::Lines(match text {
            "normal" | "nowrap" => LineEnds::Collapsed,
            "pre" | "pre-wrap" | "break-spaces" | "-moz-pre-wrap" => LineEnds::Exact,
            "pre-line" => LineEnds::Kept,
            _ => return None,
        })),
    }
}

fn away_if(away: bool) -> Value {
    match away {
        true => Value::Away,
        false => Value::Initial,
    }
}

fn display(text: &str) -> Option<Value> {
    match text {
        "none" => Some(Value::Away),
        "block" | "inline" | "inline-block" | "contents" | "flex" | "inline-flex" | "grid"
        | "inline-grid" | "flow-root" | "list-item" | "run-in" | "-webkit-box" | "-webkit-flex"
        | "-webkit-inline-box" => Some(Value::Initial),
        text if text.starts_with("table")
            || text.starts_with("inline")
            || text.starts_with("ruby")
            || text.starts_with("block")
            || text.contains("var(") =>
        {
            Some(Value::Initial)
        }
        _ => None,
    }
}

/// A number and its unit.
fn dimension(text: &str) -> Option<(f32, &str)> {
    let end = text
        .find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '-' | '+')))
        .unwrap_or(text.len());
    let number: f32 = text.get(..end)?.parse().ok()?;
    number
        .is_finite()
        .then_some((number, text.get(end..).unwrap_or("").trim()))
}

/// A length in pixels. Units of the text count as a text of ordinary size, those of the window
/// as a window of ordinary size.
fn pixels(text: &str) -> Option<f32> {
    let (number, unit) = dimension(text)?;
    let factor = match unit {
        "" | "px" => 1.0,
        "pt" => 4.0 / 3.0,
        "em" | "rem" | "pc" | "ic" | "lh" => 16.0,
        "ex" | "ch" => 8.0,
        "vw" | "vmax" => 12.0,
        "vh" | "vmin" => 8.0,
        "in" => 96.0,
        "cm" => 37.8,
        "mm" => 3.78,
        // A percentage of the window.
        "%" => 10.0,
        _ => return None,
    };
    Some(number * factor)
}

/// A number or percentage as a share of 1.
fn share(text: &str) -> Option<f32> {
    match dimension(text)? {
        (number, "") => Some(number),
        (number, "%") => Some(number / 100.0),
        _ => None,
    }
}

fn font_size(text: &str) -> Option<TextSize> {
    Some(match text {
        "xx-small" => TextSize::Px(9.0),
        "x-small" => TextSize::Px(10.0),
        "small" => TextSize::Px(13.0),
        "medium" => TextSize::Px(16.0),
        "large" => TextSize::Px(18.0),
        "x-large" | "xx-large" | "xxx-large" => TextSize::Px(24.0),
        "smaller" => TextSize::Em(0.83),
        "larger" => TextSize::Em(1.2),
        _ => match dimension(text) {
            Some((number, _)) if number < 0.0 => return None,
            Some((number, "em")) => TextSize::Em(number),
            Some((number, "%")) => TextSize::Em(number / 100.0),
            Some((number, "ex" | "ch")) => TextSize::Em(number / 2.0),
            Some((number, "rem")) => TextSize::Rem(number),
            Some(_) => TextSize::Px(pixels(text)?),
            // A computed size cannot be evaluated.
            None if text.contains('(') => TextSize::Px(16.0),
            None => return None,
        },
    })
}

/// The size in a `font` shorthand: the first word that is a size and no weight.
fn font(text: &str) -> Option<Value> {
    if matches!(
        text,
        "caption" | "icon" | "menu" | "message-box" | "small-caption" | "status-bar"
    ) {
        return Some(Value::Initial);
    }
    let mut words = text.split_ascii_whitespace();
    words.find_map(|word| {
        let size = word.split('/').next().unwrap_or("");
        let is_weight = matches!(dimension(size), Some((n, "")) if n >= 100.0);
        match is_weight {
            true => None,
            false => font_size(size).map(Value::Size),
        }
    })
}

fn background(text: &str) -> Option<Value> {
    if text.contains("url(") || text.contains("gradient(") || text.contains("image") {
        return Some(Value::Color(Color::Unknown));
    }
    if text == "none" {
        return Some(Value::Color(Color::Transparent));
    }
    if let Some(color) = color(text) {
        return Some(Value::Color(color));
    }
    let mut words = text.split_ascii_whitespace();
    let found = words.find_map(|word| match color(word) {
        Some(Color::Unknown) | None => None,
        found => found,
    });
    Some(Value::Color(found.unwrap_or(Color::Unknown)))
}

/// A colour. A name that is not in the short list is an unknown colour.
pub fn color(text: &str) -> Option<Color> {
    if let Some(hex) = text.strip_prefix('#') {
        return hex_color(hex);
    }
    if let Some(inner) = argument(text, "rgb").or_else(|| argument(text, "rgba")) {
        return Some(rgb(inner));
    }
    if let Some(inner) = argument(text, "hsl").or_else(|| argument(text, "hsla")) {
        return Some(hsl(inner));
    }
    if text.contains('(') {
        return Some(Color::Unknown);
    }
    if text == "transparent" {
        return Some(Color::Transparent);
    }
    if let Ok(at) = NAMED.binary_search_by(|(name, ..)| (*name).cmp(text)) {
        let (_, r, g, b) = NAMED.get(at)?;
        return Some(Color::Opaque(*r, *g, *b));
    }
    let is_name = text.bytes().all(|b| b.is_ascii_alphabetic());
    (is_name && text != "none").then_some(Color::Unknown)
}

/// A colour of an attribute of old HTML, which may lack its `#`.
pub fn attribute_color(text: &str) -> Option<Color> {
    let text = text.trim();
    let is_hex = text.len() == 6 && text.bytes().all(|b| b.is_ascii_hexdigit());
    match is_hex {
        true => hex_color(text),
        // Old HTML makes a colour of any word.
        false => Some(color(&text.to_ascii_lowercase()).unwrap_or(Color::Unknown)),
    }
}

fn hex_color(hex: &str) -> Option<Color> {
    let number = u32::from_str_radix(hex, 16).ok()?;
    let nibble = |at: u32| {
        let nibble = ((number >> (at * 4)) & 15) as u8;
        nibble * 17
    };
    let byte = |at: u32| ((number >> (at * 8)) & 255) as u8;
    Some(match hex.len() {
        3 => Color::Opaque(nibble(2), nibble(1), nibble(0)),
        4 => translucent(
            Color::Opaque(nibble(3), nibble(2), nibble(1)),
            f32::from(nibble(0)) / 255.0,
        ),
        6 => Color::Opaque(byte(2), byte(1), byte(0)),
        8 => translucent(
            Color::Opaque(byte(3), byte(2), byte(1)),
            f32::from(byte(0)) / 255.0,
        ),
        _ => return None,
    })
}

fn translucent(color: Color, alpha: f32) -> Color {
    match alpha {
        a if a < 0.05 => Color::Transparent,
        a if a > 0.95 => color,
        _ => Color::Unknown,
    }
}

/// The text within the brackets of a function.
fn argument<'a>(text: &'a str, function: &str) -> Option<&'a str> {
    let inner = text.strip_prefix(function)?.strip_prefix('(')?;
    inner.split(')').next()
}

/// The first four arguments, separated by commas, spaces or a slash.
fn arguments(inner: &str) -> [Option<(f32, &str)>; 4] {
    let mut words = inner
        .split([',', ' ', '/'])
        .filter(|word| !word.is_empty())
        .map(dimension);
    std::array::from_fn(|_| words.next().flatten())
}

fn alpha(of: Option<(f32, &str)>) -> f32 {
    match of {
        Some((number, "%")) => number / 100.0,
        Some((number, _)) => number,
        None => 1.0,
    }
}

fn rgb(inner: &str) -> Color {
    let [Some(r), Some(g), Some(b), a] = arguments(inner) else {
        return Color::Unknown;
    };
    let channel = |(number, unit): (f32, &str)| match unit {
        "%" => (number * 2.55).clamp(0.0, 255.0) as u8,
        _ => number.clamp(0.0, 255.0) as u8,
    };
    translucent(Color::Opaque(channel(r), channel(g), channel(b)), alpha(a))
}

fn hsl(inner: &str) -> Color {
    let [Some((h, _)), Some((s, _)), Some((l, _)), a] = arguments(inner) else {
        return Color::Unknown;
    };
    let (s, l) = ((s / 100.0).clamp(0.0, 1.0), (l / 100.0).clamp(0.0, 1.0));
    let channel = |n: f32| {
        let k = (n + h / 30.0).rem_euclid(12.0);
        let value = l - s * l.min(1.0 - l) * (k - 3.0).min(9.0 - k).clamp(-1.0, 1.0);
        (value * 255.0).round().clamp(0.0, 255.0) as u8
    };
    translucent(
        Color::Opaque(channel(0.0), channel(8.0), channel(4.0)),
        alpha(a),
    )
}

/// A width or height in which no text has room.
fn is_no_room(text: &str) -> bool {
    match dimension(text) {
        Some((0.0, _)) => true,
        Some((number, "%")) => number.abs() < 0.1,
        Some(_) => pixels(text).is_some_and(|px| px.abs() <= 1.0),
        None => false,
    }
}

/// `rect(0,0,0,0)` and others without an area.
fn is_empty_rect(text: &str) -> bool {
    let Some(inner) = argument(text, "rect") else {
        return false;
    };
    let [top, right, bottom, left] = arguments(inner);
    let is_empty = |from: Option<(f32, &str)>, to: Option<(f32, &str)>| matches!((from, to), (Some(from), Some(to)) if to.0 <= from.0 + 1.0);
    is_empty(left, right) || is_empty(top, bottom)
}

fn is_empty_shape(text: &str) -> bool {
    if let Some(inner) = argument(text, "inset") {
        return arguments(inner)
            .iter()
            .flatten()
            .any(|(number, unit)| *unit == "%" && *number >= 50.0);
    }
    argument(text, "circle")
        .or_else(|| argument(text, "ellipse"))
        .is_some_and(|inner| matches!(arguments(inner), [Some((0.0, _)), ..]))
}

fn is_transformed_away(text: &str) -> bool {
    ["scale", "scalex", "scaley", "scale3d"]
        .iter()
        .filter_map(|name| argument(text, name))
        .any(|inner| {
            arguments(inner)
                .iter()
                .flatten()
                .any(|(n, _)| n.abs() < 0.02)
        })
        || ["translate", "translatex", "translatey", "translate3d"]
            .iter()
            .filter_map(|name| argument(text, name))
            .any(|inner| {
                inner
                    .split(',')
                    .any(|side| pixels(side.trim()).is_some_and(|px| px.abs() >= -FAR_PX))
            })
}

/// Offsets from here on move a text out of any window.
const FAR_PX: f32 = -500.0;
/// The longest name that matters has 23 octets.
const NAME_MAX: usize = 24;
/// Octets of a value that are looked at. A longer one is an image or a list of fonts.
const VALUE_MAX: usize = 96;
/// Names that mail uses to hide text or to place it on.
#[rustfmt::skip]
const NAMED: &[(&str, u8, u8, u8)] = &[
    ("aliceblue", 240, 248, 255), ("aqua", 0, 255, 255), ("azure", 240, 255, 255), ("beige", 245, 245, 220),
    ("black", 0, 0, 0), ("blue", 0, 0, 255), ("cyan", 0, 255, 255), ("darkblue", 0, 0, 139),
    ("darkgray", 169, 169, 169), ("darkgreen", 0, 100, 0), ("darkgrey", 169, 169, 169), ("darkred", 139, 0, 0),
    ("dimgray", 105, 105, 105), ("dimgrey", 105, 105, 105), ("floralwhite", 255, 250, 240), ("fuchsia", 255, 0, 255),
    ("gainsboro", 220, 220, 220), ("ghostwhite", 248, 248, 255), ("gold", 255, 215, 0), ("gray", 128, 128, 128),
    ("green", 0, 128, 0), ("grey", 128, 128, 128), ("ivory", 255, 255, 240), ("lavender", 230, 230, 250),
    ("lightgray", 211, 211, 211), ("lightgrey", 211, 211, 211), ("lime", 0, 255, 0), ("linen", 250, 240, 230),
    ("magenta", 255, 0, 255), ("maroon", 128, 0, 0), ("mintcream", 245, 255, 250), ("navy", 0, 0, 128),
    ("olive", 128, 128, 0), ("orange", 255, 165, 0), ("pink", 255, 192, 203), ("purple", 128, 0, 128),
    ("red", 255, 0, 0), ("silver", 192, 192, 192), ("snow", 255, 250, 250), ("teal", 0, 128, 128),
    ("white", 255, 255, 255), ("whitesmoke", 245, 245, 245), ("yellow", 255, 255, 0),
];

//! The style of an element, as far as it decides whether its text is seen.
//!
//! Inherited properties (size, colour, visibility, indent) end where an element within sets them
//! again. What an element does to all within (`display:none`, no opacity, no room, a place far
//! off) does not end. Values with a higher rank win: rules by their specificity, then the `style`
//! attribute, then rules and at last attributes that are important.

use super::css::{Color, Declaration, LineEnds, Property, TextSize, Value};
use super::element::ElementKind;

/// The style of an element.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Style {
    size_px: f32,
    color: Color,
    /// What is painted behind the text.
    background: Color,
    opacity: f32,
    /// Visible by `visibility`.
    is_visible: bool,
    /// Moved out of the window by its indent.
    is_indented_away: bool,
    /// An element around it, or itself, takes everything within away.
    is_away: bool,
    /// Which white space counts.
    pub lines: LineEnds,
}

impl Style {
    /// The style of a page.
    pub fn page(background: Color) -> Style {
        Style {
            size_px: PAGE_PX,
            color: Color::Opaque(0, 0, 0),
            background,
            opacity: 1.0,
            is_visible: true,
            is_indented_away: false,
            is_away: false,
            lines: LineEnds::Collapsed,
        }
    }

    /// Whether a text of this style is not seen.
    pub fn is_hidden(&self) -> bool {
        self.is_away
            || !self.is_visible
            || self.is_indented_away
            || self.size_px <= SMALLEST_PX
            || self.opacity < 0.05
            || is_same(self.color, self.background)
    }

    /// Whether nothing within can be seen, whatever style it has.
    pub fn is_away(&self) -> bool {
        self.is_away || self.opacity < 0.05
    }

    /// Whether an image of this style is seen: size and colour are those of text.
    pub fn shows_images(&self) -> bool {
        !self.is_away() && self.is_visible
    }

    /// The style that an element within has by itself, without declarations.
    pub fn within(&self, kind: ElementKind, is_link: bool) -> Style {
        let mut style = *self;
        match kind {
            ElementKind::Anchor if is_link => style.color = LINK,
            ElementKind::Button => {
                style.color = Color::Unknown;
                style.background = Color::Unknown;
                style.size_px = BUTTON_PX;
            }
            ElementKind::Preformatted => style.lines = LineEnds::Exact,
            _ => {}
        }
        style
    }

    /// The style of an element within, with what is declared for it.
    pub fn with(&self, kind: ElementKind, is_link: bool, declared: &Declared) -> Style {
        let mut style = self.within(kind, is_link);
        let away = |property: Property| declared.get(property) == Some(Value::Away);
        for (property, value) in declared.values() {
            match (property, value) {
                (Property::FontSize, value) => style.size_px = size(value, self.size_px),
                (Property::Color, value) => style.color = color(value, self.color),
                (Property::Visibility, Value::Inherit) => style.is_visible = self.is_visible,
                (Property::Visibility, value) => style.is_visible = value != Value::Away,
                (Property::TextIndent, Value::Inherit) => {
                    style.is_indented_away = self.is_indented_away;
                }
                (Property::TextIndent, value) => style.is_indented_away = value == Value::Away,
                (Property::WhiteSpace, Value::Lines(lines)) => style.lines = lines,
                (Property::WhiteSpace, Value::Initial) => style.lines = LineEnds::Collapsed,
                (Property::Opacity, Value::Number(share)) => {
                    style.opacity = self.opacity * share.clamp(0.0, 1.0);
                }
                (
                    Property::Display
                    | Property::ContentVisibility
                    | Property::Filter
                    | Property::ClipPath
                    | Property::Transform
                    | Property::MarginLeft
                    | Property::MarginTop,
                    Value::Away,
                ) => style.is_away = true,
                (Property::Background, Value::Color(Color::Transparent)) => {}
                (Property::Background, Value::Color(color)) => style.background = color,
                _ => {}
            }
        }
        if let Some(value) = declared.get(Property::FillColor) {
            style.color = color(value, style.color);
        }
        if let Some(Value::Color(_)) = declared.get(Property::BackgroundImage) {
            style.background = Color::Unknown;
        }
        // The text shows the background through its letters.
        if away(Property::BackgroundClip) {
            style.color = Color::Unknown;
        }
        // An animation may show what begins without opacity.
        if away(Property::Animation) {
            style.opacity = self.opacity;
        }
        let position = match declared.get(Property::Position) {
            Some(Value::Position(position)) => position,
            _ => 0,
        };
        // Something else lies behind a text out of the flow.
        if position == 2 && declared.get(Property::Background).is_none() {
            style.background = Color::Unknown;
        }
        let is_far = [Property::Left, Property::Right, Property::Top]
            .iter()
            .any(|side| away(*side));
        style.is_away |= (position > 0 && is_far) || (position == 2 && away(Property::Clip));
        if away(Property::Overflow) && declared.has_no_room(kind) {
            style.is_away = true;
        }
        style
    }
}

fn size(value: Value, around: f32) -> f32 {
    let px = match value {
        Value::Size(TextSize::Px(px)) => px,
        Value::Size(TextSize::Em(em)) => em * around,
        Value::Size(TextSize::Rem(rem)) => rem * PAGE_PX,
        Value::Inherit => around,
        _ => PAGE_PX,
    };
    px.clamp(0.0, 10_000.0)
}

fn color(value: Value, around: Color) -> Color {
    match value {
        Value::Color(color) => color,
        Value::Inherit => around,
        _ => Color::Opaque(0, 0, 0),
    }
}

/// Whether no eye can tell a text from what is behind it.
fn is_same(text: Color, background: Color) -> bool {
    match (text, background) {
        (Color::Transparent, _) => true,
        (Color::Opaque(r, g, b), Color::Opaque(r2, g2, b2)) => {
            let far = r.abs_diff(r2).max(g.abs_diff(g2)).max(b.abs_diff(b2));
            far <= COLOR_STEP
        }
        _ => false,
    }
}

/// The winning declarations of one element.
pub struct Declared {
    set: u32,
    ranks: [u64; Property::COUNT],
    values: [Value; Property::COUNT],
}

impl Default for Declared {
    fn default() -> Self {
        Declared {
            set: 0,
            ranks: [0; Property::COUNT],
            values: [Value::Initial; Property::COUNT],
        }
    }
}

impl Declared {
    /// Forgets all, for the next element.
    pub fn clear(&mut self) {
        self.set = 0;
    }

    /// Whether nothing is declared.
    pub fn is_empty(&self) -> bool {
        self.set == 0
    }

    /// A declaration of a rule of the style sheet.
    pub fn rule(&mut self, declaration: Declaration, rank: u64) {
        let rank = rank | u64::from(declaration.important) << 62;
        self.add(declaration.property, declaration.value, rank);
    }

    /// A declaration of the `style` attribute.
    pub fn inline(&mut self, declaration: Declaration) {
        let rank = 1 << 60 | u64::from(declaration.important) << 62;
        self.add(declaration.property, declaration.value, rank);
    }

    /// What another attribute says, weaker than any rule.
    pub fn hint(&mut self, property: Property, value: Value) {
        self.add(property, value, 0);
    }

    fn add(&mut self, property: Property, value: Value, rank: u64) {
        let at = property as usize;
        let bit = 1 << at;
        let (Some(old), Some(slot)) = (self.ranks.get_mut(at), self.values.get_mut(at)) else {
            return;
        };
        if self.set & bit == 0 || rank >= *old {
            *old = rank;
            *slot = value;
            self.set |= bit;
        }
    }

    fn get(&self, property: Property) -> Option<Value> {
        let at = property as usize;
        let is_set = self.set & (1 << at) != 0;
        self.values.get(at).copied().filter(|_| is_set)
    }

    fn values(&self) -> impl Iterator<Item = (Property, Value)> {
        let mut left = self.set;
        std::iter::from_fn(move || {
            let at = left.trailing_zeros() as usize;
            left &= left.wrapping_sub(1);
            Some((*Property::ALL.get(at)?, *self.values.get(at)?))
        })
    }

    /// Whether a box is too small for any text. A part of a table grows with its content.
    fn has_no_room(&self, kind: ElementKind) -> bool {
        let is_away = |property| self.get(property) == Some(Value::Away);
        let is_table = kind.is_tabular() && self.get(Property::Display).is_none();
        !is_table
            && [
                Property::Height,
                Property::MaxHeight,
                Property::Width,
                Property::MaxWidth,
            ]
            .into_iter()
            .any(is_away)
    }
}

const PAGE_PX: f32 = 16.0;
const BUTTON_PX: f32 = 13.3;
/// A text of this size is a row of dots.
const SMALLEST_PX: f32 = 2.0;
/// Steps of a channel, of 255, that no eye tells apart.
const COLOR_STEP: u8 = 6;
const LINK: Color = Color::Opaque(0, 0, 238);

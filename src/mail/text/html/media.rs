//! Media conditions of style sheets, evaluated for two screens: one of ordinary width and a
//! telephone.
//!
//! A condition that is neither met nor missed for sure is unknown; its rules count nowhere.

/// The screens on which a rule counts.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Screens {
    /// Bits of [`DESKTOP`] and [`PHONE`].
    pub on: u8,
    /// The condition cannot be evaluated.
    pub is_unknown: bool,
}

/// A screen of ordinary width.
pub const DESKTOP: u8 = 1;
/// A telephone.
pub const PHONE: u8 = 2;
/// Every screen.
pub const ALL: Screens = Screens {
    on: DESKTOP | PHONE,
    is_unknown: false,
};

impl Screens {
    /// The screens of a block within a block.
    pub fn both(self, other: Screens) -> Screens {
        Screens {
            on: self.on & other.on,
            is_unknown: self.is_unknown || other.is_unknown,
        }
    }
}

/// The screens that a list of media queries names.
pub fn screens(list: &[u8]) -> Screens {
    let list = list.get(..QUERY_MAX).unwrap_or(list).to_ascii_lowercase();
    let list = String::from_utf8_lossy(&list);
    let mut found = Screens::default();
    for query in list.split(',') {
        for (screen, width) in [(DESKTOP, DESKTOP_PX), (PHONE, PHONE_PX)] {
            match is_met(query, width) {
                Some(true) => found.on |= screen,
                Some(false) => {}
                None => found.is_unknown = true,
            }
        }
    }
    found
}

/// Whether a screen of a width meets a query; `None` if that cannot be evaluated.
fn is_met(query: &str, width: f32) -> Option<bool> {
    let mut query = query.trim();
    let negated = query.strip_prefix("not ");
    query = negated.unwrap_or(query);
    query = query.strip_prefix("only ").unwrap_or(query).trim();
    let mut is_all_met = true;
    let mut is_unknown = query.is_empty();
    for part in query.split(" and ").flat_map(|part| part.split("and(")) {
        let met = match part.trim() {
            "" | "all" | "screen" => Some(true),
            "print" | "speech" | "aural" | "braille" | "embossed" | "handheld" | "projection"
            | "tty" | "tv" => Some(false),
            condition => feature(condition.trim_matches(['(', ')', ' ']), width),
        };
        match met {
            Some(met) => is_all_met &= met,
            None => is_unknown = true,
        }
    }
    match (is_all_met, is_unknown) {
        // One condition that is missed decides, whatever the others are.
        (false, _) => Some(negated.is_some()),
        (true, true) => None,
        (true, false) => Some(negated.is_none()),
    }
}

fn feature(condition: &str, width: f32) -> Option<bool> {
    let (name, value) = condition.split_once(':')?;
    let value = value.trim();
    match (name.trim(), value) {
        ("min-width" | "min-device-width", _) => Some(width >= pixels(value)?),
        ("max-width" | "max-device-width", _) => Some(width <= pixels(value)?),
        ("prefers-color-scheme", "dark") => Some(false),
        ("prefers-color-scheme", "light") => Some(true),
        _ => None,
    }
}

fn pixels(text: &str) -> Option<f32> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let number: f32 = text.get(..end)?.parse().ok()?;
    match text.get(end..)? {
        "px" => Some(number),
        "em" | "rem" => Some(number * 16.0),
        _ => None,
    }
}

const DESKTOP_PX: f32 = 1_200.0;
const PHONE_PX: f32 = 375.0;
const QUERY_MAX: usize = 1_024;

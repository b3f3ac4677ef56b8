//! Style sheets of a page: rules, indexed by the last compound of their selectors.
//!
//! Selectors of elements, classes, ids, descendants and children are evaluated, media conditions
//! for two screens. A rule with another selector (attributes, pseudo-classes, siblings) is left
//! out, so it hides nothing. The number of rules is bounded, and so is the work of matching on
//! one page.

use super::css::{self, Declaration, Property, declarations};
use super::element::hash;
use super::media::{self, DESKTOP, PHONE, Screens};
use crate::pace;

/// The rules of a page that decide whether a text is seen.
#[derive(Default)]
pub struct Sheet {
    rules: Vec<Rule>,
    declarations: Vec<Declaration>,
    compounds: Vec<Compound>,
    classes: Vec<u64>,
    /// Rule by the hash of its key, in order.
    index: Vec<(u64, u32)>,
    /// Rules without a key.
    universal: Vec<u32>,
    octets: usize,
    /// Some rule counts on telephones only.
    pub has_phone_rules: bool,
    /// A rule that was left out sets a background, so the colour of the page is not known.
    pub unknown_background: bool,
}

#[derive(Clone, Copy)]
struct Rule {
    declarations: (u32, u32),
    /// Its compounds, from the last to the first.
    compounds: (u32, u32),
    specificity: u32,
    screens: Screens,
}

/// Conditions that one element must meet, and how it stands to the one before in the rule.
#[derive(Clone, Copy)]
struct Compound {
    /// The hash of the name; 0 for any.
    name: u64,
    id: u64,
    classes: (u32, u32),
    is_parent: bool,
}

/// What a selector asks of an element. All are hashes; an id of 0 is none.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    pub name: u64,
    pub id: u64,
    pub classes: &'a [u64],
}

/// A rule that selects an element: its declarations, its place in the cascade, its screens.
pub struct Matched<'a> {
    pub declarations: &'a [Declaration],
    /// Of two rules the one with the higher rank counts.
    pub rank: u64,
    pub screens: Screens,
}

impl Sheet {
    /// How many rules it has.
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether it has no rule.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Reads the text of one `style` element with its `media` attribute.
    pub fn read(&mut self, css: &[u8], media: &[u8]) {
        let room = CSS_MAX.saturating_sub(self.octets);
        let css = css.get(..room).unwrap_or(css);
        self.octets += css.len();
        let screens = match media.trim_ascii() {
            b"" => media::ALL,
            media => media::screens(media),
        };
        let cleaned;
        let css = if memchr::memmem::find(css, b"/*").is_some() {
            cleaned = without_comments(css);
            &cleaned
        } else {
            css
        };
        self.read_rules(css, screens);
    }

    fn read_rules(&mut self, css: &[u8], screens: Screens) {
        // The screens of the blocks that are open.
        let mut open = vec![screens];
        let mut at = 0;
        while let Some(rest) = css.get(at..).filter(|rest| !rest.is_empty()) {
            let end = rest
                .iter()
                .position(|b| matches!(b, b'{' | b'}' | b';'))
                .unwrap_or(rest.len());
            let prelude = prelude(rest.get(..end).unwrap_or(b""));
            at += end + 1;
            pace::spend(end + RULE_WORK);
            match rest.get(end) {
                Some(b'}') if open.len() > 1 => drop(open.pop()),
                Some(b'{') => {
                    let above = open.last().copied().unwrap_or_default();
                    let body = css.get(at..).unwrap_or(b"");
                    let Some(rule) = prelude.strip_prefix(b"@") else {
                        let len = block_len(body);
                        pace::spend(len * BLOCK_OCTET_WORK);
                        self.add(prelude, body.get(..len).unwrap_or(b""), above);
                        at += len + 1;
                        continue;
                    };
                    match media_of(rule) {
                        Some(screens) if open.len() < MEDIA_DEPTH_MAX => {
                            open.push(above.both(screens));
                        }
                        _ => {
                            let len = block_len(body);
                            pace::spend(len);
                            at += len + 1;
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn add(&mut self, selectors: &[u8], body: &[u8], screens: Screens) {
        let from = self.declarations.len();
        if from >= DECLARATIONS_MAX || self.rules.len() >= RULES_MAX {
            return;
        }
        let all = &mut self.declarations;
        declarations(body, |declaration| all.push(declaration));
        if all.len() == from {
            return;
        }
        let sets_background = all
            .iter()
            .skip(from)
            .any(|d| matches!(d.property, Property::Background | Property::BackgroundImage));
        let declarations = (from as u32, all.len() as u32);
        if screens.is_unknown {
            self.unknown_background |= sets_background;
        }
        for selector in selectors.split(|b| *b == b',') {
            pace::spend(selector.len() * BLOCK_OCTET_WORK + RULE_WORK);
            let has_room = self.rules.len() < RULES_MAX;
            let is_read =
                screens.on == 0 || (has_room && self.add_selector(selector, declarations, screens));
            if !is_read {
                self.unknown_background |= sets_background;
            }
        }
    }

    /// Adds a rule; `false` if its selector cannot be evaluated.
    fn add_selector(&mut self, selector: &[u8], of: (u32, u32), screens: Screens) -> bool {
        let first = self.compounds.len();
        let classes = self.classes.len();
        let Some(specificity) = self.read_selector(selector) else {
            self.compounds.truncate(first);
            self.classes.truncate(classes);
            return false;
        };
        let compounds = self.compounds.get_mut(first..).unwrap_or_default();
        // A compound says how it stands to the one before it; from the end, how the one before
        // stands to it.
        compounds.reverse();
        let Some(last) = compounds.first().copied() else {
            return false;
        };
        self.has_phone_rules |= screens.on == PHONE;
        let rule = self.rules.len() as u32;
        let class = self.classes.get(last.classes.0 as usize).copied();
        match (last.id, class, last.name) {
            (0, None, 0) => self.universal.push(rule),
            (0, None, key) | (0, Some(key), _) | (key, ..) => {
                let at = self.index.partition_point(|(found, _)| *found <= key);
                self.index.insert(at, (key, rule));
            }
        }
        self.rules.push(Rule {
            declarations: of,
            compounds: (first as u32, self.compounds.len() as u32),
            specificity,
            screens,
        });
        true
    }

    /// Reads the compounds of a selector and gives its specificity; `None` if it has what cannot
    /// be evaluated.
    fn read_selector(&mut self, selector: &[u8]) -> Option<u32> {
        let mut rest = selector.trim_ascii();
        let mut specificity = 0_u32;
        let mut is_child = false;
        let mut count = 0;
        while !rest.is_empty() {
            let classes = self.classes.len() as u32;
            let mut compound = Compound {
                name: 0,
                id: 0,
                classes: (classes, classes),
                is_parent: is_child,
            };
            let before = rest.len();
            while let Some(&b) = rest.first() {
                let tail = rest.get(1..).unwrap_or(b"");
                match b {
                    b'*' => rest = tail,
                    b'.' | b'#' => {
                        let (name, len) = identifier(tail)?;
                        rest = tail.get(len..).unwrap_or(b"");
                        if b == b'#' {
                            compound.id = id_hash(&name);
                            specificity = specificity.saturating_add(1 << 16);
                        } else {
                            self.classes.push(class_hash(&name));
                            specificity = specificity.saturating_add(1 << 8);
                        }
                    }
                    b' ' | b'\t' | b'\r' | b'\n' | b'\x0c' | b'>' => break,
                    _ if rest.len() == before => {
                        let (mut name, len) = identifier(rest)?;
                        name.make_ascii_lowercase();
                        compound.name = hash(&name);
                        specificity = specificity.saturating_add(1);
                        rest = rest.get(len..).unwrap_or(b"");
                    }
                    _ => return None,
                }
            }
            compound.classes.1 = self.classes.len() as u32;
            count += 1;
            if rest.len() == before || count > COMPOUNDS_MAX {
                return None;
            }
            self.compounds.push(compound);
            rest = rest.trim_ascii_start();
            is_child = rest.first() == Some(&b'>');
            if is_child {
                rest = rest.get(1..).unwrap_or(b"").trim_ascii_start();
                if rest.is_empty() {
                    return None;
                }
            }
        }
        (count > 0).then_some(specificity)
    }

    /// Passes on every rule that selects `subject`. `above` gives the elements around it, the
    /// nearest first. `steps` is what the page has left for matching.
    pub fn matching<'a>(
        &self,
        subject: Subject<'_>,
        above: impl Fn(usize) -> Option<Subject<'a>>,
        steps: &mut u32,
        mut take: impl FnMut(Matched<'_>),
    ) {
        let mut consider = |rule: u32| {
            let Some(found) = self.rules.get(rule as usize) else {
                return false;
            };
            if !self.selects(found, subject, &above, steps) {
                return *steps > 0;
            }
            let (from, to) = found.declarations;
            take(Matched {
                declarations: self
                    .declarations
                    .get(from as usize..to as usize)
                    .unwrap_or_default(),
                rank: (u64::from(found.specificity) << 24) | u64::from(rule),
                screens: found.screens,
            });
            true
        };
        let keys = subject.classes.iter().copied();
        for key in [subject.name, subject.id].into_iter().chain(keys) {
            let from = self.index.partition_point(|(found, _)| *found < key);
            let rules = self.index.get(from..).unwrap_or_default();
            for (_, rule) in rules.iter().take_while(|(found, _)| *found == key) {
                if !consider(*rule) {
                    return;
                }
            }
        }
        for rule in &self.universal {
            if !consider(*rule) {
                return;
            }
        }
    }

    fn selects<'a>(
        &self,
        rule: &Rule,
        subject: Subject<'_>,
        above: &impl Fn(usize) -> Option<Subject<'a>>,
        steps: &mut u32,
    ) -> bool {
        let (from, to) = rule.compounds;
        let compounds = self
            .compounds
            .get(from as usize..to as usize)
            .unwrap_or_default();
        let Some(((last, before), left)) = compounds.split_first().zip(steps.checked_sub(1)) else {
            return false;
        };
        *steps = left.saturating_sub(rule.declarations.1 - rule.declarations.0);
        if !self.meets(last, subject) {
            return false;
        }
        // The next compound, the element to try it on, and where a failure goes on: one element
        // above the last descendant that was found.
        let (mut at, mut level) = (0, 0);
        let mut needs_parent = last.is_parent;
        let mut resume: Option<(usize, usize)> = None;
        while let Some(compound) = before.get(at) {
            let (Some(element), Some(left)) = (above(level), steps.checked_sub(1)) else {
                return false;
            };
            *steps = left;
            if self.meets(compound, element) {
                if !needs_parent {
                    resume = Some((at, level + 1));
                }
                needs_parent = compound.is_parent;
                (at, level) = (at + 1, level + 1);
            } else if needs_parent {
                let Some(again) = resume else { return false };
                (at, level) = again;
                needs_parent = false;
            } else {
                level += 1;
            }
        }
        true
    }

    fn meets(&self, compound: &Compound, subject: Subject<'_>) -> bool {
        let (from, to) = compound.classes;
        (compound.name == 0 || compound.name == subject.name)
            && (compound.id == 0 || compound.id == subject.id)
            && self
                .classes
                .get(from as usize..to as usize)
                .unwrap_or_default()
                .iter()
                .all(|class| subject.classes.contains(class))
    }
}

/// The hash of a class name, which is no hash of an id or element.
pub fn class_hash(name: &[u8]) -> u64 {
    hash(name) ^ CLASS_MARK
}

/// The hash of an id.
pub fn id_hash(name: &[u8]) -> u64 {
    hash(name) ^ ID_MARK
}

/// An identifier with its escapes read, and the octets that it takes.
fn identifier(text: &[u8]) -> Option<(Vec<u8>, usize)> {
    let mut name = Vec::new();
    let mut at = 0;
    while let Some(&b) = text.get(at) {
        match b {
            b'\\' => {
                let (c, len) = css::escaped(text.get(at + 1..).unwrap_or(b""));
                let mut octets = [0; 4];
                name.extend_from_slice(c?.encode_utf8(&mut octets).as_bytes());
                at += 1 + len;
            }
            b if b.is_ascii_alphanumeric() || b == b'-' || b == b'_' || !b.is_ascii() => {
                name.push(b);
                at += 1;
            }
            _ => break,
        }
    }
    (!name.is_empty()).then_some((name, at))
}

/// The part before a block, without the marks of a comment of HTML.
fn prelude(text: &[u8]) -> &[u8] {
    let mut text = text.trim_ascii();
    while let Some(rest) = text
        .strip_prefix(b"<!--")
        .or_else(|| text.strip_prefix(b"-->"))
    {
        text = rest.trim_ascii();
    }
    text
}

/// The screens of `media …` behind its `@`; `None` for another rule with a block.
fn media_of(rule: &[u8]) -> Option<Screens> {
    let (name, rest) = rule.split_at_checked(5)?;
    name.eq_ignore_ascii_case(b"media")
        .then(|| media::screens(rest.trim_ascii()))
}

/// The length of a block up to the bracket that closes it.
fn block_len(text: &[u8]) -> usize {
    let mut depth = 0_usize;
    let mut quote = 0;
    for (at, &b) in text.iter().enumerate() {
        match b {
            b'"' | b'\'' if quote == 0 => quote = b,
            // A quote that is not closed ends with its line.
            b'\n' => quote = 0,
            b if quote != 0 && b == quote => quote = 0,
            _ if quote != 0 => {}
            b'{' => depth += 1,
            b'}' if depth == 0 => return at,
            b'}' => depth -= 1,
            _ => {}
        }
    }
    text.len()
}

fn without_comments(css: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(css.len());
    let mut rest = css;
    while let Some(at) = memchr::memmem::find(rest, b"/*") {
        out.extend_from_slice(rest.get(..at).unwrap_or(b""));
        out.push(b' ');
        let tail = rest.get(at + 2..).unwrap_or(b"");
        let end = memchr::memmem::find(tail, b"*/").map_or(tail.len(), |end| end + 2);
        rest = tail.get(end..).unwrap_or(b"");
    }
    out.extend_from_slice(rest);
    out
}

impl Screens {
    /// The rule counts on a screen of ordinary width.
    pub fn is_desktop(self) -> bool {
        self.on & DESKTOP != 0
    }

    /// The rule counts on a telephone.
    pub fn is_phone(self) -> bool {
        self.on & PHONE != 0
    }
}

const CLASS_MARK: u64 = 0x5bd1_e995_0000_0001;
const ID_MARK: u64 = 0x9e37_79b9_0000_0002;
/// Octets of the style sheets of one page.
const CSS_MAX: usize = 256 * 1024;
const RULES_MAX: usize = 4_096;
const DECLARATIONS_MAX: usize = 8_192;
const COMPOUNDS_MAX: usize = 16;
const MEDIA_DEPTH_MAX: usize = 8;
/// Nanoseconds of a rule, and of an octet of its declarations and selectors.
const RULE_WORK: usize = 100;
const BLOCK_OCTET_WORK: usize = 6;

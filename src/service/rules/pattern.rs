//! Regular expressions of rules: compiled with bounds, and searched in time that is linear in the
//! text.
//!
//! A search is that of a lazy automaton without a fallback: where the automaton would need more
//! memory than it has, the search gives up, and its rule fails. So no pattern can hold a thread up.
//! `\b` and its like compare ASCII letters, because the automaton has no other.

use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::nfa::thompson;
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input};
use regex_syntax::hir::{Hir, HirKind, Look, Repetition};

/// A compiled regular expression.
#[derive(Debug)]
pub(super) struct RulePattern(DFA);

/// The memory of a search. It is used for one pattern after another.
#[derive(Debug, Default)]
pub(super) struct PatternScratch(Option<Cache>);

/// A search that would take too much memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct TooCostly;

impl RulePattern {
    /// Compiles a pattern. Upper and lower case are the same to it.
    ///
    /// # Errors
    /// Why it does not compile; it completes a sentence that begins with the name of the field.
    pub fn new(text: &str) -> Result<RulePattern, String> {
        let config = syntax::Config::new()
            .case_insensitive(true)
            .nest_limit(NEST_MAX);
        let hir = syntax::parse_with(text, &config)
            .map_err(|error| format!("is no regular expression: {}", reason(&error.to_string())))?;
        let nfa = thompson::Compiler::new()
            .configure(thompson::Config::new().nfa_size_limit(Some(NFA_BYTES_MAX)))
            .build_from_hir(&ascii_boundaries(hir))
            .map_err(|_| "is too large when it is compiled: write fewer repetitions".to_owned())?;
        let config = DFA::config()
            .cache_capacity(CACHE_BYTES)
            .minimum_cache_clear_count(Some(CLEARS_MIN))
            .minimum_bytes_per_state(Some(OCTETS_A_STATE));
        let dfa = DFA::builder().configure(config).build_from_nfa(nfa);
        dfa.map(RulePattern)
            .map_err(|_| "needs too much memory: write a simpler one".to_owned())
    }

    /// Octets that it takes.
    pub fn bytes(&self) -> usize {
        self.0
            .memory_usage()
            .saturating_add(self.0.get_nfa().memory_usage())
    }

    /// Whether it matches somewhere in a text, and about how many steps the search took beside one
    /// an octet.
    pub fn is_in(
        &self,
        scratch: &mut PatternScratch,
        text: &str,
    ) -> (Result<bool, TooCostly>, usize) {
        let cache = match &mut scratch.0 {
            Some(cache) => {
                cache.reset(&self.0);
                cache
            }
            none => none.insert(self.0.create_cache()),
        };
        let input = Input::new(text).anchored(Anchored::No).earliest(true);
        let found = self.0.try_search_fwd(cache, &input);
        let work = cache.memory_usage().saturating_mul(STATE_OCTET_WORK);
        (found.map(|end| end.is_some()).map_err(|_| TooCostly), work)
    }
}

/// The last line of an error, which has the reason; the lines above draw the place.
fn reason(error: &str) -> &str {
    let last = error.lines().last().unwrap_or_default();
    last.strip_prefix("error: ").unwrap_or(last)
}

/// The expression with the boundaries of ASCII words in place of those of Unicode. Its recursion is
/// bounded by [`NEST_MAX`].
fn ascii_boundaries(hir: Hir) -> Hir {
    match hir.into_kind() {
        HirKind::Look(look) => Hir::look(match look {
            Look::WordUnicode => Look::WordAscii,
            Look::WordUnicodeNegate => Look::WordAsciiNegate,
            Look::WordStartUnicode => Look::WordStartAscii,
            Look::WordEndUnicode => Look::WordEndAscii,
            Look::WordStartHalfUnicode => Look::WordStartHalfAscii,
            Look::WordEndHalfUnicode => Look::WordEndHalfAscii,
            other => other,
        }),
        HirKind::Repetition(repetition) => Hir::repetition(Repetition {
            sub: Box::new(ascii_boundaries(*repetition.sub)),
            ..repetition
        }),
        // Nothing asks for the text of a group.
        HirKind::Capture(capture) => ascii_boundaries(*capture.sub),
        HirKind::Concat(all) => Hir::concat(all.into_iter().map(ascii_boundaries).collect()),
        HirKind::Alternation(all) => {
            Hir::alternation(all.into_iter().map(ascii_boundaries).collect())
        }
        HirKind::Empty => Hir::empty(),
        HirKind::Literal(literal) => Hir::literal(literal.0),
        HirKind::Class(class) => Hir::class(class),
    }
}

/// Groups inside groups: people write three or four.
const NEST_MAX: u32 = 32;
/// Octets of the automaton of a pattern. `\w` of Unicode takes some thousand.
const NFA_BYTES_MAX: usize = 64 << 10;
/// Octets of states that a search keeps.
const CACHE_BYTES: usize = 256 << 10;
/// How often these are thrown away before a search that makes little way gives up.
const CLEARS_MIN: usize = 2;
/// Octets of text for each new state that are little way.
const OCTETS_A_STATE: usize = 32;
/// Steps for each octet of a state that a search makes.
const STATE_OCTET_WORK: usize = 4;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn is_in(pattern: &str, text: &str) -> bool {
        let pattern = RulePattern::new(pattern).unwrap();
        pattern
            .is_in(&mut PatternScratch::default(), text)
            .0
            .unwrap()
    }

    #[test]
    fn patterns_match_without_regard_to_case() {
        assert!(is_in("invoice #[0-9]+", "Your INVOICE #17"));
        assert!(is_in("^re:", "Re: hello"));
        assert!(!is_in("^hello", "Re: hello"));
        assert!(is_in("straße", "STRASSE Straße"));
        assert!(is_in("ÜBER", "über"));
        assert!(is_in(r"\bpay\b", "Zahlung für pay. Größe"));
        assert!(!is_in(r"\bpay\b", "payment"));
        assert!(is_in(r"\w+@\w+\.example", "ann@mail.example"));
        assert!(is_in("(?:a|b)(c)", "xbc"));
        assert!(is_in("", ""));
    }

    #[test]
    fn one_memory_serves_several_patterns() {
        let mut scratch = PatternScratch::default();
        for (pattern, text, holds) in [
            ("a+b", "xaab", true),
            (r"\d{3}", "12 345", true),
            ("q", "abc", false),
            ("a+b", "aa", false),
        ] {
            let pattern = RulePattern::new(pattern).unwrap();
            assert_eq!(pattern.is_in(&mut scratch, text).0, Ok(holds), "{text}");
        }
    }

    #[test]
    fn a_pattern_that_is_none_says_why() {
        for (bad, why) in [
            ("(", "unclosed group"),
            ("[a", "unclosed character class"),
            ("a{2", "repetition"),
            (r"\1", "backreferences"),
            ("(?=a)", "look-around"),
            (r"(?:\w{200}){10}", "too large"),
            (&"(".repeat(40), "unclosed"),
            (&format!("{}a{}", "(".repeat(40), ")".repeat(40)), "nest"),
        ] {
            let error = RulePattern::new(bad).unwrap_err();
            assert!(error.contains(why), "{bad}: {error}");
        }
    }

    #[test]
    fn a_hostile_pattern_gives_up() {
        let pattern = RulePattern::new("(a|b)*a(a|b){60}c").unwrap();
        let mut state = 7_u32;
        let mut letter = || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            if state & 1 == 0 { 'a' } else { 'b' }
        };
        let text: String = (0..65_536).map(|_| letter()).collect();
        let (found, _) = pattern.is_in(&mut PatternScratch::default(), &text);
        assert_eq!(found, Err(TooCostly));
    }
}

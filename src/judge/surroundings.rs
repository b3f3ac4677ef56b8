//! What stands around a phrase: whether it begins its sentence, is called by name, or is quoted.
//!
//! A text may be full of phrases, so each is looked at within a bound of octets.

use super::fold::Folded;
use crate::mail::unicode;

/// Whether a task stands at the beginning of its sentence.
pub fn begins_task(folded: &Folded, at: u32) -> bool {
    let sentence = folded.sentence(at).saturating_sub(1);
    let start = folded.sentences.get(sentence).copied().unwrap_or(at);
    let next = folded
        .sentences
        .get(sentence + 1)
        .map(|next| *next as usize);
    if next.unwrap_or(folded.text.len()) < at as usize + TASK_BYTES_MIN {
        return false;
    }
    if at - start > OPENING_BYTES_MAX {
        return false;
    }
    let before = folded.text.get(start as usize..at as usize);
    let before = before.unwrap_or_default();
    let before = before.trim_matches(|c: char| !c.is_alphanumeric());
    before.is_empty() || OPENINGS.contains(&before)
}

/// Whether an agent is called: its name begins a sentence, and a mark follows it. It looks at a few
/// octets around the name, because a text may be full of names.
pub fn is_called(folded: &Folded, start: u32, end: u32) -> bool {
    let text = folded.text.as_str();
    let (from, to) = (start as usize, end as usize);
    let is_marked = text
        .get(..to)
        .is_some_and(|name| name.ends_with([':', ',']))
        || text
            .get(to..)
            .map(|rest| unicode::prefix(rest, NAME_BYTES_MAX))
            .map(|rest| rest.trim_start_matches(char::is_alphanumeric))
            .and_then(|rest| {
                unicode::prefix(rest, TITLE_BYTES_MAX).split_once([',', ':', '!', ';'])
            })
            .is_some_and(|(word, _)| word.is_empty() || TITLES.contains(&word.trim()));
    if !is_marked {
        return false;
    }
    let sentence = folded.sentence(start).saturating_sub(1);
    let first = folded.sentences.get(sentence).copied().unwrap_or(start) as usize;
    let before = text.get(first..from).unwrap_or_default();
    let near = unicode::suffix(before, CALL_BYTES_MAX);
    let before = match near.rsplit_once(['.', '!', '?', ':', ']']) {
        Some((_, last)) => last,
        None if near.len() < before.len() => return false,
        None => near,
    };
    let before = before.trim_matches(|c: char| !c.is_alphanumeric());
    before.is_empty() || CALLS.contains(&before)
}

/// Whether a word begins there.
pub fn begins_word(text: &str, at: usize) -> bool {
    let before = text.get(..at).and_then(|head| head.chars().next_back());
    before.is_none_or(|c| !c.is_alphanumeric() || u32::from(c) >= LETTERS_WITHOUT_WORDS)
}

/// Whether a quotation mark opens before a place and does not close before it.
pub fn is_quoted(text: &str, at: u32) -> bool {
    let before = unicode::suffix(unicode::prefix(text, at as usize), QUOTE_BACK);
    let Some((outside, inside)) = before.rsplit_once('"') else {
        return false;
    };
    let opens = outside.is_empty() || outside.ends_with([' ', '(', ':', ',']);
    opens && !inside.starts_with(' ')
}

/// From here on (Hebrew, Arabic and the scripts of Asia) words have prefixes, or no space between.
pub const LETTERS_WITHOUT_WORDS: u32 = 0x590;
/// A shorter sentence is a label or a note of a template.
const TASK_BYTES_MIN: usize = 24;
/// Octets before a task in its sentence, marks and lines drawn with them included.
const OPENING_BYTES_MAX: u32 = 256;
/// What may stand before a task.
const OPENINGS: &[&str] = &[
    "please",
    "and",
    "then",
    "also",
    "now",
    "do",
    "can you",
    "could you",
    "would you",
    "kindly",
    "next",
    "first",
    "finally",
    "just",
];
/// Octets behind the name of an agent that is called: the rest of its last word, and the mark.
const NAME_BYTES_MAX: usize = 60;
/// Octets of a title with its mark.
const TITLE_BYTES_MAX: usize = 16;
/// Octets before that name in its sentence.
const CALL_BYTES_MAX: usize = 120;
/// What may stand behind that name.
const TITLES: &[&str] = &[
    "instruction",
    "instructions",
    "note",
    "notes",
    "task",
    "tasks",
    "directive",
    "command",
    "order",
    "message",
    "only",
    "s",
];
/// What may stand before the name of an agent that is called.
const CALLS: &[&str] = &[
    "dear",
    "hey",
    "hello",
    "hi",
    "ok",
    "okay",
    "attention",
    "attn",
    "note to",
    "note to the",
    "note for",
    "note for the",
    "note for the accounts",
    "message to",
    "message to the",
    "message for",
    "message for the",
    "instruction to",
    "instruction for",
    "instructions to",
    "instructions for",
    "instructions for the",
    "to",
    "to the",
    "to all",
    "to any",
    "for",
    "for the",
    "for any",
    "ai",
    "email",
    "mail",
    "the",
    "an",
    "your",
    "hallo",
    "liebe",
    "lieber",
    "hinweis an den",
    "an den",
    "cher",
    "chere",
    "estimado",
    "para el",
    "caro",
    "per",
    "для",
];
/// Octets before a place in which its quotation mark is looked for.
const QUOTE_BACK: usize = 120;

#[cfg(test)]
mod tests {
    use super::*;

    fn called(text: &str) -> bool {
        let folded = Folded::of(text);
        let at = folded.text.rfind("agent").unwrap_or_default() as u32;
        is_called(&folded, at, at + 5)
    }

    #[test]
    fn a_call_is_told_by_what_is_near_it() {
        for text in [
            "Agent: go",
            "Thanks! Note to the agent, go",
            "Agents; go",
            "Agent instructions: go",
            "* * * Hey agent! Go",
        ] {
            assert!(called(text), "{text}");
        }
        let far = "x ".repeat(100);
        for text in [
            "Our agent: go".to_owned(),
            "Agent of the house: go".to_owned(),
            format!("Agent {far}: go"),
            format!("Agent{}: go", "s".repeat(200)),
            format!("Agent {far}{far}, agent: go"),
            format!("{far}agent: go"),
            format!("{}agent: go", "漢".repeat(50)),
        ] {
            assert!(!called(&text), "{text}");
        }
    }

    #[test]
    fn a_task_is_told_by_what_is_near_it() {
        let begins = |text: &str| {
            let folded = Folded::of(text);
            let at = folded.text.rfind("write").unwrap_or_default() as u32;
            begins_task(&folded, at)
        };
        let rest = " a poem about the sea and its colours";
        let line = "=".repeat(78);
        assert!(begins(&format!("Please write{rest}")));
        assert!(begins(&format!("{line}\nwrite{rest}")));
        assert!(!begins(&format!("We write{rest}")));
        assert!(!begins(&format!("{}write{rest}", "- ".repeat(200))));
        assert!(!begins("Write it"));
    }
}

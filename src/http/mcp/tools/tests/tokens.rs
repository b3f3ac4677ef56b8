//! What the descriptions cost: a client shows all of them to its model in every conversation.

use crate::call::Scopes;
use crate::http::mcp::list;

/// An estimate that is a fifth above what `o200k_base` counts for such a text (2,202 for 1,818
/// tokens when it was made): a run of letters is a token for each six, a run of digits for each
/// three, a run of the marks of JSON for each three, any other visible character one of its own.
fn tokens(text: &str) -> usize {
    let kind = |c: char| match c {
        c if c.is_ascii_alphabetic() => 0,
        c if c.is_ascii_digit() => 1,
        '"' | ':' | ',' | '{' | '}' | '[' | ']' => 2,
        ' ' => 3,
        _ => 4,
    };
    let chars: Vec<char> = text.chars().collect();
    let runs = chars.chunk_by(|a, b| kind(*a) == kind(*b));
    let count = |run: &[char]| match run.first().map(|c| kind(*c)) {
        Some(0) => run.len().div_ceil(6),
        Some(1 | 2) => run.len().div_ceil(3),
        Some(3) => run.len() - 1,
        _ => run.len(),
    };
    runs.map(count).sum()
}

/// Titles and annotations are for people and for the client; a model gets the rest.
#[test]
fn all_descriptions_are_at_most_2500_tokens() {
    let mut octets = Vec::new();
    list::tools(&mut octets, Scopes::ADMIN);
    let mut tools: Vec<serde_json::Map<String, serde_json::Value>> =
        serde_json::from_slice(&octets).unwrap();
    assert_eq!(tools.len(), 12);
    for tool in &mut tools {
        assert!(tool.remove("title").is_some() && tool.remove("annotations").is_some());
        tool.remove("_meta");
        for needed in ["name", "description", "inputSchema"] {
            assert!(tool.contains_key(needed), "{needed}");
        }
    }
    let text = serde_json::to_string(&tools).unwrap();
    let cost = tokens(&text);
    assert!((1000..=2500).contains(&cost), "{cost} tokens:\n{text}");
}

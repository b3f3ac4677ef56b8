//! Keywords of messages, here and on the server of an account.

use crate::call::bounds::check_keyword;
use crate::call::is_server_label;

/// Keywords that are keywords on both sides. Those that only this server sets say nothing when
/// another one has them, and are not told.
pub fn kept_keywords(words: &[String]) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for word in words {
        let is_ours = check_keyword(word).is_ok() && !is_server_label(word);
        if is_ours && !has_word(&kept, word) {
            kept.push(word.clone());
        }
    }
    kept
}

/// Whether a keyword is among others; keywords have no case.
pub fn has_word(words: &[String], word: &str) -> bool {
    words.iter().any(|known| known.eq_ignore_ascii_case(word))
}

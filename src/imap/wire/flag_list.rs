//! Lists of flags and keywords, as STORE and APPEND have them (RFC 3501 section 9, `flag`).

use super::lexer::Lexer;
use super::syntax::{Parsed, SyntaxError};
use crate::call::Flags;
use crate::call::bounds::KEYWORD_BYTES_MAX;

/// Flags of STORE and APPEND. `\Recent` is dropped: no client can set it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FlagList {
    /// System flags.
    pub flags: Flags,
    /// Keywords: atoms of up to 64 octets, each once (without case), in the order given.
    pub keywords: Vec<String>,
}

impl FlagList {
    /// Flags in parentheses; the list may be empty.
    pub(crate) fn parse(lexer: &mut Lexer<'_>) -> Parsed<FlagList> {
        lexer.expect(b'(')?;
        let mut list = FlagList::default();
        if lexer.eat(b')') {
            return Ok(list);
        }
        loop {
            list.parse_flag(lexer)?;
            if lexer.eat(b')') {
                return Ok(list);
            }
            lexer.space()?;
        }
    }

    /// One flag, added to the list.
    pub(crate) fn parse_flag(&mut self, lexer: &mut Lexer<'_>) -> Parsed<()> {
        if lexer.eat(b'\\') {
            let name = lexer.atom().map_err(|_| SyntaxError::Flag)?;
            let known = Flags::NAMES.iter().find(|(full, _)| {
                full.as_bytes()
                    .get(1..)
                    .is_some_and(|known| known.eq_ignore_ascii_case(name.as_bytes()))
            });
            match known {
                Some((_, flag)) => self.flags = self.flags.with(*flag),
                None if name.eq_ignore_ascii_case("Recent") => {}
                None => return Err(SyntaxError::Flag),
            }
            return Ok(());
        }
        let keyword = lexer.atom()?;
        if keyword.len() > KEYWORD_BYTES_MAX {
            return Err(SyntaxError::KeywordTooLong);
        }
        if self
            .keywords
            .iter()
            .any(|k| k.eq_ignore_ascii_case(keyword))
        {
            return Ok(());
        }
        if self.keywords.len() == KEYWORDS_MAX {
            return Err(SyntaxError::TooMany);
        }
        self.keywords.push(keyword.to_owned());
        Ok(())
    }
}

/// Keywords of one STORE or APPEND.
const KEYWORDS_MAX: usize = 64;

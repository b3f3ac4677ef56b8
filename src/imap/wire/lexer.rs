//! The words of the grammar (RFC 3501 section 9): atoms, strings, numbers, dates, sets.
//!
//! A lexer is a position in a complete frame. It only goes forward, so no octet is looked at
//! more than a fixed number of times. Its results are borrowed, but for a quoted string that
//! had backslashes. Not the arguments of any command: each has its grammar in its own file.

use std::borrow::Cow;

use super::syntax::{Parsed, SyntaxError};
use crate::mail::time::{self, Civil};

/// A position in a frame.
pub(crate) struct Lexer<'a> {
    line: &'a [u8],
    at: usize,
}

impl<'a> Lexer<'a> {
    pub(crate) fn new(line: &'a [u8], at: usize) -> Self {
        Lexer { line, at }
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.line.get(self.at).copied()
    }

    fn rest(&self) -> &'a [u8] {
        self.line.get(self.at..).unwrap_or_default()
    }

    fn take(&mut self, len: usize) -> &'a [u8] {
        let taken = self.rest().get(..len).unwrap_or(self.rest());
        self.at += taken.len();
        taken
    }

    /// Goes past `b` if it is next.
    pub(crate) fn eat(&mut self, b: u8) -> bool {
        let is_next = self.peek() == Some(b);
        self.at += usize::from(is_next);
        is_next
    }

    /// Goes past `b`; an error if it is not next.
    pub(crate) fn expect(&mut self, b: u8) -> Parsed<()> {
        if self.eat(b) {
            return Ok(());
        }
        Err(if self.is_end() {
            SyntaxError::Missing
        } else {
            SyntaxError::Character
        })
    }

    /// The one space between two arguments.
    pub(crate) fn space(&mut self) -> Parsed<()> {
        self.expect(b' ')
    }

    fn is_end(&self) -> bool {
        matches!(self.rest(), b"\r\n" | b"")
    }

    /// The end of the command.
    pub(crate) fn end(&self) -> Parsed<()> {
        if self.is_end() {
            Ok(())
        } else {
            Err(SyntaxError::Trailing)
        }
    }

    /// Octets as long as they are `wanted`; the result may be empty.
    pub(crate) fn take_while(&mut self, wanted: impl Fn(u8) -> bool) -> &'a [u8] {
        let rest = self.rest();
        let len = rest.iter().position(|&b| !wanted(b)).unwrap_or(rest.len());
        self.take(len)
    }

    /// As [`Self::take_while`], at least one, as text; `wanted` takes ASCII only.
    pub(crate) fn word(&mut self, wanted: impl Fn(u8) -> bool) -> Parsed<&'a str> {
        let word = self.take_while(|b| b.is_ascii() && wanted(b));
        match core::str::from_utf8(word) {
            Ok(word) if !word.is_empty() => Ok(word),
            _ if self.is_end() => Err(SyntaxError::Missing),
            _ => Err(SyntaxError::Character),
        }
    }

    pub(crate) fn atom(&mut self) -> Parsed<&'a str> {
        self.word(is_atom)
    }

    /// The name of an item of FETCH or STORE: letters, digits and dots.
    pub(crate) fn item_name(&mut self) -> Parsed<&'a str> {
        self.word(|b| b.is_ascii_alphanumeric() || b == b'.')
    }

    /// An atom (in which `]` may be, too) or a string.
    pub(crate) fn astring(&mut self) -> Parsed<Cow<'a, [u8]>> {
        match self.peek() {
            Some(b'"' | b'{') => self.string(),
            _ => Ok(Cow::Borrowed(
                self.word(|b| is_atom(b) || b == b']')?.as_bytes(),
            )),
        }
    }

    /// Quoted or literal.
    pub(crate) fn string(&mut self) -> Parsed<Cow<'a, [u8]>> {
        match self.peek() {
            Some(b'"') => self.quoted(),
            Some(b'{') => self.literal().map(Cow::Borrowed),
            _ if self.is_end() => Err(SyntaxError::Missing),
            _ => Err(SyntaxError::Character),
        }
    }

    /// A string or NIL.
    pub(crate) fn nstring(&mut self) -> Parsed<Option<Cow<'a, [u8]>>> {
        match self.peek() {
            Some(b'"' | b'{') => self.string().map(Some),
            _ if self.atom()?.eq_ignore_ascii_case("NIL") => Ok(None),
            _ => Err(SyntaxError::Character),
        }
    }

    /// Octets above 127 are accepted: clients send UTF-8 here, and the user of the text checks
    /// it.
    fn quoted(&mut self) -> Parsed<Cow<'a, [u8]>> {
        self.expect(b'"')?;
        let plain = |b: u8| !matches!(b, b'"' | b'\\' | b'\r' | b'\n' | 0);
        let start = self.take_while(plain);
        if self.eat(b'"') {
            return Ok(Cow::Borrowed(start));
        }
        let mut text = start.to_vec();
        loop {
            match self.take(1) {
                b"\"" => return Ok(Cow::Owned(text)),
                b"\\" => match self.take(1) {
                    escaped @ (b"\"" | b"\\") => text.extend_from_slice(escaped),
                    _ => return Err(SyntaxError::Character),
                },
                _ => return Err(SyntaxError::Character),
            }
            text.extend_from_slice(self.take_while(plain));
        }
    }

    fn literal(&mut self) -> Parsed<&'a [u8]> {
        let size = usize::try_from(self.announced()?).map_err(|_| SyntaxError::Literal)?;
        let text = self.rest().get(..size).ok_or(SyntaxError::Literal)?;
        if memchr::memchr(0, text).is_some() {
            return Err(SyntaxError::Character);
        }
        Ok(self.take(size))
    }

    /// As many octets of any kind, or as are left: behind an announcement.
    pub(crate) fn octets(&mut self, size: usize) -> &'a [u8] {
        self.take(size)
    }

    /// `{n}` or `{n+}` and its CRLF.
    pub(crate) fn announced(&mut self) -> Parsed<u64> {
        self.expect(b'{')?;
        let size = self.number64().map_err(|_| SyntaxError::Literal)?;
        self.eat(b'+');
        if self.eat(b'}') && self.eat(b'\r') && self.eat(b'\n') {
            Ok(size)
        } else {
            Err(SyntaxError::Literal)
        }
    }

    pub(crate) fn number(&mut self) -> Parsed<u32> {
        u32::try_from(self.number64()?).map_err(|_| SyntaxError::Number)
    }

    /// RFC 7162 `mod-sequence-valzer`, RFC 9051 `number64`: up to 63 bits.
    pub(crate) fn number64(&mut self) -> Parsed<u64> {
        let digits = self.take_while(|b| b.is_ascii_digit());
        let number = digits.iter().try_fold(0i64, |n, &digit| {
            n.checked_mul(10)?.checked_add(i64::from(digit - b'0'))
        });
        match number.map(u64::try_from) {
            Some(Ok(number)) if !digits.is_empty() => Ok(number),
            _ => Err(SyntaxError::Number),
        }
    }

    /// Whether a number is next.
    pub(crate) fn is_digit(&self) -> bool {
        self.peek().is_some_and(|b| b.is_ascii_digit())
    }

    /// `1-Feb-1994`, quoted or not, as days since 1970.
    pub(crate) fn date(&mut self) -> Parsed<i64> {
        let quoted = self.eat(b'"');
        let (year, month, day) = self.day_month_year(false)?;
        if quoted {
            self.expect(b'"')?;
        }
        time::day_of_date(year, month, day).ok_or(SyntaxError::Date)
    }

    /// `"17-Jul-1996 02:44:25 -0700"` as unix milliseconds.
    pub(crate) fn date_time(&mut self) -> Parsed<i64> {
        self.expect(b'"')?;
        let (year, month, day) = self.day_month_year(true)?;
        self.space()?;
        let hour = self.digits(2, 23)?;
        self.expect(b':')?;
        let minute = self.digits(2, 59)?;
        self.expect(b':')?;
        let second = self.digits(2, 60)?;
        self.space()?;
        let sign = match self.take(1) {
            b"+" => 1,
            b"-" => -1,
            _ => return Err(SyntaxError::Date),
        };
        let zone = sign * (self.digits(2, 23)? * 60 + self.digits(2, 59)?);
        self.expect(b'"')?;
        let civil = Civil {
            year,
            month,
            day,
            hour,
            minute,
            second,
        };
        let unix_s = civil.unix_s().ok_or(SyntaxError::Date)?;
        Ok((unix_s - zone * 60) * 1_000)
    }

    fn day_month_year(&mut self, fixed: bool) -> Parsed<(i64, i64, i64)> {
        let day = match self.take_while(|b| b.is_ascii_digit() || (fixed && b == b' ')) {
            [b' ', d @ b'0'..=b'9'] if fixed => i64::from(d - b'0'),
            [d @ b'0'..=b'9'] => i64::from(d - b'0'),
            [t @ b'0'..=b'9', d @ b'0'..=b'9'] => i64::from((t - b'0') * 10 + (d - b'0')),
            _ => return Err(SyntaxError::Date),
        };
        self.expect(b'-').map_err(|_| SyntaxError::Date)?;
        let name = self.take_while(|b| b.is_ascii_alphabetic());
        let month = time::month(name).ok_or(SyntaxError::Date)?;
        self.expect(b'-').map_err(|_| SyntaxError::Date)?;
        let year = self.digits(4, 9999)?;
        Ok((year, month, day))
    }

    fn digits(&mut self, count: usize, max: i64) -> Parsed<i64> {
        let digits = self.take(count);
        let all = digits.len() == count && digits.iter().all(u8::is_ascii_digit);
        let number = digits
            .iter()
            .fold(0, |n, &digit| n * 10 + i64::from(digit.wrapping_sub(b'0')));
        if all && number <= max {
            Ok(number)
        } else {
            Err(SyntaxError::Date)
        }
    }
}

/// ATOM-CHAR: a printable character other than `( ) { SP % * " \ ]`.
pub(crate) fn is_atom(b: u8) -> bool {
    b.is_ascii_graphic() && !matches!(b, b'(' | b')' | b'{' | b'%' | b'*' | b'"' | b'\\' | b']')
}

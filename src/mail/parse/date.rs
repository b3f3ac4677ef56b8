//! The date grammar of RFC 5322: read with the obsolete zones, and without seconds or weekday.
//!
//! A date is a claim of its sender. It is shown and searched; order, retention and UIDs never
//! depend on it. A date outside the years 1970 to 9999 is no date. Dates are written by
//! [`time::rfc5322`].

use crate::mail::time::{self, Civil, DAY_S};

/// A point in time as a sender wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Date {
    /// Seconds since 1970, UTC.
    pub unix_s: i64,
    /// The zone it was written in, minutes east of Greenwich.
    pub offset_min: i32,
}

impl Date {
    /// The day in the sender's own zone, in days since 1970. SEARCH SENTON compares it.
    pub(crate) fn local_day(&self) -> i64 {
        (self.unix_s + i64::from(self.offset_min) * 60).div_euclid(DAY_S)
    }
}

/// Reads the body of a Date field. `None` if it is no date, and for years outside 1970 to 9999.
pub fn parse(body: &[u8]) -> Option<Date> {
    let mut words = DateWords {
        bytes: body,
        at: 0,
        after_colon: false,
    };
    let mut word = words.next()?;
    if word.first().is_some_and(u8::is_ascii_alphabetic) {
        word = words.next()?; // the weekday adds nothing
    }
    let day = number(word, 2)?;
    let month = time::month(words.next()?.get(..3)?)?;
    let year_word = words.next()?;
    let year = match (year_word.len(), number(year_word, 4)?) {
        // RFC 5322 section 4.3.
        (2, y @ 0..=49) => 2_000 + y,
        (2 | 3, y) => 1_900 + y,
        (4, y) => y,
        _ => return None,
    };
    let hour = number(words.next()?, 2)?;
    let minute = number(words.next()?, 2)?;
    let mut second = 0;
    let mut zone = words.next();
    if let Some(word) = zone
        && words.after_colon
    {
        second = number(word, 2)?;
        zone = words.next();
    }
    let offset_min = zone.and_then(parse_zone).unwrap_or(0);
    let civil = Civil {
        year,
        month,
        day,
        hour,
        minute,
        second,
    };
    let unix_s = civil.unix_s()? - i64::from(offset_min) * 60;
    let is_date = year >= 1970 && (0..=time::YEAR_9999_END_S).contains(&unix_s);
    is_date.then_some(Date { unix_s, offset_min })
}

/// RFC 5322 section 4.3: a military letter says nothing reliable and counts as an unknown zone.
fn parse_zone(word: &[u8]) -> Option<i32> {
    if let [sign @ (b'+' | b'-'), digits @ ..] = word {
        let value = i32::try_from(number(digits, 4)?).ok()?;
        let (hours, minutes) = (value / 100, value % 100);
        if digits.len() != 4 || hours > 23 || minutes > 59 {
            return None;
        }
        let offset = hours * 60 + minutes;
        return Some(if *sign == b'-' { -offset } else { offset });
    }
    let hours = match word.to_ascii_uppercase().as_slice() {
        b"EDT" => -4,
        b"EST" | b"CDT" => -5,
        b"CST" | b"MDT" => -6,
        b"MST" | b"PDT" => -7,
        b"PST" => -8,
        b"CET" => 1,
        b"CEST" => 2,
        _ => 0,
    };
    Some(hours * 60)
}

fn number(word: &[u8], digits_max: usize) -> Option<i64> {
    if word.is_empty() || word.len() > digits_max || !word.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(word.iter().fold(0, |n, d| n * 10 + i64::from(d - b'0')))
}

/// The words between white space, commas, colons and comments.
struct DateWords<'a> {
    bytes: &'a [u8],
    at: usize,
    after_colon: bool,
}

impl<'a> DateWords<'a> {
    fn next(&mut self) -> Option<&'a [u8]> {
        self.after_colon = false;
        let mut depth = 0_usize;
        while let Some(&b) = self.bytes.get(self.at) {
            match b {
                b'(' => depth += 1,
                b')' => depth = depth.saturating_sub(1),
                b':' if depth == 0 => self.after_colon = true,
                _ if depth > 0 || b == b',' || b.is_ascii_whitespace() => {}
                _ => break,
            }
            self.at += 1;
        }
        let start = self.at;
        while self
            .bytes
            .get(self.at)
            .is_some_and(|b| !b.is_ascii_whitespace() && !b",:()".contains(b))
        {
            self.at += 1;
        }
        self.bytes
            .get(start..self.at)
            .filter(|word| !word.is_empty())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn dates_are_read_with_all_their_zones() {
        for (body, expected) in [
            ("Thu, 1 Jan 1970 00:00:00 +0000", Some((0, 0))),
            ("1 Jan 1970 01:00 +0100", Some((0, 60))),
            ("Fri, 21 Nov 1997 09:55:06 -0600", Some((880_127_706, -360))),
            ("Fri, 21 Nov 1997 09:55:06 CST", Some((880_127_706, -360))),
            ("21 Nov 97 09:55:06 GMT", Some((880_106_106, 0))),
            ("21 Nov 05 09:55:06 Z", Some((1_132_566_906, 0))),
            (
                "Thu,\r\n\t13 Feb 1969 23:32 -0330 (Newfoundland Time)",
                None,
            ),
            (
                "Thu, 13 Feb 1979 23:32 -0330 (Newfoundland (nested) Time)",
                Some((287_809_320, -210)),
            ),
            (
                "Fri, 21 Nov 1997 09(comment):   55  :  06 -0600",
                Some((880_127_706, -360)),
            ),
            ("Sat, 31 Dec 2016 23:59:60 +0000", Some((1_483_228_799, 0))),
            ("Thu, 29 Feb 2024 12:00:00 +0000", Some((1_709_208_000, 0))),
            ("Thu, 29 Feb 2023 12:00:00 +0000", None),
            (
                "Fri, 31 Dec 9999 23:59:59 +0000",
                Some((time::YEAR_9999_END_S, 0)),
            ),
            ("Fri, 31 Dec 9999 23:59:59 -0100", None),
            ("1 Jan 10000 00:00:00 +0000", None),
            ("1 Jan -1 00:00:00 +0000", None),
            ("1 Jan 1969 00:00:00 +0000", None),
            ("1 Jan 1970 00:00:00 +0100", None),
            ("1 Jan 99999999999999999999 00:00 +0000", None),
            ("1 Jan 2020 24:00:00 +0000", None),
            ("0 Jan 2020 00:00:00 +0000", None),
            ("32 Jan 2020 00:00:00 +0000", None),
            ("1 Foo 2020 00:00:00 +0000", None),
            ("1 Jan 2020 00:00:00 +9999", Some((1_577_836_800, 0))),
            ("1 Jan 2020 00:00:00", Some((1_577_836_800, 0))),
            ("1 Jan 2020", None),
            ("", None),
            ("(((((((", None),
        ] {
            let date = parse(body.as_bytes()).map(|d| (d.unix_s, d.offset_min));
            assert_eq!(date, expected, "{body:?}");
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        for unix_s in [
            0,
            1,
            951_782_400,
            1_709_208_000,
            1_763_733_001,
            4_107_542_399,
            time::YEAR_9999_END_S,
        ] {
            let written = time::rfc5322(unix_s * 1_000 + 999);
            assert_eq!(
                parse(written.as_bytes()).unwrap().unix_s,
                unix_s,
                "{written}"
            );
        }
    }
}

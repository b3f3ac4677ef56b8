//! Dates of header fields: the grammar of RFC 5322, and the other forms that programs write.
//!
//! The other forms are those of `asctime` and `date`, of JavaScript, ISO 8601, months in front, and
//! dates with hyphens. A date is a claim of its sender. It is shown and searched; order, retention
//! and UIDs never depend on it. A date outside the years 1970 to 9999 is no date, and neither is
//! one with a zone that cannot be read: a wrong time is worse than none. Dates are written by
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
    let mut buffer = [b' '; CLEAN_MAX];
    let mut found = DateFields::default();
    let words = clean(body, &mut buffer).split(|&b| b == b' ');
    for (n, word) in words.filter(|word| !word.is_empty()).enumerate() {
        found.take(word, n == 0)?;
    }
    found.date()
}

/// The octets of a date without comments, with one space for white space and signs, and without
/// spaces around colons. The buffer is spaces before. Octets beyond [`CLEAN_MAX`] are left out.
fn clean<'b>(body: &[u8], buffer: &'b mut [u8; CLEAN_MAX]) -> &'b [u8] {
    let mut n = 0;
    let mut depth = 0_usize;
    let mut has_gap = false;
    for &b in body {
        match b {
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            _ if depth > 0 => continue,
            b if b",;\"".contains(&b) || b.is_ascii_whitespace() => {}
            b => {
                let is_joined = b == b':' || n == 0 || buffer.get(n - 1) == Some(&b':');
                if has_gap && !is_joined {
                    n += 1;
                }
                let Some(place) = buffer.get_mut(n) else {
                    break;
                };
                *place = b;
                n += 1;
                has_gap = false;
                continue;
            }
        }
        has_gap = true;
    }
    buffer.get(..n).unwrap_or(b"")
}

/// The parts of a date, as they are found. The words of a date have forms of their own, so their
/// order matters only for numbers.
#[derive(Debug, Default)]
struct DateFields {
    year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    time: Option<ClockTime>,
    zone: Option<Zone>,
    /// The month is the first word, which may be a weekday: `mar` in French.
    is_month_first: bool,
}

/// Hour, minute, second.
#[derive(Debug, Clone, Copy)]
struct ClockTime(i64, i64, i64);

/// Minutes east of Greenwich.
#[derive(Debug, Clone, Copy)]
enum Zone {
    /// By its name. An offset after it counts more.
    Named(i32),
    /// By its offset. Words after it add nothing.
    Offset(i32),
}

impl DateFields {
    /// One word; `None` if the whole is no date.
    fn take(&mut self, word: &[u8], is_first: bool) -> Option<()> {
        let word = word.strip_suffix(b".").unwrap_or(word);
        let Some(&first) = word.first() else {
            return Some(());
        };
        if first.is_ascii_digit() {
            return self.number(word);
        }
        if self.time.is_some() && matches!(self.zone, Some(Zone::Offset(_))) && self.year.is_some()
        {
            return Some(());
        }
        if matches!(first, b'+' | b'-') {
            self.zone = Some(Zone::Offset(offset(word)?));
            return Some(());
        }
        let letters = word.iter().take_while(|b| b.is_ascii_alphabetic()).count();
        let (name, rest) = word.split_at_checked(letters)?;
        if (self.month.is_none() || std::mem::take(&mut self.is_month_first))
            && let Some(month) = name.get(..3).and_then(time::month)
        {
            self.month = Some(month);
            self.is_month_first = is_first;
            return Some(());
        }
        // The weekday adds nothing, whatever its language.
        if is_first || (rest.is_empty() && is_weekday(name)) {
            return Some(());
        }
        self.suffix(word)
    }

    /// A word that begins with a digit.
    fn number(&mut self, word: &[u8]) -> Option<()> {
        if let Some(at) = memchr::memchr2(b'T', b't', word)
            && let (Some(day), Some(clock)) = (word.get(..at), word.get(at + 1..))
            && clock.first().is_some_and(u8::is_ascii_digit)
        {
            self.hyphened(day)?;
            return self.clock(clock);
        }
        if memchr::memchr(b':', word).is_some() {
            return self.clock(word);
        }
        if memchr::memchr(b'-', word).is_some() {
            return self.hyphened(word);
        }
        if self.day.is_none() && word.len() <= 2 {
            self.day = Some(digits(word, 2)?);
        } else if self.year.is_none() {
            self.year = Some(year(word)?);
        } else if !matches!(self.zone, Some(Zone::Offset(_))) {
            return None;
        }
        Some(())
    }

    /// `2003-11-21` or `21-Nov-2003`.
    fn hyphened(&mut self, word: &[u8]) -> Option<()> {
        let mut parts = word.split(|&b| b == b'-');
        let (a, b, c) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() || self.day.is_some() || self.year.is_some() {
            return None;
        }
        let (year_word, day) = if a.len() == 4 { (a, c) } else { (c, a) };
        self.month = Some(match b.first()?.is_ascii_digit() {
            // Programs do not agree on which of two numbers is the month.
            true if a.len() == 4 => digits(b, 2).filter(|month| (1..=12).contains(month))?,
            true => return None,
            false => time::month(b.get(..3)?)?,
        });
        self.year = Some(year(year_word)?);
        self.day = Some(digits(day, 2)?);
        Some(())
    }

    /// `09:55`, `09:55:06`, `09:55:06.25`, and a zone or `PM` without a space before it.
    fn clock(&mut self, word: &[u8]) -> Option<()> {
        if self.time.is_some() {
            return None;
        }
        let mut at = 0;
        let mut next = || {
            let tail = word.get(at..)?;
            let end = tail.iter().position(|b| !b.is_ascii_digit());
            let end = end.unwrap_or(tail.len());
            let value = digits(tail.get(..end)?, 2)?;
            at += end;
            let goes_on = tail.get(end) == Some(&b':');
            at += usize::from(goes_on);
            Some((value, goes_on))
        };
        let (hour, goes_on) = next()?;
        if !goes_on {
            return None;
        }
        let (minute, goes_on) = next()?;
        let second = if goes_on { next()?.0 } else { 0 };
        self.time = Some(ClockTime(hour, minute, second));
        let mut rest = word.get(at..)?;
        if let Some(fraction) = rest.strip_prefix(b".") {
            let end = fraction.iter().position(|b| !b.is_ascii_digit());
            rest = fraction.get(end.unwrap_or(fraction.len())..)?;
        }
        if rest.is_empty() {
            return Some(());
        }
        self.suffix(rest)
    }

    /// `PM`, `+0200`, `GMT`, `GMT+0200`.
    fn suffix(&mut self, word: &[u8]) -> Option<()> {
        let letters = word.iter().take_while(|b| b.is_ascii_alphabetic()).count();
        let (name, rest) = word.split_at_checked(letters)?;
        if rest.is_empty() && name.eq_ignore_ascii_case(b"am") {
            let time = self
                .time
                .as_mut()
                .filter(|time| (1..=12).contains(&time.0))?;
            time.0 %= 12;
            return Some(());
        }
        if rest.is_empty() && name.eq_ignore_ascii_case(b"pm") {
            let time = self
                .time
                .as_mut()
                .filter(|time| (1..=12).contains(&time.0))?;
            time.0 = time.0 % 12 + 12;
            return Some(());
        }
        self.zone = Some(if rest.is_empty() {
            Zone::Named(zone(name)?)
        } else {
            let is_universal = name.is_empty() || zone(name) == Some(0);
            Zone::Offset(offset(rest).filter(|_| is_universal)?)
        });
        Some(())
    }

    fn date(self) -> Option<Date> {
        let ClockTime(hour, minute, second) = self.time?;
        let offset_min = match self.zone {
            Some(Zone::Named(minutes) | Zone::Offset(minutes)) => minutes,
            // RFC 5322 has no date without a zone; `asctime` has none with one.
            None => 0,
        };
        let civil = Civil {
            year: self.year?,
            month: self.month?,
            day: self.day?,
            hour,
            minute,
            second,
        };
        let unix_s = civil.unix_s()? - i64::from(offset_min) * 60;
        let is_date = civil.year >= 1970 && (0..=time::YEAR_9999_END_S).contains(&unix_s);
        is_date.then_some(Date { unix_s, offset_min })
    }
}

/// RFC 5322 section 4.3.
fn year(word: &[u8]) -> Option<i64> {
    match (word.len(), digits(word, 4)?) {
        (2, y @ 0..=49) => Some(2_000 + y),
        (2 | 3, y) => Some(1_900 + y),
        (4, y) => Some(y),
        _ => None,
    }
}

/// `+0200`, `+02:00`, `+02`, `+2` and `+200`, in minutes.
fn offset(word: &[u8]) -> Option<i32> {
    let (sign, text) = word.split_first()?;
    let (hours, minutes) = match memchr::memchr(b':', text) {
        Some(colon) => (text.get(..colon)?, text.get(colon + 1..)?),
        None if text.len() > 2 => text.split_at_checked(text.len() - 2)?,
        None => (text, &b"00"[..]),
    };
    let (hours, minutes) = (digits(hours, 2)?, digits(minutes, 2)?);
    let total = i32::try_from(hours * 60 + minutes).ok()?;
    if hours > 23 || minutes > 59 {
        return None;
    }
    match sign {
        b'+' => Some(total),
        b'-' => Some(-total),
        _ => None,
    }
}

/// A zone by its name. RFC 5322 section 4.3: a military letter says nothing reliable and counts as
/// UTC.
fn zone(name: &[u8]) -> Option<i32> {
    if let [letter] = name {
        return (!letter.eq_ignore_ascii_case(&b'j')).then_some(0);
    }
    let is_named = |known: &&(&str, i32)| known.0.as_bytes().eq_ignore_ascii_case(name);
    ZONES.iter().find(is_named).map(|known| known.1)
}

fn is_weekday(name: &[u8]) -> bool {
    let days = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
    let is_long = name.len() == 3 || name.to_ascii_lowercase().ends_with(b"day");
    is_long
        && (name.get(..3))
            .is_some_and(|n| days.iter().any(|d| n.eq_ignore_ascii_case(d.as_bytes())))
}

fn digits(word: &[u8], digits_max: usize) -> Option<i64> {
    if word.is_empty() || word.len() > digits_max || !word.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(word.iter().fold(0, |n, d| n * 10 + i64::from(d - b'0')))
}

/// The zones of RFC 5322 section 4.3, and the ones that mail has beside them, in minutes. Where a
/// name has several meanings it is the one that most mail has: CST of America, IST of India, BST of
/// Britain.
#[rustfmt::skip]
const ZONES: [(&str, i32); 55] = [
    ("GMT", 0), ("UTC", 0), ("UT", 0), ("EDT", -240), ("EST", -300), ("CDT", -300),
    ("CST", -360), ("MDT", -360), ("MST", -420), ("PDT", -420), ("PST", -480), ("AKDT", -480),
    ("AKST", -540), ("HST", -600), ("ADT", -180), ("AST", -240), ("NDT", -150), ("NST", -210),
    ("BRT", -180), ("BRST", -120), ("ART", -180), ("WET", 0), ("WEST", 60), ("BST", 60),
    ("CET", 60), ("CEST", 120), ("MET", 60), ("MEST", 120), ("MEZ", 60), ("MESZ", 120),
    ("EET", 120), ("EEST", 180), ("IDT", 180), ("TRT", 180), ("MSK", 180), ("MSD", 240),
    ("WAT", 60), ("CAT", 120), ("SAST", 120), ("EAT", 180), ("PKT", 300), ("IST", 330),
    ("ICT", 420), ("WIB", 420), ("HKT", 480), ("SGT", 480), ("AWST", 480), ("JST", 540),
    ("KST", 540), ("ACST", 570), ("ACDT", 630), ("AEST", 600), ("AEDT", 660), ("NZST", 720),
    ("NZDT", 780),
];

/// The longest date is shorter.
const CLEAN_MAX: usize = 96;

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
            ("1 Jan 2020 00:00:00 +9999", None),
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
    fn dates_are_read_as_programs_write_them() {
        // Thu, 14 Aug 2025 12:15:52 UTC
        for body in [
            "Thu, 14 Aug 2025 14:15:52 +02:00",
            "Thu, 14 Aug 2025 14:15:52 GMT+0200",
            "Thu, 14 Aug 2025 14:15:52 GMT+02:00",
            "Thu, 14 Aug 2025 14:15:52 UTC+2",
            "Thu, 14 Aug 2025 14:15:52 UTC +0200",
            "Thu, 14 Aug 2025 14:15:52+0200",
            "Thu, 14 Aug 2025 14:15:52+02:00",
            "Thu, 14 Aug 2025 14:15:52 +02",
            "Thu, 14 Aug 2025 14:15:52 +200",
            "Thu, 14 Aug 2025 14:15:52.123 +0200 (CEST)",
            "Thu, 14 Aug 2025 14:15:52 CEST +0200",
            "Thu, 14 Aug 2025 14:15:52 +0200 CEST",
            "Thu, 14 Aug 2025 14:15:52 +0200 Mitteleuropäische Zeit",
            "Thu, 14 Aug 2025 02:15:52 PM +0200",
            "Thu, 14 Aug 2025 2:15:52PM +0200",
            "Thu,14 Aug 2025 14:15:52 +0200",
            "Donnerstag, 14 Aug 2025 14:15:52 +0200",
            "Mar, 14 Aug 2025 14:15:52 +0200",
            "Thu Aug 14 14:15:52 2025 +0200",
            "Thu Aug 14 14:15:52 CEST 2025",
            "Thu Aug 14 14:15:52 +0200 2025",
            "Thu Aug 14 2025 14:15:52 GMT+0200 (Central European Summer Time)",
            "Thu, Aug 14, 2025 14:15:52 +0200",
            "Do., 14. Aug. 2025 14:15:52 +0200;",
            "Thu, 14 Aug 2025 12:15:52 \"GMT\"",
            "Aug 14, 2025 14:15:52 +0200",
            "August 14, 2025 2:15:52 PM CEST",
            "14-Aug-2025 14:15:52 +0200",
            "Thu, 14-Aug-25 14:15:52 +0200",
            "2025-08-14T14:15:52+02:00",
            "2025-08-14T14:15:52.123456+0200",
            "2025-08-14t12:15:52z",
            "2025-08-14 14:15:52 +0200",
            "2025-08-14 12:15:52",
            "2025-Aug-14 12:15:52 UTC",
            "Thu, 14 Aug 2025 21:15:52 JST",
            "Thu, 14 Aug 2025 17:45:52 IST",
            "Thu, 14 Aug 2025 22:15:52 AEST",
            "Thu, 14 Aug 2025 15:15:52 MSK",
            "Thu, 14 Aug 2025 13:15:52 BST",
            "Thu, 14 Aug 2025 12:15:52 UT",
            "Thu, 14 Aug 2025 12:15:52 A",
        ] {
            let date = parse(body.as_bytes()).map(|d| d.unix_s);
            assert_eq!(date, Some(1_755_173_752), "{body}");
        }
        for (body, unix_s, offset_min) in [
            ("Tue Jul 24 18:55:07 2007", 1_185_303_307, 0),
            ("Tue Jul 24 18:55:07 2007 +0200", 1_185_296_107, 120),
            ("Tue, 24 Jul 2007 18:55:07 -03:30", 1_185_315_907, -210),
            ("Fri, 21-Nov-2003 12:00:00 am GMT", 1_069_372_800, 0),
        ] {
            let date = parse(body.as_bytes()).unwrap();
            assert_eq!(
                (date.unix_s, date.offset_min),
                (unix_s, offset_min),
                "{body}"
            );
        }
        for body in [
            "Thu, 14 Aug 2025 14:15:52 +99:99",
            "Thu, 14 Aug 2025 14:15:52 +02000",
            "Thu, 14 Aug 2025 14:15:52 +0x00",
            "Thu, 14 Aug 2025 14:15:52 +-0200",
            "Thu, 14 Aug 2025 14:15:52 CEST+0200",
            "Thu, 14 Aug 2025 14:15:52 Mitteleuropäische Zeit",
            "Thu, 14 Aug 2025 14:15:52 XYZ",
            "Thu, 14 Aug 2025 14:15:52 13:00",
            "Thu, 14 Aug 2025 13:15:52 PM",
            "14/08/2025 14:15:52",
            "08-14-2025 14:15:52",
            "2025-13-14 14:15:52",
            "2025-08-14",
            "14 Aug 14:15:52",
            "Aug 2025 14:15:52",
            "Thu",
        ] {
            assert_eq!(parse(body.as_bytes()), None, "{body}");
        }
        assert_eq!(parse(" ,".repeat(100_000).as_bytes()), None);
        assert_eq!(parse("1".repeat(100_000).as_bytes()), None);
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

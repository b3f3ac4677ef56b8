//! Dates of RFC 5322: read with the obsolete zones and without seconds or weekday, written in UTC.
//!
//! A date is what its sender says: it is shown and searched, never used for order, retention or UIDs. Years
//! before 1970 or of five digits are no date at all.

/// A point in time as a sender wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Date {
    /// Seconds since 1970, UTC.
    pub unix_s: i64,
    /// The zone it was written in, minutes east of Greenwich.
    pub offset_min: i32,
}

impl Date {
    /// The day as its sender saw it: days since 1970 in the sender's own zone, as SEARCH SENTON compares.
    pub fn local_day(&self) -> i64 {
        (self.unix_s + i64::from(self.offset_min) * 60).div_euclid(86_400)
    }
}

/// Reads the body of a Date field. `None` for what is no date, and for years outside 1970 to 9999.
pub fn parse(body: &[u8]) -> Option<Date> {
    let mut words = Words {
        bytes: body,
        at: 0,
        after_colon: false,
    };
    let mut word = words.next()?;
    if word.first().is_some_and(u8::is_ascii_alphabetic) {
        word = words.next()?; // the weekday adds nothing
    }
    let day = number(word, 2)?;
    let month = month(words.next()?)?;
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
    // A leap second is folded into the one before it.
    if hour > 23 || minute > 59 || second > 60 || !(1970..=9999).contains(&year) {
        return None;
    }
    if day == 0 || day > days_in_month(year, month) {
        return None;
    }
    let days = days_from_civil(year, month, day);
    let unix_s =
        days * 86_400 + hour * 3_600 + minute * 60 + second.min(59) - i64::from(offset_min) * 60;
    (0..=UNIX_MAX_S)
        .contains(&unix_s)
        .then_some(Date { unix_s, offset_min })
}

/// `Thu, 1 Jan 1970 00:00:00 +0000`. Times outside 1970 to 9999 are clamped.
pub fn format(unix_ms: i64) -> String {
    let unix_s = unix_ms.div_euclid(1_000).clamp(0, UNIX_MAX_S);
    let days = unix_s.div_euclid(86_400);
    let second = unix_s.rem_euclid(86_400);
    let (year, month, day) = civil_from_days(days);
    let weekday = WEEKDAYS
        .get(usize::try_from((days + 4).rem_euclid(7)).unwrap_or(0))
        .unwrap_or(&"");
    let month = MONTHS
        .get(usize::try_from(month - 1).unwrap_or(0))
        .unwrap_or(&"");
    format!(
        "{weekday}, {day} {month} {year} {:02}:{:02}:{:02} +0000",
        second / 3_600,
        second / 60 % 60,
        second % 60
    )
}

/// Days since 1970 of a date in the Gregorian calendar; `month` from 1.
pub fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    // Years that begin in March put the leap day at their end (Howard Hinnant's calendar algorithms).
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The inverse of [`days_from_civil`]: year, month, day.
pub fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// `Jan` to 1, without regard to case.
pub fn month(word: &[u8]) -> Option<i64> {
    let at = MONTHS.iter().position(|m| {
        word.get(..3)
            .is_some_and(|w| w.eq_ignore_ascii_case(m.as_bytes()))
    })?;
    i64::try_from(at + 1).ok()
}

/// How many days a month has; `month` from 1.
pub fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// RFC 5322 section 4.3: military letters say nothing reliable and count as unknown.
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

/// Words between white space, commas, colons and comments.
struct Words<'a> {
    bytes: &'a [u8],
    at: usize,
    after_colon: bool,
}

impl<'a> Words<'a> {
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

const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];
/// The last second of the year 9999.
const UNIX_MAX_S: i64 = 253_402_300_799;

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
            ("Fri, 31 Dec 9999 23:59:59 +0000", Some((UNIX_MAX_S, 0))),
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
            UNIX_MAX_S,
        ] {
            let written = format(unix_s * 1_000 + 999);
            assert_eq!(
                parse(written.as_bytes()).unwrap().unix_s,
                unix_s,
                "{written}"
            );
        }
        assert_eq!(format(0), "Thu, 1 Jan 1970 00:00:00 +0000");
        assert_eq!(format(1_763_733_001_000), "Fri, 21 Nov 2025 13:50:01 +0000");
        assert_eq!(format(i64::MAX), format(UNIX_MAX_S * 1_000));
        assert_eq!(format(i64::MIN), format(0));
    }
}

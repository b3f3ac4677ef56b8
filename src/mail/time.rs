//! The one calendar: unix time as dates, and the written forms that protocols have for it.
//!
//! It reads no clock: the caller has the number. The calendar is the proleptic Gregorian one. Each
//! form has its own range of years; a time outside it is written as the nearest time inside. Unix
//! time has no leap seconds: second 60 is read as second 59. The grammar of RFC 5322 dates is in
//! `parse::date`, the one of IMAP in `imap`; both end here.

/// A date and a time of day, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Civil {
    /// Any year; 0 is the year before 1.
    pub year: i64,
    /// 1 to 12.
    pub month: i64,
    /// 1 to 31.
    pub day: i64,
    /// 0 to 23.
    pub hour: i64,
    /// 0 to 59.
    pub minute: i64,
    /// 0 to 60; 60 is a leap second.
    pub second: i64,
}

impl Civil {
    /// The date of a unix time in seconds.
    pub(crate) fn of(unix_s: i64) -> Civil {
        let of_day = unix_s.rem_euclid(DAY_S);
        let (year, month, day) = date_of_day(unix_s.div_euclid(DAY_S));
        Civil {
            year,
            month,
            day,
            hour: of_day / 3_600,
            minute: of_day / 60 % 60,
            second: of_day % 60,
        }
    }

    /// The unix time in seconds; `None` if there is no such date or no such time of day.
    pub(crate) fn unix_s(&self) -> Option<i64> {
        let is_time = (0..=23).contains(&self.hour)
            && (0..=59).contains(&self.minute)
            && (0..=60).contains(&self.second);
        let day = day_of_date(self.year, self.month, self.day).filter(|_| is_time)?;
        Some(day * DAY_S + self.hour * 3_600 + self.minute * 60 + self.second.min(59))
    }
}

/// Days since 1970-01-01 of a date, `month` and `day` counted from 1; `None` if there is no such
/// date.
pub(crate) fn day_of_date(year: i64, month: i64, day: i64) -> Option<i64> {
    let is_year = (-YEARS_MAX..=YEARS_MAX).contains(&year);
    if !is_year || !(1..=12).contains(&month) || !(1..=days_in_month(year, month)).contains(&day) {
        return None;
    }
    // A year that begins in March has the leap day at its end (Howard Hinnant's calendar
    // algorithms).
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

/// The inverse of [`day_of_date`]: year, month, day.
fn date_of_day(days: i64) -> (i64, i64, i64) {
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

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The number of a month, from 1, by its three letters in any case.
pub(crate) fn month(name: &[u8]) -> Option<i64> {
    let at = MONTHS
        .iter()
        .position(|month| name.eq_ignore_ascii_case(month.as_bytes()))?;
    i64::try_from(at + 1).ok()
}

/// `Thu, 1 Jan 1970 00:00:00 +0000` (RFC 5322 section 3.3). Years 1970 to 9999, which `parse::date`
/// reads.
pub fn rfc5322(unix_ms: i64) -> String {
    let unix_s = unix_ms.div_euclid(1_000).clamp(0, YEAR_9999_END_S);
    let at = Civil::of(unix_s);
    let (weekday, month) = (weekday_name(unix_s), month_name(at.month));
    format!(
        "{weekday}, {} {month} {} {:02}:{:02}:{:02} +0000",
        at.day, at.year, at.hour, at.minute, at.second
    )
}

/// `Thu Jan  1 00:00:00 1970`, as `asctime` writes it and `From ` lines of mbox files have it, UTC.
/// Years 1970 to 9999.
pub(crate) fn asctime(unix_ms: i64) -> String {
    let unix_s = unix_ms.div_euclid(1_000).clamp(0, YEAR_9999_END_S);
    let at = Civil::of(unix_s);
    let (weekday, month) = (weekday_name(unix_s), month_name(at.month));
    format!(
        "{weekday} {month} {:2} {:02}:{:02}:{:02} {}",
        at.day, at.hour, at.minute, at.second, at.year
    )
}

/// `Fri, 02 Jan 2026 03:04:05 GMT` (IMF-fixdate of RFC 9110 section 5.6.7). Years 0 to 9999.
pub fn imf_fixdate(unix_ms: i64) -> String {
    let unix_s = unix_ms.div_euclid(1_000).clamp(YEAR_0_S, YEAR_9999_END_S);
    let at = Civil::of(unix_s);
    let mut out = Vec::with_capacity(29);
    out.extend_from_slice(weekday_name(unix_s).as_bytes());
    out.extend_from_slice(b", ");
    push_padded(&mut out, at.day, 2);
    out.push(b' ');
    out.extend_from_slice(month_name(at.month).as_bytes());
    out.push(b' ');
    push_padded(&mut out, at.year, 4);
    for (before, n) in [(b' ', at.hour), (b':', at.minute), (b':', at.second)] {
        out.push(before);
        push_padded(&mut out, n, 2);
    }
    out.extend_from_slice(b" GMT");
    String::from_utf8(out).unwrap_or_default()
}

/// Appends `17-Jul-1996 09:44:25 +0000` (date-time of RFC 9051 section 9, without its quotes).
/// Years 1 to 9999.
pub(crate) fn push_imap_date_time(out: &mut Vec<u8>, unix_ms: i64) {
    let unix_s = unix_ms.div_euclid(1_000).clamp(YEAR_1_S, YEAR_9999_END_S);
    let at = Civil::of(unix_s);
    push_padded(out, at.day, 2);
    out.push(b'-');
    out.extend_from_slice(month_name(at.month).as_bytes());
    out.push(b'-');
    push_padded(out, at.year, 4);
    for (before, n) in [(b' ', at.hour), (b':', at.minute), (b':', at.second)] {
        out.push(before);
        push_padded(out, n, 2);
    }
    out.extend_from_slice(b" +0000");
}

/// `2026-01-02T03:04:05.678Z` (RFC 3339 section 5.6). Years 0 to 9999.
pub(crate) fn rfc3339(unix_ms: i64) -> String {
    let mut out = Vec::with_capacity(24);
    push_rfc3339(&mut out, unix_ms);
    String::from_utf8(out).unwrap_or_default()
}

/// Appends the same.
pub(crate) fn push_rfc3339(out: &mut Vec<u8>, unix_ms: i64) {
    let unix_ms = unix_ms.clamp(YEAR_0_S * 1_000, YEAR_9999_END_S * 1_000 + 999);
    let at = Civil::of(unix_ms.div_euclid(1_000));
    push_padded(out, at.year, 4);
    for (before, n) in [
        (b'-', at.month),
        (b'-', at.day),
        (b'T', at.hour),
        (b':', at.minute),
        (b':', at.second),
    ] {
        out.push(before);
        push_padded(out, n, 2);
    }
    out.push(b'.');
    push_padded(out, unix_ms.rem_euclid(1_000), 3);
    out.push(b'Z');
}

/// Unix milliseconds of an RFC 3339 date-time (section 5.6): any offset, up to nine digits of a
/// second's fraction, cut to milliseconds. `None` for anything else.
pub(crate) fn parse_rfc3339(text: &str) -> Option<i64> {
    let text = text.as_bytes();
    let number = |at: usize, len: usize| -> Option<i64> {
        let digits = text.get(at..at + len)?;
        digits
            .iter()
            .all(u8::is_ascii_digit)
            .then(|| digits.iter().fold(0, |n, d| n * 10 + i64::from(d - b'0')))
    };
    let is = |at: usize, any: &[u8]| text.get(at).is_some_and(|b| any.contains(b));
    if !(is(4, b"-") && is(7, b"-") && is(10, b"Tt ") && is(13, b":") && is(16, b":")) {
        return None;
    }
    let civil = Civil {
        year: number(0, 4)?,
        month: number(5, 2)?,
        day: number(8, 2)?,
        hour: number(11, 2)?,
        minute: number(14, 2)?,
        second: number(17, 2)?,
    };
    let mut at = 19;
    let mut ms = 0;
    if is(at, b".") {
        let fraction = text.get(at + 1..)?;
        let len = fraction.iter().take_while(|b| b.is_ascii_digit()).count();
        if !(1..=9).contains(&len) {
            return None;
        }
        ms = (0..3).fold(0, |n, digit| {
            let value = (digit < len).then(|| number(at + 1 + digit, 1)).flatten();
            n * 10 + value.unwrap_or(0)
        });
        at += 1 + len;
    }
    let offset_min = match text.get(at..)? {
        b"Z" | b"z" => 0,
        rest if rest.len() == 6 && is(at, b"+-") && is(at + 3, b":") => {
            let (hours, minutes) = (number(at + 1, 2)?, number(at + 4, 2)?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            let all = hours * 60 + minutes;
            if is(at, b"-") { -all } else { all }
        }
        _ => return None,
    };
    Some((civil.unix_s()? - offset_min * 60) * 1_000 + ms)
}

fn weekday_name(unix_s: i64) -> &'static str {
    // Day 0 was a Thursday.
    let weekday = (unix_s.div_euclid(DAY_S) + 4).rem_euclid(7);
    let name = usize::try_from(weekday).ok().and_then(|n| WEEKDAYS.get(n));
    name.copied().unwrap_or_default()
}

fn month_name(month: i64) -> &'static str {
    let name = usize::try_from(month - 1).ok().and_then(|n| MONTHS.get(n));
    name.copied().unwrap_or_default()
}

fn push_padded(out: &mut Vec<u8>, n: i64, width: u32) {
    let mut unit = 10_i64.pow(width.saturating_sub(1));
    while unit > 0 {
        out.push(b'0' + (n / unit % 10) as u8);
        unit /= 10;
    }
}

const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];
/// Seconds of a day.
pub(crate) const DAY_S: i64 = 86_400;
/// 0000-01-01 00:00:00.
const YEAR_0_S: i64 = -62_167_219_200;
/// 0001-01-01 00:00:00.
const YEAR_1_S: i64 = -62_135_596_800;
/// 9999-12-31 23:59:59.
pub(crate) const YEAR_9999_END_S: i64 = 253_402_300_799;
/// No form has a year of more than four digits; the bound keeps the arithmetic from an overflow.
const YEARS_MAX: i64 = 9_999;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn imap(unix_ms: i64) -> String {
        let mut out = Vec::new();
        push_imap_date_time(&mut out, unix_ms);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_form_of_one_time() {
        for (ms, json, http, mail, imap_form) in [
            (
                0,
                "1970-01-01T00:00:00.000Z",
                "Thu, 01 Jan 1970 00:00:00 GMT",
                "Thu, 1 Jan 1970 00:00:00 +0000",
                "01-Jan-1970 00:00:00 +0000",
            ),
            (
                784_111_777_000,
                "1994-11-06T08:49:37.000Z",
                "Sun, 06 Nov 1994 08:49:37 GMT",
                "Sun, 6 Nov 1994 08:49:37 +0000",
                "06-Nov-1994 08:49:37 +0000",
            ),
            (
                951_782_400_001,
                "2000-02-29T00:00:00.001Z",
                "Tue, 29 Feb 2000 00:00:00 GMT",
                "Tue, 29 Feb 2000 00:00:00 +0000",
                "29-Feb-2000 00:00:00 +0000",
            ),
            (
                1_763_733_001_000,
                "2025-11-21T13:50:01.000Z",
                "Fri, 21 Nov 2025 13:50:01 GMT",
                "Fri, 21 Nov 2025 13:50:01 +0000",
                "21-Nov-2025 13:50:01 +0000",
            ),
            (
                1_767_225_600_000,
                "2026-01-01T00:00:00.000Z",
                "Thu, 01 Jan 2026 00:00:00 GMT",
                "Thu, 1 Jan 2026 00:00:00 +0000",
                "01-Jan-2026 00:00:00 +0000",
            ),
            (
                -1,
                "1969-12-31T23:59:59.999Z",
                "Wed, 31 Dec 1969 23:59:59 GMT",
                "Thu, 1 Jan 1970 00:00:00 +0000",
                "31-Dec-1969 23:59:59 +0000",
            ),
            (
                YEAR_0_S * 1_000,
                "0000-01-01T00:00:00.000Z",
                "Sat, 01 Jan 0000 00:00:00 GMT",
                "Thu, 1 Jan 1970 00:00:00 +0000",
                "01-Jan-0001 00:00:00 +0000",
            ),
            (
                YEAR_9999_END_S * 1_000 + 999,
                "9999-12-31T23:59:59.999Z",
                "Fri, 31 Dec 9999 23:59:59 GMT",
                "Fri, 31 Dec 9999 23:59:59 +0000",
                "31-Dec-9999 23:59:59 +0000",
            ),
        ] {
            assert_eq!(rfc3339(ms), json);
            assert_eq!(parse_rfc3339(json), Some(ms), "{json}");
            assert_eq!(imf_fixdate(ms), http);
            assert_eq!(rfc5322(ms), mail);
            assert_eq!(imap(ms), imap_form);
        }
        for (beyond, nearest) in [
            (i64::MAX, YEAR_9999_END_S * 1_000 + 999),
            (i64::MIN, YEAR_0_S * 1_000),
        ] {
            assert_eq!(rfc3339(beyond), rfc3339(nearest));
            assert_eq!(imf_fixdate(beyond), imf_fixdate(nearest));
            assert_eq!(rfc5322(beyond), rfc5322(nearest));
            assert_eq!(imap(beyond), imap(nearest));
        }
    }

    #[test]
    fn dates_and_days_are_inverse() {
        for (date, day) in [
            ((1970, 1, 1), Some(0)),
            ((2000, 3, 1), Some(11_017)),
            ((2024, 2, 29), Some(19_782)),
            ((1969, 12, 31), Some(-1)),
            ((0, 2, 29), Some(-719_469)),
            ((2023, 2, 29), None),
            ((1900, 2, 29), None),
            ((2000, 13, 1), None),
            ((2000, 0, 1), None),
            ((2000, 4, 31), None),
            ((2000, 1, 0), None),
            ((i64::MAX, 1, 1), None),
            ((i64::MIN, 1, 1), None),
        ] {
            assert_eq!(day_of_date(date.0, date.1, date.2), day, "{date:?}");
        }
        for day in (-719_528..2_932_896).step_by(97) {
            let (year, month, of_month) = date_of_day(day);
            assert_eq!(day_of_date(year, month, of_month), Some(day));
        }
        let leap = Civil {
            year: 2016,
            month: 12,
            day: 31,
            hour: 23,
            minute: 59,
            second: 60,
        };
        assert_eq!(leap.unix_s(), Some(1_483_228_799));
        for wrong in [
            Civil { hour: 24, ..leap },
            Civil { minute: 60, ..leap },
            Civil { second: 61, ..leap },
            Civil { second: -1, ..leap },
        ] {
            assert_eq!(wrong.unix_s(), None, "{wrong:?}");
        }
    }

    #[test]
    fn rfc_3339_is_read_strictly() {
        for (text, ms) in [
            ("2026-01-01T01:00:00+01:00", Some(1_767_225_600_000)),
            ("2025-12-31T23:30:00-00:30", Some(1_767_225_600_000)),
            ("2026-01-01t00:00:00z", Some(1_767_225_600_000)),
            ("2026-01-01T00:00:00.5Z", Some(1_767_225_600_500)),
            ("2026-01-01T00:00:00.123456789Z", Some(1_767_225_600_123)),
            ("2016-12-31T23:59:60Z", Some(1_483_228_799_000)),
            ("2026-01-01", None),
            ("2026-01-01T00:00:00", None),
            ("2026-13-01T00:00:00Z", None),
            ("2026-02-29T00:00:00Z", None),
            ("2026-01-01T24:00:00Z", None),
            ("2026-01-01T00:00:61Z", None),
            ("2026-01-01T00:00:00.Z", None),
            ("2026-01-01T00:00:00+1:00", None),
            ("2026-01-01T00:00:00Zx", None),
            ("+026-01-01T00:00:00Z", None),
            ("", None),
        ] {
            assert_eq!(parse_rfc3339(text), ms, "{text}");
        }
    }
}

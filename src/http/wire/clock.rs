//! Times as text: RFC 3339 both ways for JSON and queries, IMF-fixdate for `Date`.
//!
//! Pure arithmetic on numbers that the caller has; it reads no clock. Years outside 0 to 9999
//! are clamped on the way out and refused on the way in.

/// `2026-01-02T03:04:05.678Z` of unix milliseconds.
pub(crate) fn rfc3339(unix_ms: i64) -> String {
    let unix_ms = unix_ms.clamp(UNIX_MS_MIN, UNIX_MS_MAX);
    let (days, ms) = (unix_ms.div_euclid(DAY_MS), unix_ms.rem_euclid(DAY_MS));
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
    let milli = ms % 1000;
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

/// `Fri, 02 Jan 2026 03:04:05 GMT` of unix milliseconds (RFC 9110 section 5.6.7).
pub(crate) fn imf_fixdate(unix_ms: i64) -> String {
    let unix_ms = unix_ms.clamp(UNIX_MS_MIN, UNIX_MS_MAX);
    let (days, ms) = (unix_ms.div_euclid(DAY_MS), unix_ms.rem_euclid(DAY_MS));
    let (year, month, day) = civil(days);
    // Day 0 was a Thursday.
    let weekday = usize::try_from((days + 4).rem_euclid(7)).unwrap_or(0);
    let month = usize::try_from(month - 1).unwrap_or(0);
    let weekday = WEEKDAYS.get(weekday).copied().unwrap_or_default();
    let month = MONTHS.get(month).copied().unwrap_or_default();
    let (hour, minute, second) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
    format!("{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
}

/// Unix milliseconds of an RFC 3339 date-time (section 5.6): any offset, up to nine digits of
/// a second's fraction (cut to milliseconds), second 60 taken as 59. `None` for anything else.
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
    let (year, month, day) = (number(0, 4)?, number(5, 2)?, number(8, 2)?);
    let (hour, minute, second) = (number(11, 2)?, number(14, 2)?, number(17, 2)?.min(60));
    if !(1..=12).contains(&month) || !(1..=month_days(year, month)).contains(&day) {
        return None;
    }
    if hour > 23 || minute > 59 || number(17, 2)? > 60 {
        return None;
    }
    let mut at = 19;
    let mut milli = 0;
    if is(at, b".") {
        let digits = text
            .get(at + 1..)?
            .iter()
            .take_while(|b| b.is_ascii_digit());
        let len = digits.count();
        if !(1..=9).contains(&len) {
            return None;
        }
        milli = (0..3).fold(0, |n, i| {
            n * 10
                + if i < len {
                    number(at + 1 + i, 1).unwrap_or(0)
                } else {
                    0
                }
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
    let seconds = (hour * 60 + minute - offset_min) * 60 + second.min(59);
    Some(days(year, month, day) * DAY_MS + seconds * 1000 + milli)
}

/// Days since 1970-01-01 of a date of the proleptic Gregorian calendar. Years are counted
/// from March, so that the leap day is a year's last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The date of a day since 1970-01-01; the inverse of [`days`].
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day = days.rem_euclid(146_097);
    let of_era = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * of_era + of_era / 4 - of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = of_era + era * 400 + i64::from(month <= 2);
    (year, month, of_year - (153 * shifted + 2) / 5 + 1)
}

fn month_days(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

const DAY_MS: i64 = 86_400_000;
/// 0000-01-01T00:00:00Z.
const UNIX_MS_MIN: i64 = -62_167_219_200_000;
/// 9999-12-31T23:59:59.999Z.
const UNIX_MS_MAX: i64 = 253_402_300_799_999;
const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways() {
        for (ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_767_225_600_000, "2026-01-01T00:00:00.000Z"),
            (951_782_400_001, "2000-02-29T00:00:00.001Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (UNIX_MS_MIN, "0000-01-01T00:00:00.000Z"),
            (UNIX_MS_MAX, "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(rfc3339(ms), text);
            assert_eq!(parse_rfc3339(text), Some(ms), "{text}");
        }
        assert_eq!(rfc3339(i64::MAX), "9999-12-31T23:59:59.999Z");
        assert_eq!(
            imf_fixdate(1_767_225_600_000),
            "Thu, 01 Jan 2026 00:00:00 GMT"
        );
        assert_eq!(
            imf_fixdate(784_111_777_000),
            "Sun, 06 Nov 1994 08:49:37 GMT"
        );
    }

    #[test]
    fn what_is_read() {
        for (text, ms) in [
            ("2026-01-01T01:00:00+01:00", Some(1_767_225_600_000)),
            ("2025-12-31T23:30:00-00:30", Some(1_767_225_600_000)),
            ("2026-01-01t00:00:00z", Some(1_767_225_600_000)),
            ("2026-01-01T00:00:00.5Z", Some(1_767_225_600_500)),
            ("2026-01-01T00:00:00.123456789Z", Some(1_767_225_600_123)),
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

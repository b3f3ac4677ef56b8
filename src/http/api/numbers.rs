//! The kinds of values that are numbers, or may be: each read from JSON with its bounds.

use std::borrow::Cow;

use super::problems::Problem;
use crate::call::{SCORE_MAX, Score};
use crate::http::wire::json::Json;

/// A value of a field, or what is wrong with it.
pub(super) type FieldResult<T> = Result<T, Box<Problem>>;

/// A value of one of several types.
#[derive(Debug)]
pub(crate) enum ScalarValue {
    Text(String),
    /// A number, in thousandths.
    Thousandths(i64),
    Flag(bool),
}

/// A whole number in this range, bounds included.
pub(super) fn number(place: &str, value: &Json<'_>, (min, max): (u64, u64)) -> FieldResult<u64> {
    let number = match value {
        Json::Number(number) => number.parse().ok(),
        _ => None,
    };
    match number {
        Some(number) if (min..=max).contains(&number) => Ok(number),
        _ => Err(Problem::invalid(place, &must_be_number(min, max))),
    }
}

/// What a number must be.
pub(super) fn must_be_number(min: u64, max: u64) -> String {
    match max {
        u64::MAX => format!("must be a whole number from {min}"),
        max => format!("must be a whole number from {min} to {max}"),
    }
}

/// A text of so many octets at most, a number, or true or false.
pub(super) fn scalar(place: &str, value: Json<'_>, max: usize) -> FieldResult<ScalarValue> {
    match value {
        Json::Bool(on) => Ok(ScalarValue::Flag(on)),
        Json::Text(text) if text.len() <= max => Ok(ScalarValue::Text(text.into_owned())),
        Json::Text(_) => {
            let why = format!("must be at most {max} octets long");
            Err(Problem::invalid(place, &why))
        }
        Json::Number(number) => match number
            .parse::<f64>()
            .ok()
            .map(|number| (number * 1000.0).round())
        {
            // Every whole number up to there is exact.
            Some(of) if of.abs() <= THOUSANDTHS_MAX => Ok(ScalarValue::Thousandths(of as i64)),
            _ => Err(Problem::invalid(place, "is too large")),
        },
        _ => {
            let why = "must be a string, a number, or true or false";
            Err(Problem::invalid(place, why))
        }
    }
}

/// A score, rounded to two places.
pub(super) fn score(place: &str, value: &Json<'_>) -> FieldResult<Score> {
    let number = match value {
        Json::Number(number) => number.parse::<f64>().ok(),
        _ => None,
    };
    let most = f64::from(SCORE_MAX.0);
    match number.map(|number| (number * 100.0).round()) {
        Some(hundredths) if hundredths.abs() <= most => Ok(Score(hundredths as i32)),
        _ => {
            let why = format!("must be a number from -{SCORE_MAX} to {SCORE_MAX}");
            Err(Problem::invalid(place, &why))
        }
    }
}

/// An object of scores.
pub(super) fn scores(
    place: &str,
    value: Json<'_>,
    max: usize,
) -> FieldResult<Vec<(String, Score)>> {
    let Json::Object(members) = value else {
        return Err(Problem::invalid(place, "must be an object"));
    };
    if members.len() > max {
        let why = format!("has {} rules and must have at most {max}", members.len());
        return Err(Problem::invalid(place, &why));
    }
    let read = |(name, value): (Cow<'_, str>, Json<'_>)| {
        let at = format!("{place}.{name}");
        Ok((name.into_owned(), score(&at, &value)?))
    };
    members.into_iter().map(read).collect()
}

/// The largest number of thousandths that a JSON number names exactly.
const THOUSANDTHS_MAX: f64 = 9_007_199_254_740_992.0;

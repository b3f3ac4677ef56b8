//! The recipients in a body: addresses as texts, or as the objects that messages show.

use super::problems::Problem;
use super::refused::refused;
use crate::call::bounds::is_one_line;
use crate::call::{Countable, DraftAddress, Limits, NamedAddress, Refusal};
use crate::http::wire::json::{Json, JsonFields};

/// Addresses: texts, or objects of name and address as messages show them. One alone is a list of
/// it.
pub(super) fn addresses(
    place: &str,
    value: Json<'_>,
    limits: &Limits,
) -> Result<Vec<DraftAddress>, Box<Problem>> {
    let items = match value {
        Json::List(items) => items,
        one @ (Json::Text(_) | Json::Object(_)) => vec![one],
        _ => {
            let why = "must be an address or a list of addresses";
            return Err(Problem::invalid(place, why));
        }
    };
    // The service counts the recipients of all fields; one list over the limit is not even read.
    if items.len() > limits.submission_recipients {
        let refusal = Refusal::Limit {
            what: Countable::Recipients,
            max: limits.submission_recipients as u64,
        };
        return Err(refused(&refusal, limits));
    }
    let mut all = Vec::with_capacity(items.len());
    for (at, item) in items.into_iter().enumerate() {
        let place = format!("{place}[{at}]");
        all.push(match item {
            Json::Text(text) if is_one_line(&text) => DraftAddress::Text(text.into_owned()),
            Json::Text(_) => return Err(Problem::header_value(&place)),
            object @ Json::Object(_) => DraftAddress::Named(named_address(&place, object)?),
            _ => {
                let why = "must be a string or an object of name and address";
                return Err(Problem::invalid(&place, why));
            }
        });
    }
    Ok(all)
}

/// `{name, address}`; the name may be missing.
fn named_address(place: &str, value: Json<'_>) -> Result<NamedAddress, Box<Problem>> {
    let mut fields = JsonFields::of(value, place)?;
    let mut line = |name: &str| {
        let place = fields.name(name);
        match fields.take(name) {
            None | Some(Json::Null) => Ok(None),
            Some(Json::Text(text)) if is_one_line(&text) => Ok(Some(text.into_owned())),
            Some(Json::Text(_)) => Err(Problem::header_value(&place)),
            Some(_) => Err(Problem::invalid(&place, "must be a string")),
        }
    };
    let (name, address) = (line("name")?, line("address")?);
    let missing = fields.name("address");
    fields.end()?;
    Ok(NamedAddress {
        name: name.unwrap_or_default(),
        address: address.ok_or_else(|| Problem::invalid(&missing, "is missing"))?,
    })
}

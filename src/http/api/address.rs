//! Names and addresses in responses.

use super::fields::ANY;
use super::fields::FieldKind::Text;
use super::shapes::{Shape, shape};
use crate::call::NamedAddress;
use crate::http::wire::json::Object;

pub(crate) static ADDRESS: Shape<NamedAddress> = shape! {
    "Address", "A mail address with its name.";
    name: always Text(ANY), r#""Ann""#, "The name, decoded; empty where there is none."
        => |slot, named| slot.text(&named.name);
    address: always Text(ANY), r#""ann@example.com""#, "The address; empty where there is none."
        => |slot, named| slot.text(&named.address);
};

/// Writes `{"name":…,"address":…}`.
pub(crate) fn address(out: &mut Vec<u8>, named: &NamedAddress) {
    ADDRESS.write(out, named);
}

/// Writes a field that is a list of addresses.
pub(crate) fn addresses(object: &mut Object<'_>, field: &str, all: &[NamedAddress]) {
    ADDRESS.write_list(object.value(field), all);
}

//! JSON both ways: a bounded, strict reader over serde_json and a writer that appends.
//!
//! The reader refuses input that two readers could take for different things (a name twice) and
//! input over its bounds (depth 32, lists of 10,000, values for its size). Fields are taken by
//! name; a field that is
//! left over is unknown and refused by name. Texts without escapes are borrowed from the body.

use core::cell::Cell;
use core::fmt;
use std::borrow::Cow;

use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};

use super::escape::escape;
use crate::crypto::Sha256;
use crate::http::api::codes;
use crate::http::api::problems::Problem;
use crate::mail::time::push_rfc3339;

/// One value.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Json<'a> {
    Null,
    Bool(bool),
    /// As it is written: a number of a client may be longer than any number here.
    Number(&'a str),
    Text(Cow<'a, str>),
    List(Vec<Json<'a>>),
    Object(Vec<(Cow<'a, str>, Json<'a>)>),
}

/// Reads a whole body.
pub(crate) fn parse(body: &[u8]) -> Result<Json<'_>, Box<Problem>> {
    if body.is_empty() {
        return Err(Problem::new(
            codes::INVALID_JSON,
            "The body is empty; a JSON object is expected.",
            "Send `{…}` with the fields of this route, encoded in UTF-8.",
        ));
    }
    let excess = Cell::new(None);
    let most = values_max(body.len());
    read(body, most, &excess).map_err(|error| match excess.take() {
        Some(Excess::Depth) => bad("The JSON is nested more than 32 deep.".into()),
        Some(Excess::List) => bad("A list in the JSON has more than 10,000 entries.".into()),
        Some(Excess::Values) => bad(format!(
            "The JSON has more than {most} names and values, which are the most for its length."
        )),
        Some(Excess::Twice(name)) => Problem::invalid(&name, "is given twice"),
        None => Problem::new(
            codes::INVALID_JSON,
            format!(
                "The body is not JSON: see line {}, column {}.",
                error.line(),
                error.column()
            ),
            "Send one JSON object, encoded in UTF-8.",
        ),
    })
}

/// Reads the one value of a body. What it has too much of, of depth or of so many names and values,
/// is told in `excess`.
fn read<'b>(
    body: &'b [u8],
    most: usize,
    excess: &Cell<Option<Excess>>,
) -> serde_json::Result<Json<'b>> {
    let left = Cell::new(most);
    let numbers = NumberTexts {
        body,
        at: Cell::new(0),
    };
    let seed = Seed {
        depth: DEPTH_MAX,
        left: &left,
        numbers: &numbers,
        excess,
    };
    let mut reader = serde_json::Deserializer::from_slice(body);
    let value = seed.deserialize(&mut reader)?;
    reader.end().map(|()| value)
}

/// The names and values that a body of so many octets may have. A value of two octets takes as much
/// memory as a value of fifty.
fn values_max(octets: usize) -> usize {
    (octets / OCTETS_A_VALUE)
        .saturating_add(VALUES_FREE)
        .min(VALUES_MAX)
}

fn bad(message: String) -> Box<Problem> {
    Problem::new(codes::INVALID_JSON, message, "Send a simpler body.")
}

impl Json<'_> {
    /// Compact text of it, for the client's own objects that are stored.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Json::Null => out.extend_from_slice(b"null"),
            Json::Bool(on) => out.extend_from_slice(if *on { b"true" } else { b"false" }),
            Json::Number(text) => out.extend_from_slice(text.as_bytes()),
            Json::Text(text) => quote(out, text),
            Json::List(items) => list(out, items, |out, item| item.write(out)),
            Json::Object(fields) => object(out, |o| {
                for (name, value) in fields {
                    value.write(o.value(name));
                }
            }),
        }
    }
}

impl Json<'_> {
    /// Adds what the value says to a digest, whatever its white space, the order of its fields and
    /// its escapes. Each part has its kind and its length before it. A number counts as it is
    /// written, since a client's own object gives it back so.
    fn digest(&self, into: &mut Sha256) {
        let mut part = |kind: u8, len: usize| {
            into.update(&[kind]);
            into.update(&(len as u64).to_le_bytes());
        };
        match self {
            Json::Null => part(b'n', 0),
            Json::Bool(on) => part(b'b', usize::from(*on)),
            Json::Number(number) => {
                part(b'd', number.len());
                into.update(number.as_bytes());
            }
            Json::Text(text) => {
                part(b's', text.len());
                into.update(text.as_bytes());
            }
            Json::List(items) => {
                part(b'l', items.len());
                for item in items {
                    item.digest(into);
                }
            }
            Json::Object(fields) => {
                part(b'o', fields.len());
                digest_fields(fields, into);
            }
        }
    }
}

/// The fields of an object in the order of their names.
fn digest_fields(fields: &[(Cow<'_, str>, Json<'_>)], into: &mut Sha256) {
    let mut sorted: Vec<_> = fields.iter().collect();
    sorted.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    for (name, value) in sorted {
        into.update(&(name.len() as u64).to_le_bytes());
        into.update(name.as_bytes());
        value.digest(into);
    }
}

/// The fields of an object, taken one by one.
#[derive(Debug)]
pub(crate) struct JsonFields<'a> {
    left: Vec<(Cow<'a, str>, Json<'a>)>,
    /// Where the object is, in front of the names in errors: `attachments[0].`.
    place: String,
}

impl<'a> JsonFields<'a> {
    /// Of a body, which must be an object.
    pub fn of_body(body: &'a [u8]) -> Result<JsonFields<'a>, Box<Problem>> {
        match parse(body)? {
            Json::Object(left) => Ok(JsonFields {
                left,
                place: String::new(),
            }),
            _ => Err(Problem::new(
                codes::INVALID_JSON,
                "The body is JSON, but not an object.",
                "Send `{…}` with the fields of this route.",
            )),
        }
    }

    /// Of an object that has been read.
    pub fn of_members(left: Vec<(Cow<'a, str>, Json<'a>)>) -> JsonFields<'a> {
        JsonFields {
            left,
            place: String::new(),
        }
    }

    /// Of a value at `place`.
    pub fn of(value: Json<'a>, place: &str) -> Result<JsonFields<'a>, Box<Problem>> {
        match value {
            Json::Object(left) => Ok(JsonFields {
                left,
                place: format!("{place}."),
            }),
            _ => Err(Problem::invalid(place, "must be an object")),
        }
    }

    /// Adds what the fields say to a digest: two bodies give the same when their JSON is the same.
    pub fn digest(&self, into: &mut Sha256) {
        digest_fields(&self.left, into);
    }

    /// The full name of a field, as errors show it.
    pub fn name(&self, field: &str) -> String {
        format!("{}{field}", self.place)
    }

    /// A field as it is; `None` when it is not there.
    pub fn take(&mut self, field: &str) -> Option<Json<'a>> {
        let at = self.left.iter().position(|(name, _)| name == field)?;
        Some(self.left.swap_remove(at).1)
    }

    /// Everything has been taken; a field that is left is unknown.
    pub fn end(self) -> Result<(), Box<Problem>> {
        match self.left.first() {
            None => Ok(()),
            Some((name, _)) => Err(Problem::unknown("field", &format!("{}{name}", self.place))),
        }
    }
}

/// The numbers of a body as they are written, in their order. The library gives them as values,
/// which loses digits.
struct NumberTexts<'a> {
    body: &'a [u8],
    /// Behind the last one.
    at: Cell<usize>,
}

impl<'a> NumberTexts<'a> {
    /// The next number, for a body that is JSON so far. All calls together pass each octet once.
    fn next(&self) -> Option<&'a str> {
        let mut at = self.at.get();
        loop {
            match self.body.get(at)? {
                b'"' => at = self.string_end(at + 1)?,
                b'-' | b'0'..=b'9' => break,
                _ => at += 1,
            }
        }
        let rest = self.body.get(at..)?;
        let is_part = |b: &u8| matches!(b, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
        let len = rest.iter().position(|b| !is_part(b)).unwrap_or(rest.len());
        self.at.set(at + len);
        core::str::from_utf8(rest.get(..len)?).ok()
    }

    /// Behind the end of a string whose text begins at `at`.
    fn string_end(&self, mut at: usize) -> Option<usize> {
        loop {
            let rest = self.body.get(at..)?;
            let found = memchr::memchr2(b'"', b'\\', rest)?;
            match rest.get(found) {
                Some(b'"') => return Some(at + found + 1),
                _ => at += found + 2,
            }
        }
    }
}

struct Seed<'c, 'de> {
    depth: usize,
    /// Names and values that may still come.
    left: &'c Cell<usize>,
    numbers: &'c NumberTexts<'de>,
    excess: &'c Cell<Option<Excess>>,
}

enum Excess {
    Depth,
    List,
    Values,
    Twice(String),
}

impl<'c, 'de> Seed<'c, 'de> {
    /// The seed of the values inside. Recursion ends at `DEPTH_MAX`.
    fn inner(&self) -> Seed<'c, 'de> {
        Seed {
            depth: self.depth.saturating_sub(1),
            left: self.left,
            numbers: self.numbers,
            excess: self.excess,
        }
    }

    fn number<E: serde::de::Error>(&self) -> Result<Json<'de>, E> {
        let text = self.numbers.next();
        text.map(Json::Number).ok_or_else(|| E::custom("number"))
    }

    fn count<E: serde::de::Error>(&self) -> Result<(), E> {
        match self.left.get().checked_sub(1) {
            Some(left) => {
                self.left.set(left);
                Ok(())
            }
            None => Err(self.too(Excess::Values)),
        }
    }

    fn too<E: serde::de::Error>(&self, excess: Excess) -> E {
        self.excess.set(Some(excess));
        E::custom("over a bound")
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_, 'de> {
    type Value = Json<'de>;

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Json<'de>, D::Error> {
        self.count()?;
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_, 'de> {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json<'de>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, on: bool) -> Result<Json<'de>, E> {
        Ok(Json::Bool(on))
    }

    fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<Json<'de>, E> {
        self.number()
    }

    fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<Json<'de>, E> {
        self.number()
    }

    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<Json<'de>, E> {
        self.number()
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Json<'de>, A::Error> {
        if self.depth == 0 {
            return Err(self.too(Excess::Depth));
        }
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(self.inner())? {
            if items.len() == LIST_MAX {
                return Err(self.too(Excess::List));
            }
            items.push(item);
        }
        // A list of one value would keep room for four.
        items.shrink_to_fit();
        Ok(Json::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json<'de>, A::Error> {
        if self.depth == 0 {
            return Err(self.too(Excess::Depth));
        }
        let mut fields: Vec<(Cow<'de, str>, Json<'de>)> = Vec::new();
        while let Some(name) = map.next_key_seed(FieldName)? {
            if fields.len() == LIST_MAX {
                return Err(self.too(Excess::List));
            }
            self.count()?;
            fields.push((name, map.next_value_seed(self.inner())?));
        }
        let mut names: Vec<&str> = fields.iter().map(|(name, _)| name.as_ref()).collect();
        names.sort_unstable();
        let twice = names.iter().zip(names.iter().skip(1)).find(|(a, b)| a == b);
        if let Some((name, _)) = twice {
            return Err(self.too(Excess::Twice((*name).to_owned())));
        }
        fields.shrink_to_fit();
        Ok(Json::Object(fields))
    }
}

/// A member's name, borrowed where it can be.
struct FieldName;

impl<'de> DeserializeSeed<'de> for FieldName {
    type Value = Cow<'de, str>;

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for FieldName {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

/// Writes an object whose fields `fill` adds.
pub(crate) fn object(out: &mut Vec<u8>, fill: impl FnOnce(&mut Object<'_>)) {
    out.push(b'{');
    fill(&mut Object { out, first: true });
    out.push(b'}');
}

/// Writes a list with `write` for each item.
pub(crate) fn list<T>(
    out: &mut Vec<u8>,
    items: impl IntoIterator<Item = T>,
    mut write: impl FnMut(&mut Vec<u8>, T),
) {
    out.push(b'[');
    for (at, item) in items.into_iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write(out, item);
    }
    out.push(b']');
}

/// Something that writes itself as text, as an item of a list.
pub(crate) fn shown(out: &mut Vec<u8>, value: impl fmt::Display) {
    ValueSlot(out).shown(value);
}

/// Writes a string. Controls are escaped, so a value never holds a line end.
pub(crate) fn quote(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    escape(out, text.as_bytes());
    out.push(b'"');
}

/// Escapes what is written into it.
struct Escaped<'w>(&'w mut Vec<u8>);

impl fmt::Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        escape(self.0, text.as_bytes());
        Ok(())
    }
}

/// An object being written.
#[derive(Debug)]
pub(crate) struct Object<'w> {
    out: &'w mut Vec<u8>,
    first: bool,
}

impl Object<'_> {
    /// The name, and where its value goes.
    pub fn value(&mut self, name: &str) -> &mut Vec<u8> {
        if !self.first {
            self.out.push(b',');
        }
        self.first = false;
        quote(self.out, name);
        self.out.push(b':');
        self.out
    }

    /// A name of a table, which has nothing to escape, and a place for one value of it.
    pub fn slot_of(&mut self, name: &'static str) -> ValueSlot<'_> {
        if !self.first {
            self.out.push(b',');
        }
        self.first = false;
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        ValueSlot(self.out)
    }

    /// The name, and a place for one value of it.
    pub fn slot(&mut self, name: &str) -> ValueSlot<'_> {
        ValueSlot(self.value(name))
    }

    pub fn text(&mut self, name: &str, value: &str) {
        self.slot(name).text(value);
    }

    /// Something that writes itself as text: an id.
    pub fn shown(&mut self, name: &str, value: impl fmt::Display) {
        self.slot(name).shown(value);
    }

    pub fn text_or_null(&mut self, name: &str, value: Option<&str>) {
        self.slot(name).text_or_null(value);
    }

    pub fn shown_or_null(&mut self, name: &str, value: Option<impl fmt::Display>) {
        self.slot(name).shown_or_null(value);
    }

    pub fn number(&mut self, name: &str, value: u64) {
        self.slot(name).number(value);
    }

    pub fn flag(&mut self, name: &str, on: bool) {
        self.slot(name).flag(on);
    }

    pub fn null(&mut self, name: &str) {
        self.slot(name).null();
    }

    pub fn time(&mut self, name: &str, unix_ms: i64) {
        self.slot(name).time(unix_ms);
    }

    pub fn time_or_null(&mut self, name: &str, unix_ms: Option<i64>) {
        self.slot(name).time_or_null(unix_ms);
    }

    pub fn texts<T: AsRef<str>>(&mut self, name: &str, items: impl IntoIterator<Item = T>) {
        self.slot(name).texts(items);
    }

    pub fn object(&mut self, name: &str, fill: impl FnOnce(&mut Object<'_>)) {
        object(self.value(name), fill);
    }
}

/// The place of one value; writing it uses the place up.
#[derive(Debug)]
pub(crate) struct ValueSlot<'w>(&'w mut Vec<u8>);

impl ValueSlot<'_> {
    /// Where the octets of the value go.
    pub fn octets(&mut self) -> &mut Vec<u8> {
        self.0
    }

    pub fn text(self, value: &str) {
        quote(self.0, value);
    }

    /// Something that writes itself as text: an id.
    pub fn shown(self, value: impl fmt::Display) {
        use core::fmt::Write;
        self.0.push(b'"');
        // Only a value that cannot be shown is an error, and there is none.
        let _ = write!(Escaped(self.0), "{value}");
        self.0.push(b'"');
    }

    /// A value whose text is a number of JSON.
    pub fn shown_raw(self, value: impl fmt::Display) {
        self.raw_or_null(Some(&value.to_string()));
    }

    pub fn text_or_null(self, value: Option<&str>) {
        match value {
            Some(text) => self.text(text),
            None => self.null(),
        }
    }

    pub fn shown_or_null(self, value: Option<impl fmt::Display>) {
        match value {
            Some(value) => self.shown(value),
            None => self.null(),
        }
    }

    pub fn number(self, value: u64) {
        let mut digits = [0; 20];
        let mut at = digits.len();
        let mut left = value;
        for slot in digits.iter_mut().rev() {
            *slot = b'0' + (left % 10) as u8;
            left /= 10;
            at -= 1;
            if left == 0 {
                break;
            }
        }
        self.0
            .extend_from_slice(digits.get(at..).unwrap_or_default());
    }

    pub fn number_or_null(self, value: Option<u64>) {
        match value {
            Some(value) => self.number(value),
            None => self.null(),
        }
    }

    pub fn flag(self, on: bool) {
        self.0
            .extend_from_slice(if on { b"true" } else { b"false" });
    }

    pub fn null(self) {
        self.0.extend_from_slice(b"null");
    }

    /// Unix milliseconds as RFC 3339.
    pub fn time(self, unix_ms: i64) {
        self.0.push(b'"');
        push_rfc3339(self.0, unix_ms);
        self.0.push(b'"');
    }

    pub fn time_or_null(self, unix_ms: Option<i64>) {
        match unix_ms {
            Some(ms) => self.time(ms),
            None => self.null(),
        }
    }

    /// JSON text as it is; null when there is none.
    pub fn raw_or_null(self, json: Option<&str>) {
        match json {
            Some(json) => self.0.extend_from_slice(json.as_bytes()),
            None => self.null(),
        }
    }

    pub fn texts<T: AsRef<str>>(self, items: impl IntoIterator<Item = T>) {
        list(self.0, items, |out, item| quote(out, item.as_ref()));
    }
}

/// Levels of nesting. The deepest body of the API has four.
const DEPTH_MAX: usize = 32;
/// Entries of one list or members of one object.
const LIST_MAX: usize = 10_000;
/// Names and values in all, since lists in lists multiply.
const VALUES_MAX: usize = 100_000;
/// So many may come in a body of any length.
const VALUES_FREE: usize = 512;
/// Beyond those, each needs so many octets of the body: it takes up to 120 octets of memory.
const OCTETS_A_VALUE: usize = 16;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn bounds_of_the_reader() {
        let nested = |n: usize| format!("{}1{}", "[".repeat(n), "]".repeat(n));
        let many = |n: usize| format!("[{}1]", "                1,".repeat(n - 1));
        assert!(parse(nested(32).as_bytes()).is_ok());
        assert!(parse(nested(33).as_bytes()).is_err());
        assert!(parse(nested(1_000_000).as_bytes()).is_err());
        assert!(parse("{\"a\":".repeat(100_000).as_bytes()).is_err());
        assert!(parse(many(10_000).as_bytes()).is_ok());
        assert!(parse(many(10_001).as_bytes()).is_err());
        let square = format!("[{}[]]", format!("{},", many(9_999)).repeat(11));
        assert!(parse(square.as_bytes()).is_err());
        for bad in [
            "",
            "{",
            "nul",
            "{\"a\":1,}",
            "{\"a\":1,\"a\":2}",
            "{\"a\":{\"b\":1,\"b\":1}}",
            "{\"a\":1,\"\\u0061\":2}",
            "1e999",
            "-1e999",
            "[01]",
            "\"\\ud800\"",
            "\"\n\"",
            "{} {}",
            "{'a':1}",
            "[NaN]",
            "\u{feff}{}",
            "//\n{}",
            "{\"a\":\"\\x\"}",
        ] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(parse(b"\"\xff\"").is_err());
        let problem = parse(b"{\"x\":{\"b\":1,\"c\":1,\"b\":1}}").unwrap_err();
        let text = String::from_utf8(problem.response("r").body.whole().into_owned()).unwrap();
        assert!(text.contains("\"field\":\"b\""), "{text}");
    }

    #[test]
    fn the_digest_is_of_what_a_body_says() {
        let digest = |body: &str| {
            let mut all = Sha256::default();
            JsonFields::of_body(body.as_bytes())
                .unwrap()
                .digest(&mut all);
            all.finish()
        };
        let body = r#"{"a":"é/","b":{"x":[1,2],"y":1e2},"c":null}"#;
        for same in [
            r#" { "a" : "\u00e9\/",
                "b":{"x":[ 1 , 2 ],"y":1e2 },"c": null } "#,
            r#"{"c":null,"b":{"y":1e2,"x":[1,2]},"\u0061":"é/"}"#,
        ] {
            assert_eq!(digest(body), digest(same), "{same}");
        }
        for other in [
            r#"{"a":"é/","b":{"x":[2,1],"y":1e2},"c":null}"#,
            r#"{"a":"é/","b":{"x":[1,2],"y":100},"c":null}"#,
            r#"{"a":"é/","b":{"x":[1,2],"y":100.0},"c":null}"#,
            r#"{"a":"é/","b":{"x":[1,2],"y":1E+2},"c":null}"#,
            r#"{"a":"é/","b":{"x":[1,2],"y":1e2}}"#,
            r#"{"a":"é/","b":{"x":[[1,2]],"y":1e2},"c":null}"#,
            r#"{"a":"é/","b":{"x":[1],"y":1e2},"c":null}"#,
            r#"{"a":"e\u0301/","b":{"x":[1,2],"y":1e2},"c":null}"#,
            r#"{"a":"é/","b":{"x":["1",2],"y":1e2},"c":null}"#,
            r#"{"A":"é/","b":{"x":[1,2],"y":1e2},"c":null}"#,
            r#"{"a":"é/","b":{"x":[1,2]},"y":1e2,"c":null}"#,
            r#"{"a":"é/","b":{"x":[1,2],"y":1e2},"c":false}"#,
        ] {
            assert_ne!(digest(body), digest(other), "{other}");
        }
    }

    #[test]
    fn what_is_left_over_is_named() {
        let mut fields = JsonFields::of_body(b"{\"a\":\"x\",\"c\":null}").unwrap();
        assert_eq!(fields.take("a"), Some(Json::Text("x".into())));
        assert_eq!(fields.take("b"), None);
        assert_eq!(fields.take("c"), Some(Json::Null));
        assert!(fields.end().is_ok());
        let fields = JsonFields::of_body(b"{\"zz\":1}").unwrap();
        assert_eq!(fields.end().unwrap_err().code.word, "unknown_field");
        assert!(JsonFields::of_body(b"[]").is_err());
    }

    #[test]
    fn round_trip() {
        let text = r#"{"a":[1,-2,1.5,true,null],"b":{"c":"\u0000\u001f\"\\é\n\u007f"}}"#;
        let mut out = Vec::new();
        parse(text.as_bytes()).unwrap().write(&mut out);
        let again: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(
            again,
            serde_json::from_str::<serde_json::Value>(text).unwrap()
        );
        assert!(out.iter().all(|b| *b >= b' '));
    }
}

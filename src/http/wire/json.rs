//! JSON both ways: a bounded, strict reader over serde_json and a writer that appends.
//!
//! Reading refuses what two readers could take for different things: a name twice, depth
//! over 32, lists over 10,000. Fields are taken by name; what is left over is unknown and
//! refused by name. Texts without escapes are borrowed from the body.

use core::cell::Cell;
use core::fmt;
use std::borrow::Cow;

use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};

use crate::http::api::problems::Problem;

/// One value.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Json<'a> {
    Null,
    Bool(bool),
    Number(serde_json::Number),
    Text(Cow<'a, str>),
    List(Vec<Json<'a>>),
    Object(Vec<(Cow<'a, str>, Json<'a>)>),
}

/// Reads a whole body.
pub(crate) fn parse(body: &[u8]) -> Result<Json<'_>, Box<Problem>> {
    if body.is_empty() {
        return Err(Problem::new(
            400,
            "invalid_json",
            "The body is empty; a JSON object is expected.",
            "Send `{…}` with the fields of this route, encoded in UTF-8.",
        ));
    }
    let excess = Cell::new(None);
    let values = Cell::new(0);
    let seed = Seed {
        depth: DEPTH_MAX,
        values: &values,
        excess: &excess,
    };
    let mut reader = serde_json::Deserializer::from_slice(body);
    let value = seed.deserialize(&mut reader);
    let value = value.and_then(|value| reader.end().map(|()| value));
    value.map_err(|error| match excess.take() {
        Some(Excess::Depth) => bad("The JSON is nested more than 32 deep."),
        Some(Excess::List) => bad("A list in the JSON has more than 10,000 entries."),
        Some(Excess::Values) => bad("The JSON has more than 100,000 values."),
        Some(Excess::Twice(name)) => Problem::invalid(&name, "is given twice"),
        None => Problem::new(
            400,
            "invalid_json",
            format!(
                "The body is not JSON: see line {}, column {}.",
                error.line(),
                error.column()
            ),
            "Send one JSON object, encoded in UTF-8.",
        ),
    })
}

fn bad(message: &'static str) -> Box<Problem> {
    Problem::new(400, "invalid_json", message, "Send a simpler body.")
}

impl Json<'_> {
    /// Compact text of it, for what is stored as the client's own.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Json::Null => out.extend_from_slice(b"null"),
            Json::Bool(on) => out.extend_from_slice(if *on { b"true" } else { b"false" }),
            Json::Number(n) => out.extend_from_slice(n.to_string().as_bytes()),
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
                400,
                "invalid_json",
                "The body is JSON, but not an object.",
                "Send `{…}` with the fields of this route.",
            )),
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

    /// Of one field that has been taken already.
    pub fn single(field: &str, value: Json<'a>) -> JsonFields<'a> {
        JsonFields {
            left: vec![(Cow::Owned(field.to_owned()), value)],
            place: String::new(),
        }
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

    /// A text of at most `max` characters; `Some(None)` is null.
    pub fn nullable_text(
        &mut self,
        field: &str,
        max: usize,
    ) -> Result<Option<Option<String>>, Box<Problem>> {
        match self.take(field) {
            None => Ok(None),
            Some(Json::Null) => Ok(Some(None)),
            Some(Json::Text(text)) if text.len() <= max || text.chars().count() <= max => {
                Ok(Some(Some(text.into_owned())))
            }
            Some(Json::Text(_)) => Err(Problem::invalid(
                &self.name(field),
                &format!("must be at most {max} characters long"),
            )),
            Some(_) => Err(Problem::invalid(&self.name(field), "must be a string")),
        }
    }

    /// A text; null is as good as nothing.
    pub fn text(&mut self, field: &str, max: usize) -> Result<Option<String>, Box<Problem>> {
        Ok(self.nullable_text(field, max)?.flatten())
    }

    /// A text that goes into a header field: no controls in it.
    pub fn header_text(&mut self, field: &str, max: usize) -> Result<Option<String>, Box<Problem>> {
        let text = self.text(field, max)?;
        match &text {
            Some(text) if !is_header_value(text) => Err(Problem::header_value(&self.name(field))),
            _ => Ok(text),
        }
    }

    /// A truth value; null is as good as nothing.
    pub fn flag(&mut self, field: &str) -> Result<Option<bool>, Box<Problem>> {
        match self.take(field) {
            None | Some(Json::Null) => Ok(None),
            Some(Json::Bool(on)) => Ok(Some(on)),
            Some(_) => Err(Problem::invalid(&self.name(field), "must be true or false")),
        }
    }

    /// A list; null is as good as nothing.
    pub fn list(&mut self, field: &str) -> Result<Option<Vec<Json<'a>>>, Box<Problem>> {
        match self.take(field) {
            None | Some(Json::Null) => Ok(None),
            Some(Json::List(items)) => Ok(Some(items)),
            Some(_) => Err(Problem::invalid(&self.name(field), "must be a list")),
        }
    }

    /// A list of texts, each fit for a header field; one text alone is a list of it if
    /// `lone` allows.
    pub fn texts(&mut self, field: &str, lone: bool) -> Result<Option<Vec<String>>, Box<Problem>> {
        let items = match self.take(field) {
            None | Some(Json::Null) => return Ok(None),
            Some(Json::List(items)) => items,
            Some(text @ Json::Text(_)) if lone => vec![text],
            Some(_) => {
                return Err(Problem::invalid(
                    &self.name(field),
                    "must be a list of strings",
                ));
            }
        };
        let mut texts = Vec::with_capacity(items.len());
        for (at, item) in items.into_iter().enumerate() {
            let place = || format!("{}[{at}]", self.name(field));
            match item {
                Json::Text(text) if is_header_value(&text) => texts.push(text.into_owned()),
                Json::Text(_) => return Err(Problem::header_value(&place())),
                _ => return Err(Problem::invalid(&place(), "must be a string")),
            }
        }
        Ok(Some(texts))
    }

    /// An RFC 3339 time as unix milliseconds; null is as good as nothing.
    pub fn time(&mut self, field: &str) -> Result<Option<i64>, Box<Problem>> {
        let Some(text) = self.text(field, 64)? else {
            return Ok(None);
        };
        let why = "must be an RFC 3339 time such as 2026-01-31T12:00:00Z";
        match crate::mail::time::parse_rfc3339(&text) {
            Some(ms) => Ok(Some(ms)),
            None => Err(Problem::invalid(&self.name(field), why)),
        }
    }

    /// An object as compact text of at most `max` octets; `Some(None)` is null.
    pub fn object_text(
        &mut self,
        field: &str,
        max: usize,
    ) -> Result<Option<Option<String>>, Box<Problem>> {
        let value = match self.take(field) {
            None => return Ok(None),
            Some(Json::Null) => return Ok(Some(None)),
            Some(value @ Json::Object(_)) => value,
            Some(_) => return Err(Problem::invalid(&self.name(field), "must be an object")),
        };
        let mut text = Vec::new();
        value.write(&mut text);
        if text.len() > max {
            let why = format!("must be at most {max} octets long");
            return Err(Problem::invalid(&self.name(field), &why));
        }
        Ok(Some(String::from_utf8(text).ok()))
    }

    /// Refuses a field whose feature is not there yet.
    pub fn not_yet(&mut self, field: &str) -> Result<(), Box<Problem>> {
        match self.take(field) {
            None | Some(Json::Null) => Ok(()),
            Some(_) => Err(Problem::not_supported(&self.name(field))),
        }
    }

    /// Everything has been taken; a field that is left is unknown.
    pub fn end(self) -> Result<(), Box<Problem>> {
        match self.left.first() {
            None => Ok(()),
            Some((name, _)) => Err(Problem::unknown("field", &format!("{}{name}", self.place))),
        }
    }
}

/// Whether a text may go into a header field: no control character and no separator that
/// some reader takes for a line end (U+0085 is a control).
pub(crate) fn is_header_value(text: &str) -> bool {
    !text
        .chars()
        .any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'))
}

struct Seed<'c> {
    depth: usize,
    values: &'c Cell<usize>,
    excess: &'c Cell<Option<Excess>>,
}

enum Excess {
    Depth,
    List,
    Values,
    Twice(String),
}

impl Seed<'_> {
    /// For what is inside. Recursion ends at `DEPTH_MAX`.
    fn inner(&self) -> Seed<'_> {
        Seed {
            depth: self.depth.saturating_sub(1),
            values: self.values,
            excess: self.excess,
        }
    }

    fn too<E: serde::de::Error>(&self, excess: Excess) -> E {
        self.excess.set(Some(excess));
        E::custom("over a bound")
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Json<'de>;

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Json<'de>, D::Error> {
        let values = self.values.get() + 1;
        self.values.set(values);
        if values > VALUES_MAX {
            return Err(self.too(Excess::Values));
        }
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
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

    fn visit_i64<E>(self, n: i64) -> Result<Json<'de>, E> {
        Ok(Json::Number(n.into()))
    }

    fn visit_u64<E>(self, n: u64) -> Result<Json<'de>, E> {
        Ok(Json::Number(n.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, n: f64) -> Result<Json<'de>, E> {
        let number = serde_json::Number::from_f64(n);
        Ok(Json::Number(number.ok_or_else(|| E::custom("number"))?))
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
            fields.push((name, map.next_value_seed(self.inner())?));
        }
        let mut names: Vec<&str> = fields.iter().map(|(name, _)| name.as_ref()).collect();
        names.sort_unstable();
        let twice = names.iter().zip(names.iter().skip(1)).find(|(a, b)| a == b);
        if let Some((name, _)) = twice {
            return Err(self.too(Excess::Twice((*name).to_owned())));
        }
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

/// Writes an object: `{`, what `fill` adds, `}`.
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

/// Writes a string. Controls are escaped, so a value never holds a line end.
pub(crate) fn quote(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut plain = 0;
    for (at, byte) in bytes.iter().enumerate() {
        if *byte >= b' ' && *byte != b'"' && *byte != b'\\' && *byte != 0x7f {
            continue;
        }
        out.extend_from_slice(bytes.get(plain..at).unwrap_or_default());
        plain = at + 1;
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            other => out.extend_from_slice(format!("\\u{other:04x}").as_bytes()),
        }
    }
    out.extend_from_slice(bytes.get(plain..).unwrap_or_default());
    out.push(b'"');
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

    pub fn text(&mut self, name: &str, value: &str) {
        quote(self.value(name), value);
    }

    /// Something that writes itself as text: an id.
    pub fn shown(&mut self, name: &str, value: impl fmt::Display) {
        quote(self.value(name), &value.to_string());
    }

    pub fn text_or_null(&mut self, name: &str, value: Option<&str>) {
        match value {
            Some(text) => self.text(name, text),
            None => self.null(name),
        }
    }

    pub fn shown_or_null(&mut self, name: &str, value: Option<impl fmt::Display>) {
        match value {
            Some(value) => self.shown(name, value),
            None => self.null(name),
        }
    }

    pub fn number(&mut self, name: &str, value: u64) {
        let out = self.value(name);
        out.extend_from_slice(value.to_string().as_bytes());
    }

    pub fn number_or_null(&mut self, name: &str, value: Option<u64>) {
        match value {
            Some(value) => self.number(name, value),
            None => self.null(name),
        }
    }

    pub fn flag(&mut self, name: &str, on: bool) {
        let out = self.value(name);
        out.extend_from_slice(if on { b"true" } else { b"false" });
    }

    pub fn null(&mut self, name: &str) {
        self.value(name).extend_from_slice(b"null");
    }

    /// Unix milliseconds as RFC 3339.
    pub fn time(&mut self, name: &str, unix_ms: i64) {
        self.text(name, &crate::mail::time::rfc3339(unix_ms));
    }

    pub fn time_or_null(&mut self, name: &str, unix_ms: Option<i64>) {
        match unix_ms {
            Some(ms) => self.time(name, ms),
            None => self.null(name),
        }
    }

    /// Stored JSON text as it is; null when there is none.
    pub fn raw_or_null(&mut self, name: &str, json: Option<&str>) {
        match json {
            Some(json) => self.value(name).extend_from_slice(json.as_bytes()),
            None => self.null(name),
        }
    }

    pub fn texts<T: AsRef<str>>(&mut self, name: &str, items: impl IntoIterator<Item = T>) {
        list(self.value(name), items, |out, item| {
            quote(out, item.as_ref())
        });
    }

    pub fn object(&mut self, name: &str, fill: impl FnOnce(&mut Object<'_>)) {
        object(self.value(name), fill);
    }
}

/// The deepest shape of ours is four.
const DEPTH_MAX: usize = 32;
/// Entries of one list or members of one object.
const LIST_MAX: usize = 10_000;
/// Values in all: what 32 levels of lists could otherwise multiply.
const VALUES_MAX: usize = 100_000;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn bounds_of_the_reader() {
        let nested = |n: usize| format!("{}1{}", "[".repeat(n), "]".repeat(n));
        let many = |n: usize| format!("[{}1]", "1,".repeat(n - 1));
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
        let text = String::from_utf8(problem.response("r").body).unwrap();
        assert!(text.contains("\"field\":\"b\""), "{text}");
    }

    #[test]
    fn what_is_left_over_is_named() {
        let mut fields = JsonFields::of_body(b"{\"a\":\"x\",\"b\":1,\"c\":null}").unwrap();
        assert_eq!(fields.text("a", 5).unwrap().as_deref(), Some("x"));
        assert!(fields.text("b", 5).is_err());
        assert_eq!(fields.nullable_text("c", 5).unwrap(), Some(None));
        assert!(fields.end().is_ok());
        let fields = JsonFields::of_body(b"{\"zz\":1}").unwrap();
        assert_eq!(fields.end().unwrap_err().code, "unknown_field");
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

    #[test]
    fn header_values() {
        for bad in [
            "a\rb", "a\nb", "a\r\nb", "\0", "\u{85}", "\u{2028}", "\u{2029}", "\x0b", "\x7f",
        ] {
            assert!(!is_header_value(bad), "{bad:?}");
        }
        assert!(is_header_value("%0d%0aX: y — ü"));
    }
}

//! The responses of the API as tools read them: values by name. What is not there is empty.

use crate::http::wire::json::Json;

/// A value of a response.
#[derive(Clone, Copy, Debug)]
pub(in crate::http::mcp) struct FoundJson<'j>(pub &'j Json<'j>);

static NOTHING: Json<'static> = Json::Null;

impl<'j> FoundJson<'j> {
    /// A field of an object.
    pub fn at(self, name: &str) -> FoundJson<'j> {
        let Json::Object(fields) = self.0 else {
            return FoundJson(&NOTHING);
        };
        let found = fields.iter().find(|(field, _)| field == name);
        FoundJson(found.map_or(&NOTHING, |(_, value)| value))
    }

    pub fn is_null(self) -> bool {
        matches!(self.0, Json::Null)
    }

    /// The value as a text; the digits of a number.
    pub fn words(self) -> &'j str {
        match self.0 {
            Json::Text(text) => text,
            Json::Number(digits) => digits,
            _ => "",
        }
    }

    pub fn text(self, name: &str) -> &'j str {
        self.at(name).words()
    }

    pub fn number(self, name: &str) -> Option<u64> {
        self.text(name).parse().ok()
    }

    pub fn flag(self, name: &str) -> bool {
        matches!(self.at(name).0, Json::Bool(true))
    }

    /// The entries of a list.
    pub fn list(self, name: &str) -> Vec<FoundJson<'j>> {
        match self.at(name).0 {
            Json::List(items) => items.iter().map(FoundJson).collect(),
            _ => Vec::new(),
        }
    }

    /// The entries of a list of texts.
    pub fn texts(self, name: &str) -> Vec<&'j str> {
        self.list(name).into_iter().map(FoundJson::words).collect()
    }
}

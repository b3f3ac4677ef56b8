//! The operations of the API, as the server describes them at `/api/v1/openapi.json`. They are
//! written from the table of routes, so a new row of it is here without a word.

use serde_json::Value;

use crate::world::World;

/// One operation.
#[derive(Clone, Debug)]
pub struct Operation {
    pub method: String,
    /// With its `{name}`s.
    pub path: String,
    /// The scope that it needs; `operator` is the operator's token.
    pub scope: Option<String>,
    /// No key is needed.
    pub is_public: bool,
    /// A key that is bound to inboxes is refused.
    pub is_organizations: bool,
    /// Names and examples of its query.
    pub query: Vec<(String, String)>,
    /// The example of its body.
    pub body: Option<Value>,
}

/// The segment before a `{name}` of a path, by which [`World`] knows what the name stands for.
pub fn kinds(path: &str) -> Vec<String> {
    let segments: Vec<&str> = path.split('/').collect();
    let named = segments.windows(2).filter(|pair| pair[1].starts_with('{'));
    named.map(|pair| pair[0].to_owned()).collect()
}

/// The path with these values in place of its names, in order.
pub fn filled(path: &str, values: &[String]) -> String {
    let mut values = values.iter();
    let segments = path
        .split('/')
        .map(|segment| match segment.starts_with('{') {
            true => encoded(values.next().expect("a value for each name")),
            false => segment.to_owned(),
        });
    segments.collect::<Vec<_>>().join("/")
}

/// Percent-encoded (RFC 3986 section 2.1) where it is not unreserved.
pub fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'@' => {
                out.push(char::from(byte));
            }
            other => out += &format!("%{other:02X}"),
        }
    }
    out
}

/// Every operation: those that delete come last, the deeper ones first.
pub fn operations(world: &mut World) -> Vec<Operation> {
    let document = description(world);
    let mut all = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            all.push(of_document(method, path, operation));
        }
    }
    all.sort_by_key(|of| (of.method == "DELETE", core::cmp::Reverse(of.path.len())));
    assert!(all.len() > 50, "{}", all.len());
    all
}

/// The whole description.
pub fn description(world: &mut World) -> Value {
    let said = world.ask(None, "GET", "/api/v1/openapi.json", None, "");
    serde_json::from_str(&said.body).unwrap()
}

fn of_document(method: &str, path: &str, operation: &Value) -> Operation {
    let mut query = Vec::new();
    for row in operation["parameters"].as_array().into_iter().flatten() {
        if row["in"] == "query" {
            let value = match &row["example"] {
                Value::Array(many) => text(&many[0]),
                one => text(one),
            };
            query.push((text(&row["name"]), value));
        }
    }
    // A body of another media type is a file, which may be JSON, or of a route without a key.
    let content = &operation["requestBody"]["content"];
    let body = &content["application/json"];
    let body = body.is_object().then(|| {
        let example = body["example"].clone();
        assert!(
            example.is_object(),
            "{method} {path}: its body has no example"
        );
        example
    });
    let codes = operation["responses"]["403"]["x-codes"].to_string();
    let ways = operation["security"].as_array().unwrap();
    Operation {
        method: method.to_uppercase(),
        path: path.to_owned(),
        scope: operation["x-scope"].as_str().map(str::to_owned),
        is_public: ways.iter().all(|way| way.as_object().unwrap().is_empty()),
        is_organizations: codes.contains("\"key_bound\"")
            && operation["description"]
                .as_str()
                .unwrap()
                .contains("bound to no inbox"),
        query,
        body: match content["*/*"].is_object() {
            true => Some(serde_json::json!({"file": 1})),
            false => body,
        },
    }
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

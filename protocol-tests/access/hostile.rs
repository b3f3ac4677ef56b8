//! Hostile texts in every text of every body, query and path of the description: line breaks that
//! would make header fields, and SQL. None is a fault of the server, makes a header field, changes
//! the schema of the database or shows a word of it.

use postern::testing::call::Scopes;
use serde_json::{Value, json};

use crate::operations::{Operation, description, encoded, filled, kinds, operations};
use crate::world::{PLANTED, Said, World};

/// Texts that would make a header field `X-Evil` where they are not refused or encoded.
const LINES: [&str; 9] = [
    "a\rX-Evil: 1",
    "a\nX-Evil: 1",
    "a\r\nX-Evil: 1",
    "a\0\r\nX-Evil: 1",
    "a\u{85}X-Evil: 1",
    "a\u{2028}X-Evil: 1",
    "a%0d%0aX-Evil: 1",
    "a\r\n X-Evil: 1",
    "a\r\n\r\nX-Evil: 1",
];

/// Texts that would be SQL, or operators of a search, where they are not bound parameters.
const QUERIES: [&str; 21] = [
    "'",
    "\"",
    "`",
    "');--",
    "'; DROP TABLE entry; --",
    "1' OR '1'='1",
    "\" OR \"\"=\"",
    "') UNION SELECT sql FROM sqlite_schema --",
    "'; ATTACH DATABASE '/tmp/x.db' AS x; --",
    "'; PRAGMA writable_schema=ON; --",
    "' || (SELECT hex(randomblob(1000000))) || '",
    "%",
    "_",
    "*",
    "[a-z]*",
    "NEAR(",
    "subject:secret",
    "a AND",
    "-x",
    "a OR b NOT c",
    "\\' OR 1=1 --",
];

/// What no answer says: words of the database, and the field that a text would make.
fn check(said: &Said, text: &str, shown: &str) {
    assert!(
        (200..500).contains(&said.status) || said.status == 501,
        "{shown}: {}",
        said.whole
    );
    let head = said.head.to_lowercase();
    assert!(!head.contains("\nx-evil"), "{shown}: {}", said.head);
    let body = said.body.to_lowercase();
    for word in [
        "sqlite",
        "no such column",
        "syntax error",
        "near \"",
        "unrecognized token",
    ] {
        // A refusal may name the text itself.
        let is_said = body.contains(word) && !text.to_lowercase().contains(word);
        assert!(!is_said, "{shown}: {}", said.body);
    }
}

/// The places of the texts in a body, by their schema: each as the steps from the body to it.
fn texts(document: &Value, schema: &Value, steps: &[Step], all: &mut Vec<Vec<Step>>) {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.rsplit('/').next().unwrap();
        return texts(
            document,
            &document["components"]["schemas"][name],
            steps,
            all,
        );
    }
    for part in ["anyOf", "oneOf"] {
        for one in schema[part].as_array().into_iter().flatten() {
            texts(document, one, steps, all);
        }
    }
    let step = |last: Step| [steps, &[last]].concat();
    if let Some(fields) = schema["properties"].as_object() {
        for (name, field) in fields {
            texts(document, field, &step(Step::Field(name.clone())), all);
        }
    }
    if schema["patternProperties"].is_object() {
        all.push(step(Step::Field("X-Own".to_owned())));
    }
    if schema["items"].is_object() {
        texts(document, &schema["items"], &step(Step::Entry), all);
    }
    let kind = schema["type"].to_string();
    if kind.contains("\"string\"") && schema["enum"].is_null() {
        all.push(steps.to_vec());
    }
    // The client's own object.
    if kind.contains("\"object\"") && schema["properties"].is_null() {
        all.push(step(Step::Field("own".to_owned())));
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Step {
    Field(String),
    /// The only entry of a list.
    Entry,
}

/// A body with a text at a place; whatever stands beside it is from the example.
fn with(body: &Value, steps: &[Step], text: &str) -> Value {
    match steps.split_first() {
        None => json!(text),
        Some((Step::Entry, rest)) => {
            let first = body.as_array().and_then(|list| list.first());
            let first = first.cloned().unwrap_or_else(|| beside(rest));
            json!([with(&first, rest, text)])
        }
        Some((Step::Field(name), rest)) => {
            let mut object = match body {
                Value::Object(object) => object.clone(),
                _ => serde_json::Map::new(),
            };
            let field = object.get(name).cloned().unwrap_or_default();
            object.insert(name.clone(), with(&field, rest, text));
            Value::Object(object)
        }
    }
}

/// What an entry of a list needs beside the text, so that the text is read at all.
fn beside(rest: &[Step]) -> Value {
    match rest.first() {
        Some(Step::Field(name)) if name == "content" => json!({"filename": "a.txt"}),
        Some(Step::Field(name)) if name == "name" => json!({"address": "low@x.test", "value": "v"}),
        Some(Step::Field(name)) if name == "value" => json!({"name": "X-Own"}),
        Some(Step::Field(name)) if name != "address" => json!({"content": "SGVsbG8="}),
        _ => Value::Null,
    }
}

struct Asking {
    world: World,
    document: Value,
    operations: Vec<Operation>,
    /// Each with all scopes, and `admin` beside them.
    key: String,
    asked: usize,
}

impl Asking {
    fn new() -> Asking {
        let mut world = World::new();
        world.streams_deliver = false;
        let operations = operations(&mut world);
        let document = description(&mut world);
        let key = (world.rig).make_key(world.one.org, Scopes::ADMIN, None, None);
        Asking {
            world,
            document,
            operations,
            key,
            asked: 0,
        }
    }

    /// The texts of the body of an operation.
    fn texts_of(&self, operation: &Operation) -> Vec<Vec<Step>> {
        let described = &self.document["paths"][&operation.path][operation.method.to_lowercase()];
        let schema = &described["requestBody"]["content"]["application/json"]["schema"];
        let mut all = Vec::new();
        texts(&self.document, schema, &[], &mut all);
        let mut places = Vec::new();
        for steps in all {
            if !places.contains(&steps) {
                places.push(steps);
            }
        }
        places
    }

    fn ask(&mut self, operation: &Operation, place: &str, body: Option<&Value>) -> Said {
        let operator = self.world.rig.product.operator.clone();
        let key = match operation.scope.as_deref() {
            Some("operator") => operator,
            _ => self.key.clone(),
        };
        let body = body.map(ToString::to_string);
        self.asked += 1;
        (self.world).ask(Some(&key), &operation.method, place, body.as_deref(), "")
    }

    /// No stored message of the first organization has the field that a text would make.
    fn no_evil_field(&mut self) {
        let side = self.world.one.clone();
        let key = self.key.clone();
        let mut seen = 0;
        let mut cursor = String::new();
        loop {
            let path = format!("/api/v1/messages?folder=all&limit=200{cursor}");
            let said = self.world.ask(Some(&key), "GET", &path, None, "");
            let page: Value = serde_json::from_str(&said.body).expect(&said.whole);
            for row in page["data"].as_array().unwrap() {
                let (inbox, id) = (
                    row["inbox_id"].as_str().unwrap(),
                    row["id"].as_str().unwrap(),
                );
                let path = format!("/api/v1/inboxes/{inbox}/messages/{id}/raw");
                let raw = self.world.ask(Some(&key), "GET", &path, None, "").body;
                let header = raw
                    .split_once("\r\n\r\n")
                    .map_or(raw.as_str(), |(head, _)| head);
                let evil = header.to_lowercase();
                assert!(
                    !evil.contains("\nx-evil") && !evil.contains("\rx-evil"),
                    "{header}"
                );
                // The header fields of its parts too; a text may have such a line.
                for part in raw.split("\r\n--=_") {
                    let header = part.split_once("\r\n\r\n").map_or(part, |(head, _)| head);
                    assert!(!header.contains("\nX-Evil"), "{raw}");
                }
                seen += 1;
            }
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert!(seen > 2, "{seen} messages in {}", side.org);
    }
}

#[test]
fn no_text_of_a_body_makes_a_header_field_or_a_statement() {
    let mut asking = Asking::new();
    let schema = asking.world.state()[0].clone();
    let side = asking.world.one.clone();
    let (mut refused, mut accepted, mut places) = (0, 0, 0);
    for operation in asking.operations.clone() {
        let Some(example) = operation.body.clone() else {
            continue;
        };
        let place = filled(&operation.path, &side.things(&kinds(&operation.path)));
        // So that what is accepted is sent to an inbox here.
        let example = match example.get("to") {
            Some(_) => with(
                &example,
                &[Step::Field("to".into()), Step::Entry],
                &side.address,
            ),
            None => example,
        };
        for steps in asking.texts_of(&operation) {
            places += 1;
            for text in LINES.iter().chain(&QUERIES) {
                let body = with(&example, &steps, text);
                let said = asking.ask(&operation, &place, Some(&body));
                let shown = format!("{} {place} {body}", operation.method);
                check(&said, text, &shown);
                match said.status {
                    ..300 => accepted += 1,
                    _ => refused += 1,
                }
            }
            assert_eq!(asking.world.state()[0], schema, "{place} {steps:?}");
        }
    }
    asking.no_evil_field();
    asking.world.check();
    assert!(
        places > 40 && refused > 800 && accepted > 100,
        "{places} {refused} {accepted}"
    );
}

#[test]
fn no_text_of_a_query_or_a_path_is_a_statement() {
    let mut asking = Asking::new();
    let before = asking.world.state();
    let side = asking.world.one.clone();
    for operation in asking.operations.clone() {
        if operation.method != "GET" {
            continue;
        }
        let kinds = kinds(&operation.path);
        let things = side.things(&kinds);
        for text in LINES.iter().chain(&QUERIES) {
            for at in 0..kinds.len() {
                let mut values = things.clone();
                values[at] = (*text).to_owned();
                let place = filled(&operation.path, &values);
                let said = asking.ask(&operation, &place, None);
                check(&said, text, &place);
                // A consumer group is made by its first reader, and any word may be its name.
                let is_made = kinds[at] == "groups" && said.status == 200;
                assert!(said.status >= 400 || is_made, "{place}: {}", said.whole);
            }
            for (name, _) in &operation.query {
                let is_word = |octet: u8| octet.is_ascii_alphanumeric() || b"._-".contains(&octet);
                if name == "group" && text.bytes().all(is_word) {
                    // A consumer group is made by its first reader.
                    continue;
                }
                let place = format!(
                    "{}?{name}={}",
                    filled(&operation.path, &things),
                    encoded(text)
                );
                let said = asking.ask(&operation, &place, None);
                check(&said, text, &place);
                // A search for such a text is a search for its octets: no planted word has them.
                let finds = PLANTED.iter().any(|word| said.body.contains(word));
                assert!(
                    name != "q" || !finds || text.len() < 2,
                    "{place}: {}",
                    said.body
                );
            }
        }
    }
    assert_eq!(asking.world.state(), before);
    asking.world.check();
    assert!(asking.asked > 2000, "{}", asking.asked);
}

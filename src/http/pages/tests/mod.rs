//! Tests of the pages: the document is whole and names every route, the page is closed HTML.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use serde_json::Value;

use super::method::method;
use super::nouns::{SCOPES, about};
use super::openapi::{nouns, rows};
use super::{docs, openapi};
use crate::call::{Limits, Scopes};
use crate::http::api::routes::ROUTES;

fn document() -> Value {
    serde_json::from_slice(&openapi::document(&Limits::default())).unwrap()
}

#[test]
fn every_route_that_exists_is_described() {
    let document = document();
    let paths = document["paths"].as_object().unwrap();
    let mut described = 0;
    for row in ROUTES {
        let method = row.method.to_ascii_lowercase();
        let operation = paths.get(row.path).and_then(|path| path.get(&method));
        assert_eq!(
            operation.is_some(),
            row.operation().is_some(),
            "{} {}",
            row.method,
            row.path
        );
        described += usize::from(operation.is_some());
    }
    let all = paths.values().map(|path| path.as_object().unwrap().len());
    assert_eq!(described, all.sum::<usize>());
}

#[test]
fn references_lead_somewhere_and_two_runs_agree() {
    let document = document();
    let text = document.to_string();
    let mut rest = text.as_str();
    while let Some(at) = rest.find("\"$ref\":\"#") {
        rest = &rest[at + 9..];
        let end = rest.find('"').unwrap();
        assert!(document.pointer(&rest[..end]).is_some(), "{}", &rest[..end]);
    }
    let limits = Limits::default();
    assert_eq!(openapi::document(&limits), openapi::document(&limits));
    assert!(openapi::document(&limits).len() < 1280 * 1024);
}

#[test]
fn the_page_has_every_route_and_loads_nothing() {
    let page = String::from_utf8(docs::page(&Limits::default())).unwrap();
    for row in ROUTES.iter().filter(|row| row.operation().is_some()) {
        assert!(page.contains(&format!("<code>{}</code>", row.path)));
    }
    for bad in [
        "<script", "<link", "<img", "src=", "@import", "url(", "style=",
    ] {
        assert!(!page.contains(bad), "{bad}");
    }
    // Every link within the page leads to something in it.
    let mut rest = page.as_str();
    while let Some(at) = rest.find("href=\"#") {
        rest = &rest[at + 7..];
        let end = rest.find('"').unwrap();
        assert!(
            page.contains(&format!("id=\"{}\"", &rest[..end])),
            "{}",
            &rest[..end]
        );
    }
    // Elements that are opened are closed, in order.
    let mut open: Vec<&str> = Vec::new();
    for tag in page.split('<').skip(1) {
        let name = tag.split(['>', ' ']).next().unwrap();
        match name.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name)),
            None if matches!(name, "!doctype" | "meta" | "input") => {}
            None => open.push(name),
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

/// Streams share one method, which chooses among them by its arguments.
#[test]
fn every_operation_has_a_method_of_its_own() {
    let mut methods: Vec<String> = Vec::new();
    for (_, operation) in rows() {
        let method = method(operation);
        let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let parts: Vec<&str> = method.split('.').collect();
        assert_eq!(parts.len(), 2, "{method}");
        assert!(parts.iter().all(|p| p.chars().all(is_word)), "{method}");
        assert!(
            method == "events.stream" || !methods.contains(&method),
            "{method}"
        );
        methods.push(method);
    }
    for (name, wanted) in [
        ("messages.read", "messages.get"),
        ("inboxes.patch", "inboxes.update"),
        ("credentials.export", "inboxes.export_credentials"),
        ("events.tree", "events.stream"),
        ("messages.send", "messages.send"),
    ] {
        let (_, operation) = rows().find(|(_, o)| o.id == name).expect(name);
        assert_eq!(method(operation), wanted);
    }
}

#[test]
fn nouns_and_scopes_are_described() {
    for noun in nouns() {
        assert!(about(noun).1.ends_with('.'), "{noun}: has no description");
    }
    let names: Vec<&str> = SCOPES.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, Scopes::NAMES.map(|(name, _)| name));
    let document = document();
    for (_, operation) in rows() {
        let tag = super::method::noun(operation);
        let tags = document["tags"].as_array().unwrap();
        assert!(tags.iter().any(|row| row["name"] == tag), "{tag}");
    }
}

/// The samples are made of the examples of the tables; `.ci/sdk.py` compiles all of them.
#[test]
fn samples_are_calls_of_the_sdks() {
    let (row, operation) = rows().find(|(_, o)| o.id == "messages.send").unwrap();
    let python = super::samples::python(row, operation);
    assert!(
        python.starts_with("found = client.messages.send("),
        "{python}"
    );
    assert!(python.contains("subject=\"Hello\""), "{python}");
    let (row, operation) = rows().find(|(_, o)| o.id == "events.tree").unwrap();
    assert_eq!(
        super::samples::typescript(row, operation),
        "for await (const row of client.events.stream({ inbox: \"inb_01Hq7Zk3VdX\", tree: true })) {\n  \
         console.log(row);\n}"
    );
    for (_, operation) in rows() {
        for gives in operation.gives {
            if let Some(answer) = super::samples::answer(gives.content) {
                let value: Value = serde_json::from_str(&answer).expect(operation.id);
                assert!(value.is_object(), "{}", operation.id);
            }
        }
    }
}

//! Pages about the API itself, made of its tables: `openapi.json` for machines and `docs` for
//! people. Both are made once a process and are the same for every caller.

mod docs;
mod method;
mod nouns;
mod openapi;
mod samples;
mod schema;
mod style;
#[cfg(test)]
mod tests;

use std::sync::OnceLock;

use crate::crypto::sha256_parts;
use crate::http::api::operation::{Gives, Operation, ResponseContent, Takes};
use crate::http::api::routes::{RouteRequest, RouteResult, RouteStep};
use crate::http::wire::response::{MediaType, Response};

pub(crate) static OPENAPI: Operation = Operation {
    id: "api.openapi",
    summary: "The API for machines",
    says: "This API as an OpenAPI 3.1 document.",
    query: &[],
    takes: Takes::Nothing,
    gives: &[Gives {
        status: 200,
        says: "The document.",
        content: ResponseContent::Other("application/json"),
    }],
    errors: &[],
    run: openapi,
};

fn openapi(request: &mut RouteRequest<'_>) -> RouteResult {
    static DOCUMENT: OnceLock<Vec<u8>> = OnceLock::new();
    let document = DOCUMENT.get_or_init(|| {
        let mut document = openapi::document(&request.shared.limits);
        document.push(b'\n');
        document
    });
    let mut response = Response::new(200, MediaType::Json, document.as_slice());
    response.lasts_s = CACHED_S;
    Ok(RouteStep::Respond(response))
}

pub(crate) static DOCS: Operation = Operation {
    id: "api.docs",
    summary: "The API for people",
    says: "This API as one page of HTML, which loads nothing else.",
    query: &[],
    takes: Takes::Nothing,
    gives: &[Gives {
        status: 200,
        says: "The page.",
        content: ResponseContent::Other("text/html"),
    }],
    errors: &[],
    run: docs,
};

fn docs(request: &mut RouteRequest<'_>) -> RouteResult {
    static PAGE: OnceLock<Vec<u8>> = OnceLock::new();
    let page = PAGE.get_or_init(|| docs::page(&request.shared.limits));
    let mut response = Response::new(200, MediaType::Html, page.as_slice());
    response.lasts_s = CACHED_S;
    // Nothing is loaded, run or framed; the one style sheet is named by its digest.
    let digest = data_encoding::BASE64.encode(&sha256_parts([style::SHEET.as_bytes()]));
    response.add(
        "Content-Security-Policy",
        format!(
            "default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; \
             form-action 'none'; frame-ancestors 'none'"
        ),
    );
    response.add("X-Content-Type-Options", "nosniff");
    response.add("Referrer-Policy", "no-referrer");
    Ok(RouteStep::Respond(response))
}

/// Seconds for which a page may be kept: it changes with the version of the server only.
const CACHED_S: u32 = 300;

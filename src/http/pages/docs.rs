//! The API as one page of HTML for people, from the tables that the server works by. It loads
//! nothing and runs nothing. Every text is escaped where it is written.

use super::openapi::{
    ABOUT, BEARER, headers, inner, need_words, noun, nouns, path_names, rows, scope,
};
use super::schema::words;
use super::style::SHEET;
use crate::call::Limits;
use crate::http::api::codes::ErrorCode;
use crate::http::api::fields::{BodyTable, FieldKind, FieldRow, Presence};
use crate::http::api::operation::{Gives, Operation, ResponseContent};
use crate::http::api::problems::ERROR_FIELDS;
use crate::http::api::routes::{RouteNeed, RouteRow};
use crate::http::api::shapes::Described;

/// The page being written.
struct Page<'l> {
    html: String,
    limits: &'l Limits,
}

/// The page.
pub(crate) fn page(limits: &Limits) -> Vec<u8> {
    let mut page = Page {
        html: String::with_capacity(256 * 1024),
        limits,
    };
    page.raw("<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">");
    page.raw("<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">");
    page.raw("<title>Postern API</title><style>");
    page.raw(SHEET);
    page.raw("</style></head><body>");
    page.contents();
    page.raw("<main>");
    page.about();
    for noun in nouns() {
        page.raw(&format!("<section id=\"{noun}\">"));
        page.element("h2", &title(noun));
        for (row, operation) in rows().filter(|(_, operation)| self::noun(operation) == noun) {
            page.operation(row, operation);
        }
        page.raw("</section>");
    }
    page.objects();
    page.errors();
    page.raw("</main></body></html>\n");
    page.html.into_bytes()
}

/// The heading of a noun.
fn title(noun: &str) -> String {
    match noun {
        "me" => "Your own key".to_owned(),
        "orgs" => "Organizations".to_owned(),
        "api" => "This description".to_owned(),
        _ => {
            let (first, rest) = noun.split_at(noun.len().min(1));
            format!("{}{rest}", first.to_ascii_uppercase())
        }
    }
}

impl Page<'_> {
    fn raw(&mut self, html: &str) {
        self.html.push_str(html);
    }

    /// Text that is no HTML.
    fn text(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                '&' => self.html.push_str("&amp;"),
                '<' => self.html.push_str("&lt;"),
                '>' => self.html.push_str("&gt;"),
                '"' => self.html.push_str("&quot;"),
                '\'' => self.html.push_str("&#39;"),
                c => self.html.push(c),
            }
        }
    }

    /// Text in which what stands between backticks is code.
    fn prose(&mut self, text: &str) {
        for (at, part) in text.split('`').enumerate() {
            match at % 2 {
                0 => self.text(part),
                _ => self.element("code", part),
            }
        }
    }

    fn element(&mut self, name: &str, text: &str) {
        self.raw(&format!("<{name}>"));
        self.text(text);
        self.raw(&format!("</{name}>"));
    }

    fn paragraph(&mut self, text: &str) {
        self.raw("<p>");
        self.prose(text);
        self.raw("</p>");
    }

    fn contents(&mut self) {
        self.raw("<nav aria-label=\"Contents\"><input type=\"checkbox\" id=\"menu\">");
        self.raw("<label for=\"menu\">Contents</label><div class=\"contents\">");
        for noun in nouns() {
            self.element("h2", &title(noun));
            self.raw("<ul>");
            for (_, operation) in rows().filter(|(_, operation)| self::noun(operation) == noun) {
                self.raw(&format!("<li><a href=\"#{}\">", operation.id));
                self.text(operation.summary);
                self.raw("</a></li>");
            }
            self.raw("</ul>");
        }
        self.raw("<h2>Reference</h2><ul><li><a href=\"#objects\">Objects</a></li>");
        self.raw("<li><a href=\"#errors\">Errors</a></li>");
        self.raw("<li><a href=\"/api/v1/openapi.json\">openapi.json</a></li></ul>");
        self.raw("</div></nav>");
    }

    fn about(&mut self) {
        self.raw("<h1>Postern API <small>");
        self.text(env!("CARGO_PKG_VERSION"));
        self.raw("</small></h1>");
        self.paragraph(ABOUT);
        self.paragraph(BEARER);
        let start = "export KEY=ap_sk_…\ncurl -H \"Authorization: Bearer $KEY\" \
                     http://localhost:8080/api/v1/me";
        self.element("pre", start);
    }

    fn operation(&mut self, row: &RouteRow, operation: &Operation) {
        self.raw(&format!("<article id=\"{}\">", operation.id));
        self.element("h3", operation.summary);
        self.raw(&format!(
            "<div class=\"route\"><span class=\"method {0}\">{0}</span>",
            row.method
        ));
        self.element("code", row.path);
        if let Some(scope) = scope(row.need) {
            self.raw("<span class=\"soft\">");
            self.text(&scope);
            self.raw("</span>");
        }
        self.raw("</div>");
        self.paragraph(operation.says);
        self.raw("<p class=\"soft\">");
        self.prose(&need_words(row.need));
        self.raw("</p>");
        let names: Vec<FieldRow> = path_names(row.path).collect();
        self.table("In the path", names.iter());
        self.table("In the query", operation.query.iter());
        let headers = headers(row);
        self.table("In the header", headers.iter());
        if let Some(table) = operation.takes.table() {
            self.table("In the body", table.fields.iter());
            for row in table.fields {
                if let FieldKind::Objects(inner) = row.kind {
                    let heading = format!("Each of {}", row.name);
                    self.table(&heading, inner.fields.iter());
                }
            }
        }
        self.raw("<h4>Example</h4>");
        self.element("pre", &curl(row, operation));
        self.raw("<h4>Answer</h4>");
        for gives in operation.gives {
            self.gives(gives);
        }
        self.raw("<details><summary>Errors</summary>");
        let errors = row.errors();
        self.codes(&errors);
        self.raw("</details></article>");
    }

    fn gives(&mut self, gives: &Gives) {
        self.raw("<p>");
        self.element("code", &gives.status.to_string());
        self.raw(" ");
        self.prose(gives.says);
        match gives.content {
            ResponseContent::Nothing => self.text(" No body."),
            ResponseContent::One(shape) => {
                self.text(" An object ");
                self.link(shape.name());
                self.text(".");
            }
            ResponseContent::Either(shape, other) => {
                self.text(" An object ");
                self.link(shape.name());
                self.text(" or ");
                self.link(other.name());
                self.text(".");
            }
            ResponseContent::Page(shape) => {
                self.prose(" `data` is a list of ");
                self.link(shape.name());
                self.prose(", `next_cursor` a string or null.");
            }
            ResponseContent::EventPage(shape) => {
                self.prose(" `data` is a list of ");
                self.link(shape.name());
                self.prose(", `next_cursor` a string or null, `seq` an integer.");
            }
            ResponseContent::Events(shape) => {
                self.prose(" The media type is `text/event-stream`; the data of events are ");
                self.link(shape.name());
                self.text(".");
            }
            ResponseContent::Other("*/*") => self.text(" Any media type."),
            ResponseContent::Other(media) => self.prose(&format!(" The media type is `{media}`.")),
        }
        self.raw("</p>");
    }

    fn link(&mut self, name: &str) {
        self.raw(&format!("<a href=\"#{name}\">{name}</a>"));
    }

    fn table<'f>(&mut self, heading: &str, rows: impl ExactSizeIterator<Item = &'f FieldRow>) {
        if rows.len() == 0 {
            return;
        }
        self.element("h4", heading);
        self.rows(rows);
    }

    fn rows<'f>(&mut self, rows: impl Iterator<Item = &'f FieldRow>) {
        self.raw("<div class=\"scroll\"><table><thead><tr>");
        self.raw("<th>Name</th><th>Kind</th><th>What it is</th></tr></thead><tbody>");
        for row in rows {
            self.raw("<tr><td>");
            self.element("code", row.name);
            if row.presence == Presence::Always && !row.null {
                self.raw(" <span class=\"soft\" title=\"always there\">*</span>");
            }
            self.raw("</td><td>");
            self.kind(row.kind);
            match (row.null, row.presence) {
                (true, Presence::Clears) => self.raw("<span class=\"soft\">, null clears</span>"),
                (true, _) => self.raw("<span class=\"soft\"> or null</span>"),
                (false, _) => {}
            }
            if !row.default.is_empty() {
                self.raw("<span class=\"soft\">, default ");
                self.text(row.default);
                self.raw("</span>");
            }
            self.raw("</td><td>");
            self.prose(row.says);
            self.raw("</td></tr>");
        }
        self.raw("</tbody></table></div>");
    }

    /// The kind in words, with a link to the object in it.
    fn kind(&mut self, kind: FieldKind) {
        let words = words(kind, self.limits);
        match inner(kind) {
            Some(shape) if words.ends_with(shape.name()) => {
                self.text(words.trim_end_matches(shape.name()));
                self.link(shape.name());
            }
            _ => self.text(&words),
        }
    }

    fn codes(&mut self, codes: &[&'static ErrorCode]) {
        self.raw("<div class=\"scroll\"><table><thead><tr>");
        self.raw("<th>Code</th><th>Status</th><th>When</th></tr></thead><tbody>");
        for code in codes {
            self.raw("<tr><td>");
            self.element("code", code.word);
            self.raw(&format!("</td><td>{}</td><td>", code.status));
            self.prose(code.says);
            self.raw("</td></tr>");
        }
        self.raw("</tbody></table></div>");
    }

    /// Every object that a response or a body has, each once.
    fn objects(&mut self) {
        self.raw("<section id=\"objects\"><h2>Objects</h2>");
        let mut written: Vec<&str> = Vec::new();
        let mut left: Vec<&dyn Described> = Vec::new();
        left.extend(ERROR_FIELDS.iter().filter_map(|row| inner(row.kind)));
        for (_, operation) in rows() {
            left.extend(
                operation
                    .takes
                    .table()
                    .map(|table: &BodyTable| -> &dyn Described { table }),
            );
            for gives in operation.gives {
                match gives.content {
                    ResponseContent::One(shape)
                    | ResponseContent::Page(shape)
                    | ResponseContent::EventPage(shape)
                    | ResponseContent::Events(shape) => left.push(shape),
                    ResponseContent::Either(shape, other) => left.extend([shape, other]),
                    ResponseContent::Nothing | ResponseContent::Other(_) => {}
                }
            }
            left.reverse();
            while let Some(shape) = left.pop() {
                if written.contains(&shape.name()) {
                    continue;
                }
                written.push(shape.name());
                self.raw(&format!("<article id=\"{0}\"><h3>{0}</h3>", shape.name()));
                self.paragraph(shape.says());
                let fields = shape.fields();
                self.rows(fields.iter().copied());
                self.raw("</article>");
                left.extend(fields.iter().filter_map(|row| inner(row.kind)));
            }
        }
        self.raw("</section>");
    }

    fn errors(&mut self) {
        self.raw("<section id=\"errors\"><h2>Errors</h2>");
        self.paragraph(
            "Every error is an object `error`. Its `code` is one word for programs; `message` and \
             `hint` are for people and may change.",
        );
        self.rows(ERROR_FIELDS.iter());
        let mut all: Vec<&'static ErrorCode> = Vec::new();
        for (row, _) in rows() {
            for code in row.errors() {
                if !all.contains(&code) {
                    all.push(code);
                }
            }
        }
        all.sort_by_key(|code| code.status);
        self.raw("<h4>Codes</h4>");
        self.codes(&all);
        self.raw("</section>");
    }
}

/// A command line that does it.
fn curl(row: &RouteRow, operation: &Operation) -> String {
    let mut path = row.path.to_owned();
    for name in path_names(row.path) {
        let value = name.example.trim_matches('"');
        path = path.replace(&format!("{{{}}}", name.name), value);
    }
    let mut line = "curl".to_owned();
    if row.is_lasting() {
        line += " -N";
    }
    if row.method != "GET" {
        line += &format!(" -X {}", row.method);
    }
    if !matches!(row.need, RouteNeed::Nothing) {
        line += " -H \"Authorization: Bearer $KEY\"";
    }
    if let Some(table) = operation.takes.table() {
        line += &format!(
            " \\\n  -H 'Content-Type: application/json' \\\n  -d '{}'",
            table.example
        );
    }
    let gap = match line.len() + path.len() < 55 {
        true => " ",
        false => " \\\n  ",
    };
    format!("{line}{gap}'http://localhost:8080{path}'")
}

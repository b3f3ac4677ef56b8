//! The API as one page of HTML for people, from the tables that the server works by. It loads
//! nothing and runs nothing. Every text is escaped where it is written.

use super::method::{method, noun};
use super::nouns::{SCOPES, about};
use super::openapi::{ABOUT, BEARER, headers, inner, need_words, nouns, path_names, rows, scope};
use super::samples;
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
    page.languages();
    page.contents();
    page.raw("<main>");
    page.about();
    for noun in nouns() {
        let (title, says) = about(noun);
        page.raw(&format!("<section id=\"{noun}\"><div class=\"head\">"));
        page.element("h2", title);
        page.paragraph(says);
        page.raw("</div>");
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

/// The languages of the samples: class, name.
const LANGUAGES: [(&str, &str); 3] = [("curl", "curl"), ("py", "Python"), ("ts", "TypeScript")];

/// How a reader of the page begins, in each language.
const FIRST_STEPS: [&str; 3] = [
    "export KEY=ap_sk_…\ncurl -H \"Authorization: Bearer $KEY\" \\\n  http://localhost:8080/api/v1/me",
    "# pip install ./sdk/python\nfrom postern import Postern\n\nclient = Postern(\n    \"ap_sk_…\",\n    \
     \"https://mail.example.com\",\n)\nprint(client.me.get())",
    "// npm install ./sdk/typescript\nimport { Postern } from \"postern\";\n\nconst client = new Postern({\n  \
     apiKey: \"ap_sk_…\",\n  baseUrl: \"https://mail.example.com\",\n});\nconsole.log(await client.me.get());",
];

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

    /// The choice of a language, which holds for every sample. Labels elsewhere change it.
    fn languages(&mut self) {
        for (at, (class, name)) in LANGUAGES.iter().enumerate() {
            let checked = if at == 0 { " checked" } else { "" };
            self.raw(&format!(
                "<input type=\"radio\" name=\"language\" id=\"in-{class}\" class=\"language\" \
                 aria-label=\"Samples in {name}\"{checked}>"
            ));
        }
    }

    /// The same sample in each language.
    fn samples(&mut self, samples: [&str; 3]) {
        self.raw("<div class=\"sample\"><div class=\"choice\">");
        for (class, name) in LANGUAGES {
            self.raw(&format!(
                "<label for=\"in-{class}\" class=\"to-{class}\">{name}</label>"
            ));
        }
        self.raw("</div>");
        for ((class, _), sample) in LANGUAGES.iter().zip(samples) {
            self.raw(&format!("<pre class=\"{class}\">"));
            self.text(sample);
            self.raw("</pre>");
        }
        self.raw("</div>");
    }

    fn contents(&mut self) {
        self.raw("<nav aria-label=\"Contents\"><input type=\"checkbox\" id=\"menu\">");
        self.raw("<label for=\"menu\">Contents</label><div class=\"contents\">");
        self.raw("<h2><a href=\"#start\">Postern API</a></h2><ul>");
        for (id, title) in [
            ("start", "First steps"),
            ("scopes", "Keys and scopes"),
            ("habits", "What holds everywhere"),
        ] {
            self.raw(&format!("<li><a href=\"#{id}\">{title}</a></li>"));
        }
        self.raw("</ul>");
        for noun in nouns() {
            self.raw(&format!(
                "<h2><a href=\"#{noun}\">{}</a></h2><ul>",
                about(noun).0
            ));
            for (row, operation) in rows().filter(|(_, operation)| self::noun(operation) == noun) {
                self.raw(&format!("<li><a href=\"#{}\"><span>", operation.id));
                self.text(operation.summary);
                self.raw(&format!(
                    "</span><b class=\"{0}\">{0}</b></a></li>",
                    row.method
                ));
            }
            self.raw("</ul>");
        }
        self.raw("<h2>Reference</h2><ul><li><a href=\"#objects\">Objects</a></li>");
        self.raw("<li><a href=\"#errors\">Errors</a></li>");
        self.raw("<li><a href=\"/api/v1/openapi.json\">openapi.json</a></li></ul>");
        self.raw("</div></nav>");
    }

    fn about(&mut self) {
        self.raw("<section id=\"start\"><article><div class=\"says\"><h1>Postern API <small>");
        self.text(env!("CARGO_PKG_VERSION"));
        self.raw("</small></h1>");
        self.paragraph(
            "Mail for programs: inboxes, messages, events. Bodies are JSON in UTF-8, times are \
             RFC 3339 in UTC, and the base of all paths is `/api/v1`. Clients for Python and \
             TypeScript have a method for every route.",
        );
        self.paragraph(BEARER);
        self.raw("</div><div class=\"code\">");
        self.samples(FIRST_STEPS);
        self.raw(
            "</div></article><article id=\"scopes\"><div class=\"says\"><h3>Keys and scopes</h3>",
        );
        self.paragraph(
            "A key has scopes, and may be bound to inboxes. What it may not see is 404; what it may \
             see and not do is 403.",
        );
        self.raw("<div class=\"scroll\"><table><tbody>");
        for (scope, says) in SCOPES {
            self.raw("<tr><td>");
            self.element("code", scope);
            self.raw("</td><td>");
            self.prose(says);
            self.raw("</td></tr>");
        }
        self.raw("</tbody></table></div></div></article>");
        self.raw("<article id=\"habits\"><div class=\"says\"><h3>What holds everywhere</h3><ul>");
        for sentence in ABOUT.split_inclusive(". ").skip(1) {
            self.raw("<li>");
            self.prose(sentence.trim_end());
            self.raw("</li>");
        }
        self.raw("</ul></div></article></section>");
    }

    fn operation(&mut self, row: &RouteRow, operation: &Operation) {
        self.raw(&format!(
            "<article id=\"{}\"><div class=\"says\">",
            operation.id
        ));
        self.raw(&format!("<h3><a href=\"#{}\">", operation.id));
        self.text(operation.summary);
        self.raw("</a></h3>");
        self.raw(&format!(
            "<div class=\"route\"><span class=\"method {0}\">{0}</span>",
            row.method
        ));
        self.element("code", row.path);
        self.raw("</div>");
        self.raw("<p class=\"soft\">");
        self.element("code", &format!("client.{}", method(operation)));
        if let Some(scope) = scope(row.need) {
            for scope in scope.split(' ') {
                self.raw("<span class=\"scope\">");
                self.text(scope);
                self.raw("</span>");
            }
        }
        self.raw("</p>");
        self.paragraph(operation.says);
        // A scope alone stands above.
        if !matches!(row.need, RouteNeed::Inboxes(_)) {
            self.raw("<p class=\"soft\">");
            self.prose(&need_words(row.need));
            self.raw("</p>");
        }
        let names: Vec<FieldRow> = path_names(row.path).collect();
        self.table("In the path", names.iter());
        self.table("In the query", operation.query.iter());
        let headers = headers(row);
        self.table("In the header", headers.iter());
        if let Some(table) = operation.takes.table() {
            self.table("In the body", table.fields.iter());
            for row in table.fields {
                let (heading, inner) = match row.kind {
                    FieldKind::Objects(inner) => (format!("Each of {}", row.name), inner),
                    FieldKind::Nested(inner) => (format!("In {}", row.name), inner),
                    FieldKind::WordsOrObjects(_, inner) => {
                        (format!("Each object of {}", row.name), inner)
                    }
                    _ => continue,
                };
                self.table(&heading, inner.fields.iter());
            }
        }
        self.raw("<h4>Answer</h4>");
        for gives in operation.gives {
            self.gives(gives);
        }
        self.raw("<details><summary>Errors</summary>");
        let errors = row.errors();
        self.codes(&errors);
        self.raw("</details></div><div class=\"code\">");
        if !row.is_socket() {
            self.samples([
                &samples::curl(row, operation),
                &samples::python(row, operation),
                &samples::typescript(row, operation),
            ]);
        }
        let first = operation.gives.first();
        if let Some((gives, answer)) =
            first.and_then(|gives| Some((gives, samples::answer(gives.content)?)))
        {
            self.raw(&format!(
                "<div class=\"sample\"><div class=\"choice\">{}</div>",
                gives.status
            ));
            self.raw("<pre class=\"answer\">");
            self.text(&answer);
            self.raw("</pre></div>");
        }
        self.raw("</div></article>");
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
        self.rows(rows, "required");
    }

    /// `always` is the word for a field that is never absent.
    fn rows<'f>(&mut self, rows: impl Iterator<Item = &'f FieldRow>, always: &str) {
        self.raw("<dl>");
        for row in rows {
            self.raw("<dt>");
            self.element("code", row.name);
            self.raw("<span class=\"soft\">");
            self.kind(row.kind);
            match (row.null, row.presence) {
                (true, Presence::Clears) => self.raw(", null clears"),
                (true, _) => self.raw(" or null"),
                (false, _) => {}
            }
            if !row.default.is_empty() {
                self.raw(", default ");
                self.text(row.default);
            }
            self.raw("</span>");
            if row.presence == Presence::Always && !row.null {
                self.element("b", always);
            }
            self.raw("</dt><dd>");
            self.prose(row.says);
            self.raw("</dd>");
        }
        self.raw("</dl>");
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
        self.raw("<section id=\"objects\"><div class=\"head\"><h2>Objects</h2></div>");
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
                self.raw(&format!(
                    "<article id=\"{0}\"><div class=\"says\"><h3>{0}</h3>",
                    shape.name()
                ));
                self.paragraph(shape.says());
                let fields = shape.fields();
                self.rows(fields.iter().copied(), "always there");
                self.raw("</div></article>");
                left.extend(fields.iter().filter_map(|row| inner(row.kind)));
            }
        }
        self.raw("</section>");
    }

    fn errors(&mut self) {
        self.raw("<section id=\"errors\"><div class=\"head\"><h2>Errors</h2>");
        self.paragraph(
            "Every error is an object `error`. Its `code` is one word for programs; `message` and \
             `hint` are for people and may change.",
        );
        self.rows(ERROR_FIELDS.iter(), "always there");
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
        self.raw("</div></section>");
    }
}

//! How one field of a request or a response is described: its name, its kind with bounds, what
//! null and absence mean, one sentence for people, and an example.
//!
//! A table of these is the only description of a body, a query or a response. `values.rs`
//! reads requests by it, `shapes.rs` writes responses by it, and `openapi.rs` and the page
//! for people show it.

use super::shapes::Described;
use crate::call::Limits;

/// One row of a table: one field.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FieldRow {
    pub name: &'static str,
    pub kind: FieldKind,
    pub presence: Presence,
    /// Null may stand in its place. In a request it then means what absence means, unless
    /// `presence` says that it clears.
    pub null: bool,
    /// What holds when the field is absent, as JSON; empty where nothing does.
    pub default: &'static str,
    /// JSON text that could stand there.
    pub example: &'static str,
    /// One sentence for people.
    pub says: &'static str,
}

/// Whether a field is there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Presence {
    /// Always: a request without it is refused.
    Always,
    /// It may be absent.
    Maybe,
    /// It may be absent, and null is not absence: it clears what was there.
    Clears,
}

/// What a field holds. The kinds that only requests or only responses have are marked.
#[derive(Clone, Copy, Debug)]
pub(crate) enum FieldKind {
    /// Any text.
    Text(TextBound),
    /// Text that goes into a header field: one line without control characters.
    Line(TextBound),
    /// Text without control characters (in queries and paths).
    Plain(TextBound),
    /// Visible ASCII with spaces (in header fields).
    Token(TextBound),
    /// One line for people that is not empty, of so many octets at most.
    Label(usize),
    /// A domain name, Unicode or punycode.
    DomainName,
    /// Octets in base64.
    Base64,
    /// The name of a folder; `/` stands between its levels.
    FolderName,
    /// A media type such as `text/plain`.
    MediaType,
    /// True or false.
    Flag,
    /// A whole number in this range, bounds included.
    Number { min: u64, max: u64 },
    /// A score of the filter: a number, rounded to two places.
    Score,
    /// An object of scores by the names of rules, so many at most.
    Scores(usize),
    /// A time of RFC 3339.
    Time,
    /// A client's own JSON object, of so many octets at most as compact text.
    AnyObject(usize),
    /// An id with this prefix.
    Id(&'static str),
    /// An inbox by its id or its address.
    InboxName,
    /// A domain by its id or its name (in paths).
    DomainRef,
    /// An attachment's id (in paths and responses).
    AttachmentId,
    /// The number of an event, or a time of RFC 3339 (in queries).
    EventOrTime,
    /// A time of RFC 3339, or 0 for all time (in queries).
    TimeOrAll,
    /// Ids, at least one and so many at most; what an unknown one means is for the route to say.
    Ids(usize),
    /// Numbers of events, at least one and so many at most.
    EventNumbers(usize),
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// Any of these words: a list in JSON; repeated or with commas in a query.
    SomeOf(&'static [&'static str]),
    /// Inboxes by ids or addresses: a list in JSON; repeated or with commas in a query.
    InboxNames,
    /// The scopes of a key.
    Scopes,
    /// Addresses of recipients: one, or a list; each a text or an object of name and address.
    Addresses,
    /// Labels of a message.
    Labels,
    /// Lines that may be labels: the route says of each whether it is one.
    LabelLines,
    /// One label of a message (in queries).
    Keyword,
    /// A sender: an address, a domain, or a domain behind an `@` (in queries).
    Sender,
    /// Header fields of the client's own: an object, or a list of names and values.
    HeaderFields,
    /// What to search for: up to so many words (in queries).
    SearchWords(usize),
    /// A text of so many octets at most, a number with up to three decimals, or true or false.
    Scalar(usize),
    /// A list of these words and of objects by this table.
    WordsOrObjects(&'static [&'static str], &'static BodyTable),
    /// A list of objects, each by this table (in requests).
    Objects(&'static BodyTable),
    /// One object by this table (in requests).
    Nested(&'static BodyTable),
    /// An object (in responses).
    Object(&'static dyn Described),
    /// A list (in responses).
    List(&'static FieldKind),
}

/// How long a text may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TextBound {
    /// 1 where an empty text is refused.
    pub min: usize,
    pub max: TextMax,
}

/// The longest text, with its unit.
#[derive(Clone, Copy, Debug)]
pub(crate) enum TextMax {
    /// Only the body bounds it.
    Body,
    Characters(usize),
    /// In UTF-8.
    Octets(usize),
    /// Octets in UTF-8, as the configuration says.
    Limit(fn(&Limits) -> usize),
}

/// A text that only the body bounds.
pub(crate) const ANY: TextBound = TextBound {
    min: 0,
    max: TextMax::Body,
};

/// A text of at most so many characters.
pub(crate) const fn characters(max: usize) -> TextBound {
    TextBound {
        min: 0,
        max: TextMax::Characters(max),
    }
}

/// A text of 1 to so many octets.
pub(crate) const fn octets(max: usize) -> TextBound {
    TextBound {
        min: 1,
        max: TextMax::Octets(max),
    }
}

/// The table of one JSON object, in a request or written by hand in a response.
#[derive(Debug)]
pub(crate) struct BodyTable {
    /// Its name in OpenAPI.
    pub name: &'static str,
    /// One sentence for people.
    pub says: &'static str,
    /// The request may have no body at all.
    pub optional: bool,
    /// JSON text of a good body, for people; empty for a part of another.
    pub example: &'static str,
    pub fields: &'static [FieldRow],
}

/// A field that a request must have.
pub(crate) const fn required(
    name: &'static str,
    kind: FieldKind,
    example: &'static str,
    says: &'static str,
) -> FieldRow {
    FieldRow {
        name,
        kind,
        presence: Presence::Always,
        null: false,
        default: "",
        example,
        says,
    }
}

/// A field that a request may have; null is as good as absence.
pub(crate) const fn optional(
    name: &'static str,
    kind: FieldKind,
    example: &'static str,
    says: &'static str,
) -> FieldRow {
    FieldRow {
        presence: Presence::Maybe,
        null: true,
        ..required(name, kind, example, says)
    }
}

/// A field of a change: absence leaves what is there, null clears it.
pub(crate) const fn clearable(
    name: &'static str,
    kind: FieldKind,
    example: &'static str,
    says: &'static str,
) -> FieldRow {
    FieldRow {
        presence: Presence::Clears,
        null: true,
        ..required(name, kind, example, says)
    }
}

/// A field that may be absent and is never null: a parameter of a query, or a field of a
/// response.
pub(crate) const fn sometimes(
    name: &'static str,
    kind: FieldKind,
    example: &'static str,
    says: &'static str,
) -> FieldRow {
    FieldRow {
        presence: Presence::Maybe,
        ..required(name, kind, example, says)
    }
}

/// A field of a response that is always there and may be null.
pub(crate) const fn nullable(
    name: &'static str,
    kind: FieldKind,
    example: &'static str,
    says: &'static str,
) -> FieldRow {
    FieldRow {
        null: true,
        ..required(name, kind, example, says)
    }
}

impl Described for BodyTable {
    fn name(&self) -> &'static str {
        self.name
    }

    fn says(&self) -> &'static str {
        self.says
    }

    fn fields(&self) -> Vec<&'static FieldRow> {
        self.fields.iter().collect()
    }
}

impl FieldRow {
    /// The same, and this holds when it is absent.
    pub const fn or(self, default: &'static str) -> FieldRow {
        FieldRow { default, ..self }
    }

    /// Whether the parameter may stand in a query more than once.
    pub fn repeats(&self) -> bool {
        matches!(self.kind, FieldKind::SomeOf(_) | FieldKind::InboxNames)
    }
}

/// The longest name of a folder.
pub(crate) const FOLDER_NAME: TextBound = TextBound {
    min: 1,
    max: TextMax::Limit(|limits| limits.mailbox_name_bytes),
};

impl TextMax {
    /// The bound and its unit, where the body is not the only one.
    pub fn bound(self, limits: &Limits) -> Option<(usize, &'static str)> {
        match self {
            TextMax::Body => None,
            TextMax::Characters(max) => Some((max, "characters")),
            TextMax::Octets(max) => Some((max, "octets")),
            TextMax::Limit(max) => Some((max(limits), "octets")),
        }
    }
}

impl TextBound {
    /// Why a text does not fit, if it does not. It goes on after the name of the field.
    pub fn refusal(self, text: &str, limits: &Limits) -> Option<String> {
        if text.len() < self.min {
            return Some("is empty".to_owned());
        }
        let (max, unit) = self.max.bound(limits)?;
        // Characters are counted only where octets are too many.
        let fits = text.len() <= max || (unit == "characters" && text.chars().nth(max).is_none());
        (!fits).then(|| format!("must be at most {max} {unit} long"))
    }
}

/// A table, one row a field: `name: presence kind, example as JSON, "Sentence.";`, where the
/// presence is one of the functions above. `or "x"` behind the kind is what absence means.
macro_rules! fields {
    ($($name:ident: $presence:ident $kind:expr, $example:literal, $says:literal
        $(or $default:literal)?;)*) => {
        &[$($crate::http::api::fields::$presence(
            stringify!($name),
            $kind,
            $example,
            $says,
        )$(.or($default))?,)*]
    };
}
pub(crate) use fields;

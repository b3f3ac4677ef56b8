//! How a response is described and written: by one table a shape, one row a field, with the
//! function that writes the field's value in the same row.
//!
//! A field cannot be written without a description nor described without being written: the
//! table drives the writer.

use core::fmt;

use super::fields::{FieldKind, FieldRow, Presence};
use crate::http::wire::json::{self, Object, ValueSlot};
use crate::http::wire::response::Response;

/// The table of one JSON object in a response, made of a `T`.
pub(crate) struct Shape<T: 'static> {
    /// Its name in OpenAPI.
    pub name: &'static str,
    /// One sentence for people.
    pub says: &'static str,
    pub columns: &'static [Column<T>],
}

/// One row of a shape.
pub(crate) enum Column<T: 'static> {
    /// A field: its description, whether a `T` has it, and how it is written.
    Field {
        field: FieldRow,
        has: fn(&T) -> bool,
        write: fn(ValueSlot<'_>, &T),
    },
    /// Every field of another shape.
    All {
        shape: &'static dyn Described,
        write: fn(&mut Object<'_>, &T),
    },
}

/// A shape without the type that it is made of.
pub(crate) trait Described: Sync {
    fn name(&self) -> &'static str;
    fn says(&self) -> &'static str;
    /// Its rows in order.
    fn fields(&self) -> Vec<&'static FieldRow>;
}

impl<T> Described for Shape<T> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn says(&self) -> &'static str {
        self.says
    }

    fn fields(&self) -> Vec<&'static FieldRow> {
        let mut fields = Vec::with_capacity(self.columns.len());
        for column in self.columns {
            match column {
                Column::Field { field, .. } => fields.push(field),
                Column::All { shape, .. } => fields.extend(shape.fields()),
            }
        }
        fields
    }
}

impl fmt::Debug for dyn Described {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A field that is always there.
pub(crate) const fn always<T>(
    name: &'static str,
    kind: FieldKind,
    example: &'static str,
    says: &'static str,
    write: fn(ValueSlot<'_>, &T),
) -> Column<T> {
    let field = FieldRow {
        name,
        kind,
        presence: Presence::Always,
        null: false,
        default: "",
        example,
        says,
    };
    Column::Field {
        field,
        has: |_| true,
        write,
    }
}

/// A field that is always there and may be null.
pub(crate) const fn or_null<T>(
    name: &'static str,
    kind: FieldKind,
    example: &'static str,
    says: &'static str,
    write: fn(ValueSlot<'_>, &T),
) -> Column<T> {
    let mut column = always(name, kind, example, says, write);
    if let Column::Field { field, .. } = &mut column {
        field.null = true;
    }
    column
}

/// The same field, there only for what `has` says, if it says anything.
pub(crate) const fn only_if<T>(mut column: Column<T>, has: Option<fn(&T) -> bool>) -> Column<T> {
    if let (Some(new), Column::Field { field, has, .. }) = (has, &mut column) {
        field.presence = Presence::Maybe;
        *has = new;
    }
    column
}

impl<T> Shape<T> {
    /// Writes one object.
    pub fn write(&self, out: &mut Vec<u8>, of: &T) {
        json::object(out, |object| self.write_fields(object, of));
    }

    /// Writes its fields into an object that has begun.
    pub fn write_fields(&self, object: &mut Object<'_>, of: &T) {
        self.write_places(object, of, |_, _| {});
    }

    /// The same; `place` is told of each field where its value begins.
    pub fn write_places(
        &self,
        object: &mut Object<'_>,
        of: &T,
        mut place: impl FnMut(&'static str, usize),
    ) {
        for column in self.columns {
            match column {
                Column::Field { field, has, write } if has(of) => {
                    let mut slot = object.slot_of(field.name);
                    place(field.name, slot.octets().len());
                    write(slot, of);
                }
                Column::Field { .. } => {}
                Column::All { write, .. } => write(object, of),
            }
        }
    }

    /// Writes a list of objects.
    pub fn write_list<'a>(&self, out: &mut Vec<u8>, all: impl IntoIterator<Item = &'a T>) {
        json::list(out, all, |out, of| self.write(out, of));
    }

    /// A response of one object.
    pub fn response(&self, status: u16, of: &T) -> Response {
        let mut body = Vec::with_capacity(ROW_OCTETS);
        self.write(&mut body, of);
        Response::json(status, body)
    }

    /// A page: `{"data":[…],"next_cursor":…}`.
    pub fn page(&self, rows: &[T], next: Option<&str>) -> Response {
        self.page_with(rows, next, |out, of| self.write(out, of))
    }

    /// A page of rows that `write` writes, each in this shape.
    pub fn page_with<R>(
        &self,
        rows: &[R],
        next: Option<&str>,
        write: impl Fn(&mut Vec<u8>, &R),
    ) -> Response {
        let mut body = Vec::with_capacity(ROW_OCTETS);
        json::object(&mut body, |object| {
            let out = object.value("data");
            json::list(out, rows.iter().enumerate(), |out, (at, of)| {
                let before = out.len();
                write(out, of);
                if at == 0 {
                    // The rows of a page are about as long as its first one.
                    out.reserve((out.len() - before + 1).saturating_mul(rows.len()));
                }
            });
            object.text_or_null("next_cursor", next);
        });
        Response::json(200, body)
    }
}

/// Octets of a usual object.
const ROW_OCTETS: usize = 1024;

/// A shape, one row a field: `name: presence kind, example as JSON, "Sentence." => writer;`,
/// where the presence is `always` or `or_null`; `if` says which values have the field. A row
/// `..OTHER of writer;` in front takes in every field of another shape.
macro_rules! shape {
    ($name:literal, $says:literal; $(..$base:ident of $all:expr;)?
        $($field:ident: $presence:ident $kind:expr, $example:literal, $field_says:literal
        => $write:expr $(, if $has:expr)?;)*) => {
        $crate::http::api::shapes::Shape {
            name: $name,
            says: $says,
            columns: &[
                $($crate::http::api::shapes::Column::All {
                    shape: &$base,
                    write: $all,
                },)?
                $($crate::http::api::shapes::only_if(
                    $crate::http::api::shapes::$presence(
                        stringify!($field),
                        $kind,
                        $example,
                        $field_says,
                        $write,
                    ),
                    $crate::http::api::shapes::condition!($($has)?),
                ),)*
            ],
        }
    };
}
pub(crate) use shape;

macro_rules! condition {
    () => {
        None
    };
    ($has:expr) => {
        Some($has)
    };
}
pub(crate) use condition;

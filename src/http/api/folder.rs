//! Folders of an inbox: listed, made, renamed, deleted. A folder is a mailbox of IMAP.

use super::codes;
use super::fields::FieldKind::{Flag, FolderName, OneOf, Text};
use super::fields::{ANY, BodyTable, fields, sometimes};
use super::inbox::COUNT;
use super::operation::{CURSOR, GONE, Gives, LIMIT, Operation, ResponseContent, Takes};
use super::routes::{RouteRequest, RouteResult, RouteStep, gone};
use super::shapes::{Shape, shape};
use crate::call::{
    Answer, MailboxCounts, MailboxRead, MailboxRow, MailboxWrite, SpecialUse, Written,
};
use crate::http::wire::response::Response;

static FOLDER: Shape<MailboxRow> = shape! {
    "Folder", "A folder of an inbox.";
    name: always Text(ANY), r#""Archive/2026""#, "Its name, with `/` between levels."
        => |slot, row| slot.text(&row.name);
    special_use: or_null OneOf(&SPECIAL_USES), r#""sent""#,
        "What the server uses it for; null for INBOX and your own folders."
        => |slot, row| slot.text_or_null(row.special.map(special_use));
    messages: always COUNT, "3", "How many messages it has."
        => |slot, row| slot.number(u64::from(counts(row).messages));
    unread: always COUNT, "1", "How many of them have not been seen."
        => |slot, row| slot.number(u64::from(counts(row).unseen));
    size: always COUNT, "9216", "How many octets they take."
        => |slot, row| slot.number(counts(row).size);
};

/// A folder is always read with its counts.
fn counts(row: &MailboxRow) -> MailboxCounts {
    row.counts.unwrap_or_default()
}

/// RFC 6154, in lower case.
const SPECIAL_USES: [&str; 4] = ["sent", "drafts", "trash", "junk"];

fn special_use(special: SpecialUse) -> &'static str {
    let [sent, drafts, trash, junk] = SPECIAL_USES;
    match special {
        SpecialUse::Sent => sent,
        SpecialUse::Drafts => drafts,
        SpecialUse::Trash => trash,
        SpecialUse::Junk => junk,
    }
}

const NEW_FOLDER: BodyTable = BodyTable {
    name: "NewFolder",
    says: "A folder to make.",
    optional: false,
    example: r#"{"name":"Archive/2026"}"#,
    fields: fields! {
        name: required FolderName, r#""Archive/2026""#,
            "Its name; the levels above it are made too where they are missing.";
    },
};

const FOLDER_PATCH: BodyTable = BodyTable {
    name: "FolderPatch",
    says: "A change of a folder.",
    optional: false,
    example: r#"{"name":"Archive/2027"}"#,
    fields: fields! {
        name: required FolderName, r#""Archive/2027""#, "Its new name.";
    },
};

pub(crate) static LIST: Operation = Operation {
    id: "folders.list",
    summary: "List folders",
    says: "Lists the folders of the inbox with their counts, by name.",
    query: &[LIMIT, CURSOR],
    takes: Takes::Nothing,
    gives: &[Gives {
        status: 200,
        says: "A page of folders.",
        content: ResponseContent::Page(&FOLDER),
    }],
    errors: &[],
    run: list,
};

fn list(request: &mut RouteRequest<'_>) -> RouteResult {
    let call = MailboxRead::ListOf {
        inbox: request.inbox()?,
        cursor: request.parameters.text("cursor"),
        limit: request.parameters.limit(),
    };
    Ok(RouteStep::Read(
        Box::new(call.into()),
        |answer, _, _| match answer {
            Answer::Folders { rows, next } => Some(FOLDER.page(&rows, next.as_deref())),
            _ => None,
        },
    ))
}

pub(crate) static CREATE: Operation = Operation {
    id: "folders.create",
    summary: "Make a folder",
    says: "Makes a folder. IMAP shows it at once.",
    query: &[],
    takes: Takes::Json(&NEW_FOLDER),
    gives: &[Gives {
        status: 201,
        says: "The folder that was made.",
        content: ResponseContent::One(&FOLDER),
    }],
    errors: &[
        codes::INVALID_HEADER_VALUE,
        codes::ALREADY_EXISTS,
        codes::LIMIT_REACHED,
    ],
    run: create,
};

fn create(request: &mut RouteRequest<'_>) -> RouteResult {
    let call = MailboxWrite::CreateIn {
        inbox: request.inbox()?,
        mailbox: request.body.text("name").unwrap_or_default(),
        idempotency: request
            .idempotency(|written| made(written).map_or_else(Vec::new, Response::keep)),
    };
    Ok(RouteStep::Write(Box::new(call.into()), |written, _| {
        made(written)
    }))
}

fn made(written: &Written) -> Option<Response> {
    match written {
        Written::Mailbox(row) => Some(FOLDER.response(201, row)),
        _ => None,
    }
}

pub(crate) static RENAME: Operation = Operation {
    id: "folders.rename",
    summary: "Rename a folder",
    says: "Gives a folder another name, and with it the folders below it. INBOX and folders with a \
           special use keep theirs.",
    query: &[],
    takes: Takes::Json(&FOLDER_PATCH),
    gives: &[Gives {
        status: 200,
        says: "The folder under its new name.",
        content: ResponseContent::One(&FOLDER),
    }],
    errors: &[
        codes::INVALID_HEADER_VALUE,
        codes::ALREADY_EXISTS,
        codes::CONFLICT,
        codes::LIMIT_REACHED,
        codes::TOO_LARGE,
    ],
    run: rename,
};

fn rename(request: &mut RouteRequest<'_>) -> RouteResult {
    let call = MailboxWrite::RenameIn {
        inbox: request.inbox()?,
        from: name(request)?,
        to: request.body.text("name").unwrap_or_default(),
        progress: Box::default(),
    };
    Ok(RouteStep::Write(
        Box::new(call.into()),
        |written, _| match written {
            Written::Mailbox(row) => Some(FOLDER.response(200, row)),
            _ => None,
        },
    ))
}

pub(crate) static DELETE: Operation = Operation {
    id: "folders.delete",
    summary: "Delete a folder",
    says: "Deletes a folder. Its messages move to Trash; with `permanent` they are deleted for \
           good. INBOX, folders with a special use and folders that have others below them cannot \
           be deleted.",
    query: &[sometimes("permanent", Flag, "true", "Delete its messages for good.").or("false")],
    takes: Takes::Nothing,
    gives: GONE,
    errors: &[codes::CONFLICT, codes::LIMIT_REACHED],
    run: delete,
};

fn delete(request: &mut RouteRequest<'_>) -> RouteResult {
    let call = MailboxWrite::DeleteIn {
        inbox: request.inbox()?,
        mailbox: name(request)?,
        permanent: request.parameters.flag("permanent").unwrap_or(false),
        progress: Box::default(),
    };
    Ok(RouteStep::Write(Box::new(call.into()), gone))
}

/// `{folder}`. Whether there is one of that name is for the service to say.
fn name(request: &RouteRequest<'_>) -> Result<String, Box<super::problems::Problem>> {
    request.id(1, "folder", |text| Some(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_uses_are_those_of_imap() {
        for (special, _, attribute) in SpecialUse::ALL {
            let word = attribute.trim_start_matches('\\').to_ascii_lowercase();
            assert_eq!(special_use(special), word);
        }
    }
}

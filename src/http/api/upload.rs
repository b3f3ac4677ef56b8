//! Uploads: a large file is sent once, as it is, and messages name it by its id. It is no message
//! and stands in no inbox; what becomes of it is in `service/intake/upload.rs`.

use super::codes;
use super::fields::FieldKind::{Id, Plain, Text, Time};
use super::fields::{ANY, FieldRow, characters, sometimes};
use super::inbox::COUNT;
use super::operation::{GONE, Gives, Operation, ResponseContent, Takes};
use super::problems::Problem;
use super::routes::{RouteRequest, RouteResult, RouteStep, gone};
use super::send::NAME_CHARACTERS_MAX;
use super::shapes::{Shape, shape};
use super::values::is_media_type;
use crate::call::bounds::is_one_line;
use crate::call::{
    Answer, Intake, NewUpload, Route, Shared, UploadId, UploadRead, UploadRow, UploadWrite, Written,
};
use crate::http::wire::response::Response;
use crate::mail::write::media::type_by_name;

const FILENAME: FieldRow = sometimes(
    "filename",
    Plain(characters(NAME_CHARACTERS_MAX)),
    r#""plan.pdf""#,
    "Its name.",
);

static UPLOAD: Shape<UploadRow> = shape! {
    "Upload", "A file that messages can name.";
    id: always Id(UploadId::PREFIX), r#""upl_01Hq7Zk3VdX""#, "Its id, as `upload_id` of an attachment."
        => |slot, row| slot.shown(row.id);
    filename: always Text(ANY), r#""plan.pdf""#, "Its name; empty where it has none."
        => |slot, row| slot.text(&row.filename);
    content_type: always Text(ANY), r#""application/pdf""#, "Its media type."
        => |slot, row| slot.text(&row.content_type);
    size: always COUNT, "1048576", "Its octets."
        => |slot, row| slot.number(row.size);
    expires_at: always Time, r#""2026-02-01T12:00:00.000Z""#,
        "When it goes. Messages that name it before keep the file."
        => |slot, row| slot.time(row.expires_at);
};

pub(crate) static CREATE: Operation = Operation {
    id: "uploads.create",
    summary: "Upload a file",
    says: "Stores the body, as it is, for 24 hours. Until then any number of messages and drafts can \
           attach it by `upload_id`. In a message a file takes a third more, and a message has \
           25 MiB at most: the body may be 19,155,876 octets long, about 18 MiB. Only the key that \
           has made an upload can use it.",
    query: &[FILENAME],
    takes: Takes::Octets,
    gives: &[Gives {
        status: 201,
        says: "The upload.",
        content: ResponseContent::One(&UPLOAD),
    }],
    errors: &[
        codes::UNSUPPORTED_MEDIA_TYPE,
        codes::OVER_QUOTA,
        codes::LIMIT_REACHED,
        codes::TOO_LARGE,
        codes::NO_SPACE,
    ],
    run: create,
};

fn create(request: &mut RouteRequest<'_>) -> RouteResult {
    if request.octets.is_empty() {
        return Err(Problem::invalid(
            "body",
            "is empty: it must be the octets of the file",
        ));
    }
    let filename = request.parameters.text("filename").unwrap_or_default();
    if !is_one_line(&filename) {
        return Err(Problem::header_value("filename"));
    }
    let route = Route::Upload {
        new: NewUpload {
            content_type: match request.content_type {
                Some(said) => media_type(said)?,
                None => type_by_name(&filename).to_owned(),
            },
            filename,
        },
        idempotency: request
            .idempotency(|written| made(written).map_or_else(Vec::new, Response::keep)),
    };
    let intake = Intake {
        route,
        octets: Vec::new(),
        charge: None,
    };
    Ok(RouteStep::Upload(
        Box::new(intake),
        |written, _: &Shared| made(written),
    ))
}

fn made(written: &Written) -> Option<Response> {
    match written {
        Written::Upload(row) => Some(UPLOAD.response(201, row)),
        _ => None,
    }
}

/// A media type, with its charset: the other parameters say nothing of the octets.
fn media_type(said: &str) -> Result<String, Box<Problem>> {
    let (kind, parameters) = said.split_once(';').unwrap_or((said, ""));
    let kind = kind.trim().to_ascii_lowercase();
    if !is_media_type(&kind) {
        return Err(Problem::invalid(
            "Content-Type",
            "must be a media type such as application/pdf",
        ));
    }
    if kind == "multipart/form-data" {
        return Err(Problem::new(
            codes::UNSUPPORTED_MEDIA_TYPE,
            "A form is not the file that is in it.",
            "Send the octets of the file as the body, and its name as `?filename=`.",
        ));
    }
    let charset = parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let is_charset = name.trim().eq_ignore_ascii_case("charset");
        is_charset.then(|| value.trim().trim_matches('"'))
    });
    let is_token = |value: &&str| {
        (1..=CHARSET_MAX).contains(&value.len())
            && (value.bytes()).all(|b| b.is_ascii_alphanumeric() || b"-_.+:".contains(&b))
    };
    Ok(match charset.filter(is_token) {
        Some(charset) => format!("{kind}; charset={charset}"),
        None => kind,
    })
}

pub(crate) static READ: Operation = Operation {
    id: "uploads.read",
    summary: "Read an upload",
    says: "Reads what is known of an upload, without its octets.",
    query: &[],
    takes: Takes::Nothing,
    gives: &[Gives {
        status: 200,
        says: "The upload.",
        content: ResponseContent::One(&UPLOAD),
    }],
    errors: &[],
    run: read,
};

fn read(request: &mut RouteRequest<'_>) -> RouteResult {
    let id = request.id(0, "upload", UploadId::parse)?;
    Ok(RouteStep::Read(
        Box::new(UploadRead::Get { id }.into()),
        |answer, _, _| match answer {
            Answer::Upload(row) => Some(UPLOAD.response(200, &row)),
            _ => None,
        },
    ))
}

pub(crate) static DELETE: Operation = Operation {
    id: "uploads.delete",
    summary: "Delete an upload",
    says: "Deletes an upload before its time. Messages that were made with it keep the file.",
    query: &[],
    takes: Takes::Nothing,
    gives: GONE,
    errors: &[],
    run: delete,
};

fn delete(request: &mut RouteRequest<'_>) -> RouteResult {
    let id = request.id(0, "upload", UploadId::parse)?;
    Ok(RouteStep::Write(
        Box::new(UploadWrite::Delete { id }.into()),
        gone,
    ))
}

/// Characters of the name of a charset.
const CHARSET_MAX: usize = 40;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn media_types_of_files() {
        for (said, want) in [
            ("application/pdf", "application/pdf"),
            (
                " Text/Plain ; Charset=\"UTF-8\"",
                "text/plain; charset=UTF-8",
            ),
            ("text/plain; format=flowed", "text/plain"),
            ("text/plain; charset=a b", "text/plain"),
            ("text/plain; charset=", "text/plain"),
            ("application/json", "application/json"),
        ] {
            assert_eq!(media_type(said).unwrap(), want, "{said:?}");
        }
        for said in ["text", "", "a/b/c", "/", "multipart/form-data; boundary=x"] {
            assert!(media_type(said).is_err(), "{said}");
        }
    }
}

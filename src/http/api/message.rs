//! Routes about messages: send, list, read, change, delete, raw octets, attachments, and the
//! queue to outside. Each function reads a request strictly and names what is asked; shapes
//! are in `json_message.rs`.
//!
//! Texts that end in header fields are checked here for controls (reliability.md H02), by
//! field, before anything composes them.

use super::json_message as show;
use super::problems::Problem;
use super::routes::{RouteRequest, RouteStep};
use crate::call::{
    Answer, Call, Draft, DraftAttachment, EntryId, MessageFilter, MessagePatch, Shared, ThreadId,
    Written, parse_attachment_id,
};
use crate::http::wire::json::{Json, JsonFields, is_header_value};
use crate::http::wire::response::{MediaType, Response};
use crate::http::wire::target::Query;
use crate::mail::write::field;

type RouteResult = Result<RouteStep, Box<Problem>>;

pub(crate) fn send(asked: &RouteRequest<'_>) -> RouteResult {
    let mut fields = JsonFields::of_body(asked.body)?;
    fields.not_yet("send_at")?;
    fields.not_yet("expires_at")?;
    let draft = Draft {
        to: fields.texts("to", true)?.unwrap_or_default(),
        cc: fields.texts("cc", true)?.unwrap_or_default(),
        bcc: fields.texts("bcc", true)?.unwrap_or_default(),
        reply_to: fields.texts("reply_to", true)?.unwrap_or_default(),
        subject: fields
            .header_text("subject", SUBJECT_MAX)?
            .unwrap_or_default(),
        text: fields.text("text", usize::MAX)?,
        html: fields.text("html", usize::MAX)?,
        headers: own_fields(&mut fields)?,
        attachments: attachments(&mut fields)?,
        labels: fields.texts("labels", false)?.unwrap_or_default(),
    };
    fields.end()?;
    if draft.to.is_empty() && draft.cc.is_empty() && draft.bcc.is_empty() {
        return Err(Problem::invalid(
            "to",
            "must name somebody, unless cc or bcc do",
        ));
    }
    let once = asked.once(show::keep_sent);
    Ok(RouteStep::Send(asked.inbox()?, Box::new(draft), once))
}

/// `headers`: `X-*` and `List-*` only, so that nothing structural can be forged. An object,
/// or a list of `{name, value}` as messages show them.
fn own_fields(fields: &mut JsonFields<'_>) -> Result<Vec<(String, String)>, Box<Problem>> {
    let mut members = Vec::new();
    match fields.take("headers") {
        None | Some(Json::Null) => {}
        Some(Json::Object(all)) => {
            let named = all.into_iter().map(|(name, value)| {
                let place = format!("headers.{name}");
                (place, name.into_owned(), value)
            });
            members.extend(named);
        }
        Some(Json::List(items)) => {
            for (at, item) in items.into_iter().enumerate() {
                let mut one = JsonFields::of(item, &format!("headers[{at}]"))?;
                let (place, name) = (one.name("name"), one.text("name", NAME_MAX)?);
                let value = one.take("value").unwrap_or(Json::Null);
                one.end()?;
                let name = name.ok_or_else(|| Problem::invalid(&place, "is missing"))?;
                members.push((format!("headers[{at}]"), name, value));
            }
        }
        Some(_) => {
            let why = "must be an object, or a list of {name, value}";
            return Err(Problem::invalid("headers", why));
        }
    }
    let mut own = Vec::with_capacity(members.len());
    for (place, name, value) in members {
        if !field::may_set(&name) {
            return Err(Problem::invalid(
                &place,
                "cannot be set; X-* and List-* can",
            ));
        }
        match value {
            Json::Text(text) if !is_header_value(&text) => {
                return Err(Problem::header_value(&place));
            }
            Json::Text(text) if text.len() <= OWN_FIELD_MAX => {
                own.push((name, text.into_owned()));
            }
            Json::Text(_) => return Err(Problem::invalid(&place, "is too long")),
            _ => return Err(Problem::invalid(&place, "must be a string")),
        }
    }
    Ok(own)
}

fn attachments(fields: &mut JsonFields<'_>) -> Result<Vec<DraftAttachment>, Box<Problem>> {
    let items = fields.list("attachments")?.unwrap_or_default();
    let mut all = Vec::with_capacity(items.len());
    for (at, item) in items.into_iter().enumerate() {
        let mut one = JsonFields::of(item, &format!("attachments[{at}]"))?;
        one.not_yet("upload_id")?;
        let content_type = one
            .header_text("content_type", NAME_MAX)?
            .unwrap_or_default();
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        if !content_type.is_empty() && !is_media_type(essence) {
            let why = "must be a media type such as text/plain";
            return Err(Problem::invalid(&one.name("content_type"), why));
        }
        let content = one.text("content", usize::MAX)?;
        let filename = one.header_text("filename", NAME_MAX)?.unwrap_or_default();
        let content_id = one.header_text("content_id", NAME_MAX)?;
        let place = one.name("content");
        one.end()?;
        all.push(DraftAttachment {
            filename,
            content_type,
            content: content.ok_or_else(|| Problem::invalid(&place, "is missing"))?,
            content_id,
        });
    }
    Ok(all)
}

pub(crate) fn list(asked: &RouteRequest<'_>) -> RouteResult {
    let query = asked.query;
    if query.text("spam").is_some() {
        return Err(Problem::not_supported("spam"));
    }
    let text = |name: &str| query.text(name).map(str::to_owned);
    let thread = match query.text("thread") {
        None => None,
        Some(text) => Some(
            ThreadId::parse(text)
                .ok_or_else(|| Problem::invalid("thread", "must be the id of a thread"))?,
        ),
    };
    let filter = MessageFilter {
        folder: text("folder"),
        label: text("label"),
        unread: query.flag("unread")?,
        from: text("from"),
        to: text("to"),
        subject: text("subject"),
        q: words(query)?,
        since: query.time("since")?,
        until: query.time("until")?,
        has_attachment: query.flag("has_attachment")?,
        thread,
    };
    let call = Call::ListMessages {
        access: asked.access()?,
        inbox: asked.inbox()?,
        filter: Box::new(filter),
        cursor: query.cursor(),
        limit: query.limit()?,
        progress: Box::default(),
    };
    Ok(RouteStep::Read(
        Box::new(call),
        |answer, _, _| match answer {
            Answer::Messages { rows, next } => Some(show::messages(&rows, next.as_deref())),
            _ => None,
        },
    ))
}

/// `q`: up to ten words, all of which a message has to have.
fn words(query: &Query) -> Result<Option<String>, Box<Problem>> {
    let Some(text) = query.given("q") else {
        return Ok(None);
    };
    match text.split_whitespace().take(WORDS_MAX + 1).count() {
        1..=WORDS_MAX => Ok(Some(text.to_owned())),
        0 => Err(Problem::invalid(
            "q",
            "is empty: it must be what to look for",
        )),
        _ => Err(Problem::invalid("q", "must have at most 10 words")),
    }
}

pub(crate) fn read(asked: &RouteRequest<'_>) -> RouteResult {
    let max_chars = match asked.query.number("max_chars")? {
        None => None,
        Some(0) => return Err(Problem::invalid("max_chars", "must be at least 1")),
        Some(n) => Some(usize::try_from(n).unwrap_or(usize::MAX)),
    };
    let call = Call::ReadMessage {
        access: asked.access()?,
        inbox: asked.inbox()?,
        id: asked.id(1, "message", EntryId::parse)?,
        max_chars,
    };
    Ok(RouteStep::Read(
        Box::new(call),
        |answer, _, _| match answer {
            Answer::Message(view) => Some(show::one_message(&view)),
            _ => None,
        },
    ))
}

pub(crate) fn patch(asked: &RouteRequest<'_>) -> RouteResult {
    let mut fields = JsonFields::of_body(asked.body)?;
    let patch = MessagePatch {
        add_labels: fields.texts("add_labels", false)?.unwrap_or_default(),
        remove_labels: fields.texts("remove_labels", false)?.unwrap_or_default(),
        seen: fields.flag("seen")?,
        flagged: fields.flag("flagged")?,
        folder: fields.header_text("folder", FOLDER_MAX)?,
    };
    fields.end()?;
    let call = Call::PatchMessage {
        access: asked.access()?,
        inbox: asked.inbox()?,
        id: asked.id(1, "message", EntryId::parse)?,
        patch: Box::new(patch),
    };
    Ok(RouteStep::Write(
        Box::new(call),
        |written, _| match written {
            Written::Message(view) => Some(show::one_message(view)),
            _ => None,
        },
    ))
}

pub(crate) fn delete(asked: &RouteRequest<'_>) -> RouteResult {
    let call = Call::DeleteMessage {
        access: asked.access()?,
        inbox: asked.inbox()?,
        id: asked.id(1, "message", EntryId::parse)?,
        permanent: asked.query.flag("permanent")?.unwrap_or(false),
    };
    Ok(RouteStep::Write(Box::new(call), super::account::gone))
}

pub(crate) fn raw(asked: &RouteRequest<'_>) -> RouteResult {
    let id = asked.id(1, "message", EntryId::parse)?;
    Ok(RouteStep::Raw(asked.inbox()?, id))
}

pub(crate) fn attachment(asked: &RouteRequest<'_>) -> RouteResult {
    let call = Call::ReadPart {
        access: asked.access()?,
        inbox: asked.inbox()?,
        id: asked.id(1, "message", EntryId::parse)?,
        part: asked.id(2, "attachment", parse_attachment_id)?,
    };
    Ok(RouteStep::Read(
        Box::new(call),
        |answer, _, _| match answer {
            Answer::Part {
                octets,
                content_type,
                filename,
                ..
            } => {
                let kind = MediaType::Octets(media_type(&content_type));
                let mut response = Response::new(200, kind, octets);
                response.add("Content-Disposition", field::content_disposition(&filename));
                Some(response)
            }
            _ => None,
        },
    ))
}

pub(crate) fn outbound(asked: &RouteRequest<'_>) -> RouteResult {
    let call = Call::ListOutbound {
        access: asked.access()?,
        cursor: asked.query.cursor(),
        limit: asked.query.limit()?,
    };
    Ok(RouteStep::Read(
        Box::new(call),
        |answer, _, _| match answer {
            Answer::Outbound { rows, next } => Some(show::outbound(&rows, next.as_deref())),
            _ => None,
        },
    ))
}

/// The head of a raw download.
pub(crate) fn raw_response(_house: &Shared) -> Response {
    let kind = MediaType::Octets("message/rfc822".to_owned());
    let mut response = Response::new(200, kind, Vec::new());
    response.add(
        "Content-Disposition",
        "attachment; filename=\"message.eml\"",
    );
    response
}

/// The type of a part, if it is one. That a browser could run it is no matter: `nosniff` and
/// the sandbox are beside it.
fn media_type(text: &str) -> String {
    match is_media_type(text) {
        true => text.to_owned(),
        false => "application/octet-stream".to_owned(),
    }
}

/// Two tokens with a slash between them.
fn is_media_type(text: &str) -> bool {
    let token = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b))
    };
    let parts = text.split_once('/');
    text.len() <= NAME_MAX && parts.is_some_and(|(kind, sub)| token(kind) && token(sub))
}

/// Words of one search: each costs a walk through every message.
const WORDS_MAX: usize = 10;
/// Characters of a subject: one line of RFC 5322 section 2.1.1, and more folds anyway.
const SUBJECT_MAX: usize = 998;
/// Octets of the value of a field that a client sets.
const OWN_FIELD_MAX: usize = 998;
/// Characters of a file name, a media type or a Content-ID.
const NAME_MAX: usize = 255;
/// Characters of a mailbox name.
const FOLDER_MAX: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types_of_parts() {
        for (text, want) in [
            ("text/plain", "text/plain"),
            ("application/vnd.x+json", "application/vnd.x+json"),
            ("text/plain\r\nSet-Cookie: a", "application/octet-stream"),
            ("text", "application/octet-stream"),
            ("text/", "application/octet-stream"),
            ("a/b;c", "application/octet-stream"),
            ("", "application/octet-stream"),
        ] {
            assert_eq!(media_type(text), want);
        }
    }
}

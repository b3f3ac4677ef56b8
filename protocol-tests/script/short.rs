//! The short form of an HTTP exchange: one line for a request, one for its response.
//!
//! ```text
//! C: POST /api/v1/keys $key1 [Idempotency-Key: k1] {"scopes":["admin"]}
//! C: 201 [Idempotent-Replayed: true] {"id":"$key2","key":null}
//! ```
//!
//! C: MCP tools/call $key1 {"name":"whoami"}
//! C: LEGACY tools/list $key1 {}
//!
//! The last two are requests of MCP with these parameters, of the modern revision and of an older
//! one, with the id 1 and the header fields that belong to them.
//!
//! A request gets its Host, its bearer token, its own fields in brackets, and the type and the
//! length of its body. A response is checked as strictly as in the long form: every field must
//! stand there, in its order, and no other; its length must be that of the body, and `$req` in
//! the body is the id in X-Request-Id. Fields in brackets are those that only some responses
//! have. The fields `RateLimit-*` stand in every response and are compared where a line has them.

use super::{Fault, World};

/// A line in the short form: the session, and what follows the colon.
pub(super) fn line(line: &str) -> Option<(&str, &str)> {
    let (name, rest) = line.split_once(": ")?;
    let is_name = name
        .chars()
        .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
    (is_name && !name.is_empty()).then_some((name, rest))
}

/// Whether what follows the colon is a response.
pub(super) fn is_response(rest: &str) -> bool {
    rest.starts_with(|c: char| c.is_ascii_digit())
}

impl World {
    /// Sends the request of one line.
    pub(super) fn send_short(&mut self, id: u64, name: &str, rest: &str) -> Result<(), Fault> {
        let rpc = rpc(rest);
        let rest = rpc.as_deref().unwrap_or(rest);
        let (method, rest) = rest.split_once(' ').ok_or("METHOD /path")?;
        let (path, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        let mut lines = vec![
            format!("{name}> {method} {path} HTTP/1.1"),
            format!("{name}> Host: mx.test"),
        ];
        let rest = match rest.strip_prefix('$') {
            Some(rest) => {
                let (key, rest) = rest.split_once(' ').unwrap_or((rest, ""));
                lines.push(format!("{name}> Authorization: Bearer ${key}"));
                rest
            }
            None => rest,
        };
        let (fields, body) = bracketed(rest)?;
        lines.extend(fields.iter().map(|field| format!("{name}> {field}")));
        if body.is_empty() {
            lines.push(format!("{name}> "));
        } else {
            let octets = super::unescape(&self.fill(body))?.len();
            lines.push(format!("{name}> Content-Type: application/json"));
            lines.push(format!("{name}> Content-Length: {octets}"));
            lines.push(format!("{name}> "));
            lines.push(format!("{name}>> {body}"));
        }
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        self.send(id, name, &lines)?;
        Ok(())
    }

    /// Compares the response with one line; the lines that were said where it is another.
    pub(super) fn expect_short(&mut self, id: u64, rest: &str) -> Result<(), (Fault, Vec<String>)> {
        let mut said = Vec::new();
        let result = self.compare_short(id, rest, &mut said);
        result.map_err(|why| (why, said))
    }

    fn compare_short(&mut self, id: u64, rest: &str, said: &mut Vec<String>) -> Result<(), Fault> {
        let (status, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        let (fields, body) = bracketed(rest)?;
        let date = postern::testing::mail::time::imf_fixdate(self.rig.now().unix_ms);
        let mut wanted = vec![
            format!("HTTP/1.1 {status} {}", reason(status)?),
            format!("Date: {date}"),
            "Server: postern".to_owned(),
        ];
        if !body.is_empty() {
            wanted.push("Content-Type: application/json".to_owned());
            wanted.push("Content-Length: $octets".to_owned());
        } else if status == "202" {
            wanted.push("Content-Length: 0".to_owned());
        }
        wanted.push("Cache-Control: no-store".to_owned());
        let (last, own): (Vec<&str>, Vec<&str>) = fields
            .iter()
            .partition(|field| *field == &"Connection: close");
        wanted.extend(own.iter().map(|field| (*field).to_owned()));
        wanted.push("X-Request-Id: $req".to_owned());
        wanted.extend(last.iter().map(|field| (*field).to_owned()));
        wanted.push(String::new());
        self.vars.remove("req");
        self.vars.remove("octets");
        for pattern in &wanted {
            self.compare_line(id, pattern, said)?;
        }
        if body.is_empty() {
            return Ok(());
        }
        let heard = self.heard(id);
        let end = heard.iter().position(|octet| *octet == b'\n');
        let octets = end.map_or(heard.len(), |end| end + 1);
        self.compare_line(id, body, said)?;
        match self.vars.get("octets") {
            Some(told) if *told == octets.to_string() => Ok(()),
            told => Err(format!("Content-Length is {told:?}, the body has {octets}")),
        }
    }

    fn compare_line(
        &mut self,
        id: u64,
        pattern: &str,
        said: &mut Vec<String>,
    ) -> Result<(), Fault> {
        let Some(line) = self.next_line_for(id, pattern) else {
            return Err(format!("the server said nothing, not {pattern}"));
        };
        said.push(line.clone());
        match self.matches(pattern, &line) {
            true => Ok(()),
            false => Err(format!("wanted {pattern}\n    the server said: {line}")),
        }
    }
}

/// The whole of a request of MCP in short: `MCP method $key {params}`, or `LEGACY …`.
fn rpc(rest: &str) -> Option<String> {
    let (era, rest) = rest.split_once(' ')?;
    let (method, rest) = rest.split_once(' ')?;
    let (key, params) = rest.split_once(' ')?;
    let accept = "[Accept: application/json, text/event-stream]";
    let fields = match era {
        "LEGACY" => format!("{accept} [MCP-Protocol-Version: 2025-11-25]"),
        "MCP" => {
            let version = "[MCP-Protocol-Version: 2026-07-28]";
            format!("{accept} {version} [Mcp-Method: {method}]{}", named(params))
        }
        _ => return None,
    };
    let meta = "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\",\
                \"io.modelcontextprotocol/clientCapabilities\":{}}";
    let inner = params.strip_prefix('{')?;
    let params = match (era, inner) {
        ("LEGACY", _) => params.to_owned(),
        (_, "}") => format!("{{{meta}}}"),
        (_, inner) => format!("{{{meta},{inner}"),
    };
    Some(format!(
        "POST /mcp {key} {fields} \
         {{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"{method}\",\"params\":{params}}}"
    ))
}

/// The field with the name of the tool or the resource that these parameters have.
fn named(params: &str) -> String {
    ["\"name\":\"", "\"uri\":\""]
        .iter()
        .find_map(|mark| params.strip_prefix('{')?.strip_prefix(mark))
        .and_then(|text| text.split_once('"'))
        .map_or(String::new(), |(name, _)| format!(" [Mcp-Name: {name}]"))
}

/// The fields in brackets in front, and what is behind them.
fn bracketed(text: &str) -> Result<(Vec<&str>, &str), Fault> {
    let mut fields = Vec::new();
    let mut rest = text;
    while let Some(inner) = rest.strip_prefix('[') {
        let (field, behind) = inner.split_once(']').ok_or("[Name: value]")?;
        fields.push(field);
        rest = behind.strip_prefix(' ').unwrap_or(behind);
    }
    Ok((fields, rest))
}

/// RFC 9110 section 15.
fn reason(status: &str) -> Result<&'static str, Fault> {
    Ok(match status {
        "200" => "OK",
        "201" => "Created",
        "202" => "Accepted",
        "204" => "No Content",
        "400" => "Bad Request",
        "401" => "Unauthorized",
        "403" => "Forbidden",
        "404" => "Not Found",
        "405" => "Method Not Allowed",
        "406" => "Not Acceptable",
        "409" => "Conflict",
        "410" => "Gone",
        "413" => "Content Too Large",
        "415" => "Unsupported Media Type",
        "426" => "Upgrade Required",
        "429" => "Too Many Requests",
        "501" => "Not Implemented",
        "503" => "Service Unavailable",
        "507" => "Insufficient Storage",
        other => return Err(format!("the short form has no status {other}")),
    })
}

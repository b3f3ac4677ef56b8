//! Frames of a WebSocket (RFC 6455), one a line.
//!
//! | Line | Meaning |
//! |---|---|
//! | `C upgrades /path $key` | the opening handshake, and the right answer to it |
//! | `C ws> {…}` | the client sends a message in one masked frame |
//! | `C ws> ping x`, `pong x`, `close 1000 x` | a control frame with this payload |
//! | `C ws> frame 01 x`, `frame 01 *9 x` | a frame with this first octet; its payload nine times |
//! | `C ws< {…}`, `ping x`, `pong x`, `close 1000 x` | the next frame of the server |
//! | `C ws< all` | with UPDATE: every frame that is there |

use super::octets::{escape, unescape};
use super::{Fault, World};

/// The mask of every frame of a client.
const MASK: [u8; 4] = [0x9c, 0x01, 0xf3, 0x5a];
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
/// The answer to [`KEY`] (RFC 6455 section 1.3).
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

impl World {
    /// A line of this file; how many lines it used. `None` for any other line.
    pub(super) fn frame_line(
        &mut self,
        line: &str,
        update: bool,
        new: &mut Vec<String>,
    ) -> Result<Option<usize>, Fault> {
        let Some((name, rest)) = line.split_once(' ') else {
            return Ok(None);
        };
        let Some(id) = self.names.get(name).copied() else {
            return Ok(None);
        };
        if let Some(path) = rest.strip_prefix("upgrades ") {
            self.upgrade(id, name, path)?;
        } else if let Some(text) = rest.strip_prefix("ws> ") {
            self.silent(id)?;
            let octets = client_frame(&self.fill(text))?;
            let piece = self.piece;
            self.rig.send(id, &octets, piece);
        } else if let Some(text) = rest.strip_prefix("ws< ") {
            return self.expect_frame(id, (name, text), update, new).map(Some);
        } else {
            return Ok(None);
        }
        new.push(line.to_string());
        Ok(Some(1))
    }

    fn upgrade(&mut self, id: u64, name: &str, path: &str) -> Result<(), Fault> {
        let fields = format!(
            "[Connection: keep-alive, Upgrade] [Upgrade: WebSocket] [Sec-WebSocket-Version: 13] \
             [Sec-WebSocket-Key: {KEY}]"
        );
        self.send_short(id, name, &format!("GET {path} {fields}"))?;
        let heard = self.heard(id);
        let end = heard.windows(4).position(|part| part == b"\r\n\r\n");
        let end = end.map_or(heard.len(), |at| at + 4);
        let head: Vec<u8> = heard.drain(..end).collect();
        let head = escape(&head);
        let accepts = head.contains(&format!("Sec-WebSocket-Accept: {ACCEPT}"));
        match head.starts_with("HTTP/1.1 101 Switching Protocols") && accepts {
            true => Ok(()),
            false => Err(format!("the server said: {head}")),
        }
    }

    fn expect_frame(
        &mut self,
        id: u64,
        (name, wanted): (&str, &str),
        update: bool,
        new: &mut Vec<String>,
    ) -> Result<usize, Fault> {
        let mut said = self.next_frame(id)?;
        if update && wanted == "all" {
            while let Some(text) = said {
                new.push(self.shown(name, &text));
                said = self.next_frame(id)?;
            }
            return Ok(1);
        }
        let Some(said) = said else {
            return match update {
                true => Ok(1),
                false => Err("the server said nothing".into()),
            };
        };
        if self.matches(wanted, &said) {
            new.push(format!("{name} ws< {wanted}"));
        } else if update {
            new.push(self.shown(name, &said));
        } else {
            return Err(format!("the server said: {said}"));
        }
        Ok(1)
    }

    fn shown(&self, name: &str, said: &str) -> String {
        self.said(name, said).replacen("< ", " ws< ", 1)
    }

    /// The next frame of the server as a line has it.
    fn next_frame(&mut self, id: u64) -> Result<Option<String>, Fault> {
        let heard = self.heard(id);
        let Some((first, payload, end)) = server_frame(heard)? else {
            return Ok(None);
        };
        let text = escape(&payload);
        heard.drain(..end);
        Ok(Some(
            match first {
                0x81 => text,
                0x88 => match payload.split_first_chunk::<2>() {
                    None => "close".to_owned(),
                    Some((code, why)) => {
                        format!("close {} {}", u16::from_be_bytes(*code), escape(why))
                    }
                },
                0x89 => format!("ping {text}"),
                0x8a => format!("pong {text}"),
                other => format!("frame {other:02x} {text}"),
            }
            .trim_end()
            .to_owned(),
        ))
    }
}

/// The octets of a frame of a client.
fn client_frame(line: &str) -> Result<Vec<u8>, Fault> {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    let (first, payload) = match word {
        "ping" => (0x89, unescape(rest)?),
        "pong" => (0x8a, unescape(rest)?),
        "close" => (0x88, close_payload(rest)?),
        "frame" => {
            let (first, rest) = rest.split_once(' ').unwrap_or((rest, ""));
            let first = u8::from_str_radix(first, 16).map_err(|e| e.to_string())?;
            let payload = match rest.strip_prefix('*').and_then(|rest| rest.split_once(' ')) {
                Some((times, text)) => {
                    let times = times.parse().map_err(|_| "frame XX *N text")?;
                    unescape(text)?.repeat(times)
                }
                None => unescape(rest)?,
            };
            (first, payload)
        }
        _ => (0x81, unescape(&line.replace('\\', "\\\\"))?),
    };
    let mut octets = vec![first];
    match payload.len() {
        len @ 0..=125 => octets.push(0x80 | len as u8),
        len @ 126..=65_535 => {
            octets.push(0xfe);
            octets.extend((len as u16).to_be_bytes());
        }
        len => {
            octets.push(0xff);
            octets.extend((len as u64).to_be_bytes());
        }
    }
    octets.extend(MASK);
    octets.extend(payload.iter().zip(MASK.iter().cycle()).map(|(o, m)| o ^ m));
    Ok(octets)
}

fn close_payload(rest: &str) -> Result<Vec<u8>, Fault> {
    let (code, why) = rest.split_once(' ').unwrap_or((rest, ""));
    if code.is_empty() {
        return Ok(Vec::new());
    }
    let code: u16 = code.parse().map_err(|_| "close CODE")?;
    Ok([&code.to_be_bytes()[..], &unescape(why)?].concat())
}

/// The frame at the beginning: its first octet, its payload and where it ends. It must be whole,
/// unmasked and in its shortest form.
fn server_frame(octets: &[u8]) -> Result<Option<(u8, Vec<u8>, usize)>, Fault> {
    let [first, second, rest @ ..] = octets else {
        return match octets {
            [] => Ok(None),
            _ => Err("half of a frame".into()),
        };
    };
    let number = |wide: usize| {
        let found = rest.get(..wide).ok_or("half of a frame")?;
        Ok::<_, Fault>(
            found
                .iter()
                .fold(0usize, |n, octet| n << 8 | usize::from(*octet)),
        )
    };
    let (wide, len, least) = match second {
        126 => (2, number(2)?, 126),
        127 => (8, number(8)?, 65_536),
        short => (0, usize::from(*short), 0),
    };
    if *second > 127 || len < least {
        return Err(format!(
            "a frame is masked or not in its shortest form: {second:02x}"
        ));
    }
    let payload = rest.get(wide..wide + len).ok_or("half of a frame")?;
    Ok(Some((*first, payload.to_vec(), 2 + wide + len)))
}

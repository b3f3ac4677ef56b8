//! Names in wire form (RFC 1035 sections 3.1 and 4.1.4). Not their meaning.
//!
//! A pointer must lead to an earlier place than all before it, and a name has at most 255 octets,
//! so that reading one costs bounded work whatever a packet says.

/// The packet cannot be read: it ends too early, or what it says is impossible.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Malformed;

/// Octets of a name in wire form, with its length octets and the root (RFC 1035 section 2.3.4).
const WIRE_NAME_MAX: usize = 255;

/// Appends a name without compression. `name` is in the form of `Question::name`; empty is the
/// root.
pub fn write_name(name: &str, out: &mut Vec<u8>) {
    for label in name.split('.').filter(|label| !label.is_empty()) {
        out.push(u8::try_from(label.len()).unwrap_or(0));
        out.extend_from_slice(label.as_bytes());
    }
    out.push(0);
}

/// A name that was read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NameEnd {
    /// The place behind the name.
    pub next: usize,
    /// Whether the text says the name: no label has a dot or an octet that is not printable ASCII.
    pub is_plain: bool,
}

/// Reads the name at `at` into `text`, in lower case without a final dot; the root is empty.
pub fn read_name(packet: &[u8], at: usize, text: &mut String) -> Result<NameEnd, Malformed> {
    text.clear();
    let mut end = NameEnd {
        next: 0,
        is_plain: true,
    };
    let mut is_behind_pointer = false;
    let (mut at, mut earliest, mut octets) = (at, at, 1);
    loop {
        let length = usize::from(*packet.get(at).ok_or(Malformed)?);
        match length >> 6 {
            0 if length == 0 => {
                if !is_behind_pointer {
                    end.next = at + 1;
                }
                return Ok(end);
            }
            0 => {
                let label = packet.get(at + 1..at + 1 + length).ok_or(Malformed)?;
                octets += 1 + length;
                if octets > WIRE_NAME_MAX {
                    return Err(Malformed);
                }
                if !text.is_empty() {
                    text.push('.');
                }
                for &octet in label {
                    end.is_plain &= octet.is_ascii_graphic() && octet != b'.';
                    text.push(char::from(octet.to_ascii_lowercase()));
                }
                at += 1 + length;
            }
            3 => {
                let low = usize::from(*packet.get(at + 1).ok_or(Malformed)?);
                let target = (length & 0x3f) << 8 | low;
                if !is_behind_pointer {
                    end.next = at + 2;
                    is_behind_pointer = true;
                }
                if target >= earliest {
                    return Err(Malformed);
                }
                (at, earliest) = (target, target);
            }
            // Two kinds that no server sends (RFC 6891 section 5).
            _ => return Err(Malformed),
        }
    }
}

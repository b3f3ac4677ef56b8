//! What `entry.arrival` says as one number: how an entry came to be, what is known of its sender,
//! and the verdict of the filter.

use crate::call::{Arrival, AuthResult, Authentication, SenderAuth, Verdict};

/// The number of the way and the sender in its column.
pub(super) fn arrival_number(arrival: Arrival, auth: SenderAuth) -> i64 {
    let number = match arrival {
        Arrival::Received => 1,
        Arrival::Sent => SENT,
        Arrival::Appended => 3,
        Arrival::Copied => 4,
    };
    match auth {
        SenderAuth::Unknown => number,
        SenderAuth::Client => number | CLIENT,
        SenderAuth::Neighbour => number | CLIENT | NEIGHBOUR,
        SenderAuth::SpoofedLocal => number | SPOOFED_LOCAL,
        SenderAuth::Checked(found) => {
            let flag = |is_set: bool, bit: i64| if is_set { bit } else { 0 };
            number
                | CHECKED
                | flag(found.spoofed_local, SPOOFED_LOCAL)
                | flag(found.aligned, ALIGNED)
                | (i64::from(found.spf.number()) << SPF_SHIFT)
                | (i64::from(found.dkim.number()) << DKIM_SHIFT)
                | (i64::from(found.dmarc.number()) << DMARC_SHIFT)
        }
    }
}

/// The verdict of the filter as bits of `entry.arrival`, so that a list finds messages by it
/// without a look at their reports.
pub(super) fn verdict_bits(verdict: Option<Verdict>) -> i64 {
    let number = match verdict {
        None => 0,
        Some(Verdict::Clean) => 1,
        Some(Verdict::Suspicious) => 2,
        Some(Verdict::Spam) => 3,
    };
    number << VERDICT_SHIFT
}

/// The verdict of the filter; `None` when the message was not judged.
pub(super) fn verdict_of(number: i64) -> Option<Verdict> {
    match (number >> VERDICT_SHIFT) & VERDICT_MASK {
        1 => Some(Verdict::Clean),
        2 => Some(Verdict::Suspicious),
        3 => Some(Verdict::Spam),
        _ => None,
    }
}

/// How the entry came to be, and what is known of its sender.
pub(super) fn arrival_of(number: i64) -> (Arrival, SenderAuth) {
    let has = |bit: i64| number & bit != 0;
    let result = |shift: u32| {
        let number = u8::try_from((number >> shift) & RESULT_MASK).ok();
        number.and_then(AuthResult::of_number).unwrap_or_default()
    };
    let auth = if has(CHECKED) {
        SenderAuth::Checked(Authentication {
            spf: result(SPF_SHIFT),
            dkim: result(DKIM_SHIFT),
            dmarc: result(DMARC_SHIFT),
            aligned: has(ALIGNED),
            spoofed_local: has(SPOOFED_LOCAL),
        })
    } else if has(NEIGHBOUR) {
        SenderAuth::Neighbour
    } else if has(CLIENT) {
        SenderAuth::Client
    } else if has(SPOOFED_LOCAL) {
        SenderAuth::SpoofedLocal
    } else {
        SenderAuth::Unknown
    };
    let arrival = match number & ARRIVAL_MASK {
        1 => Arrival::Received,
        SENT => Arrival::Sent,
        3 => Arrival::Appended,
        _ => Arrival::Copied,
    };
    (arrival, auth)
}

/// The bits of the way by which an entry was made.
pub(super) const ARRIVAL_MASK: i64 = 15;

/// The number of [`Arrival::Sent`] in them.
pub(super) const SENT: i64 = 2;

/// This bit of `entry.arrival` is set when a client that logged in here sent the message.
const CLIENT: i64 = 16;

/// This bit is set when the message came from outside under a name of this server.
const SPOOFED_LOCAL: i64 = 32;

/// This bit is set beside that of a client when the client is of another organization. Releases
/// before it did not tell the two apart.
const NEIGHBOUR: i64 = 64;

/// This bit is set when the sender was checked. The results are in the bits behind it.
const CHECKED: i64 = 128;

/// This bit is set when SPF or DKIM passes for the domain in From.
const ALIGNED: i64 = 256;

/// Where the numbers of the results begin; each has four bits.
const SPF_SHIFT: u32 = 12;
const DKIM_SHIFT: u32 = 16;
const DMARC_SHIFT: u32 = 20;
const RESULT_MASK: i64 = 15;

/// Where the verdict of the filter begins; it has two bits.
const VERDICT_SHIFT: u32 = 24;
const VERDICT_MASK: i64 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_and_the_sender_are_read_back() {
        for arrival in [
            Arrival::Received,
            Arrival::Sent,
            Arrival::Appended,
            Arrival::Copied,
        ] {
            for auth in [
                SenderAuth::Unknown,
                SenderAuth::Client,
                SenderAuth::Neighbour,
                SenderAuth::SpoofedLocal,
                SenderAuth::Checked(Authentication::default()),
                SenderAuth::Checked(Authentication {
                    spf: AuthResult::PermError,
                    dkim: AuthResult::Pass,
                    dmarc: AuthResult::TempError,
                    aligned: true,
                    spoofed_local: true,
                }),
            ] {
                for verdict in [
                    None,
                    Some(Verdict::Clean),
                    Some(Verdict::Suspicious),
                    Some(Verdict::Spam),
                ] {
                    let number = arrival_number(arrival, auth) | verdict_bits(verdict);
                    assert_eq!(arrival_of(number), (arrival, auth));
                    assert_eq!(verdict_of(number), verdict);
                }
            }
        }
    }
}

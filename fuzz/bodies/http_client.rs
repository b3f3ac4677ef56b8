//! Another server that answers a request with arbitrary octets. The checks: no panic; cut
//! invariance; what is kept is bounded; a connection is kept only behind a whole answer.

use postern::testing::http::client::{AnswerFault, AnswerReader, HttpAnswer};

/// The first octet says whether the connection ends behind the octets.
pub fn http_answer(data: &[u8]) {
    let Some((&kind, said)) = data.split_first() else {
        return;
    };
    let said = &said[..said.len().min(MAX)];
    let ends = kind & 1 == 1;
    let whole = read(said, usize::MAX, ends);
    assert_eq!(
        whole,
        read(said, said.len().div_ceil(3).max(1), ends),
        "cut in thirds"
    );
    assert_eq!(whole, read(said, 1, ends), "cut singly");
    if let Ok((Some(answer), used)) = &whole {
        assert!((200..600).contains(&answer.status));
        assert!(answer.body.len() <= 16 * 1024 && *used <= said.len());
        assert!(!(answer.is_cut && answer.is_reusable));
    }
}

/// The answer, if it is complete, and the octets that it has; of one that was cut, the end is
/// where the pieces have it.
fn read(
    bytes: &[u8],
    piece: usize,
    ends: bool,
) -> Result<(Option<HttpAnswer>, usize), AnswerFault> {
    let (mut reader, mut at, mut end) = (AnswerReader::default(), 0, 0);
    while end < bytes.len() && !reader.is_done() {
        end = end.saturating_add(piece).min(bytes.len());
        at += reader.take(&bytes[at..end])?;
    }
    if ends {
        reader.end()?;
    }
    let answer = reader.is_done().then(|| reader.into_answer());
    let at = match &answer {
        Some(answer) if !answer.is_cut => at,
        _ => 0,
    };
    Ok((answer, at))
}

const MAX: usize = 64 * 1024;

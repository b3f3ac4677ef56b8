//! The cache: each question once, however often its answer expires, and never over its bound.

#![allow(clippy::unwrap_used)]

use super::super::cache::Cache;
use crate::call::{Question, RecordType, Records};

#[test]
fn it_holds_its_bound_whatever_comes() {
    let mut cache = Cache::new(10_000);
    let question = |n: usize| Question::new(&format!("n{n}.example"), RecordType::Txt).unwrap();
    for n in 0..5000 {
        let (at, now_ms) = (n * 7 % 60, n as u64);
        let answer = Ok(Records::Txt(vec![vec![b'x'; n % 900]]));
        // Many expire at once, and some are used.
        cache.keep(now_ms, &question(at), &answer, now_ms + (n as u64 % 5));
        cache.find(now_ms, &question(n % 60));
        let (entries, places, bytes) = cache.state();
        assert_eq!(entries, places);
        assert!(bytes <= 10_000 && (bytes == 0) == (entries == 0), "{bytes}");
    }
    // One that is larger than all is not kept, and removes none.
    let before = cache.state();
    let huge = Ok(Records::Txt(vec![vec![b'x'; 10_000]]));
    cache.keep(5000, &question(99), &huge, 9000);
    assert_eq!(cache.state(), before);
    cache.clear();
    assert_eq!(cache.state(), (0, 0, 0));
}

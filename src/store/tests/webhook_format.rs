//! The stored encodings of webhooks: every version is read for ever, and the newest is written.

use super::format::golden_one;
use crate::call::{EventKind, HookAnswer, HookAttempt, InboxId, Verdict, WebhookId, WebhookRow};
use crate::store::format::{decode_attempts, decode_spec, encode_attempts, encode_spec};

#[test]
fn webhooks_are_read() {
    let wanted = WebhookRow {
        id: WebhookId(1),
        url: String::new(),
        kinds: vec![EventKind::InboxCreated],
        inbox: Some(InboxId(300)),
        from: Some("a.test".into()),
        label: None,
        verdict: Some(Verdict::Spam),
        is_full: true,
        metadata: None,
        is_enabled: true,
        disabled_reason: None,
        created_at: 0,
    };
    let mut read = WebhookRow {
        kinds: Vec::new(),
        inbox: None,
        from: None,
        verdict: None,
        is_full: false,
        ..wanted.clone()
    };
    for (file, is_of_inbox) in [("webhook_spec_1", false), ("webhook_spec_2", true)] {
        let kept = golden_one(file);
        assert_eq!(decode_spec(&kept, &mut read).unwrap(), (false, is_of_inbox));
        assert_eq!(read, wanted);
    }
    let kept = golden_one("webhook_spec_2");
    assert_eq!(encode_spec(&wanted, (false, true)).unwrap(), kept);
    let attempt = |at, duration_ms, answer| HookAttempt {
        at,
        duration_ms,
        answer,
    };
    let attempts = [
        attempt(5, 120, HookAnswer::Status(200, "ok".into())),
        attempt(6, 0, HookAnswer::Error("x".into())),
    ];
    let kept = golden_one("webhook_attempts_1");
    assert_eq!(decode_attempts(&kept).unwrap(), attempts);
    assert_eq!(encode_attempts(&attempts).unwrap(), kept);
}

//! Links of plain text and of pages: where they begin and end, their words, their purpose.

use crate::mail::text::html::PageLink;
use crate::mail::text::links::{LINKS_MAX, LinkKind, links};

fn urls(text: &str) -> Vec<String> {
    links(text, &[]).into_iter().map(|link| link.url).collect()
}

#[test]
fn links_in_plain_text_begin_and_end_where_a_reader_sees_it() {
    for (text, expected) in [
        ("HTTPS://EXAMPLE.TEST/a", "HTTPS://EXAMPLE.TEST/a"),
        ("Https://x.test", "Https://x.test"),
        ("hTTp://x.test/a", "hTTp://x.test/a"),
        ("(see https://x.test/a_(b).)", "https://x.test/a_(b)"),
        ("(https://x.test/a)).", "https://x.test/a"),
        ("[https://x.test/a].", "https://x.test/a"),
        ("[a](https://x.test/a)", "https://x.test/a"),
        ("https://x.test/a.), b", "https://x.test/a"),
        ("https://x.test/a_(b_(c))!", "https://x.test/a_(b_(c))"),
        ("请访问https://x.test/cjk，谢谢", "https://x.test/cjk"),
        ("こちらhttps://x.test/stop。まで", "https://x.test/stop"),
        ("「https://x.test/q」は", "https://x.test/q"),
        ("（https://x.test/q）", "https://x.test/q"),
        ("【https://x.test/q】《", "https://x.test/q"),
        ("https://x.test/q！", "https://x.test/q"),
        ("https://x.test/größe", "https://x.test/größe"),
        ("https://x.test/日本/", "https://x.test/日本/"),
        ("“https://x.test/a”", "https://x.test/a"),
        ("'https://x.test/a'", "https://x.test/a"),
        ("*https://x.test/a*", "https://x.test/a"),
        ("<https://x.test/a,b.>", "https://x.test/a,b."),
        ("<URL:https://x.test/a>", "https://x.test/a"),
        ("https://x.test/a?b=c&d#e", "https://x.test/a?b=c&d#e"),
        (
            "https://x.test/a?u=https://y.test/b",
            "https://x.test/a?u=https://y.test/b",
        ),
        ("a://b https:// http:/x httpx", ""),
        ("\"https://x.test/a\"", "https://x.test/a"),
        ("https://x.test/a\u{a0}b", "https://x.test/a"),
    ] {
        assert_eq!(urls(text).join(" "), expected, "{text}");
    }
    let long = format!("https://x.test/{}", "a".repeat(50));
    assert_eq!(
        urls(&format!("<{long}\n  {long}>")),
        [format!("{long}{long}")]
    );
    assert_eq!(urls("<https://x.test/a\nnext>"), ["https://x.test/a"]);
}

#[test]
fn links_say_what_they_are_for() {
    use LinkKind::{Other, Unsubscribe, Verification};
    for (text, kind) in [
        ("Confirm your address: https://x.test/a1", Verification),
        (
            "To sign in, open this:\n\nhttps://x.test/a1\n\nThanks",
            Verification,
        ),
        ("https://x.test/verify?u=1", Verification),
        ("https://x.test/auth/1", Verification),
        ("https://x.test/authors/1", Other),
        ("https://x.test/footprint", Other),
        ("https://login.x.test/help", Other),
        ("https://x.test/oauth/accept", Verification),
        ("Bestätigen Sie: https://x.test/a", Verification),
        ("Подтвердите адрес https://x.test/a", Verification),
        ("メールアドレスの確認 https://x.test/a", Verification),
        ("Unsubscribe: https://x.test/u?token=1", Unsubscribe),
        ("https://x.test/unsubscribe?token=1", Unsubscribe),
        ("Newsletter abbestellen <https://x.test/a>", Unsubscribe),
        ("退订 https://x.test/a", Unsubscribe),
        ("Отписаться: https://x.test/a", Unsubscribe),
        ("Read more: https://x.test/a", Other),
        ("Confirm https://x.test/v\nhttps://x.test/a", Other),
        ("Confirm https://x.test/v for us\nhttps://x.test/a", Other),
        (
            "Verify: https://x.test/v Unsubscribe: https://x.test/a",
            Unsubscribe,
        ),
        (
            "Verify: <https://x.test/v>, unsubscribe <https://x.test/a>",
            Unsubscribe,
        ),
        ("Verify <https://x.test/v> | <https://x.test/a>", Other),
        ("Sign in https://x.test/v. https://x.test/a", Other),
        (
            "https://x.test/v to verify it. More: https://x.test/a",
            Other,
        ),
        (
            "https://x.test/a (unsubscribe) Sign in: https://x.test/v",
            Other,
        ),
        (
            "Log in: https://x.test/v\nTo stop, unsubscribe here:\nhttps://x.test/a",
            Unsubscribe,
        ),
        ("Confirm your address. Open https://x.test/a", Verification),
    ] {
        assert_eq!(
            links(text, &[]).last().map(|link| link.kind),
            Some(kind),
            "{text}"
        );
    }
}

#[test]
fn links_that_verify_come_first_with_their_words() {
    let link = |url: &str, text: &str| PageLink {
        url: url.to_owned(),
        text: text.to_owned(),
    };
    let page = [
        link("https://a.test/u", "Unsubscribe"),
        link("https://a.test/x", ""),
        link("https://a.test/x", "Confirm email"),
    ];
    let text = "See https://b.test/a(b). Then (http://c.test/magic), or <https://a.test/x>! Docs <https://d.test>";
    let found: Vec<_> = links(text, &page)
        .into_iter()
        .map(|link| format!("{} {} {}", link.kind.name(), link.url, link.text))
        .collect();
    assert_eq!(
        found,
        [
            "verification https://a.test/x Confirm email",
            "verification http://c.test/magic http://c.test/magic",
            "unsubscribe https://a.test/u Unsubscribe",
            "other https://b.test/a(b) https://b.test/a(b)",
            "other https://d.test Docs",
        ]
    );
    assert!(links("nothing", &[]).is_empty());
    let many: String = (0..300).map(|n| format!("https://x.test/{n}\n")).collect();
    let found = links(&format!("{many}\nhttps://x.test/verify"), &[]);
    assert_eq!((found.len(), found[0].kind), (LINKS_MAX, Verification));
}

use LinkKind::Verification;

#[test]
fn hostile_links_cost_no_more_than_their_length() {
    for text in [
        "http://".repeat(200_000),
        "<http://".repeat(200_000),
        format!("http://a{}", ")".repeat(1_000_000)),
        "https://a.test/\n".repeat(100_000),
        format!("{} https://a.test", "x".repeat(1_000_000)),
        "://".repeat(400_000),
    ] {
        assert!(links(&text, &[]).len() <= LINKS_MAX);
    }
}

#[test]
fn digits_of_addresses_are_no_codes() {
    use crate::mail::text::codes::find_in_mail;
    use crate::mail::text::html::{Addresses, read};
    let html = "<p>Your code is 482913.</p><p>Or <a href='https://x.test/code/771204?otp=990011'>confirm with one click</a>, code not needed.</p><p>Security code: <a href='https://x.test/c/135790'>show</a></p>";
    for addresses in [Addresses::Shown, Addresses::Omitted] {
        let text = read(html, 1 << 20, addresses).text;
        let found: Vec<_> = find_in_mail("", &text)
            .into_iter()
            .map(|f| f.code)
            .collect();
        assert_eq!(found, ["482913"], "{text}");
    }
}

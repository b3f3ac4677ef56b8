//! What answers and forwardings take from a message: tables.

use crate::mail::digest::{Analysis, analyse};
use crate::mail::parse::address::Address;
use crate::mail::write::answer::{
    AnswerRecipients, forward_subject, forwarded_block, forwarded_html, forwarded_text,
    in_reply_to, recipients, references, reply_subject,
};
use crate::mail::{Bounds, text};

fn header(text: &str) -> Analysis {
    let raw = text.replace('\n', "\r\n") + "\r\n\r\n";
    analyse(raw.as_bytes(), &Bounds::default()).unwrap()
}

#[test]
fn a_prefix_stands_once_in_any_known_language() {
    for (subject, reply, forward) in [
        ("Hello", "Re: Hello", "Fwd: Hello"),
        ("Re: Hello", "Re: Hello", "Fwd: Re: Hello"),
        ("RE: Hello", "RE: Hello", "Fwd: RE: Hello"),
        ("re[2]: Hello", "re[2]: Hello", "Fwd: re[2]: Hello"),
        ("AW: Angebot", "AW: Angebot", "Fwd: AW: Angebot"),
        ("WG: Angebot", "Re: WG: Angebot", "WG: Angebot"),
        ("Fwd: Hello", "Re: Fwd: Hello", "Fwd: Hello"),
        (
            "[list] Re: Hello",
            "[list] Re: Hello",
            "Fwd: [list] Re: Hello",
        ),
        ("回复：你好", "回复：你好", "Fwd: 回复：你好"),
        ("Order: 17", "Re: Order: 17", "Fwd: Order: 17"),
        ("", "Re:", "Fwd:"),
        ("  Hello ", "Re: Hello", "Fwd: Hello"),
    ] {
        assert_eq!(reply_subject(subject), reply, "{subject}");
        assert_eq!(forward_subject(subject), forward, "{subject}");
        assert_eq!(reply_subject(&reply_subject(subject)), reply, "{subject}");
    }
}

#[test]
fn references_are_bounded_and_keep_both_ends() {
    let many: Vec<String> = (0..40).map(|n| format!("<{n}@a.test>")).collect();
    let field = |ids: &[String]| ids.join("\n ");
    let found = references(&header(&format!(
        "Message-ID: <own@a.test>\nReferences: {}",
        field(&many)
    )));
    assert_eq!(found.len(), 20);
    assert_eq!(
        (found[0].as_str(), found[19].as_str()),
        ("<0@a.test>", "<own@a.test>")
    );
    assert_eq!(found[1], "<22@a.test>");
    let exact = references(&header(&format!(
        "Message-ID: <own@a.test>\nReferences: {}",
        field(&many[..19])
    )));
    assert_eq!((exact.len(), exact[1].as_str()), (20, "<1@a.test>"));

    for (text, want) in [
        ("Message-ID: <m@a>", vec!["<m@a>"]),
        (
            "Message-ID: <m@a>\nIn-Reply-To: <p@a>",
            vec!["<p@a>", "<m@a>"],
        ),
        // Of several it is not known which one is the parent.
        ("Message-ID: <m@a>\nIn-Reply-To: <p@a> <q@a>", vec!["<m@a>"]),
        (
            "Message-ID: <m@a>\nReferences: <m@a> <p@a>",
            vec!["<p@a>", "<m@a>"],
        ),
        ("References: <p@a>", vec!["<p@a>"]),
        ("Subject: none", vec![]),
    ] {
        assert_eq!(references(&header(text)), want, "{text}");
    }
    assert_eq!(in_reply_to(&header("Subject: none")), None);
    let long = format!("Message-ID: <{}@a>", "x".repeat(2000));
    assert!(references(&header(&long)).is_empty());
}

fn shown(found: &AnswerRecipients) -> String {
    let list = |list: &[(Option<String>, Address)]| {
        let each = list.iter().map(|(_, address)| address.to_string());
        each.collect::<Vec<_>>().join(",")
    };
    format!("{}|{}", list(&found.to), list(&found.cc))
}

#[test]
fn an_answer_goes_to_those_who_expect_it() {
    let own = Address::parse("bot@x.test").unwrap();
    for (text, is_own, reply, all) in [
        ("From: ann@a\nTo: bot@x.test", false, "ann@a|", "ann@a|"),
        (
            "From: ann@a\nReply-To: desk@a\nTo: bot@x.test",
            false,
            "desk@a|",
            "desk@a|",
        ),
        (
            "From: ann@a\nTo: bot@x.test, bob@b\nCc: BOT@X.test, cy@c, Bob <bob@b>",
            false,
            "ann@a|",
            "ann@a|bob@b,cy@c",
        ),
        // A tagged address is the inbox too.
        (
            "From: ann@a\nTo: bot+news@x.test, bob@b",
            false,
            "ann@a|",
            "ann@a|bob@b",
        ),
        (
            "From: bot@x.test\nTo: ann@a, bob@b\nCc: cy@c",
            true,
            "ann@a,bob@b|",
            "ann@a,bob@b|cy@c",
        ),
        // Mail to oneself is answered to oneself.
        (
            "From: bot@x.test\nTo: bot@x.test",
            true,
            "bot@x.test|",
            "bot@x.test|",
        ),
        ("From: bot@x.test\nCc: cy@c", true, "bot@x.test|", "cy@c|"),
        (
            "From: ann@a\nReply-To: undisclosed:;\nTo: bot@x.test",
            false,
            "ann@a|",
            "ann@a|",
        ),
        (
            "From: ann@a, other@a\nTo: bot@x.test",
            false,
            "ann@a,other@a|",
            "ann@a,other@a|",
        ),
        ("From: nobody\nTo: bot@x.test", false, "|", "|"),
        (
            "From: ann@a\nReply-To: bot@x.test\nTo: bob@b",
            false,
            "bot@x.test|",
            "bob@b|",
        ),
    ] {
        let original = header(text);
        let found = recipients(&original, &own, (is_own, false));
        assert_eq!(shown(&found), reply, "{text}");
        let found = recipients(&original, &own, (is_own, true));
        assert_eq!(shown(&found), all, "{text}");
    }
    let hostile = header("From: =?utf-8?q?A=0D=0ABcc:_eve=40e?= <ann@a>\nTo: bot@x.test");
    let found = recipients(&hostile, &own, (false, false));
    let name = found.to[0].0.clone().unwrap_or_default();
    assert!(!name.contains(char::is_control), "{name:?}");
}

#[test]
fn a_forwarding_shows_the_message_and_is_read_as_one() {
    let original = header(
        "From: Ann <ann@a.test>\nTo: bot@x.test\nSubject: <b>Hi\nDate: Thu, 1 Jan 2026 00:00:00 +0000",
    );
    let block = forwarded_block(&original);
    let text = forwarded_text(Some("See below.\n"), &block, "The text.\n");
    assert_eq!(
        text,
        "See below.\n\n---------- Forwarded message ---------\nFrom: Ann <ann@a.test>\n\
         Date: Thu, 1 Jan 2026 00:00:00 +0000\nSubject: <b>Hi\nTo: bot@x.test\n\nThe text.\n"
    );
    assert!(text::reply::extracted_text("Fwd: Hi", &text).contains("The text."));
    let html = forwarded_html((None, Some("1 < 2")), &block, (None, "a & b"));
    assert!(
        html.contains("1 &lt; 2") && html.contains("a &amp; b") && html.contains("&lt;b&gt;Hi")
    );
    assert!(!html.contains("<b>Hi"), "{html}");
    let html = forwarded_html(
        (Some("<p>own</p>"), None),
        &block,
        (Some("<i>theirs</i>"), ""),
    );
    assert!(
        html.starts_with("<p>own</p>") && html.ends_with("<i>theirs</i>"),
        "{html}"
    );
}

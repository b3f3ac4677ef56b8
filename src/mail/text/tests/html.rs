//! Pages to text: layout, hidden content, links, hostile input.

use crate::mail::text::html::read;

fn text(html: &str) -> String {
    read(html, 1 << 20).text
}

#[test]
fn pages_become_text() {
    for (html, expected) in [
        ("hello", "hello"),
        ("<p>one<p>two", "one\n\ntwo"),
        ("<div>one</div><div>two</div>", "one\ntwo"),
        ("a<br>b<br/>c", "a\nb\nc"),
        ("a  \n b", "a b"),
        ("<b>a</b> <i>b</i>c", "a bc"),
        ("<ul><li>one<li>two</ul>x", "- one\n- two\n\nx"),
        ("<table><tr><td>a<td>b<tr><td>c</table>", "a b\nc"),
        (
            "&lt;tag&gt; &amp; &eacute; &#x1F600; &nbsp;x",
            "<tag> & é 😀 x",
        ),
        ("<pre>a\n  b</pre>", "a\n  b"),
        ("<blockquote>q<br>r</blockquote>after", "> q\n> r\n\nafter"),
        (
            "<script>var a = '<p>';</script><style>p{}</style><title>t</title>x",
            "x",
        ),
        ("<img src=x alt='A cat'> there", "A cat there"),
        ("<!-- comment -->x<!doctype html>", "x"),
        ("<a href='https://x.test'>link</a>", "link"),
        ("", ""),
        ("<", "<"),
        ("<p", ""),
        ("</p></div>x", "x"),
    ] {
        assert_eq!(text(html), expected, "{html}");
    }
}

#[test]
fn hidden_text_is_left_out_and_reported() {
    for (html, expected, hidden) in [
        ("a<div style='display:none'>evil</div>b", "ab", true),
        (
            "a<div style='DISPLAY : none !important'>evil</div>b",
            "ab",
            true,
        ),
        ("a<div style='dis/**/play:none'>evil</div>b", "ab", true),
        ("a<span hidden>evil</span>b", "ab", true),
        ("a<span style='visibility:hidden'>evil</span>", "a", true),
        ("a<span style='font-size:0'>evil</span>", "a", true),
        ("a<span style='font-size:1px'>evil</span>", "a", true),
        ("a<span style='font-size:1em'>fine</span>", "afine", false),
        ("a<span style='opacity:0.0'>evil</span>", "a", true),
        ("a<span style='opacity:0.9'>fine</span>", "afine", false),
        (
            "a<span style='color:#fff;background:#fff'>evil</span>",
            "a",
            true,
        ),
        (
            "a<span style='position:absolute;left:-9999px'>evil</span>",
            "a",
            true,
        ),
        (
            "a<div style='max-height:0;overflow:hidden'>evil</div>",
            "a",
            true,
        ),
        (
            "<style>.x{display:none} @media print{.y{display:none}}</style>a<b class='z x'>evil</b><b class=y>fine</b>",
            "afine",
            true,
        ),
        (
            "a<div style='display:none'><div>evil</div><p>evil</div>b",
            "ab",
            true,
        ),
        ("a<div style='display:none'> &nbsp;</div>b", "ab", false),
        ("a\u{200b}b\u{e0041}c", "abc", true),
        (
            "so\u{ad}ft \u{1f469}\u{200d}\u{1f469}",
            "soft \u{1f469}\u{200d}\u{1f469}",
            false,
        ),
        ("plain", "plain", false),
    ] {
        let page = read(html, 1 << 20);
        assert_eq!(
            (page.text.replace('\n', "").as_str(), page.hidden_content),
            (expected, hidden),
            "{html}"
        );
    }
}

#[test]
fn links_keep_their_texts() {
    let page = read(
        "<a href=https://a.test/x>Verify <b>now</b></a> <a href='javascript:x'>no</a><a href='mailto:a@b'>m</a><a href='https://b.test'>b",
        1_000,
    );
    let links: Vec<_> = page
        .links
        .iter()
        .map(|link| (link.url.as_str(), link.text.as_str()))
        .collect();
    assert_eq!(
        links,
        [("https://a.test/x", "Verify now"), ("https://b.test", "b")]
    );
}

#[test]
fn hostile_pages_cost_no_more_than_their_length() {
    for html in [
        "<div>".repeat(400_000),
        "</x>".repeat(400_000),
        "<b></x>".repeat(200_000),
        "<a ".repeat(400_000),
        format!("<a {}>", "x=y ".repeat(400_000)),
        "&".repeat(1_000_000),
        "&lt".repeat(400_000),
        "<!--".repeat(400_000),
        format!("<style>{}</style>", ".a{display:none}".repeat(100_000)),
        "<br>x".repeat(300_000),
        "<p>".repeat(400_000),
        "<blockquote>x".repeat(100_000),
    ] {
        let page = read(&html, 1 << 20);
        assert!(page.text.len() <= 1 << 20);
    }
}

//! Pages to text: layout, hidden content, links, hostile input.

use crate::mail::text::html::{Addresses, read};

fn text(html: &str) -> String {
    read(html, 1 << 20, Addresses::Shown).text
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
        ("<table><tr><td>a<td>b<tr><td>c</table>", "a\tb\nc"),
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
        ("", ""),
        ("<", "<"),
        ("<p", ""),
        ("</p></div>x", "x"),
    ] {
        assert_eq!(text(html), expected, "{html}");
    }
}

#[test]
fn words_of_links_are_followed_by_their_addresses() {
    for (html, expected) in [
        ("<a href='https://x.test'>link</a>", "link <https://x.test>"),
        (
            "<a href='https://x.test/a'>one</a>, <a href='https://x.test/b'>two</a>.",
            "one <https://x.test/a>, two <https://x.test/b>.",
        ),
        (
            "<a href='https://x.test/'>x.test</a> <a href='http://x.test/a'>HTTP://x.test/a</a>",
            "x.test HTTP://x.test/a",
        ),
        (
            "<a href='\n https://x.test/\n\tlong\r\n '>a</a> <a href='https://x.test/a b\"<>'>b</a>",
            "a <https://x.test/long> b <https://x.test/a%20b%22%3C%3E>",
        ),
        (
            "<a href='https://x.test/a'><img src=x alt=Logo></a><a href='https://x.test/a'>Visit</a>",
            "Logo Visit <https://x.test/a>",
        ),
        ("<a href='https://x.test/a'><img src=x></a>b", "b"),
        (
            "<a href='mailto:a@x.test?subject=b'>a@x.test</a> <a href='mailto:b@x.test'>Write</a>",
            "a@x.test Write <mailto:b@x.test>",
        ),
        (
            "<a href='javascript:x'>a</a> <a href='#b'>c</a> <a name=d>e</a>",
            "a c e",
        ),
        (
            "<a href='https://x.test/a'><h1>Head</h1><p>More</p></a><p>Next",
            "Head\n\nMore <https://x.test/a>\n\nNext",
        ),
        (
            "<p><a href='https://x.test/a'>open<p>next",
            "open <https://x.test/a>\n\nnext",
        ),
    ] {
        assert_eq!(text(html), expected, "{html}");
    }
}

#[test]
fn lists_tables_and_lines_keep_their_shape() {
    for (html, expected) in [
        ("<ol><li>a<li>b</ol>", "1. a\n2. b"),
        (
            "<ol start=3 type=a><li>c<li value=7>g<li>h</ol>",
            "c. c\ng. g\nh. h",
        ),
        (
            "<ol type=I><li>a<li>b<li>c<li>d</ol>",
            "I. a\nII. b\nIII. c\nIV. d",
        ),
        (
            "<ul><li>a<ol><li>b<br>c</li><li><p>d</p></li></ol></li><li>e</ul>f",
            "- a\n  1. b\n    c\n  2. d\n\n- e\n\nf",
        ),
        ("<ul><li><p>a</p><p>b</p></ul>", "- a\n\n  b"),
        (
            "<table border=1><tr><th>Name<th>Price</tr><tr><td><p>Tea</p></td><td><p>2.50</p></td></tr><tr><td></td><td>9</td></tr></table>x",
            "Name\tPrice\nTea\t2.50\n\t9\n\nx",
        ),
        (
            "<table role=presentation><tr><td>Logo</td><td>Menu</td></tr><tr><td><p>One</p><p>Two</p></td><td>Three</td></tr></table>",
            "Logo Menu\n\nOne\n\nTwo\n\nThree",
        ),
        ("<pre>\na\n\n\n  b\tc</pre>d", "a\n\n\n  b\tc\n\nd"),
        ("<div style='white-space:pre-wrap'>a\nb  c</div>", "a\nb  c"),
        ("<div style='white-space:pre-line'>a\nb  c</div>", "a\nb c"),
        ("a<hr>b", "a\n---\nb"),
        (
            "a<hr tabindex=-1>b",
            "a\n________________________________\nb",
        ),
        ("<h1>a</h1>b<h2>c</h2>d", "a\n\nb\n\nc\n\nd"),
        ("<dl><dt>a<dd>b<dt>c</dl>", "a\nb\nc"),
        (
            "a<img alt='\u{1f600}'>! <img alt=Logo><img alt=Name>b",
            "a\u{1f600}! Logo Name b",
        ),
        (
            "<blockquote><p>q</p><blockquote>r</blockquote></blockquote>a",
            "> q\n> >\n> > r\n\na",
        ),
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
        let page = read(html, 1 << 20, Addresses::Shown);
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
        Addresses::Shown,
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
        let page = read(&html, 1 << 20, Addresses::Shown);
        assert!(page.text.len() <= 1 << 20);
    }
}

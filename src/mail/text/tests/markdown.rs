//! Pages as Markdown: structure stays, words make none, and what is hidden stays out.

use crate::mail::Bounds;
use crate::mail::Digest;
use crate::mail::digest::analyse;
use crate::mail::text::html::{Addresses, read, read_markdown};
use crate::mail::text::markdown_of;

fn markdown(html: &str) -> String {
    read_markdown(html, 1 << 20).text
}

#[test]
fn structure_stays() {
    let mut wrong = Vec::new();
    for (html, want) in [
        ("<h1>Title</h1><p>Text", "# Title\n\nText"),
        ("<h3>A<br>B</h3>c", "### A B\n\nc"),
        ("<h2></h2><p>x", "x"),
        ("<p>a<p>b", "a\n\nb"),
        ("a<br>b", "a  \nb"),
        ("<div>a</div><div>b</div>", "a  \nb"),
        ("a<hr>b", "a\n\n---\n\nb"),
        ("<b>bold</b> and <i>thin</i>", "**bold** and *thin*"),
        ("<b>bold <i>both</i></b>x", "**bold *both***x"),
        ("<b>a <i>b</b> c</i>", "**a *b*** c"),
        ("<b> spaced </b>x", "**spaced** x"),
        ("<b></b><b> </b>x", "x"),
        ("<p><b>a<p>b</b>", "**a**\n\nb"),
        ("<del>old</del> <s>x</s>", "~~old x~~"),
        ("<code>a*b</code> c", "`a*b` c"),
        ("<code>a`b</code>", "``a`b``"),
        ("<code>`</code>", "`` ` ``"),
        (
            "<pre>a\n  b * c\n\n\nd</pre>e",
            "```\na\n  b * c\n\n\nd\n```\n\ne",
        ),
        ("<pre>```\nx\n```</pre>", "````\n```\nx\n```\n````"),
        ("<ul><li>a<li>b</ul>c", "- a\n- b\n\nc"),
        (
            "<ul><li>a<ul><li>b<li>c</ul><li>d</ul>",
            "- a\n  - b\n  - c\n- d",
        ),
        ("<ol><li>a<li>b<ul><li>c</ul></ol>", "1. a\n2. b\n   - c"),
        ("<ol start=9><li>a<li>b</ol>", "9. a\n10. b"),
        ("<ol type=a><li>a<li>b</ol>", "1. a\n1. b"),
        ("<ul><li><p>a</p><p>b</p></ul>", "- a\n\n  b"),
        ("<ul><li>a<ul><li>b</ul>c</ul>", "- a\n  - b\n\n  c"),
        ("<blockquote>a<p>b</blockquote>c", "> a\n>\n> b\n\nc"),
        (
            "<blockquote>a<blockquote>b</blockquote></blockquote>",
            "> a\n> >\n> > b",
        ),
        ("<ul><li><blockquote>a</blockquote></ul>", "- > a"),
    ] {
        let said = markdown(html);
        if said != want {
            wrong.push((html, said, want));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn links_have_their_targets() {
    for (html, want) in [
        (
            "<a href='https://e.test/a'>words</a>.",
            "[words](https://e.test/a).",
        ),
        (
            "<a href='https://e.test/'>https://e.test</a>",
            "<https://e.test/>",
        ),
        (
            "<a href='https://e.test/a_(b)'>w</a>",
            "[w](<https://e.test/a_(b)>)",
        ),
        (
            "<a href='https://e.test/a b\\c'>w]x[</a>",
            "[w\\]x\\[](https://e.test/a%20b%5Cc)",
        ),
        (
            "<b><a href='https://e.test'>w</a></b>",
            "[**w**](https://e.test)",
        ),
        (
            "<a href='https://e.test'>a <b>b</b></a> c",
            "[a **b**](https://e.test) c",
        ),
        (
            "<a href='mailto:a@e.test'>Ann</a>",
            "[Ann](mailto:a@e.test)",
        ),
        ("<a href='javascript:x'>w</a>", "w"),
        (
            "<a href='https://e.test'><img src=x alt=Logo></a>",
            "[[image: Logo]](https://e.test)",
        ),
        (
            "<a href='https://e.test'><div>a</div><div>b</div></a>",
            "[a](https://e.test)  \nb",
        ),
        ("<a href='https://e.test'></a>x", "x"),
        (
            "<img src='data:image/png;base64,AAAA' alt='A cat'>",
            "[image: A cat]",
        ),
        ("<img src='data:image/png;base64,AAAA'>x", "[image] x"),
        ("<img src='https://t.test/pixel.gif'>x", "x"),
        (
            "<img src='https://t.test/a.png' alt='x](https://evil.test)'>",
            "[image: x\\](https://evil.test)]",
        ),
    ] {
        assert_eq!(markdown(html), want, "{html}");
    }
}

#[test]
fn tables_of_data_are_tables() {
    for (html, want) in [
        (
            "<table><tr><th>a<th>b<tr><td>1<td>2|3</table>x",
            "| a | b |\n| --- | --- |\n| 1 | 2\\|3 |\n\nx",
        ),
        (
            "<table><tr><td>k<td>v<tr><td>m</table>",
            "|  |  |\n| --- | --- |\n| k | v |\n| m |  |",
        ),
        (
            "<table><tr><th>a<th>b<tr><td>x<br>y<td><a href='https://e.test'>l</a></table>",
            "| a | b |\n| --- | --- |\n| x<br>y | [l](https://e.test) |",
        ),
        // Of layout: it says so, has one column or one row, or holds another.
        (
            "<table role=presentation><tr><td>a<td>b<tr><td>c<td>d</table>",
            "a  \nb  \nc  \nd",
        ),
        ("<table><tr><td>a<tr><td>b</table>", "a  \nb"),
        ("<table><tr><td>a<td>b</table>", "a  \nb"),
        (
            "<table><tr><td>x<tr><td><table><tr><th>a<th>b<tr><td>1<td>2</table></table>",
            "x\n\n| a | b |\n| --- | --- |\n| 1 | 2 |",
        ),
        (
            "<blockquote><table><tr><th>a<th>b<tr><td>1<td>2</table></blockquote>",
            "> | a | b |\n> | --- | --- |\n> | 1 | 2 |",
        ),
        (
            "<table><tr>stray<th>a<th>b<tr><td>1<td>2</table>",
            "stray  \n| a | b |\n",
        ),
    ] {
        let said = markdown(html);
        match html.contains("stray") {
            // Text that stands in no cell is not lost.
            true => assert!(
                ["stray", "a", "b", "1", "2"]
                    .iter()
                    .all(|w| said.contains(w)),
                "{said}"
            ),
            false => assert_eq!(said, want, "{html}"),
        }
    }
}

#[test]
fn words_make_no_structure() {
    for (html, want) in [
        ("# no heading", "\\# no heading"),
        ("#1 in line", "#1 in line"),
        ("- no item", "\\- no item"),
        ("-5 degrees", "-5 degrees"),
        ("1. no item", "1\\. no item"),
        ("1.5 is a number", "1.5 is a number"),
        ("&gt; no quote", "\\> no quote"),
        (
            "*no* _emphasis_ snake_case",
            "\\*no\\* \\_emphasis\\_ snake_case",
        ),
        ("[no](https://evil.test)", "\\[no](https://evil.test)"),
        ("&lt;script&gt;", "\\<script>"),
        ("`no code`", "\\`no code\\`"),
        ("```", "\\`\\`\\`"),
        ("~~no~~ ~5", "\\~\\~no\\~\\~ ~5"),
        ("a<p>---", "a\n\n\\---"),
        ("a<br>===", "a  \n\\==="),
        ("<p>| a | b |", "\\| a | b |"),
        ("back\\slash", "back\\\\slash"),
        ("a\u{200b}\u{e0041}b", "ab"),
    ] {
        assert_eq!(markdown(html), want, "{html}");
    }
}

#[test]
fn hidden_elements_stay_out_as_in_the_text() {
    for html in [
        "a<i hidden>evil</i>b",
        "<style>.x{display:none}</style><p class=x>evil</p>ok",
        "<p style='font-size:0'>evil</p><h1 style='display:none'>evil</h1>ok",
        "<table><tr><td style='display:none'>evil<td>a<td>b<tr><td>c<td>d</table>",
        "<ul><li style='display:none'>evil<li>ok</ul>",
        "<!-- evil --><script>evil</script>ok",
    ] {
        let (page, text) = (
            read_markdown(html, 1 << 20),
            read(html, 1 << 20, Addresses::Shown),
        );
        assert!(!page.text.contains("evil"), "{html}: {}", page.text);
        assert_eq!(page.hidden_content, text.hidden_content, "{html}");
    }
}

#[test]
fn a_page_is_cut_at_its_bound_and_not_within_a_link() {
    let html = format!(
        "<p>{}<a href='https://e.test/{}'>w</a>",
        "a".repeat(90),
        "b".repeat(50)
    );
    for max in 0..160 {
        let page = read_markdown(&html, max);
        assert!(page.text.len() <= max, "{max}");
        assert!(
            !page.text.contains('[') || page.text.ends_with(')'),
            "{max}: {}",
            page.text
        );
    }
}

#[test]
fn a_mail_is_markdown_where_it_has_a_page() {
    let of = |raw: &str| {
        let analysis = analyse(raw.as_bytes(), &Bounds::default()).unwrap();
        markdown_of(raw.as_bytes(), &Digest::open(&analysis.digest).unwrap()).0
    };
    let alternative = |plain: &str, html: &str| {
        format!(
            "Content-Type: multipart/alternative; boundary=a\n\n--a\n\n{plain}\n--a\nContent-Type: text/html\n\n{html}\n--a--\n"
        )
    };
    for (raw, want) in [
        ("\n# as it *is*\n".to_owned(), "# as it *is*\n"),
        ("Content-Type: text/html\n\n<h1>a</h1>".to_owned(), "# a"),
        (alternative("plain words", "<h1>page</h1>"), "# page"),
        (alternative("plain words", "<img src=x>"), "plain words"),
        (
            "Content-Type: application/pdf; name=x.pdf\n\n%PDF".to_owned(),
            "[x.pdf]",
        ),
    ] {
        assert_eq!(of(&raw), want, "{raw}");
    }
}

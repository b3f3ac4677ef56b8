//! Markdown for sending: what it becomes, and what it never becomes.

use crate::mail::write::markdown::{SOURCE_MAX, render};

#[test]
fn text_and_html_of_what_people_write() {
    for (source, text, html) in [
        (
            "Hello **Ann**,\nhow *are* you?",
            "Hello Ann,\nhow are you?\n",
            "<p>Hello <strong>Ann</strong>,\nhow <em>are</em> you?</p>\n",
        ),
        (
            "# Title\n\nText.",
            "Title\n\nText.\n",
            "<h1>Title</h1>\n<p>Text.</p>\n",
        ),
        (
            "- a\n- b\n  - c\n\nend",
            "- a\n- b\n  - c\n\nend\n",
            "<ul>\n<li>a</li>\n<li>b<ul>\n<li>c</li>\n</ul>\n</li>\n</ul>\n<p>end</p>\n",
        ),
        (
            "3. a\n4. b",
            "3. a\n4. b\n",
            "<ol start=\"3\">\n<li>a</li>\n<li>b</li>\n</ol>\n",
        ),
        (
            "> quoted\n> more\n>\n> end",
            "> quoted\n> more\n>\n> end\n",
            "<blockquote>\n<p>quoted\nmore</p>\n<p>end</p>\n</blockquote>\n",
        ),
        (
            "[here](https://a.test/x)",
            "here <https://a.test/x>\n",
            "<p><a href=\"https://a.test/x\">here</a></p>\n",
        ),
        (
            "<https://a.test>",
            "https://a.test\n",
            "<p><a href=\"https://a.test\">https://a.test</a></p>\n",
        ),
        (
            "<ann@a.test>",
            "ann@a.test\n",
            "<p><a href=\"mailto:ann@a.test\">ann@a.test</a></p>\n",
        ),
        (
            "```\nlet a = 1 < 2;\n\nb\n```",
            "    let a = 1 < 2;\n\n    b\n",
            "<pre><code>let a = 1 &lt; 2;\n\nb\n</code></pre>\n",
        ),
        ("run `a<b`", "run a<b\n", "<p>run <code>a&lt;b</code></p>\n"),
        ("one<br>two", "one\ntwo\n", "<p>one<br>\ntwo</p>\n"),
        (
            "a\n\n---\n\nb",
            "a\n\n----\n\nb\n",
            "<p>a</p>\n<hr>\n<p>b</p>\n",
        ),
        (
            "| a | b |\n|---|--:|\n| 1 | 2 |",
            "a | b\n----\n1 | 2\n",
            "<table>\n<thead><tr><th>a</th><th style=\"text-align:right\">b</th></tr></thead>\n\
             <tbody>\n<tr><td>1</td><td style=\"text-align:right\">2</td></tr>\n</tbody></table>\n",
        ),
        (
            "![logo](cid:logo)",
            "logo\n",
            "<p><img src=\"cid:logo\" alt=\"logo\"></p>\n",
        ),
        ("", "", ""),
    ] {
        let found = render(source);
        assert_eq!(found.text, text, "{source}");
        assert_eq!(found.html, html, "{source}");
    }
}

#[test]
fn the_source_brings_no_markup_and_no_other_link() {
    for source in [
        "<script>alert(1)</script>",
        "a <img src=x onerror=alert(1)> b",
        "<div onclick=x>\n\ntext\n\n</div>",
        "[a](javascript:alert(1))",
        "[a](JaVaScript:alert(1))",
        "[a](data:text/html,<script>)",
        "[a](vbscript:x)",
        "[a](file:///etc/passwd)",
        "[a](//evil.test)",
        "![a](javascript:x)",
        "![a\" onerror=\"x](https://a.test/x)",
        "[a](https://a.test/\"onmouseover=\"x)",
        "<javascript:alert(1)>",
        "[a]: javascript:x\n\n[a]",
        "`<script>`",
        "```<script>\n<script>\n```",
        "| <script> |\n|---|\n| <b> |",
        "&lt;script&gt;",
        "![![a](https://x.test/\"b)<i>](https://y.test)",
    ] {
        let html = render(source).html;
        let lower = html.to_ascii_lowercase();
        for bad in [
            "<script",
            "<img src=x",
            "<div",
            "<i>",
            "href=\"javascript",
            "href=\"data",
            "href=\"vbscript",
            "href=\"file",
            "href=\"//",
            "src=\"javascript",
            "\" on",
            "\"on",
        ] {
            assert!(!lower.contains(bad), "{source}: {html}");
        }
    }
}

/// The work is counted by what comes out: nothing multiplies.
#[test]
fn hostile_sources_stay_small() {
    let n = 20_000;
    for source in [
        "> ".repeat(n) + "a\nb\nc",
        "- ".repeat(n) + "a",
        format!("{}\n", "*".repeat(n)).repeat(3),
        "[".repeat(n),
        "![".repeat(n),
        "`".repeat(n),
        "<".repeat(n),
        "&".repeat(n),
        format!(
            "|{}\n|{}\n{}",
            "a|".repeat(n / 10),
            "-|".repeat(n / 10),
            "x|\n".repeat(n)
        ),
        format!(
            "[a]: https://a.test/{}\n\n{}",
            "x".repeat(n),
            "[a] ".repeat(n)
        ),
        format!("{}x\n{}", "> ".repeat(50), "> y\n".repeat(n)),
        "**a **b".repeat(n),
    ] {
        let found = render(&source);
        let (text, html) = (found.text.len(), found.html.len());
        assert!(
            html <= 40 * source.len() + 8_000_000,
            "{html} of {}",
            source.len()
        );
        assert!(
            text <= 20 * source.len() + 2_000_000,
            "{text} of {}",
            source.len()
        );
    }
    let long = render(&"a".repeat(SOURCE_MAX + 5));
    assert_eq!(long.text.len(), SOURCE_MAX + 1);
}

//! The style sheet of the page for people: light and dark as the reader's system is, one column
//! on a phone, two with a table of contents on a wide screen.

/// The whole of it. The page's Content-Security-Policy names its digest.
pub(crate) const SHEET: &str = "
:root{color-scheme:light dark;--ink:#1c2128;--soft:#57606a;--paper:#fff;--raised:#f6f8fa;
--line:#d8dee4;--link:#0550ae;--get:#0a6640;--post:#0550ae;--patch:#7d4e00;--delete:#a40e26}
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9aa4af;--paper:#0f1319;
--raised:#181e26;--line:#2c343e;--link:#79b8ff;--get:#56d391;--post:#79b8ff;--patch:#e3b341;
--delete:#ff8d96}}
*{box-sizing:border-box}
html{scroll-padding-top:1rem;-webkit-text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);
font:16px/1.55 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif}
a{color:var(--link);text-decoration:none}a:hover{text-decoration:underline}
code,pre{font:0.86em/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
code{overflow-wrap:anywhere}
pre{background:var(--raised);border:1px solid var(--line);border-radius:8px;padding:.8rem 1rem;
overflow-x:auto;margin:.6rem 0}
nav{padding:1rem 1.2rem;border-bottom:1px solid var(--line);background:var(--raised)}
nav h2{font-size:.8rem;text-transform:uppercase;letter-spacing:.06em;color:var(--soft);
margin:1.1rem 0 .3rem}
nav ul{list-style:none;margin:0;padding:0}
nav li a{display:block;padding:.18rem 0;color:var(--ink);font-size:.92rem}
nav label{display:block;font-weight:600;cursor:pointer}nav label::before{content:'\\2630\\a0'}
nav input{position:absolute;opacity:0}nav input:focus-visible+label{outline:2px solid var(--link)}
.contents{display:none}nav input:checked~.contents{display:block}
main{padding:1.2rem;max-width:60rem}
h1{font-size:1.9rem;margin:.2rem 0 .6rem}h1 small{font-size:.55em;color:var(--soft);font-weight:400}
main>section>h2{font-size:1.4rem;margin:2.6rem 0 .4rem;padding-top:1rem;border-top:2px solid var(--line)}
article{margin:0 0 2.4rem;padding-top:1.1rem}
h3{font-size:1.15rem;margin:0 0 .5rem}
h4{font-size:.95rem;margin:1.1rem 0 .3rem}
.route{display:flex;flex-wrap:wrap;gap:.6rem;align-items:baseline;background:var(--raised);
border:1px solid var(--line);border-radius:8px;padding:.45rem .8rem;margin:.4rem 0 .7rem}
.route code{font-size:.95rem}
.method{font:700 .8rem/1.4 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
.GET{color:var(--get)}.POST{color:var(--post)}.PATCH{color:var(--patch)}.DELETE{color:var(--delete)}
.soft{color:var(--soft)}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.92rem;margin:.2rem 0}
th{text-align:left;font-weight:600;color:var(--soft);font-size:.8rem}
th,td{padding:.4rem .7rem .4rem 0;border-bottom:1px solid var(--line);vertical-align:top}
td:first-child{white-space:nowrap}td p{margin:0}
td .soft{font-size:.86em}
details{margin:.6rem 0}summary{cursor:pointer;color:var(--link)}
@media(max-width:40rem){table,tbody,tr,td{display:block}thead{display:none}
td{border:0;padding:.1rem 0;white-space:normal}tr{border-bottom:1px solid var(--line);padding:.45rem 0}}
@media(min-width:64rem){body{display:grid;grid-template-columns:19rem minmax(0,1fr)}
nav{position:sticky;top:0;height:100vh;overflow-y:auto;border-bottom:0;border-right:1px solid var(--line)}
main{padding:2rem 3rem}nav label,nav input{display:none}.contents{display:block}}
";

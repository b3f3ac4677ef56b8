//! The style sheet of the page for people: light and dark as the reader's system is. A phone has
//! one column, a wide screen a table of contents beside it, and a wider one the samples beside
//! the words.

/// The whole of it. The page's Content-Security-Policy names its digest.
pub(crate) const SHEET: &str = "
:root{color-scheme:light dark;--ink:#1c2128;--soft:#57606a;--paper:#fff;--raised:#f6f8fa;
--line:#d8dee4;--link:#0550ae;--get:#0a6640;--post:#0550ae;--patch:#7d4e00;--delete:#a40e26;
--code:#1b2330;--on-code:#e6edf3;--code-line:#303b4b;--code-soft:#a3afbd}
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9aa4af;--paper:#0f1319;
--raised:#181e26;--line:#2c343e;--link:#79b8ff;--get:#56d391;--post:#79b8ff;--patch:#e3b341;
--delete:#ff8d96;--code:#181e26}}
*{box-sizing:border-box}
html{scroll-padding-top:1rem;-webkit-text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);
font:16px/1.6 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif}
a{color:var(--link);text-decoration:none}a:hover{text-decoration:underline}
code,pre{font:0.86em/1.55 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
code{overflow-wrap:anywhere}
p code,li code,td code,dd code{background:var(--raised);border-radius:4px;padding:.08em .3em}
.language{position:fixed;top:0;left:0;opacity:0;pointer-events:none}
.sample{background:var(--code);color:var(--on-code);border-radius:10px;margin:.7rem 0;overflow:hidden}
.choice{display:flex;gap:1.1rem;padding:.5rem 1rem;border-bottom:1px solid var(--code-line);
font-size:.8rem;color:var(--code-soft)}
.choice label{cursor:pointer}.choice label:hover{color:var(--on-code)}
.sample pre{margin:0;padding:.8rem 1rem;overflow-x:auto;font-size:.82rem}
.sample .answer{max-height:26rem;overflow-y:auto}
.sample .curl,.sample .py,.sample .ts{display:none}
#in-curl:checked~main .curl,#in-py:checked~main .py,#in-ts:checked~main .ts{display:block}
#in-curl:checked~main .to-curl,#in-py:checked~main .to-py,#in-ts:checked~main .to-ts{
color:var(--on-code);font-weight:600;box-shadow:0 .42rem 0 -.28rem #79b8ff}
.language:focus-visible~main .choice{outline:2px solid #79b8ff;outline-offset:-2px}
nav{padding:1rem 1.2rem;border-bottom:1px solid var(--line);background:var(--raised)}
nav h2{font-size:.88rem;font-weight:650;margin:1.2rem 0 .25rem}
nav h2 a{color:var(--ink)}
nav ul{list-style:none;margin:0;padding:0}
nav li a{display:flex;justify-content:space-between;gap:.6rem;align-items:baseline;padding:.2rem 0;
color:var(--soft);font-size:.88rem;line-height:1.35}
nav li a:hover{color:var(--ink)}
nav b{font:600 .62rem/1.4 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
nav label{display:block;font-weight:600;cursor:pointer}nav label::before{content:'\\2630\\a0'}
nav input{position:absolute;opacity:0}nav input:focus-visible+label{outline:2px solid var(--link)}
.contents{display:none}nav input:checked~.contents{display:block}
main{padding:1rem 1.2rem 4rem;min-width:0}
h1{font-size:2rem;letter-spacing:-.02em;line-height:1.2;margin:.4rem 0 .8rem}
h1 small{font-size:.5em;color:var(--soft);font-weight:400;letter-spacing:0}
.head{max-width:46rem}
main>section>.head{margin-top:2.5rem;padding-top:1.6rem;border-top:1px solid var(--line)}
main>section>.head h2{font-size:1.5rem;letter-spacing:-.01em;margin:0 0 .3rem}
.head p{color:var(--soft);margin:.2rem 0}
article{padding:1.5rem 0 1rem;border-bottom:1px solid var(--line)}
section article:last-child{border-bottom:0}
.says{max-width:46rem;min-width:0}.code{min-width:0}
h3{font-size:1.15rem;margin:0 0 .5rem}h3 a{color:var(--ink)}
h4{font-size:.9rem;margin:1.3rem 0 .3rem}
p{margin:.6rem 0}
.says ul{padding-left:1.2rem}.says li{margin:.25rem 0}
.route{display:flex;flex-wrap:wrap;gap:.2rem .7rem;align-items:baseline;margin:.3rem 0}
.route code{font-size:.92rem}
.method{font:700 .78rem/1.4 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
.GET{color:var(--get)}.POST{color:var(--post)}.PUT,.PATCH{color:var(--patch)}.DELETE{color:var(--delete)}
.soft{color:var(--soft)}
.scope{display:inline-block;margin-left:.5rem;padding:0 .55rem;border:1px solid var(--line);
border-radius:1rem;font-size:.78rem;color:var(--soft)}
dl{margin:.3rem 0}
dt{display:flex;flex-wrap:wrap;gap:.1rem .6rem;align-items:baseline;padding-top:.55rem;
border-top:1px solid var(--line)}
dl dt:first-child{border-top:0}
dt code{font-weight:650;font-size:.86rem}
dt .soft{font-size:.84rem}
dt b{font-size:.72rem;font-weight:600;color:var(--patch)}
dd{margin:.1rem 0 .55rem;font-size:.93rem}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.9rem;margin:.2rem 0}
th{text-align:left;font-weight:600;color:var(--soft);font-size:.78rem}
th,td{padding:.45rem .8rem .45rem 0;border-bottom:1px solid var(--line);vertical-align:top}
tr:last-child td{border-bottom:0}
td:first-child{white-space:nowrap}td p{margin:0}
td .soft{font-size:.86em}
details{margin:.8rem 0}summary{cursor:pointer;color:var(--link);font-size:.92rem}
@media(max-width:44rem){table,tbody,tr,td{display:block}thead{display:none}
td{border:0;padding:.1rem 0;white-space:normal}td:first-child{white-space:normal}
tr{border-bottom:1px solid var(--line);padding:.5rem 0}}
@media(min-width:64rem){body{display:grid;grid-template-columns:18.5rem minmax(0,1fr)}
nav{position:sticky;top:0;height:100vh;overflow-y:auto;border-bottom:0;border-right:1px solid var(--line)}
main{padding:1.5rem 2.8rem 6rem}nav label,nav input{display:none}.contents{display:block}
nav .contents>h2:first-child{margin-top:.2rem;font-size:1.05rem}}
@media(min-width:88rem){article:has(.code){display:grid;gap:0 3rem;
grid-template-columns:minmax(0,46rem) minmax(24rem,1fr);align-items:start}
.code{position:sticky;top:1rem;max-width:44rem}}
";

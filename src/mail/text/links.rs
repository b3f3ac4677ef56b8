//! The links of a message with their words and their purpose, for agents.
//!
//! Links of HTML come from the page, links of plain text are found here. The purpose is a guess
//! from words; the server never acts on it and never opens a link. Each function is linear and
//! reads a bounded part of its input.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use super::html::{PageLink, URL_MAX};
use crate::mail::unicode::{self, fold};
use crate::pace;

/// A link as a reader meets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageLink {
    /// The address: at most 2,048 octets, without white space and controls.
    pub url: String,
    /// The words of the link; in plain text the address itself or the words before it.
    pub text: String,
    /// What it is likely for.
    pub kind: LinkKind,
}

/// The likely purpose of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkKind {
    /// It confirms an address, signs in, sets a password or accepts an invitation.
    Verification,
    /// It ends a subscription.
    Unsubscribe,
    /// Any other purpose.
    Other,
}

impl LinkKind {
    /// Its name in the API.
    pub fn name(self) -> &'static str {
        match self {
            LinkKind::Verification => "verification",
            LinkKind::Unsubscribe => "unsubscribe",
            LinkKind::Other => "other",
        }
    }
}

/// The links of a message, each address once: first those that verify, then the others in their
/// order, at most [`LINKS_MAX`].
pub fn links(text: &str, page: &[PageLink]) -> Vec<MessageLink> {
    let mut found = FoundLinks::default();
    for link in page {
        found.add(&link.url, &link.text, "");
    }
    let text = unicode::prefix(text, LINKS_TEXT_MAX);
    pace::spend(text.len());
    let mut at = 0;
    // Where the address before this one ends: the words before that are of that one.
    let mut behind = 0;
    for colon in memchr::memmem::find_iter(text.as_bytes(), b"://") {
        pace::spend(LINK_WORK);
        let Some(start) = scheme_start(text, colon).filter(|start| *start >= at) else {
            continue;
        };
        let rest = text.get(start..).unwrap_or("");
        if let Some((url, len)) = bracketed(text, start) {
            at = start + len;
            found.add(
                &url,
                words_before(text, (behind, start)),
                context(text, (behind, start)),
            );
            behind = at;
            continue;
        }
        let end = rest.find(ends_url).unwrap_or(rest.len());
        at = start + end;
        let url = trim_url(rest.get(..end).unwrap_or(""));
        if url.len() <= URL_MAX && start + url.len() > colon + "://".len() {
            found.add(url, url, context(text, (behind, start)));
        }
        behind = at;
    }
    let mut links = found.links;
    links.sort_by_key(|link| link.kind != LinkKind::Verification);
    links.truncate(LINKS_MAX);
    links
}

#[derive(Default)]
struct FoundLinks {
    links: Vec<MessageLink>,
    seen: HashMap<String, usize>,
}

impl FoundLinks {
    fn add(&mut self, url: &str, words: &str, context: &str) {
        if let Some(link) = self.seen.get(url).and_then(|n| self.links.get_mut(*n)) {
            // An image without words, and the same address again with words.
            if link.text.is_empty() && !words.is_empty() {
                link.text = words.to_owned();
                link.kind = kind_of(url, words, context);
            }
            return;
        }
        if self.links.len() < LINKS_FOUND_MAX {
            self.seen.insert(url.to_owned(), self.links.len());
            self.links.push(MessageLink {
                url: url.to_owned(),
                text: words.to_owned(),
                kind: kind_of(url, words, context),
            });
        }
    }
}

/// Where `http` or `https`, in any case, begins before a colon.
fn scheme_start(text: &str, colon: usize) -> Option<usize> {
    ["https", "http"].iter().find_map(|scheme| {
        let start = colon.checked_sub(scheme.len())?;
        text.get(start..colon)?
            .eq_ignore_ascii_case(scheme)
            .then_some(start)
    })
}

/// An address between angle brackets and its length in the text. A long one may be broken over
/// lines (RFC 3986 Appendix C).
fn bracketed(text: &str, start: usize) -> Option<(String, usize)> {
    let before = text.get(..start)?;
    if !before.ends_with('<') && !before.ends_with("<URL:") {
        return None;
    }
    let rest = unicode::prefix(text.get(start..)?, BRACKET_MAX);
    let inner = rest.get(..rest.find('>')?)?;
    let mut url = String::with_capacity(inner.len());
    let mut lines = inner.lines().peekable();
    while let Some(line) = lines.next() {
        let line = line.trim();
        let is_broken = lines.peek().is_some();
        let is_odd = |c: char| c.is_whitespace() || c.is_control() || c == '<' || c == '"';
        if line.contains(is_odd) || (is_broken && line.len() < BROKEN_LINE_MIN) {
            return None;
        }
        url.push_str(line);
    }
    (url.len() <= URL_MAX).then_some((url, inner.len()))
}

/// The words of the line before an address in angle brackets, from the end of the sentence or
/// address before them.
fn words_before(text: &str, (behind, start): (usize, usize)) -> &str {
    let before = text.get(behind..start).unwrap_or("");
    let before = before.strip_suffix("URL:").unwrap_or(before);
    let before = before.strip_suffix('<').unwrap_or(before).trim_end();
    let line = line_end(before);
    let from = [". ", "! ", "? ", ": ", "; ", "> "]
        .iter()
        .filter_map(|end| line.rfind(end).map(|at| at + end.len()))
        .max()
        .unwrap_or(0);
    let words = line.get(from..).unwrap_or("");
    words
        .trim_start_matches(['>', '-', '*', '|', ',', ')', '\t', ' '])
        .trim_end_matches([':', '：', ' '])
}

/// The last line of a text, or the end of a long one.
fn line_end(text: &str) -> &str {
    let tail = unicode::suffix(text, CONTEXT_MAX);
    tail.rsplit('\n').next().unwrap_or("")
}

/// The words before an address of plain text: those of its line, or of the line of words above if
/// it stands alone. Words that stand behind another address in their sentence are of that one.
fn context(text: &str, (behind, start): (usize, usize)) -> &str {
    let before = text.get(behind..start).unwrap_or("");
    let line = line_end(before);
    if line.contains(char::is_alphanumeric) {
        return own_words(text, behind, line, start - line.len());
    }
    let above = (before.strip_suffix(line).unwrap_or("")).trim_end();
    let line = line_end(above);
    own_words(text, behind, line, behind + above.len() - line.len())
}

/// The part of a line that belongs to the address behind it. The line begins at `from`; an address
/// before it ends at `behind`.
fn own_words<'a>(text: &str, behind: usize, line: &'a str, from: usize) -> &'a str {
    let is_shared = from == behind && text.get(..behind).is_some_and(|text| !text.is_empty());
    if !is_shared {
        return line;
    }
    let ends = [". ", "! ", "? ", "; ", ") ", "| "].iter();
    let end = ends.filter_map(|end| line.rfind(end).map(|at| at + end.len()));
    line.get(end.max().unwrap_or(0)..).unwrap_or("")
}

/// Whether an address in plain text ends before a character. Chinese and Japanese put no space
/// behind it.
fn ends_url(c: char) -> bool {
    match c {
        '!'..='~' => matches!(c, '<' | '>' | '"' | '`' | '{' | '}' | '|' | '\\' | '^'),
        c if c.is_ascii() => true,
        '\u{3001}'..='\u{3003}' | '\u{3008}'..='\u{3011}' | '\u{3014}'..='\u{301F}' => true,
        '，' | '．' | '；' | '：' | '！' | '？' | '（' | '）' | '［' | '］' | '｛' | '｝'
        | '＜' | '＞' | '｡' | '｢' | '｣' | '､' | '“' | '”' | '«' | '»' => true,
        c => c.is_whitespace() || c.is_control(),
    }
}

/// An address without the punctuation of its sentence. Closing brackets without an opening one
/// come off with it, in any order.
fn trim_url(url: &str) -> &str {
    if url.len() > URL_MAX.saturating_mul(2) {
        return url;
    }
    let count = |open: char, close: char| {
        let opened = url.matches(open).count();
        url.matches(close).count().saturating_sub(opened)
    };
    let (mut round, mut square) = (count('(', ')'), count('[', ']'));
    let mut end = url.len();
    for (at, c) in url.char_indices().rev() {
        match c {
            '.' | ',' | ';' | ':' | '!' | '?' | '\'' | '*' | '_' | '…' | '’' | '‘' | '،' | '؛'
            | '؟' | '।' => {}
            ')' if round > 0 => round -= 1,
            ']' if square > 0 => square -= 1,
            _ => break,
        }
        end = at;
    }
    url.get(..end).unwrap_or(url)
}

fn kind_of(url: &str, words: &str, context: &str) -> LinkKind {
    for text in [words, context] {
        let folded = fold(unicode::prefix(text, WORDS_LOOKED_AT));
        // The words of plain text may be the address itself.
        if folded.is_empty() || text == url {
            continue;
        }
        let own = match folded.find("://") {
            Some(at) => folded.get(..at).unwrap_or(""),
            None => folded.as_str(),
        };
        let kind = WORDS.kind_of(own);
        if kind != LinkKind::Other {
            return kind;
        }
    }
    let url = unicode::prefix(url, URL_MAX).to_ascii_lowercase();
    // The host is a name and tells no purpose: `login.example.com` has pages of every kind.
    let path = url
        .split_once("://")
        .and_then(|(_, rest)| rest.find(['/', '?', '#']).and_then(|at| rest.get(at..)))
        .unwrap_or("");
    PATHS.kind_of(path)
}

/// Words that tell a purpose, found in one pass.
struct PurposeWords {
    /// `None` if the words are too many, which a test rules out.
    automaton: Option<AhoCorasick>,
    /// The purpose of each, and whether it counts only with no letter or digit beside it.
    of: Vec<(LinkKind, bool)>,
}

impl PurposeWords {
    fn of(lists: &[(LinkKind, bool, &[&str])]) -> PurposeWords {
        let all = lists.iter().flat_map(|(_, _, words)| *words);
        let built = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(all);
        let each = lists.iter();
        PurposeWords {
            automaton: built.ok(),
            of: (each.flat_map(|(kind, is_whole, words)| words.iter().map(|_| (*kind, *is_whole))))
                .collect(),
        }
    }

    /// What a folded text is for: to unsubscribe, wherever that stands in it, and else to verify.
    fn kind_of(&self, text: &str) -> LinkKind {
        let mut found = LinkKind::Other;
        for hit in (self.automaton.iter()).flat_map(|words| words.find_overlapping_iter(text)) {
            match self.of.get(hit.pattern().as_usize()) {
                Some((_, true)) if !stands_alone(text, hit.range()) => {}
                Some((LinkKind::Unsubscribe, _)) => return LinkKind::Unsubscribe,
                Some((kind, _)) => found = *kind,
                None => {}
            }
        }
        found
    }
}

static WORDS: LazyLock<PurposeWords> = LazyLock::new(|| {
    PurposeWords::of(&[
        (LinkKind::Unsubscribe, false, UNSUBSCRIBE_WORDS),
        (LinkKind::Verification, false, VERIFY_WORDS),
    ])
});

static PATHS: LazyLock<PurposeWords> = LazyLock::new(|| {
    PurposeWords::of(&[
        (LinkKind::Unsubscribe, false, UNSUBSCRIBE_PATHS),
        (LinkKind::Verification, false, VERIFY_PATHS),
        (LinkKind::Verification, true, VERIFY_PATH_WORDS),
    ])
});

/// Whether no letter or digit is beside a range of a path.
fn stands_alone(path: &str, range: Range<usize>) -> bool {
    let is_part = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
    let before = (range.start.checked_sub(1)).and_then(|at| path.as_bytes().get(at));
    !is_part(before) && !is_part(path.as_bytes().get(range.end))
}

/// Links of one message.
pub(crate) const LINKS_MAX: usize = 100;
/// Links that are looked at, so that one that verifies is kept behind many others.
const LINKS_FOUND_MAX: usize = 400;
const LINKS_TEXT_MAX: usize = 1 << 20;
/// Nanoseconds of an address in the text.
const LINK_WORK: usize = 500;
/// An address in angle brackets with its line breaks.
const BRACKET_MAX: usize = URL_MAX + 256;
/// Mailers break lines at 60 to 78 octets.
const BROKEN_LINE_MIN: usize = 56;
/// Octets of a line on each side of an address.
const CONTEXT_MAX: usize = 200;
const WORDS_LOOKED_AT: usize = 600;

/// In folded form.
#[rustfmt::skip]
const VERIFY_WORDS: &[&str] = &[
    "verif", "vérif", "confirm", "activat", "activer", "activar", "aktivier", "magic link", "sign in", "sign-in",
    "signin", "log in", "login", "log-in", "einloggen", "reset", "password", "passwort", "kennwort",
    "mot de passe", "contraseña", "senha", "wachtwoord", "lösenord", "adgangskode", "hasło", "heslo", "parol",
    "invit", "accept", "validat", "validar", "valider", "validier", "bestätig", "conferma", "bevestig", "bekräfta",
    "bekreft", "bekræft", "potwierd", "potvr", "ověř", "aktywuj", "подтверд", "подтверж", "активир", "пароль", "войти",
    "xác nhận", "xác minh", "đăng nhập", "mật khẩu", "doğrula", "onayla", "şifre", "konfirmasi", "vahvista",
    "验证", "驗證", "确认", "確認", "激活", "登录", "登入", "密码", "認証", "ログイン", "パスワード", "有効化",
    "인증", "확인", "로그인", "비밀번호", "تأكيد", "تحقق", "تسجيل الدخول", "אימות", "אישור", "सत्यापित", "पुष्टि", "ยืนยัน",
    "opt-in", "opt in",
];
/// In folded form.
#[rustfmt::skip]
const UNSUBSCRIBE_WORDS: &[&str] = &[
    "unsubscri", "opt out", "opt-out", "abmelden", "abbestell", "austragen", "désabonn", "désinscri", "desabonn",
    "darse de baja", "darme de baja", "dar de baja", "cancelar suscripción", "cancelar la suscripción", "cancelar inscrição",
    "cancelar a inscrição", "cancelar assinatura", "descadastr", "remover inscrição", "annulla iscrizione",
    "annulla l'iscrizione", "disiscriv", "cancellati", "uitschrijv", "afmeld", "avregistrera", "avprenumerera",
    "avsluta prenumeration", "avmeld", "wypisz", "zrezygnuj z subskrypcji", "anuluj subskrypcj", "odhlásit", "odhlaste",
    "dezabonare", "leiratkoz", "peruuta tilaus", "отписаться", "отказаться от", "отписк", "відписатися", "hủy đăng ký",
    "abonelikten", "aboneliği iptal", "berhenti berlangganan", "退订", "取消订阅", "退訂", "取消訂閱", "配信停止",
    "登録解除", "購読解除", "購読を解除", "수신거부", "수신 거부", "구독 취소", "구독취소", "إلغاء الاشتراك", "הסר מרשימת",
    "ביטול מנוי", "सदस्यता समाप्त", "ยกเลิกการสมัคร", "ยกเลิกการรับ",
];
/// In lower case.
const VERIFY_PATHS: &[&str] = &[
    "verif", "confirm", "activat", "signin", "sign-in", "sign_in", "login", "log-in", "log_in",
    "password", "validat", "token=", "opt-in", "optin",
];
/// In lower case; they count as whole words only.
const VERIFY_PATH_WORDS: &[&str] = &[
    "otp",
    "auth",
    "oauth",
    "reset",
    "magic",
    "magiclink",
    "invite",
    "invitation",
    "invitations",
    "accept",
];
/// In lower case.
const UNSUBSCRIBE_PATHS: &[&str] = &[
    "unsub",
    "opt-out",
    "optout",
    "opt_out",
    "abmelden",
    "abbestell",
    "desinscri",
    "desabonn",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_tells_its_purpose() {
        for word in UNSUBSCRIBE_WORDS {
            let text = format!("verify or {word} here");
            assert_eq!(WORDS.kind_of(&text), LinkKind::Unsubscribe, "{word}");
        }
        for word in VERIFY_WORDS {
            assert_eq!(WORDS.kind_of(word), LinkKind::Verification, "{word}");
        }
        for word in UNSUBSCRIBE_PATHS {
            assert_eq!(PATHS.kind_of(word), LinkKind::Unsubscribe, "{word}");
        }
        for word in VERIFY_PATHS.iter().chain(VERIFY_PATH_WORDS) {
            let path = format!("/{word}/x");
            assert_eq!(PATHS.kind_of(&path), LinkKind::Verification, "{word}");
        }
        assert_eq!(PATHS.kind_of("/authors/preset"), LinkKind::Other);
    }
}

//! What an agent looks for in a text: the new part of an answer, one-time codes, links.
//!
//! All of it is guesswork on hostile text, so none of it decides anything: it is shown beside the text it was
//! taken from. Each function is linear and looks at a bounded part of its input.

use super::html::{Page, URL_MAX};
use super::unicode::{self, fold};

/// The text without quoted history and signature; the whole text if nothing else would be left.
pub fn extracted_text(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let mut kept: Vec<&str> = Vec::with_capacity(lines.len());
    let mut at = 0;
    while let Some(&line) = lines.get(at) {
        let trimmed = line.trim();
        if line.trim_end() == "--" || line == "-- " || is_device_signature(trimmed) {
            break;
        }
        if trimmed.starts_with('>') {
            at += 1;
            continue;
        }
        if is_separator(trimmed) || starts_header_block(&lines, at) {
            break;
        }
        if let Some(n) = attribution(&lines, at) {
            let next = lines
                .iter()
                .skip(at + n)
                .find(|line| !line.trim().is_empty());
            // Quoted with marks: the answer may go on below. Without marks all that follows is history.
            if next.is_some_and(|line| line.trim_start().starts_with('>')) {
                at += n;
                continue;
            }
            break;
        }
        kept.push(line);
        at += 1;
    }
    let extracted = kept.join("\n");
    let extracted = extracted.trim();
    if extracted.is_empty() {
        text.trim().to_owned()
    } else {
        extracted.to_owned()
    }
}

/// How many lines "On ... wrote:" takes at `at`, if it starts there. Mailers wrap it.
fn attribution(lines: &[&str], at: usize) -> Option<usize> {
    let first = lines.get(at)?.trim();
    let is_start = ATTRIBUTION_STARTS.iter().any(|start| {
        first
            .get(..start.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(start))
    });
    // Languages that begin with the date end in a word of their own.
    let mut joined = String::new();
    for n in 1..=ATTRIBUTION_LINES_MAX {
        let line = lines.get(at + n - 1)?.trim();
        if line.len() > LINE_LOOKED_AT || (n > 1 && (line.is_empty() || line.starts_with('>'))) {
            return None;
        }
        joined.push(' ');
        joined.push_str(line);
        if joined.ends_with([':', '：', '>'])
            || ENDS_WITHOUT_COLON.iter().any(|end| joined.ends_with(end))
        {
            let folded = fold(joined.trim().trim_end_matches([':', '：', ' ']));
            let says_so = ATTRIBUTION_WORDS.iter().any(|word| folded.contains(word));
            let has_when_or_who =
                joined.contains('@') || joined.bytes().filter(u8::is_ascii_digit).count() >= 3;
            if says_so && (is_start || has_when_or_who) {
                return Some(n);
            }
        }
        if !is_start && n == 2 {
            return None;
        }
    }
    None
}

/// `-----Original Message-----`, a forwarded message, and the line that Outlook draws.
fn is_separator(line: &str) -> bool {
    if line.len() > LINE_LOOKED_AT {
        return false;
    }
    if line.len() >= 20 && line.bytes().all(|b| b == b'_') {
        return true;
    }
    let bare = line.trim_matches(['-', '_', '*', ' ', '>']);
    line.starts_with("--") && line.len() > bare.len() + 3 && {
        let bare = fold(bare);
        SEPARATORS.contains(&bare.as_str())
    }
}

/// Outlook's quotation: From, Sent or Date, To, Subject in any of a few languages, one below the other.
fn starts_header_block(lines: &[&str], at: usize) -> bool {
    let label = |n: usize, labels: &[&str]| {
        let line = lines
            .get(at + n)
            .map_or("", |line| line.trim().trim_start_matches('*'));
        let Some((label, _)) = line
            .split_once([':', '：'])
            .filter(|(label, _)| label.len() <= 20)
        else {
            return false;
        };
        labels.contains(&fold(label.trim().trim_end_matches('*')).as_str())
    };
    label(0, FROM_LABELS)
        && (1..=4).any(|n| label(n, SENT_LABELS))
        && (1..=5).any(|n| label(n, SUBJECT_LABELS))
}

fn is_device_signature(line: &str) -> bool {
    line.len() <= 80
        && DEVICE_SIGNATURES
            .iter()
            .any(|start| line.starts_with(start))
}

/// One-time codes of a text, likeliest first, at most [`CODES_MAX`]: digits or capitals near words such as
/// code, OTP or verification.
pub fn codes(text: &str) -> Vec<String> {
    let text = unicode::prefix(text, CODES_TEXT_MAX);
    let bytes = text.as_bytes();
    let mut found: Vec<(i32, String)> = Vec::new();
    let mut at = 0;
    let mut looked_at = 0;
    while let Some(offset) = bytes
        .get(at..)
        .and_then(|rest| rest.iter().position(u8::is_ascii_alphanumeric))
    {
        let start = at + offset;
        let token = Token::at(text, start);
        at = token.end.max(start + 1);
        let Some(code) = token.code(text) else {
            continue;
        };
        looked_at += 1;
        if looked_at > CANDIDATES_MAX {
            break;
        }
        let score = token.score(text, &code);
        if score <= 0 {
            continue;
        }
        match found.iter_mut().find(|(_, known)| *known == code) {
            Some(known) => known.0 = known.0.max(score),
            None => found.push((score, code)),
        }
    }
    found.sort_by_key(|(score, _)| -score);
    found.truncate(CODES_MAX);
    found.into_iter().map(|(_, code)| code).collect()
}

/// Codes of a message: what the subject says counts for the text below it.
pub fn codes_in_mail(subject: &str, text: &str) -> Vec<String> {
    let has_digit = |s: &str| s.bytes().any(|b| b.is_ascii_digit() || b == b'-');
    if !has_digit(text) && !has_digit(subject) {
        return Vec::new();
    }
    let text = unicode::prefix(text, CODES_TEXT_MAX - 2_048);
    codes(&format!("{}\n{text}", unicode::prefix(subject, 1_024)))
}

/// A run of letters, digits and single hyphens.
#[derive(Clone, Copy)]
struct Token {
    start: usize,
    end: usize,
    digits: usize,
    uppers: usize,
    lowers: usize,
    hyphens: usize,
}

impl Token {
    fn at(text: &str, start: usize) -> Token {
        let bytes = text.as_bytes();
        let mut token = Token {
            start,
            end: start,
            digits: 0,
            uppers: 0,
            lowers: 0,
            hyphens: 0,
        };
        while let Some(b) = bytes.get(token.end) {
            match b {
                b'0'..=b'9' => token.digits += 1,
                b'A'..=b'Z' => token.uppers += 1,
                b'a'..=b'z' => token.lowers += 1,
                b'-' if bytes
                    .get(token.end + 1)
                    .is_some_and(u8::is_ascii_alphanumeric) =>
                {
                    token.hyphens += 1
                }
                _ => break,
            }
            token.end += 1;
        }
        // "123 456": two halves that belong together.
        let half = token.end - token.start;
        let second = bytes.get(token.end + 1..token.end + 1 + half);
        if (3..=4).contains(&half)
            && token.digits == half
            && bytes.get(token.end) == Some(&b' ')
            && second.is_some_and(|s| s.iter().all(u8::is_ascii_digit))
            && !bytes
                .get(token.end + 1 + half)
                .is_some_and(u8::is_ascii_alphanumeric)
        {
            token.digits += half;
            token.end += 1 + half;
        }
        token
    }

    /// The code that the token may be, as it would be typed.
    fn code(&self, text: &str) -> Option<String> {
        let n = self.end - self.start;
        if !(4..=16).contains(&n) || self.lowers > 0 || (self.digits == 0 && self.hyphens == 0) {
            return None;
        }
        let bytes = text.as_bytes();
        let before = self
            .start
            .checked_sub(1)
            .and_then(|i| bytes.get(i))
            .copied()
            .unwrap_or(b' ');
        let (after, beyond) = (
            bytes.get(self.end).copied().unwrap_or(b' '),
            bytes.get(self.end + 1).copied().unwrap_or(b' '),
        );
        // Money, fractions, phone numbers, parts of addresses and links.
        let joined = b"$/.@_&=+,?%~\\".contains(&before)
            || (before == b'#' && self.digits == n)
            || before >= 0x80 && is_currency_before(text, self.start);
        let goes_on = b"/@_%=&".contains(&after)
            || (b".,:".contains(&after) && beyond.is_ascii_digit())
            || (after == b'-' && beyond.is_ascii_alphanumeric());
        // Groups of digits beside groups of digits are a phone or card number.
        let two_before = self
            .start
            .checked_sub(2)
            .and_then(|i| bytes.get(i))
            .copied();
        let grouped = (before == b' '
            && two_before.is_some_and(|b| b.is_ascii_digit() || b == b')'))
            || (after == b' ' && beyond.is_ascii_digit());
        if joined || goes_on || grouped || before == b'-' {
            return None;
        }
        let token = text.get(self.start..self.end)?;
        let groups: Vec<&str> = token.split(['-', ' ']).collect();
        let is_number = |s: &&str| s.bytes().all(|b| b.is_ascii_digit());
        if self.uppers == 0 {
            let even = groups.len() == 1
                || groups
                    .iter()
                    .all(|g| Some(g.len()) == groups.first().map(|f| f.len()));
            let code: String = token.chars().filter(char::is_ascii_digit).collect();
            return (even && groups.len() <= 3 && (4..=8).contains(&code.len())).then_some(code);
        }
        // "G-123456": the letter names the sender, the digits are typed.
        if let [one, number] = groups.as_slice()
            && one.len() <= 2
            && is_number(number)
            && (4..=8).contains(&number.len())
        {
            return Some((*number).to_owned());
        }
        let even = groups.len() <= 4 && groups.iter().all(|g| (3..=5).contains(&g.len()));
        let single = groups.len() == 1 && (5..=10).contains(&n) && self.digits > 0;
        (single || (groups.len() > 1 && even)).then(|| token.to_owned())
    }

    /// How likely it is a code, by the words around it; nothing above zero without such words.
    fn score(&self, text: &str, code: &str) -> i32 {
        let (line_start, line_end) = line_around(text, self.start, self.end);
        let line = text
            .get(line_start..line_end)
            .unwrap_or("")
            .trim_matches(|c: char| !c.is_alphanumeric());
        let alone = line.len() <= self.end - self.start;
        let reach = if alone { REACH_ALONE } else { REACH_BEFORE };
        let before = fold(window(text, self.start.saturating_sub(reach), self.start));
        let after = fold(window(text, self.end, self.end + REACH_AFTER));
        let last_word = before
            .trim_end_matches(|c: char| !c.is_alphanumeric())
            .rsplit(|c: char| !c.is_alphanumeric())
            .next();
        if last_word.is_some_and(|word| NOT_CODES.contains(&word)) && !alone {
            return 0;
        }
        let near = KEYWORDS.iter().filter_map(|(word, weight)| {
            let ahead = before
                .rfind(word)
                .filter(|&at| !is_other_code(&before, at, word))
                .map(|at| before.len() - at - word.len());
            let behind = after
                .find(word)
                .filter(|&at| !is_other_code(&after, at, word))
                .map(|at| at + 20);
            let distance = [ahead, behind].into_iter().flatten().min()?;
            Some((weight - i32::try_from(distance / 4).unwrap_or(0), distance))
        });
        let (mut score, distance) = near.max().unwrap_or((0, 0));
        if score <= 0 {
            return 0;
        }
        let is_year = code.len() == 4 && (code.starts_with("19") || code.starts_with("20"));
        let is_number = code.bytes().all(|b| b.is_ascii_digit());
        score += if alone { 40 } else { 0 };
        score += if code.len() == 6 && is_number { 20 } else { 0 };
        score -= if is_year && !alone && distance > ADJACENT {
            70
        } else {
            0
        };
        score
    }
}

fn is_currency_before(text: &str, at: usize) -> bool {
    text.get(..at)
        .and_then(|head| head.chars().next_back())
        .is_some_and(|c| matches!(c, '€' | '£' | '¥' | '₹' | '₽' | '₩'))
}

/// "zip code", "promo code" and the like are no codes to type.
fn is_other_code(text: &str, at: usize, word: &str) -> bool {
    if word != "code" {
        return false;
    }
    let before = text.get(..at).unwrap_or("").trim_end();
    let last = before
        .rsplit(|c: char| !c.is_alphanumeric())
        .next()
        .unwrap_or("");
    OTHER_CODES.contains(&last)
}

fn line_around(text: &str, start: usize, end: usize) -> (usize, usize) {
    let floor = start.saturating_sub(80);
    let head = text.as_bytes().get(floor..start).unwrap_or(b"");
    let line_start = memchr::memrchr(b'\n', head).map_or(floor, |n| floor + n + 1);
    let tail = text
        .as_bytes()
        .get(end..text.len().min(end + 80))
        .unwrap_or(b"");
    let line_end = end + memchr::memchr(b'\n', tail).unwrap_or(tail.len());
    let up = |at: usize| {
        (at..=text.len())
            .find(|&i| text.is_char_boundary(i))
            .unwrap_or(text.len())
    };
    (up(line_start), up(line_end))
}

fn window(text: &str, start: usize, end: usize) -> &str {
    let up = |at: usize| {
        (at.min(text.len())..=text.len())
            .find(|&i| text.is_char_boundary(i))
            .unwrap_or(text.len())
    };
    text.get(up(start)..up(end)).unwrap_or("")
}

/// The links of a message, those that confirm or sign in first, at most [`LINKS_MAX`] and each once.
pub fn links(text: &str, page: Option<&Page>) -> Vec<String> {
    let mut found: Vec<(bool, String)> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    let mut add = |url: &str, label: &str| {
        if found.len() < LINKS_MAX && seen.insert(url.to_owned()) {
            found.push((verifies(url) || verifies(label), url.to_owned()));
        }
    };
    for (url, label) in page.map(|page| page.links.as_slice()).unwrap_or_default() {
        add(url, label);
    }
    let mut rest = unicode::prefix(text, LINKS_TEXT_MAX);
    while let Some(at) = memchr::memmem::find(rest.as_bytes(), b"http") {
        rest = rest.get(at..).unwrap_or("");
        if !rest.starts_with("http://") && !rest.starts_with("https://") {
            rest = rest.get(4..).unwrap_or("");
            continue;
        }
        let end = rest
            .find(|c: char| c.is_whitespace() || c.is_control() || "<>\"`{}|\\^".contains(c))
            .unwrap_or(rest.len());
        let url = rest.get(..end).unwrap_or("");
        let trimmed = trim_url(url);
        if trimmed.len() <= URL_MAX && trimmed.len() > "https://".len() {
            add(trimmed, "");
        }
        rest = rest.get(end.max(4)..).unwrap_or("");
    }
    found.sort_by_key(|(verifies, _)| !verifies);
    found.into_iter().map(|(_, url)| url).collect()
}

/// Without the punctuation of the sentence it stands in.
fn trim_url(url: &str) -> &str {
    let mut url = url.trim_end_matches(['.', ',', ';', ':', '!', '?', '\'', '*', '_', '…']);
    if url.ends_with(')') && !url.contains('(') {
        url = url.trim_end_matches(')');
    }
    if url.ends_with(']') && !url.contains('[') {
        url = url.trim_end_matches(']');
    }
    url
}

fn verifies(text: &str) -> bool {
    let text = text
        .get(..text.len().min(URL_MAX))
        .unwrap_or("")
        .to_ascii_lowercase();
    VERIFY_WORDS.iter().any(|word| text.contains(word))
}

/// Codes of one message.
pub const CODES_MAX: usize = 5;
/// Links of one message.
pub const LINKS_MAX: usize = 100;
/// Mail with a code says it in its first screens.
const CODES_TEXT_MAX: usize = 64 * 1024;
/// Numbers that are looked at in their surroundings.
const CANDIDATES_MAX: usize = 64;
const LINKS_TEXT_MAX: usize = 1 << 20;
const REACH_BEFORE: usize = 90;
/// A code that stands alone in its line is announced a sentence before.
const REACH_ALONE: usize = 260;
const REACH_AFTER: usize = 60;
/// "code is ", "PIN: "
const ADJACENT: usize = 8;
const ATTRIBUTION_LINES_MAX: usize = 4;
const LINE_LOOKED_AT: usize = 400;

#[rustfmt::skip]
const ATTRIBUTION_STARTS: &[&str] = &[
    "On ", "Am ", "Le ", "El ", "Il ", "Em ", "Op ", "Den ", "Den. ", "W dniu ", "Dne ", "Pe ", "Pada ",
    "Vào ", "Tarih:",
];
/// Folded.
#[rustfmt::skip]
const ATTRIBUTION_WORDS: &[&str] = &[
    "wrote", "schrieb", "a écrit", "escribió", "ha scritto", "escreveu", "schreef", "skrev", "napisał",
    "pisze", "napsal", "пишет", "написал", "писал", "yazdı", "yazmış", "kirjoitti", "a scris", "menulis",
    "đã viết", "写道", "寫道", "のメール", "書きました", "님이 작성",
];
#[rustfmt::skip]
const ENDS_WITHOUT_COLON: &[&str] = &["wrote", "schrieb", "写道", "寫道", "書きました"];
/// Folded.
#[rustfmt::skip]
const SEPARATORS: &[&str] = &[
    "original message", "original appointment", "forwarded message", "ursprüngliche nachricht", "originalnachricht",
    "weitergeleitete nachricht", "message d'origine", "message transféré", "mensaje original", "mensagem original",
    "messaggio originale", "messaggio inoltrato", "oorspronkelijk bericht", "doorgestuurd bericht",
    "ursprungligt meddelande", "oprindelig meddelelse", "исходное сообщение", "пересылаемое сообщение", "原始邮件",
    "转发邮件", "元のメッセージ",
];
#[rustfmt::skip]
const FROM_LABELS: &[&str] = &[
    "from", "von", "de", "da", "van", "från", "fra", "od", "от", "发件人", "寄件者", "差出人", "보낸 사람",
];
#[rustfmt::skip]
const SENT_LABELS: &[&str] = &[
    "sent", "date", "gesendet", "datum", "envoyé", "enviado", "fecha", "data", "inviato", "verzonden",
    "skickat", "sendt", "wysłano", "отправлено", "дата", "发送时间", "日期", "寄件日期", "送信日時", "日付", "보낸 날짜",
];
#[rustfmt::skip]
const SUBJECT_LABELS: &[&str] = &[
    "subject", "betreff", "objet", "asunto", "oggetto", "assunto", "onderwerp", "ämne", "emne", "temat",
    "тема", "主题", "主旨", "件名", "제목",
];
#[rustfmt::skip]
const DEVICE_SIGNATURES: &[&str] = &[
    "Sent from my ", "Sent from Outlook", "Get Outlook for ", "Von meinem ", "Gesendet von ",
    "Envoyé de mon ", "Envoyé depuis ", "Enviado desde mi ", "Enviado do meu ", "Inviato da ",
    "Verzonden vanaf ", "Skickat från ", "Sendt fra ", "Отправлено с ", "发自我的", "從我的", "Sent via ",
];
/// Folded, with how much each says.
#[rustfmt::skip]
const KEYWORDS: &[(&str, i32)] = &[
    ("code", 60), ("otp", 60), ("passcode", 60), ("pin", 45), ("one-time", 60), ("one time", 60),
    ("verification", 50), ("verify", 40), ("2fa", 50), ("two-factor", 50), ("authentication", 40),
    ("security", 30), ("token", 35), ("confirm", 35), ("login", 30), ("log in", 30), ("sign in", 30),
    ("sign-in", 30), ("temporary password", 45), ("código", 60), ("codigo", 60), ("codice", 60), ("kode", 60),
    ("kod", 45), ("код", 60), ("einmalpasswort", 60), ("bestätigung", 40), ("tan", 30), ("doğrulama", 45),
    ("koodi", 60), ("κωδικ", 60), ("验证码", 60), ("驗證碼", 60), ("校验码", 60), ("認証", 60), ("確認コード", 60),
    ("コード", 50), ("인증", 60), ("رمز", 60), ("קוד", 60),
];
/// The word right before a number that makes it something else.
#[rustfmt::skip]
const NOT_CODES: &[&str] = &[
    "order", "invoice", "ticket", "zip", "room", "case", "ref", "reference", "phone", "tel", "ext", "version",
    "rfc", "iso", "suite", "flight", "copyright", "since", "box", "tracking", "account", "bestellung",
    "rechnung",
];
/// The word before "code" that makes it something else.
#[rustfmt::skip]
const OTHER_CODES: &[&str] = &[
    "zip", "postal", "post", "promo", "promotion", "discount", "coupon", "voucher", "gift", "referral",
    "country", "area", "error", "status", "source", "dress", "bar", "exit", "sort", "swift", "color",
];
#[rustfmt::skip]
const VERIFY_WORDS: &[&str] = &[
    "verif", "confirm", "activat", "magic", "signin", "sign-in", "sign_in", "login", "log-in", "log in",
    "sign in", "reset", "password", "token=", "otp", "/auth", "invite", "accept", "validate", "bestätig",
    "validar", "confermare", "opt-in", "optin",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn history_and_signatures_are_cut_off() {
        for (text, new) in [
            (
                "Yes.\n\nOn Mon, Jan 1, 2024 at 10:00 AM Ann <a@b.test> wrote:\n> Question?\n> more",
                "Yes.",
            ),
            (
                "Yes.\n\nOn Mon, Jan 1, 2024 at 10:00 AM Ann Very Long Name\n<a@b.test> wrote:\n\n> Question?",
                "Yes.",
            ),
            (
                "Ja.\n\nAm 01.01.2024 um 10:00 schrieb Ann <a@b.test>:\n\n> Frage?",
                "Ja.",
            ),
            (
                "Ja.\n\nAm Mo., 1. Jan. 2024 um 10:00 Uhr schrieb Ann <\na@b.test>:\n\n> Frage?",
                "Ja.",
            ),
            (
                "Oui.\n\nLe lun. 1 janv. 2024 à 10:00, Ann <a@b.test> a écrit :\n> Question",
                "Oui.",
            ),
            (
                "Sí.\n\nEl lun, 1 ene 2024 a las 10:00, Ann (<a@b.test>) escribió:\n> ¿?",
                "Sí.",
            ),
            (
                "Sì.\n\nIl giorno lun 1 gen 2024 alle ore 10:00 Ann <a@b.test> ha scritto:\n> ?",
                "Sì.",
            ),
            (
                "Да.\n\nпн, 1 янв. 2024 г. в 10:00, Ann <a@b.test> написал:\n> ?",
                "Да.",
            ),
            (
                "是。\n\n在 2024年1月1日，Ann <a@b.test> 写道：\n> ?",
                "是。",
            ),
            ("Yes.\n\n-----Original Message-----\nFrom: x\nold", "Yes."),
            (
                "Yes.\n\n________________________________\nFrom: x\nSent: y\nold",
                "Yes.",
            ),
            (
                "Yes.\n\nFrom: Ann\nSent: Monday\nTo: Bob\nSubject: x\n\nold",
                "Yes.",
            ),
            (
                "Ja.\n\nVon: Ann\nGesendet: Montag\nAn: Bob\nBetreff: x\n\nalt",
                "Ja.",
            ),
            (
                "> old question\n\nNew answer.\n> more old\nAnd more.",
                "New answer.\nAnd more.",
            ),
            ("On Monday, Ann <a@b.test> wrote:\n> q\n\nBelow.", "Below."),
            ("Hello\n-- \nAnn\nCEO", "Hello"),
            ("Hello\n\nSent from my iPhone", "Hello"),
            (
                "On Monday I wrote: nothing.\nOn and on.",
                "On Monday I wrote: nothing.\nOn and on.",
            ),
            (
                "From: here to there\nnothing",
                "From: here to there\nnothing",
            ),
            ("> only quoted", "> only quoted"),
            (
                "---------- Forwarded message ---------\nFrom: x\nbody",
                "---------- Forwarded message ---------\nFrom: x\nbody",
            ),
            ("", ""),
        ] {
            assert_eq!(extracted_text(text), new, "{text}");
        }
    }

    #[test]
    fn codes_are_found_where_words_say_so() {
        for (text, expected) in [
            ("Your verification code is 123456.", &["123456"][..]),
            ("123456 is your Acme code", &["123456"]),
            (
                "Use this code to sign in:\n\n  4821\n\nIt expires in 2024.",
                &["4821"],
            ),
            ("Your one-time passcode: 123 456", &["123456"]),
            ("code: 123-456", &["123456"]),
            ("G-123456 is your Google verification code.", &["123456"]),
            ("Enter the code below\nA1B2C3", &["A1B2C3"]),
            ("Your device code is WDJB-MJHT", &["WDJB-MJHT"]),
            ("OTP 99887766 valid 10 minutes", &["99887766"]),
            ("Ihr Bestätigungscode lautet 774411", &["774411"]),
            ("Tu código es 445566", &["445566"]),
            ("您的验证码是：735512，5分钟内有效", &["735512"]),
            ("認証コード: 664422", &["664422"]),
            ("Ваш код: 5521", &["5521"]),
            ("Your PIN is 1984", &["1984"]),
            ("Invoice 123456 over $1,234.00", &[]),
            ("Order #123456 was shipped on 2024-01-02", &[]),
            ("Meet at 1600 Amphitheatre, zip code 94043", &[]),
            ("Use promo code SAVE20 now", &[]),
            ("Call +1 555 123 4567 to confirm", &[]),
            ("https://x.test/verify/123456?code=654321", &[]),
            ("Copyright 2024 Acme", &[]),
            ("hello world", &[]),
            ("", &[]),
        ] {
            assert_eq!(codes(text), expected, "{text}");
        }
        assert_eq!(
            codes_in_mail("Your login code", "Hi,\n\n482193\n\nBye"),
            ["482193"]
        );
    }

    #[test]
    fn links_that_verify_come_first() {
        let page = Page {
            links: vec![
                ("https://a.test/u".to_owned(), "Unsubscribe".to_owned()),
                ("https://a.test/x".to_owned(), "Confirm email".to_owned()),
            ],
            ..Page::default()
        };
        let text = "See https://b.test/a(b). Then (http://c.test/magic), or <https://a.test/x>! httpx http:// https://";
        assert_eq!(
            links(text, Some(&page)),
            [
                "https://a.test/x",
                "http://c.test/magic",
                "https://a.test/u",
                "https://b.test/a(b)"
            ]
        );
        assert!(links("nothing", None).is_empty());
    }

    #[test]
    fn hostile_text_costs_no_more_than_its_length() {
        for text in [
            "123456 ".repeat(200_000),
            "code ".repeat(200_000),
            "On \n".repeat(200_000),
            "http://".repeat(200_000),
            ">".repeat(1_000_000),
            "A-".repeat(500_000),
            "From: \n".repeat(150_000),
        ] {
            let _ = (
                codes(&text),
                links(&text, None).len(),
                extracted_text(&text).len(),
            );
        }
    }
}

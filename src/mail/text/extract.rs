//! The new part of a reply, for agents. Codes are in `codes`, links in `links`.
//!
//! All of it is guesswork on hostile text, so the server never acts on it: it is shown beside the
//! text. Each function is linear and reads a bounded part of its input.

use crate::mail::unicode::fold;

/// The text without quoted history and signature; the whole text if nothing else is left.
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
            // A quotation with marks may have an answer below it. Without marks, all text that
            // follows is history.
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

/// How many lines "On ... wrote:" has at `at`, if it starts there. Mailers wrap it.
fn attribution(lines: &[&str], at: usize) -> Option<usize> {
    let first = lines.get(at)?.trim();
    let is_start = ATTRIBUTION_STARTS.iter().any(|start| {
        first
            .get(..start.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(start))
    });
    // In languages that begin with the date, the last word marks the end.
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

/// Outlook's quotation: From, Sent or Date, To, Subject in one of a few languages, in successive
/// lines.
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

const ATTRIBUTION_LINES_MAX: usize = 4;
const LINE_LOOKED_AT: usize = 400;

#[rustfmt::skip]
const ATTRIBUTION_STARTS: &[&str] = &[
    "On ", "Am ", "Le ", "El ", "Il ", "Em ", "Op ", "Den ", "Den. ", "W dniu ", "Dne ", "Pe ", "Pada ",
    "Vào ", "Tarih:",
];
/// In folded form.
#[rustfmt::skip]
const ATTRIBUTION_WORDS: &[&str] = &[
    "wrote", "schrieb", "a écrit", "escribió", "ha scritto", "escreveu", "schreef", "skrev", "napisał",
    "pisze", "napsal", "пишет", "написал", "писал", "yazdı", "yazmış", "kirjoitti", "a scris", "menulis",
    "đã viết", "写道", "寫道", "のメール", "書きました", "님이 작성",
];
#[rustfmt::skip]
const ENDS_WITHOUT_COLON: &[&str] = &["wrote", "schrieb", "写道", "寫道", "書きました"];
/// In folded form.
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

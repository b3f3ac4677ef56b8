//! Whether the plain text or the HTML of a multipart/alternative is shown.
//!
//! The plain text is shown, as its author or a mailer wrote it for readers without HTML. The
//! exception is plain text that only fills the place: it is blank, says that the mail has to be
//! read in another program, or is a few words beside a page. The HTML is another form of the same
//! words (RFC 2046 section 5.1.4), so showing it loses nothing. A plain text is never left out for
//! HTML that shows no words.

use std::borrow::Cow;

use super::html::HtmlPage;
use super::parts::TextUse;
use crate::mail::unicode::{fold, is_invisible};
use crate::pace;

/// A text part, decoded.
pub(super) enum Words<'a> {
    Plain(Cow<'a, str>),
    Page(HtmlPage),
}

/// The alternatives of a message whose HTML is shown, by the index of the multipart.
pub(super) struct Choices {
    pages: Vec<usize>,
}

impl Choices {
    /// Decides for each alternative among the parts of one message.
    pub(super) fn of(parts: &[(TextUse, Words<'_>)]) -> Choices {
        let mut pages = Vec::new();
        let mut decided = None;
        for (use_of, _) in parts {
            let TextUse::Plain(alternative) = *use_of else {
                continue;
            };
            // The plain texts of one alternative stand together.
            if decided.replace(alternative) != Some(alternative) && is_filler(alternative, parts) {
                pages.push(alternative);
            }
        }
        Choices { pages }
    }

    /// The same for a reader that prefers pages: every alternative that has a page with words.
    pub(super) fn of_pages(parts: &[(TextUse, Words<'_>)]) -> Choices {
        let page = |(use_of, words): &(TextUse, Words<'_>)| match (use_of, words) {
            (TextUse::Page(alternative), Words::Page(page)) => {
                pace::spend(page.text.len());
                let has_words = page.text.contains(char::is_alphanumeric);
                has_words.then_some(*alternative)
            }
            _ => None,
        };
        Choices {
            pages: parts.iter().filter_map(page).collect(),
        }
    }

    /// Whether the part is shown.
    pub(super) fn shows(&self, use_of: TextUse) -> bool {
        match use_of {
            TextUse::Page(alternative) => self.pages.contains(&alternative),
            TextUse::Plain(alternative) => !self.pages.contains(&alternative),
            TextUse::Message | TextUse::Shown | TextUse::Spare => true,
        }
    }
}

/// Whether all plain texts of an alternative only fill their place beside its HTML.
fn is_filler(alternative: usize, parts: &[(TextUse, Words<'_>)]) -> bool {
    let octets = parts.iter().map(|(_, words)| match words {
        Words::Plain(text) => text.len(),
        Words::Page(page) => page.text.len(),
    });
    pace::spend(octets.sum());
    let mut fillers = parts.iter().filter_map(|(use_of, words)| match words {
        Words::Plain(text) if *use_of == TextUse::Plain(alternative) => Some(Filler::of(text)),
        _ => None,
    });
    if fillers.any(|filler| filler == Filler::None) {
        return false;
    }
    let letters = |n_max: usize| {
        parts
            .iter()
            .filter_map(|(use_of, words)| match words {
                Words::Page(page) if *use_of == TextUse::Page(alternative) => Some(&page.text),
                _ => None,
            })
            .flat_map(|text| text.split_whitespace())
            .filter(|word| !word.contains("://"))
            .flat_map(str::chars)
            .filter(|c| c.is_alphanumeric())
            .take(n_max)
            .count()
    };
    parts.iter().all(|(use_of, words)| match words {
        Words::Plain(text) if *use_of == TextUse::Plain(alternative) => match Filler::of(text) {
            Filler::None => false,
            Filler::Blank => letters(1) > 0,
            Filler::Notice(wanted) => letters(wanted) >= wanted,
            Filler::Short(own) => {
                let wanted = (own * SHORT_RATIO).max(SUBSTANCE_LETTERS);
                letters(wanted) >= wanted
            }
        },
        _ => true,
    })
}

/// How a plain text may fill its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Filler {
    /// It has no words.
    Blank,
    /// It is an ordinary text.
    None,
    /// It speaks of HTML, of a browser or of mail programs, and is short; with the letters that the
    /// HTML must have.
    Notice(usize),
    /// It is a few words, which may be all that its author had to say; with the number of its
    /// letters and digits, links not counted.
    Short(usize),
}

impl Filler {
    fn of(text: &str) -> Filler {
        let has_word = |c: char| !c.is_whitespace() && !is_invisible(c);
        let Some(start) = text.find(has_word) else {
            return Filler::Blank;
        };
        let text = text.get(start..).unwrap_or("").trim_end();
        if text.len() > NOTICE_BYTES {
            return Filler::None;
        }
        let words: Vec<&str> = text
            .split_whitespace()
            .filter(|word| !word.contains("://") && !word.starts_with("www."))
            .collect();
        let words = words.join(" ").replace("&nbsp;", " ");
        match words.chars().filter(|c| c.is_alphanumeric()).count() {
            0 => Filler::Blank,
            n if n <= NOTICE_LETTERS => Filler::short(n, &fold(&words)),
            _ => Filler::None,
        }
    }

    /// A text of `n` letters. The name of HTML is the same in all languages; names of files that
    /// end with it do not count.
    fn short(n: usize, folded: &str) -> Filler {
        let speaks_of_html = folded
            .match_indices("html")
            .any(|(at, _)| !folded.get(..at).is_some_and(|before| before.ends_with('.')));
        let has = |words: &[&str]| words.iter().any(|word| folded.contains(word));
        if speaks_of_html {
            Filler::Notice(1)
        } else if has(PROGRAM_WORDS) || (n <= BROWSER_LETTERS && has(BROWSER_WORDS)) {
            // A page of pictures has a word or two, such as a link to leave the list.
            Filler::Notice((n / 4).max(1))
        } else if n <= SHORT_LETTERS {
            Filler::Short(n)
        } else {
            Filler::None
        }
    }
}

/// Octets of a text that may be a notice, its links included.
const NOTICE_BYTES: usize = 2_000;
/// Letters of a notice.
const NOTICE_LETTERS: usize = 300;
/// Letters of a notice that speaks of browsers: warnings about logins do so too, and are longer.
const BROWSER_LETTERS: usize = 100;
/// Letters of a few words, and how many times more the HTML must have.
const SHORT_LETTERS: usize = 60;
const SHORT_RATIO: usize = 10;
/// Letters of a page of substance.
const SUBSTANCE_LETTERS: usize = 300;

/// In folded form: mail programs and the form of a mail, in the languages whose mail was looked at.
#[rustfmt::skip]
const PROGRAM_WORDS: &[&str] = &[
    "text version", "text-only version", "plain text version", "mime format", "multipart message",
    "multi-part message", "email client", "e-mail client", "mail client", "mail reader", "email program",
    "e-mail program", "mail program", "rich text", "richtext", "mailprogramm", "e-mail-programm",
    "e-mail-client", "client de messagerie", "logiciel de messagerie", "messagerie électronique ne",
    "cliente de correo", "programa de correo", "gestor de correo", "cliente de e-mail", "cliente de email",
    "programa de e-mail", "leitor de e-mail", "client di posta", "programma di posta", "client email",
    "mailprogramma", "e-mailprogramma", "e-mailclient", "mailprogram", "e-postprogram", "e-postklient",
    "mailklient", "sähköpostiohjelma", "klient poczt", "program poczt", "klienta poczty", "programu poczt",
    "poštovní klient", "poštovní program", "e-mailový klient", "emailový klient", "levelezőprogram",
    "levelező program", "levelezőkliens", "client de e-mail", "clientul de", "почтовый клиент",
    "почтовая программа", "почтовой программ", "почтового клиент", "поштовий клієнт", "поштова програма",
    "e-posta program", "e-posta istemci", "eposta istemci", "πρόγραμμα ηλεκτρονικ", "προγραμμα ηλεκτρονικ",
    "برنامج البريد", "عميل البريد", "תוכנת הדואר", "תוכנת דואר", "trình đọc thư", "ứng dụng email",
    "ứng dụng thư", "メールソフト", "メーラー", "邮件客户端", "邮箱客户端", "郵件軟體", "郵件程式", "메일 프로그램", "메일 클라이언트",
];
/// In folded form: browsers and the version of a mail on the web.
#[rustfmt::skip]
const BROWSER_WORDS: &[&str] = &[
    "browser", "online version", "web version", "webversion", "version online", "onlineversion",
    "online-version", "online ansehen", "navigateur", "version en ligne", "navegador", "versión en línea",
    "versión web", "versão online", "versão web", "versione online", "versione web", "online versie",
    "webversie", "onlineversie", "webbläsare", "nettleser", "selaimes", "przeglądar", "prohlížeč", "prehliadač",
    "böngésző", "браузер", "tarayıcı", "πρόγραμμα περιήγησης", "متصفح", "דפדפן", "trình duyệt", "ブラウザ", "浏览器",
    "瀏覽器", "브라우저", "เบราว์เซอร์", "ब्राउज़र",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn filler(text: &str) -> Filler {
        Filler::of(text)
    }

    #[test]
    fn fillers_are_blank_or_speak_of_programs() {
        for blank in [
            "",
            " \r\n\t",
            "\u{a0}\u{200b}\n",
            "--\n",
            ".",
            "&nbsp;\n&nbsp;",
            "https://x.test/view/1?a=b",
        ] {
            assert_eq!(filler(blank), Filler::Blank, "{blank:?}");
        }
        for notice in [
            "Please view this email in an HTML-capable client.",
            "Your mail client does not support HTML",
            "This message contains HTML.",
            "This is a multi-part message in MIME format.",
            "To view this email as a web page, open it in your browser:\nhttps://x.test/v/1",
            "Ihr E-Mail-Programm kann diese Nachricht nicht anzeigen.",
            "Diese Nachricht ist im HTML-Format.",
            "Votre logiciel de messagerie ne peut pas afficher ce message.",
            "Su cliente de correo no puede mostrar este mensaje.",
            "Abra este mensaje en su navegador.",
            "Este e-mail está em formato HTML.",
            "Il tuo client di posta non visualizza questo messaggio.",
            "Uw e-mailprogramma kan dit bericht niet tonen.",
            "Ditt e-postprogram kan inte visa meddelandet.",
            "Twój program pocztowy nie obsługuje HTML.",
            "Váš poštovní klient nepodporuje zobrazení.",
            "Ваш почтовый клиент не поддерживает этот формат.",
            "E-posta istemciniz bu iletiyi gösteremiyor.",
            "このメールはHTML形式です。",
            "お使いのメールソフトでは表示できません。",
            "您的邮件客户端不支持此格式。",
            "사용 중인 메일 프로그램에서 볼 수 없습니다.",
            "برنامج البريد لا يدعم هذا التنسيق",
        ] {
            assert!(matches!(filler(notice), Filler::Notice(_)), "{notice}");
        }
        let warning = "We saw a login to your account with a new browser on Windows. If this was not you, change your \
            password at once and tell us what you know of it.";
        assert_eq!(filler(warning), Filler::None);
        for text in ["Thanks, Ann", "See index.html", "Your code is 482913."] {
            assert!(matches!(filler(text), Filler::Short(_)), "{text}");
        }
        let long = "We looked at the HTML of the page and found these faults. ".repeat(8);
        let list = "One line of a report that says nothing of mail. ".repeat(3);
        for text in [long.as_str(), list.as_str()] {
            assert_eq!(filler(text), Filler::None, "{text}");
        }
    }
}

//! The rules beside those about orders to agents: a table of tests, each with what it adds and the
//! sentence that is told.
//!
//! A row says what makes a message bad in the world. Traces that a forwarder may have removed, and
//! dates, weigh little.

use super::bait::Bait;
use super::case::{CaseLink, JudgedCase, has_word};
use super::domains::{self, CHEAP_ENDINGS, FREE_MAIL, FREE_PAGES, KnownName, SHORTENERS};
use super::view::ViewFile;
use crate::call::{AuthResult, FilterAction, SenderAuth};
use crate::mail::auth::organizational_domain;

/// A rule.
pub struct SpamRule {
    /// Its name.
    pub id: &'static str,
    /// What it adds, in hundredths of a logarithm of odds.
    pub weight: i32,
    /// What it found, as a sentence.
    pub why: &'static str,
    /// Whether a message meets it.
    pub test: fn(&JudgedCase<'_>) -> bool,
}

macro_rules! rules {
    ($($id:ident $weight:literal $why:literal $test:expr;)*) => {
        /// Every rule.
        pub static RULES: &[SpamRule] = &[$(SpamRule {
            id: stringify!($id),
            weight: $weight,
            why: $why,
            test: $test,
        },)*];
    };
}

rules! {
    // Header.
    mime_ambiguous 80 "Two programs could find different parts in it." |c| c.view.is_ambiguous;
    several_from 150 "It has several From fields." |c| c.view.header.from_fields > 1;
    no_from 150 "It has no sender that can be read." |c| c.from.is_empty();
    several_subjects 80 "It has several subjects." |c| c.view.header.subject_fields > 1;
    no_message_id 40 "It has no Message-ID." |c| c.view.header.message_id_domain.is_none();
    odd_message_id 40 "Its Message-ID names no host."
        |c| c.view.header.message_id_domain.as_ref().is_some_and(|domain| !domain.contains('.'));
    no_date 60 "It has no Date." |c| !c.view.header.has_date;
    odd_date 90 "Its Date cannot be read."
        |c| c.view.header.has_date && c.view.header.date.is_none();
    no_recipients 40 "It names no recipient." |c| !c.view.header.has_recipients_field;
    many_recipients 60 "It goes to many at once, and is no list."
        |c| c.view.header.recipients >= 8 && !c.view.header.is_list;
    shouted_subject 60 "Its subject is written in capitals." |c| is_shouted(&c.view.subject);
    false_answer 70 "Its subject is that of an answer, and it answers nothing."
        |c| is_answer_subject(&c.view.subject) && !c.view.header.is_answer;
    name_is_address 120 "The name of the sender is another address than its own." names_other_address;
    reply_elsewhere 70 "An answer goes to a free address elsewhere."
        |c| reply_domain(c).is_some_and(|domain| FREE_MAIL.contains(&domain.as_str())
            && organizational_domain(&domain) != organizational_domain(&c.from));
    reply_other_domain 30 "An answer goes to another domain."
        |c| reply_domain(c).is_some_and(|domain| !domains::are_related(&domain, &c.from));
    // Sender.
    blocked_sender 1000 "The sender is on the list of blocked ones."
        |c| c.facts.listed == Some(FilterAction::Block);
    allowed_sender -1000 "The sender is on the list of allowed ones."
        |c| c.facts.listed == Some(FilterAction::Allow);
    correspondent -250 "The inbox has written to the sender." |c| c.facts.is_correspondent;
    answer -250 "It answers a message of the inbox." |c| c.facts.is_answer;
    own_organization -300 "The sender is of the same organization, and that is shown."
        |c| c.facts.is_own_organization || c.facts.auth == SenderAuth::Client;
    first_contact 30 "The sender has never written before." |c| c.facts.is_first == Some(true);
    sender_was_spam 250 "Mail of the sender was judged to be spam."
        |c| c.facts.of_sender.spam > c.facts.of_sender.clean;
    sender_was_clean -120 "Mail of the sender was wanted before."
        |c| c.facts.of_sender.clean >= 3 && c.facts.of_sender.spam == 0;
    domain_was_spam 120 "Mail of the domain was judged to be spam."
        |c| c.facts.of_domain.spam >= 3 && c.facts.of_domain.spam > 2 * c.facts.of_domain.clean;
    // Known spam. A text or a file that is on the list is enough; a link may be quoted.
    known_spam_body 1000 "Its text is on the list of known spam." |c| c.view.known_spam.body;
    known_spam_link 400 "A link of it is on the list of known spam." |c| c.view.known_spam.link;
    known_spam_attachment 1000 "A file of it is on the list of known spam."
        |c| c.view.known_spam.attachment;
    // Authentication.
    spoofed_local 350 "It claims to come from this server's own domain, and nothing shows it."
        |c| match c.facts.auth {
            SenderAuth::SpoofedLocal => true,
            SenderAuth::Checked(found) => found.spoofed_local,
            _ => false,
        };
    dmarc_fail 180 "It does not follow the policy of the domain that it names."
        |c| checked(c).is_some_and(|found| found.dmarc == AuthResult::Fail);
    spf_fail 60 "Its host may not send for the domain of its sender."
        |c| checked(c).is_some_and(|found| found.spf == AuthResult::Fail && !found.aligned);
    aligned -30 "The domain of its sender is shown to be true."
        |c| checked(c).is_some_and(|found| found.aligned);
    own_links -50 "A link leads to the owner of its sender's domain." |c| own_links(c) > 0;
    own_links_many -300 "It has many links to the owner of its sender's domain."
        |c| own_links(c) >= 8;
    // Phishing.
    phish_known_name 250 "It has the name of somebody known, and another address."
        |c| c.facts.namesake.is_some() && !c.is_trusted();
    phish_own_domain_imitated 300 "Its domain imitates one of the organization."
        imitates_own_domain;
    phish_brand_imitated 300 "Its domain imitates a known one." |c| domains::imitated(&c.from, domains::brand_names()).is_some();
    phish_link_imitates_brand 150 "A link leads to a host that imitates a known one."
        |c| c.foreign_hosts().iter().any(|host| domains::imitated(host, domains::brand_names()).is_some());
    phish_brand_name 220 "Its sender has the name of a brand, and not its domain."
        |c| c.false_brand().is_some_and(|brand| has_word(&c.name, brand));
    phish_brand_asked 110 "It speaks for a brand about an account, and its sender is another."
        |c| c.false_brand().is_some() && (c.baits.has(Bait::Account) || c.baits.has(Bait::Parcel) || c.baits.has(Bait::Bill) || c.baits.has(Bait::Document));
    phish_link_other_host 200 "The words of a link show another host than the one that it leads to."
        |c| c.links.iter().any(shows_other_host);
    phish_link_number 130 "A link leads to a number and no name." |c| c.links.iter().any(|link| domains::is_number(&link.host));
    phish_link_disguised 150 "A link has a name before its real host." |c| c.links.iter().any(|link| is_disguised(link.url));
    phish_link_international 90 "A link leads to a name whose letters may look like others."
        |c| c.foreign_links().any(|link| link.host.split('.').any(|label| label.starts_with("xn--")));
    phish_link_free_page 110 "A link leads to a page that anyone may set up without a name."
        |c| c.foreign_links().any(|link| domains::is_within(&link.host, FREE_PAGES)) && !domains::is_within(&c.from, FREE_PAGES);
    phish_link_short 60 "A link hides where it leads." |c| c.links.iter().any(|link| domains::is_within(&link.host, SHORTENERS));
    phish_link_cheap 80 "A link leads to a domain of a kind that is mostly used for deceit."
        |c| c.foreign_links().any(|link| domains::has_cheap_ending(&link.host));
    phish_sender_cheap 70 "The domain of its sender is of a kind that is mostly used for deceit."
        |c| CHEAP_ENDINGS.contains(&c.from.rsplit('.').next().unwrap_or_default());
    phish_link_with_address 60 "A link carries the address of the reader to another host." carries_address;
    phish_account_bait 50 "It says that something is wrong with an account." |c| c.baits.has(Bait::Account);
    phish_account_pressure 130 "It threatens an account, and gives little time."
        |c| c.baits.count(Bait::Account) >= 2 && c.baits.has(Bait::Haste);
    phish_account_link_elsewhere 160 "It speaks of an account, and its links lead to others than its sender."
        |c| c.baits.has(Bait::Account) && only_foreign_links(c);
    phish_document_link_elsewhere 120 "It speaks of a document, and its links lead to others than its sender."
        |c| c.baits.has(Bait::Document) && only_foreign_links(c);
    phish_parcel_link_elsewhere 150 "It speaks of a parcel, and its links lead to others than its sender."
        |c| c.baits.has(Bait::Parcel) && only_foreign_links(c);
    phish_free_mail_account 150 "It speaks of an account, and comes from an address that anyone may have."
        |c| (c.baits.has(Bait::Account) || c.baits.has(Bait::Parcel)) && is_free_mail(c) && !c.links.is_empty();
    phish_bill_by_phone 180 "It shows a bill from a free address, and a number to call."
        |c| c.baits.count(Bait::Bill) >= 2 && is_free_mail(c) && has_phone(&c.view.text);
    phish_form_in_mail 130 "It has a form in which a password is asked." |c| c.view.unseen.password_fields > 0;
    phish_form_by_mail 40 "It has a form." |c| c.view.unseen.forms > 0;
    phish_picture_only 60 "It has a page that is only a picture and a link."
        |c| c.view.has_page && c.letters < 60 && !c.links.is_empty() && c.view.files.len() < 4;
    phish_errand 150 "A free address asks for an errand."
        |c| c.baits.has(Bait::Errand) && is_free_mail(c) && c.letters < 700 && c.baits.count(Bait::Errand) >= 2;
    // Content.
    disguised_letters 150 "Letters of another alphabet stand for those that they look like." |c| c.disguised >= 3;
    fortune 220 "It offers the money of a stranger." |c| c.baits.count(Bait::Fortune) >= 3;
    fortune_much 200 "It tells of much money at length." |c| c.baits.count(Bait::Fortune) >= 6;
    extortion 320 "It says that it has seen the reader, and wants money." |c| c.baits.count(Bait::Extortion) >= 3;
    coins 80 "It speaks of coins and wallets, and its links lead elsewhere."
        |c| c.baits.count(Bait::Coins) >= 2 && only_foreign_links(c);
    prize 70 "It promises a prize." |c| c.baits.count(Bait::Prize) >= 2;
    prize_hurry 60 "It promises a prize, and gives little time." |c| c.baits.has(Bait::Prize) && c.baits.has(Bait::Haste);
    medicine 60 "It praises medicine." |c| c.baits.count(Bait::Medicine) >= 2;
    medicine_much 80 "It praises medicine at length." |c| c.baits.count(Bait::Medicine) >= 4;
    loan 60 "It offers loans." |c| c.baits.count(Bait::Loan) >= 3;
    income 60 "It promises money for little work." |c| c.baits.count(Bait::Income) >= 4;
    income_much 70 "It promises money at length." |c| c.baits.count(Bait::Income) >= 8;
    adult 80 "It speaks of the pleasures of adults." |c| c.baits.count(Bait::Adult) >= 3;
    offer 40 "It praises an offer." |c| c.baits.count(Bait::Offer) >= 4;
    offer_much 50 "It praises an offer at length." |c| c.baits.count(Bait::Offer) >= 8;
    bulk_excuse 40 "It speaks of how to be removed from its list, and has no field for it."
        |c| c.baits.count(Bait::Bulk) >= 2 && !c.view.header.has_unsubscribe;
    bulk_excuse_much 40 "It explains that it is no spam." |c| c.baits.count(Bait::Bulk) >= 4;
    // Attachments.
    file_program 350 "A file is a program." |c| c.view.files.iter().any(is_program);
    file_two_endings 350 "A file hides what it is behind a second ending." |c| c.view.files.iter().any(|file| file.names().any(has_two_endings));
    file_macros 200 "A file is a document with macros." |c| c.view.files.iter().any(|file| file.has_ending(MACROS));
    file_page 130 "A file is a page that opens in a browser." |c| c.view.files.iter().any(is_page);
    file_form 250 "A file is a page with a form." |c| c.view.files.iter().any(|file| file.has_form);
    file_disk 200 "A file is a disk or an archive of a kind that hides programs." |c| c.view.files.iter().any(|file| file.has_ending(DISKS));
    file_locked 110 "The text gives the password of an archive." |c| gives_archive_password(c);
    file_picture 90 "A picture in the form of a program (SVG) is attached." |c| c.view.files.iter().any(|file| file.has_ending(&["svg"]));
}

fn checked(case: &JudgedCase<'_>) -> Option<crate::call::Authentication> {
    match case.facts.auth {
        SenderAuth::Checked(found) => Some(found),
        _ => None,
    }
}

fn imitates_own_domain(case: &JudgedCase<'_>) -> bool {
    let own: Vec<KnownName<'_>> = (case.facts.own_domains.iter())
        .map(|name| KnownName::of(name))
        .collect();
    domains::imitated(&case.from, &own).is_some()
}

/// Links to the owner of the sender's domain, other than those that end a subscription.
fn own_links(case: &JudgedCase<'_>) -> usize {
    let ending = case.links.iter().filter(|link| link.is_unsubscribe).count();
    case.links.len() - ending - case.foreign_links().count()
}

fn is_free_mail(case: &JudgedCase<'_>) -> bool {
    FREE_MAIL.contains(&case.from.as_str())
}

fn reply_domain(case: &JudgedCase<'_>) -> Option<String> {
    let reply_to = case.view.reply_to.as_ref()?;
    Some(reply_to.domain.to_ascii_lowercase()).filter(|domain| !domain.is_empty())
}

fn is_shouted(subject: &str) -> bool {
    let capitals = subject.chars().filter(|c| c.is_uppercase()).count();
    let small = subject.chars().filter(|c| c.is_lowercase()).count();
    capitals >= 10 && small * 5 < capitals
}

fn is_answer_subject(subject: &str) -> bool {
    let head = subject.get(..3).unwrap_or_default();
    head.eq_ignore_ascii_case("re:") || head.eq_ignore_ascii_case("aw:")
}

fn names_other_address(case: &JudgedCase<'_>) -> bool {
    let found = case
        .name
        .split([' ', '<', '>', '(', ')', '"', '\'', ','])
        .find_map(|word| word.split_once('@'));
    found.is_some_and(|(_, domain)| {
        domain.contains('.') && !domains::are_related(domain, &case.from)
    })
}

/// Whether every link leads to others than the sender, and there is one.
fn only_foreign_links(case: &JudgedCase<'_>) -> bool {
    let foreign = case.foreign_links().count();
    let all = case
        .links
        .iter()
        .filter(|link| !link.is_unsubscribe)
        .count();
    foreign > 0 && foreign == all
}

/// Whether the words of a link are a host, and not its own.
fn shows_other_host(link: &CaseLink<'_>) -> bool {
    let words = link.words.trim();
    if words.len() > SHOWN_MAX || words.contains([' ', '@', '\u{2026}']) || !words.contains('.') {
        return false;
    }
    let Some(shown) = domains::host_of(words) else {
        return false;
    };
    let ending = shown.rsplit('.').next().unwrap_or_default();
    let is_host = ending.len() >= 2
        && ending.bytes().all(|b| b.is_ascii_alphabetic())
        && shown
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-');
    let has_form =
        words.contains("://") || shown.starts_with("www.") || COMMON_ENDINGS.contains(&ending);
    is_host && has_form && !domains::are_related(&shown, &link.host)
}

/// Whether a name stands before an `@` in the authority.
fn is_disguised(url: &str) -> bool {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority
        .split_once('@')
        .is_some_and(|(user, _)| user.contains('.'))
}

/// Whether a link to another host has an address of mail behind its path.
fn carries_address(case: &JudgedCase<'_>) -> bool {
    case.foreign_links().any(|link| {
        let behind = link.url.find(['?', '#']).and_then(|at| link.url.get(at..));
        behind.is_some_and(|behind| {
            let behind = behind.replace("%40", "@");
            behind
                .split_once('@')
                .is_some_and(|(_, domain)| domain.contains('.'))
        })
    })
}

/// Whether a telephone number of ten digits or more stands in a text.
fn has_phone(text: &str) -> bool {
    let text = crate::mail::unicode::prefix(text, PHONE_BYTES);
    let (mut digits, mut gap) = (0, 0);
    for b in text.bytes() {
        match b {
            b'0'..=b'9' => {
                digits += 1;
                gap = 0;
                if digits >= 10 {
                    return true;
                }
            }
            b' ' | b'-' | b'(' | b')' | b'.' | b'+' | 0xC2 | 0xA0 if gap < 3 => gap += 1,
            _ => (digits, gap) = (0, 0),
        }
    }
    false
}

fn is_program(file: &ViewFile) -> bool {
    file.has_ending(PROGRAMS) || file.head.starts_with(b"MZ") || file.head.starts_with(b"\x7fELF")
}

fn is_page(file: &ViewFile) -> bool {
    file.has_ending(&["htm", "html", "shtml", "xhtml", "mht", "mhtml"])
}

/// `bill.pdf.exe`: a harmless ending before one that is not.
fn has_two_endings(filename: &str) -> bool {
    let mut parts = filename.trim_end_matches(['.', ' ']).rsplit('.');
    let (Some(last), Some(before)) = (parts.next(), parts.next()) else {
        return false;
    };
    let is = |list: &[&str], ending: &str| {
        list.iter()
            .any(|known| ending.trim().eq_ignore_ascii_case(known))
    };
    parts.next().is_some() && is(HARMLESS, before) && is(PROGRAMS, last)
}

fn gives_archive_password(case: &JudgedCase<'_>) -> bool {
    let has_archive = case.view.files.iter().any(|file| file.has_ending(ARCHIVES));
    has_archive
        && [
            "password:",
            "password is",
            "passcode:",
            "passwort:",
            "mot de passe :",
            "archive password",
        ]
        .iter()
        .any(|words| case.view.text.to_ascii_lowercase().contains(words))
}

const PROGRAMS: &[&str] = &[
    "exe",
    "scr",
    "com",
    "pif",
    "bat",
    "cmd",
    "vbs",
    "vbe",
    "js",
    "jse",
    "wsf",
    "wsh",
    "hta",
    "msi",
    "msp",
    "cpl",
    "jar",
    "ps1",
    "lnk",
    "reg",
    "dll",
    "gadget",
    "application",
    "appref-ms",
    "chm",
    "scf",
    "url",
    "xll",
];
const MACROS: &[&str] = &[
    "docm", "xlsm", "pptm", "dotm", "xltm", "xlam", "ppam", "xlsb", "slk", "iqy", "one",
];
const DISKS: &[&str] = &[
    "iso", "img", "vhd", "vhdx", "ace", "cab", "arj", "lzh", "uue", "r00", "z", "wim",
];
const ARCHIVES: &[&str] = &["zip", "rar", "7z", "gz", "tar", "tgz"];
const HARMLESS: &[&str] = &[
    "pdf", "doc", "docx", "xls", "xlsx", "jpg", "jpeg", "png", "gif", "txt", "rtf", "csv", "mp3",
    "mp4", "zip", "html", "htm",
];
const COMMON_ENDINGS: &[&str] = &[
    "com", "net", "org", "de", "uk", "fr", "it", "es", "nl", "ch", "at", "io", "gov", "edu", "eu",
];
/// Octets of the words of a link that may be a host.
const SHOWN_MAX: usize = 200;
const PHONE_BYTES: usize = 4_000;

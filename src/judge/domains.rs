//! Names of hosts: which belong together, which imitate another, and which cost nothing.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::sync::LazyLock;

use super::fold::likeness;
use crate::mail::auth::organizational_domain;

/// The host of an address of the web, in lower case without its port; what stands before an `@` in
/// it is no host.
pub fn host_of(url: &str) -> Option<Cow<'_, str>> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
    let authority = rest.get(..end)?;
    let host = authority.rsplit('@').next().unwrap_or(authority);
    let host = match host.strip_prefix('[') {
        Some(literal) => literal.split(']').next().unwrap_or(literal),
        None => host.split(':').next().unwrap_or(host),
    };
    let host = host.trim_end_matches('.');
    if host.is_empty() || host.len() > HOST_MAX {
        return None;
    }
    Some(match host.bytes().any(|b| b.is_ascii_uppercase()) {
        true => Cow::Owned(host.to_ascii_lowercase()),
        false => Cow::Borrowed(host),
    })
}

/// Whether two hosts are of one owner, as far as their names tell.
pub fn are_related(one: &str, other: &str) -> bool {
    organizational_domain(one).eq_ignore_ascii_case(organizational_domain(other))
}

/// Whether a host is an address of the network and no name.
pub fn is_number(host: &str) -> bool {
    let is_four = host.split('.').count() == 4;
    let is_hex = host
        .strip_prefix("0x")
        .is_some_and(|h| h.bytes().all(|b| b.is_ascii_hexdigit()));
    is_hex
        || host.contains(':')
        || (host.bytes().all(|b| b.is_ascii_digit() || b == b'.')
            && (is_four || !host.contains('.')))
}

/// Whether a host belongs to one of these domains.
pub fn is_within(host: &str, domains: &[&str]) -> bool {
    domains.iter().any(|domain| {
        host.strip_suffix(domain)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    })
}

/// A domain that others may imitate.
#[derive(Debug, Clone)]
pub struct KnownName<'a> {
    /// The domain.
    name: &'a str,
    /// Its first label, and how an eye takes it.
    label: &'a str,
    seen: String,
}

impl<'a> KnownName<'a> {
    /// A domain of an owner.
    pub fn of(name: &'a str) -> KnownName<'a> {
        let label = name.split('.').next().unwrap_or(name);
        KnownName {
            name,
            label,
            seen: skeleton(label),
        }
    }
}

/// The domain of an owner that another imitates without being its own: the same in letters that
/// look like it, with a letter changed, or with its name as a word.
pub fn imitated<'a>(domain: &str, known: &[KnownName<'a>]) -> Option<&'a str> {
    let own = organizational_domain(domain);
    let label = own.split('.').next().unwrap_or(own);
    let seen = skeleton(&decoded(label));
    let whole = decoded(domain);
    let words: Vec<String> = whole
        .split(['.', '-'])
        .filter(|word| word.len() >= WORD_MIN)
        .map(skeleton)
        .collect();
    let imitates = |known: &&KnownName<'a>| {
        // The same label under another ending may be the owner's too.
        if own == known.name || label == known.label || known.label.len() < NAME_MIN {
            return false;
        }
        let is_near = seen == known.seen
            || (known.label.len() >= NEAR_MIN
                && is_one_step(seen.as_bytes(), known.seen.as_bytes()));
        is_near || (known.label.len() >= WORD_MIN && words.contains(&known.seen))
    };
    known.iter().find(imitates).map(|known| known.name)
}

/// The first domain of each brand.
pub fn brand_names() -> &'static [KnownName<'static>] {
    static NAMES: LazyLock<Vec<KnownName<'static>>> = LazyLock::new(|| {
        let first = BRANDS.iter().filter_map(|(_, own)| own.first().copied());
        first.map(KnownName::of).collect()
    });
    &NAMES
}

/// A label of an international name in its own letters.
fn decoded(label: &str) -> Cow<'_, str> {
    match label.contains("xn--") {
        true => Cow::Owned(idna::domain_to_unicode(label).0),
        false => Cow::Borrowed(label),
    }
}

/// The letters as an eye takes them.
fn skeleton(label: &str) -> String {
    let mut seen = String::with_capacity(label.len());
    for c in label.chars() {
        seen.push(match c {
            '1' | 'l' | '|' => 'i',
            '2' => 'z',
            '6' | '9' => 'g',
            c => likeness(c).unwrap_or(c),
        });
    }
    seen.replace("rn", "m")
        .replace("vv", "w")
        .replace("ci", "d")
}

/// Whether one octet changed, added, left out or swapped makes one of the other.
fn is_one_step(one: &[u8], other: &[u8]) -> bool {
    if one == other || one.len().abs_diff(other.len()) > 1 {
        return false;
    }
    let same = one.iter().zip(other).take_while(|(x, y)| x == y).count();
    let (a, b) = (one.get(same..), other.get(same..));
    let (a, b) = (a.unwrap_or_default(), b.unwrap_or_default());
    match a.len().cmp(&b.len()) {
        Ordering::Greater => a.get(1..) == Some(b),
        Ordering::Less => b.get(1..) == Some(a),
        Ordering::Equal => {
            let is_swap = a.len() > 1 && a.first() == b.get(1) && a.get(1) == b.first();
            (is_swap && a.get(2..) == b.get(2..)) || a.get(1..) == b.get(1..)
        }
    }
}

/// A name in the form of `fold`, and the domains of its owner; the first is the best known.
pub type Brand = (&'static str, &'static [&'static str]);

/// Owners whose customers are deceived most, by the yearly reports of those who count it: banks,
/// payment, post, shops, and the accounts that open others. Each is compared with the hosts of the
/// links, so they are few.
pub const BRANDS: &[Brand] = &[
    ("paypal", &["paypal.com", "paypal.me"]),
    (
        "microsoft",
        &[
            "microsoft.com",
            "office.com",
            "live.com",
            "outlook.com",
            "microsoftonline.com",
            "azure.com",
            "sharepoint.com",
            "office365.com",
        ],
    ),
    (
        "office 365",
        &["microsoft.com", "office.com", "office365.com"],
    ),
    ("outlook", &["outlook.com", "microsoft.com", "live.com"]),
    ("google", &["google.com", "gmail.com", "youtube.com"]),
    ("apple", &["apple.com", "icloud.com"]),
    ("icloud", &["apple.com", "icloud.com"]),
    (
        "amazon",
        &[
            "amazon.com",
            "amazon.de",
            "amazon.co.uk",
            "amazon.fr",
            "amazon.it",
            "amazon.es",
            "amazon.co.jp",
            "amazonaws.com",
            "amazon.ca",
            "amazon.in",
        ],
    ),
    ("netflix", &["netflix.com"]),
    (
        "facebook",
        &["facebook.com", "facebookmail.com", "meta.com", "fb.com"],
    ),
    (
        "instagram",
        &["instagram.com", "facebookmail.com", "meta.com"],
    ),
    ("whatsapp", &["whatsapp.com"]),
    ("linkedin", &["linkedin.com"]),
    ("dropbox", &["dropbox.com", "dropboxmail.com"]),
    ("docusign", &["docusign.com", "docusign.net"]),
    ("adobe", &["adobe.com", "adobesign.com"]),
    ("dhl", &["dhl.com", "dhl.de"]),
    ("fedex", &["fedex.com"]),
    ("usps", &["usps.com", "usps.gov"]),
    ("ups", &["ups.com"]),
    ("coinbase", &["coinbase.com"]),
    ("binance", &["binance.com"]),
    ("metamask", &["metamask.io"]),
    ("ledger", &["ledger.com"]),
    ("trezor", &["trezor.io"]),
    ("chase", &["chase.com"]),
    ("wells fargo", &["wellsfargo.com"]),
    ("bank of america", &["bankofamerica.com"]),
    ("american express", &["americanexpress.com", "aexp.com"]),
    ("citibank", &["citi.com", "citibank.com"]),
    ("hsbc", &["hsbc.com", "hsbc.co.uk"]),
    ("santander", &["santander.com", "santander.co.uk"]),
    ("ebay", &["ebay.com", "ebay.de", "ebay.co.uk"]),
    ("norton", &["norton.com", "nortonlifelock.com"]),
    ("mcafee", &["mcafee.com"]),
    ("geek squad", &["bestbuy.com"]),
    ("spotify", &["spotify.com"]),
    ("steam", &["steampowered.com"]),
    ("telegram", &["telegram.org"]),
    ("roundcube", &["roundcube.net"]),
    ("zimbra", &["zimbra.com"]),
    ("cpanel", &["cpanel.net"]),
    ("godaddy", &["godaddy.com"]),
    ("irs", &["irs.gov"]),
    ("hmrc", &["hmrc.gov.uk", "gov.uk"]),
    ("swisscom", &["swisscom.ch", "bluewin.ch"]),
    ("sparkasse", &["sparkasse.de"]),
    ("booking", &["booking.com"]),
    ("airbnb", &["airbnb.com"]),
    ("sendgrid", &["sendgrid.com", "twilio.com"]),
];

/// Hosts on which anyone gets a page without a name and within a minute.
pub const FREE_PAGES: &[&str] = &[
    "web.app",
    "firebaseapp.com",
    "github.io",
    "gitlab.io",
    "pages.dev",
    "workers.dev",
    "r2.dev",
    "vercel.app",
    "netlify.app",
    "herokuapp.com",
    "glitch.me",
    "weebly.com",
    "weeblysite.com",
    "wixsite.com",
    "wixstudio.com",
    "blogspot.com",
    "wordpress.com",
    "square.site",
    "webflow.io",
    "framer.app",
    "framer.website",
    "carrd.co",
    "repl.co",
    "replit.app",
    "onrender.com",
    "surge.sh",
    "000webhostapp.com",
    "godaddysites.com",
    "jimdosite.com",
    "strikingly.com",
    "mystrikingly.com",
    "azurewebsites.net",
    "web.core.windows.net",
    "blob.core.windows.net",
    "s3.amazonaws.com",
    "storage.googleapis.com",
    "sites.google.com",
    "docs.google.com",
    "forms.gle",
    "forms.office.com",
    "ipfs.io",
    "dweb.link",
    "trycloudflare.com",
    "ngrok.io",
    "ngrok-free.app",
    "duckdns.org",
    "translate.goog",
    "typeform.com",
    "jotform.com",
    "cutt.ly",
    "myportfolio.com",
    "gitbook.io",
    "notion.site",
    "canva.site",
    "clickfunnels.com",
    "yolasite.com",
    "plesk.page",
    "fly.dev",
    "lovable.app",
    "bubbleapps.io",
    "softr.app",
    "zapier.app",
    "my.canva.site",
    "start.page",
];

/// Hosts that hide where a link leads.
pub const SHORTENERS: &[&str] = &[
    "bit.ly",
    "tinyurl.com",
    "t.ly",
    "goo.su",
    "is.gd",
    "v.gd",
    "ow.ly",
    "buff.ly",
    "rebrand.ly",
    "cutt.ly",
    "shorturl.at",
    "rb.gy",
    "tiny.cc",
    "t.co",
    "lnkd.in",
    "s.id",
    "qrco.de",
    "l.ead.me",
    "bit.do",
    "clck.ru",
    "u.to",
    "short.gy",
    "urlz.fr",
    "shorten.as",
    "n9.cl",
    "linktr.ee",
    "me2.kr",
];

/// Providers that give anyone an address. A company does not write from one.
pub const FREE_MAIL: &[&str] = &[
    "gmail.com",
    "googlemail.com",
    "yahoo.com",
    "hotmail.com",
    "outlook.com",
    "live.com",
    "aol.com",
    "icloud.com",
    "me.com",
    "gmx.de",
    "gmx.net",
    "gmx.com",
    "web.de",
    "mail.ru",
    "yandex.ru",
    "yandex.com",
    "proton.me",
    "protonmail.com",
    "mail.com",
    "zohomail.com",
    "qq.com",
    "163.com",
    "126.com",
    "libero.it",
    "orange.fr",
    "laposte.net",
    "free.fr",
    "wanadoo.fr",
    "t-online.de",
    "msn.com",
    "ymail.com",
    "rediffmail.com",
    "naver.com",
    "seznam.cz",
    "wp.pl",
    "o2.pl",
    "uol.com.br",
];

/// Endings whose names are cheap and hold more bad names than good ones, by the lists of those who
/// block them.
pub const CHEAP_ENDINGS: &[&str] = &[
    "top", "xyz", "icu", "click", "buzz", "cyou", "cfd", "sbs", "rest", "quest", "monster", "bond",
    "lol", "skin", "beauty", "hair", "makeup", "mom", "autos", "boats", "yachts", "homes", "pics",
    "tk", "ml", "ga", "cf", "gq", "work", "loan", "men", "date", "review", "stream", "download",
    "racing", "win", "bid", "trade", "party", "cam", "surf", "fit", "vip", "shop", "site",
    "online", "store", "space", "website", "live", "fun", "world", "life", "today", "digital",
    "center",
];

/// The ending of a host.
pub fn has_cheap_ending(host: &str) -> bool {
    let ending = host.rsplit('.').next().unwrap_or_default();
    CHEAP_ENDINGS.contains(&ending)
}

const HOST_MAX: usize = 253;
/// A shorter name is near many others.
const NAME_MIN: usize = 4;
const NEAR_MIN: usize = 6;
const WORD_MIN: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_read() {
        for (url, host) in [
            ("https://A.example/x", Some("a.example")),
            (
                "https://bank.example@evil.example:8080/",
                Some("evil.example"),
            ),
            ("http://[::1]/", Some("::1")),
            ("https:///", None),
            ("a.example", Some("a.example")),
        ] {
            assert_eq!(host_of(url).as_deref(), host, "{url}");
        }
        assert!(is_number("93.184.216.34") && is_number("3232235777") && is_number("::1"));
        assert!(!is_number("1a.example") && !is_number("1.2.3.4.example"));
        assert!(are_related("mail.shop.example", "www.shop.example"));
    }

    #[test]
    fn imitations_are_found_and_owners_are_not() {
        let names = ["harborbank.example", "blueharbor.example"].map(KnownName::of);
        for domain in [
            "harb0rbank.example",
            "harborbamk.example",
            "harborbank-login.example",
            "secure.harborbank.evil.example",
            "harobrbank.example",
            "xn--hrborbank-0yh.example",
        ] {
            assert_eq!(
                imitated(domain, &names),
                Some("harborbank.example"),
                "{domain}"
            );
        }
        for domain in [
            "harborbank.example",
            "mail.harborbank.example",
            "harbor.example",
            "pagoda.example",
        ] {
            assert_eq!(imitated(domain, &names), None, "{domain}");
        }
    }
}

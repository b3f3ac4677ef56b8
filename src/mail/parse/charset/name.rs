//! The names of charsets, as mail writes them.
//!
//! The web's Encoding Standard knows fewer names than mail has. A name is compared without regard
//! to case, `-`, `_`, space and other signs. A name that is not here decides nothing; so does every
//! name of ASCII, because programs write it above any text.

use encoding_rs::{self as web, Encoding as WebEncoding};

use super::Charset;
use super::code_page::{IBM437, IBM850, IBM858};
use super::escaped::EscapeFamily;

/// The charset of a label. `None` if the label decides nothing: it is unknown or a name of ASCII.
pub(super) fn find(label: &[u8]) -> Option<Charset> {
    let label = label.trim_ascii();
    // Nearly all mail says this.
    if label.eq_ignore_ascii_case(b"utf-8") {
        return Some(Charset::UTF_8);
    }
    let mut buffer = [0_u8; SQUASHED_MAX];
    let name = squash(label, &mut buffer)?;
    if ASCII_NAMES.contains(&name) {
        return None;
    }
    of_squashed(name).or_else(|| {
        // The web maps some labels to "replacement" (iso-2022-kr, hz-gb-2312); that would lose the
        // whole text. The names above have found these.
        WebEncoding::for_label_no_replacement(label)
            .map(Charset::Web)
            .or_else(|| of_squashed(name.strip_prefix('x')?))
    })
}

/// Whether a label is a name of ASCII.
pub(super) fn is_ascii(label: &[u8]) -> bool {
    squash(label, &mut [0_u8; SQUASHED_MAX]).is_some_and(|name| ASCII_NAMES.contains(&name))
}

/// The letters and digits of a name, in lower case; `None` if there are too many.
fn squash<'b>(label: &[u8], buffer: &'b mut [u8; SQUASHED_MAX]) -> Option<&'b str> {
    let mut n = 0;
    for b in label.iter().filter(|b| b.is_ascii_alphanumeric()) {
        *buffer.get_mut(n)? = b.to_ascii_lowercase();
        n += 1;
    }
    std::str::from_utf8(buffer.get(..n)?).ok()
}

fn of_squashed(name: &str) -> Option<Charset> {
    let found = NAMES
        .binary_search_by(|(known, _)| (*known).cmp(name))
        .ok()
        .and_then(|at| NAMES.get(at));
    if let Some((_, charset)) = found {
        return Some(*charset);
    }
    if let Some(part) = PART_PREFIXES.iter().find_map(|p| name.strip_prefix(p)) {
        return iso_8859(number(part)?);
    }
    let page = PAGE_PREFIXES.iter().find_map(|p| name.strip_prefix(p));
    code_page(number(page.unwrap_or(name))?)
}

fn number(digits: &str) -> Option<u32> {
    let is_number = digits.len() <= 5 && digits.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| digits.parse().ok())?
}

/// ISO 8859 by its part. The web reads 1, 9 and 11 as the larger sets of Windows, and so does mail.
fn iso_8859(part: u32) -> Option<Charset> {
    Some(Charset::Web(match part {
        1 => web::WINDOWS_1252,
        2 => web::ISO_8859_2,
        3 => web::ISO_8859_3,
        4 => web::ISO_8859_4,
        5 => web::ISO_8859_5,
        6 => web::ISO_8859_6,
        7 => web::ISO_8859_7,
        8 => web::ISO_8859_8,
        9 => web::WINDOWS_1254,
        10 => web::ISO_8859_10,
        11 => web::WINDOWS_874,
        13 => web::ISO_8859_13,
        14 => web::ISO_8859_14,
        15 => web::ISO_8859_15,
        16 => web::ISO_8859_16,
        _ => return None,
    }))
}

/// A code page by the number that Windows gives it.
fn code_page(page: u32) -> Option<Charset> {
    Some(Charset::Web(match page {
        437 => return Some(Charset::CodePage(&IBM437)),
        819 => web::WINDOWS_1252,
        850 => return Some(Charset::CodePage(&IBM850)),
        858 => return Some(Charset::CodePage(&IBM858)),
        866 => web::IBM866,
        874 => web::WINDOWS_874,
        932 | 943 => web::SHIFT_JIS,
        936 | 1386 => web::GBK,
        949 | 51949 => web::EUC_KR,
        950 => web::BIG5,
        1200 => web::UTF_16LE,
        1201 => web::UTF_16BE,
        1250 => web::WINDOWS_1250,
        1251 => web::WINDOWS_1251,
        1252 => web::WINDOWS_1252,
        1253 => web::WINDOWS_1253,
        1254 => web::WINDOWS_1254,
        1255 => web::WINDOWS_1255,
        1256 => web::WINDOWS_1256,
        1257 => web::WINDOWS_1257,
        1258 => web::WINDOWS_1258,
        10000 => web::MACINTOSH,
        10007 => web::X_MAC_CYRILLIC,
        12000 => return Some(Charset::Utf32 { is_little: true }),
        12001 => return Some(Charset::Utf32 { is_little: false }),
        20866 => web::KOI8_R,
        20932 | 51932 => web::EUC_JP,
        21866 => web::KOI8_U,
        28591..=28606 => return iso_8859(page - 28590),
        38598 => web::ISO_8859_8_I,
        50220..=50222 => return Some(Charset::Escaped(EscapeFamily::Japanese)),
        50225 => return Some(Charset::Escaped(EscapeFamily::Korean)),
        50227 => return Some(Charset::Escaped(EscapeFamily::Chinese)),
        51936 => web::GBK,
        52936 => return Some(Charset::Escaped(EscapeFamily::Hz)),
        54936 => web::GB18030,
        65000 => return Some(Charset::Utf7),
        65001 => web::UTF_8,
        _ => return None,
    }))
}

/// What stands before the number of a code page.
const PAGE_PREFIXES: [&str; 8] = [
    "codepage", "cp", "ibm", "ms", "windows", "win", "xcp", "dos",
];

/// What stands before the part of ISO 8859.
const PART_PREFIXES: [&str; 3] = ["iso8859", "is8859", "8859"];

/// Names of ASCII: the one of the C locale, those of IANA, and those of systems.
const ASCII_NAMES: [&str; 14] = [
    "usascii",
    "ascii",
    "ansix341968",
    "ansix341986",
    "cp20127",
    "cp367",
    "csascii",
    "ibm367",
    "iso646irv1991",
    "iso646us",
    "isoir6",
    "us",
    "646",
    "ascii7bit",
];

const JAPANESE: Charset = Charset::Escaped(EscapeFamily::Japanese);
const KOREAN: Charset = Charset::Escaped(EscapeFamily::Korean);
const CHINESE: Charset = Charset::Escaped(EscapeFamily::Chinese);
const HZ: Charset = Charset::Escaped(EscapeFamily::Hz);

/// Names that are neither the web's nor a prefix with a number, squashed and sorted.
#[rustfmt::skip]
static NAMES: [(&str, Charset); 122] = [
    ("big5", Charset::Web(web::BIG5)),
    ("big52003", Charset::Web(web::BIG5)),
    ("big5e", Charset::Web(web::BIG5)),
    ("big5eten", Charset::Web(web::BIG5)),
    ("big5hkscs", Charset::Web(web::BIG5)),
    ("chinese", Charset::Web(web::GBK)),
    ("cnbig5", Charset::Web(web::BIG5)),
    ("cngb", Charset::Web(web::GBK)),
    ("csbig5", Charset::Web(web::BIG5)),
    ("csgb2312", Charset::Web(web::GBK)),
    ("csgbk", Charset::Web(web::GBK)),
    ("csiso2022jp", JAPANESE),
    ("csiso2022jp2", JAPANESE),
    ("csiso2022kr", KOREAN),
    ("cspc850multilingual", Charset::CodePage(&IBM850)),
    ("cspc8codepage437", Charset::CodePage(&IBM437)),
    ("csshiftjis", Charset::Web(web::SHIFT_JIS)),
    ("csucs4", Charset::Utf32 { is_little: false }),
    ("csunicode", Charset::Utf16),
    ("csunicode11utf7", Charset::Utf7),
    ("cswindows31j", Charset::Web(web::SHIFT_JIS)),
    ("euccn", Charset::Web(web::GBK)),
    ("eucjis2004", Charset::Web(web::EUC_JP)),
    ("eucjisx0213", Charset::Web(web::EUC_JP)),
    ("eucjp", Charset::Web(web::EUC_JP)),
    ("eucjpms", Charset::Web(web::EUC_JP)),
    ("eucjpopen", Charset::Web(web::EUC_JP)),
    ("eucjpwin", Charset::Web(web::EUC_JP)),
    ("euckr", Charset::Web(web::EUC_KR)),
    ("gb", Charset::Web(web::GBK)),
    ("gb18030", Charset::Web(web::GB18030)),
    ("gb180302000", Charset::Web(web::GB18030)),
    ("gb180302005", Charset::Web(web::GB18030)),
    ("gb180302022", Charset::Web(web::GB18030)),
    ("gb2312", Charset::Web(web::GBK)),
    ("gb231280", Charset::Web(web::GBK)),
    ("gbk", Charset::Web(web::GBK)),
    ("hz", HZ),
    ("hzgb2312", HZ),
    ("ibm00850", Charset::CodePage(&IBM850)),
    ("ibm00858", Charset::CodePage(&IBM858)),
    ("iso10646ucs2", Charset::Utf16),
    ("iso10646ucs4", Charset::Utf32 { is_little: false }),
    ("iso2022cn", CHINESE),
    ("iso2022cnext", CHINESE),
    ("iso2022jp", JAPANESE),
    ("iso2022jp1", JAPANESE),
    ("iso2022jp2", JAPANESE),
    ("iso2022jp2004", JAPANESE),
    ("iso2022jp3", JAPANESE),
    ("iso2022jpext", JAPANESE),
    ("iso2022jpms", JAPANESE),
    ("iso2022kr", KOREAN),
    ("iso885911", Charset::Web(web::WINDOWS_874)),
    ("iso88598i", Charset::Web(web::ISO_8859_8_I)),
    ("isolatin1", Charset::Web(web::WINDOWS_1252)),
    ("jis", JAPANESE),
    ("jis7", JAPANESE),
    ("koi", Charset::Web(web::KOI8_R)),
    ("koi8", Charset::Web(web::KOI8_R)),
    ("koi8r", Charset::Web(web::KOI8_R)),
    ("koi8ru", Charset::Web(web::KOI8_U)),
    ("koi8u", Charset::Web(web::KOI8_U)),
    ("korean", Charset::Web(web::EUC_KR)),
    ("ksc5601", Charset::Web(web::EUC_KR)),
    ("ksc56011987", Charset::Web(web::EUC_KR)),
    ("ksc56011989", Charset::Web(web::EUC_KR)),
    ("kscode", Charset::Web(web::EUC_KR)),
    ("latin0", Charset::Web(web::ISO_8859_15)),
    ("latin1", Charset::Web(web::WINDOWS_1252)),
    ("latin10", Charset::Web(web::ISO_8859_16)),
    ("latin7", Charset::Web(web::ISO_8859_13)),
    ("latin8", Charset::Web(web::ISO_8859_14)),
    ("latin9", Charset::Web(web::ISO_8859_15)),
    ("logical", Charset::Web(web::ISO_8859_8_I)),
    ("mac", Charset::Web(web::MACINTOSH)),
    ("maccyrillic", Charset::Web(web::X_MAC_CYRILLIC)),
    ("macintosh", Charset::Web(web::MACINTOSH)),
    ("macroman", Charset::Web(web::MACINTOSH)),
    ("macukrainian", Charset::Web(web::X_MAC_CYRILLIC)),
    ("mskanji", Charset::Web(web::SHIFT_JIS)),
    ("pcmultilingual850euro", Charset::CodePage(&IBM858)),
    ("shiftjis", Charset::Web(web::SHIFT_JIS)),
    ("shiftjis2004", Charset::Web(web::SHIFT_JIS)),
    ("shiftjisx0213", Charset::Web(web::SHIFT_JIS)),
    ("sjis", Charset::Web(web::SHIFT_JIS)),
    ("sjiswin", Charset::Web(web::SHIFT_JIS)),
    ("tis620", Charset::Web(web::WINDOWS_874)),
    ("tis62025330", Charset::Web(web::WINDOWS_874)),
    ("tis62025331", Charset::Web(web::WINDOWS_874)),
    ("ucs2", Charset::Utf16),
    ("ucs2be", Charset::Web(web::UTF_16BE)),
    ("ucs2le", Charset::Web(web::UTF_16LE)),
    ("ucs4", Charset::Utf32 { is_little: false }),
    ("ucs4be", Charset::Utf32 { is_little: false }),
    ("ucs4le", Charset::Utf32 { is_little: true }),
    ("uhc", Charset::Web(web::EUC_KR)),
    ("ujis", Charset::Web(web::EUC_JP)),
    ("unicode", Charset::Utf16),
    ("unicode11utf7", Charset::Utf7),
    ("unicode11utf8", Charset::UTF_8),
    ("unicode20utf7", Charset::Utf7),
    ("utf16", Charset::Utf16),
    ("utf16be", Charset::Web(web::UTF_16BE)),
    ("utf16le", Charset::Web(web::UTF_16LE)),
    ("utf32", Charset::Utf32 { is_little: false }),
    ("utf32be", Charset::Utf32 { is_little: false }),
    ("utf32le", Charset::Utf32 { is_little: true }),
    ("utf7", Charset::Utf7),
    ("utf8", Charset::UTF_8),
    ("utf8mb4", Charset::UTF_8),
    ("utf8n", Charset::UTF_8),
    ("windows31j", Charset::Web(web::SHIFT_JIS)),
    ("xeuc", Charset::Web(web::EUC_JP)),
    ("xeuccn", Charset::Web(web::GBK)),
    ("xeucjp", Charset::Web(web::EUC_JP)),
    ("xeuckr", Charset::Web(web::EUC_KR)),
    ("xgbk", Charset::Web(web::GBK)),
    ("xmscp932", Charset::Web(web::SHIFT_JIS)),
    ("xsjis", Charset::Web(web::SHIFT_JIS)),
    ("xunicode20utf7", Charset::Utf7),
    ("xxbig5", Charset::Web(web::BIG5)),
];

/// Longer than any name; a longer label is none.
const SQUASHED_MAX: usize = 40;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn the_list_is_sorted_and_its_names_are_squashed() {
        assert!(NAMES.is_sorted_by(|a, b| a.0 < b.0));
        for (name, charset) in NAMES {
            let mut buffer = [0; SQUASHED_MAX];
            assert_eq!(squash(name.as_bytes(), &mut buffer), Some(name));
            assert_eq!(find(name.as_bytes()), Some(charset), "{name}");
        }
    }

    #[test]
    fn names_are_found_as_mail_writes_them() {
        for (names, charset) in [
            (
                "UTF-8 utf8 UTF_8 \"utf-8\" cp65001 unicode-1-1-utf-8",
                Charset::UTF_8,
            ),
            (
                "cp932 windows-31j Windows-31J MS932 shift_jis Shift-JIS SJIS x-sjis csWindows31J x-ms-cp932 cp943",
                Charset::Web(web::SHIFT_JIS),
            ),
            (
                "cp936 ms936 MS936 gb2312 GB_2312-80 gbk x-gbk EUC-CN cn-gb windows-936",
                Charset::Web(web::GBK),
            ),
            ("gb18030 GB18030-2000 cp54936", Charset::Web(web::GB18030)),
            (
                "cp949 ms949 UHC ks_c_5601-1987 KSC5601 euc-kr EUC_KR windows-949",
                Charset::Web(web::EUC_KR),
            ),
            (
                "cp950 ms950 big5 Big-5 big5-hkscs x-x-big5 windows-950",
                Charset::Web(web::BIG5),
            ),
            (
                "cp874 tis-620 TIS620 windows-874 iso-8859-11 ms874",
                Charset::Web(web::WINDOWS_874),
            ),
            (
                "euc_jp eucJP EUC-JP eucJP-ms cp51932 x-euc-jp ujis",
                Charset::Web(web::EUC_JP),
            ),
            (
                "iso-2022-jp ISO-2022-JP-MS iso-2022-jp-1 iso-2022-jp-2 iso-2022-jp-3 cp50220 cp50221 csISO2022JP JIS",
                JAPANESE,
            ),
            ("iso-2022-kr csISO2022KR cp50225", KOREAN),
            ("iso-2022-cn ISO-2022-CN-EXT", CHINESE),
            ("hz-gb-2312 HZ cp52936", HZ),
            (
                "win-1251 windows1251 cp-1251 cp1251 1251 WINDOWS-1251 x-cp1251 win1251",
                Charset::Web(web::WINDOWS_1251),
            ),
            (
                "latin1 l1 iso-8859-1 ISO8859-1 iso_8859_1 8859_1 iso-ir-100 cp1252 x-windows-1252 iso_8859-1:1987 windows-28591 ibm819",
                Charset::Web(web::WINDOWS_1252),
            ),
            (
                "iso-8859-15 ISO8859_15 latin9 latin-9 latin0",
                Charset::Web(web::ISO_8859_15),
            ),
            (
                "koi8-r KOI8R koi8 koi8_r cp20866",
                Charset::Web(web::KOI8_R),
            ),
            ("koi8-u koi8u", Charset::Web(web::KOI8_U)),
            (
                "macintosh mac MacRoman x-mac-roman",
                Charset::Web(web::MACINTOSH),
            ),
            (
                "utf-7 UTF7 unicode-1-1-utf-7 cp65000 x-unicode-2-0-utf-7",
                Charset::Utf7,
            ),
            ("utf-16le UTF16LE", Charset::Web(web::UTF_16LE)),
            ("utf-16be", Charset::Web(web::UTF_16BE)),
            ("utf-16 utf16 ucs-2 ISO-10646-UCS-2", Charset::Utf16),
            (
                "utf-32 UTF32 utf-32be ucs-4 ISO-10646-UCS-4",
                Charset::Utf32 { is_little: false },
            ),
            ("utf-32le", Charset::Utf32 { is_little: true }),
            (
                "ibm437 cp437 437 csPC8CodePage437",
                Charset::CodePage(&IBM437),
            ),
            ("ibm850 cp-850 850 IBM00850", Charset::CodePage(&IBM850)),
            ("cp858 ibm00858", Charset::CodePage(&IBM858)),
        ] {
            for name in names.split(' ') {
                assert_eq!(find(name.as_bytes()), Some(charset), "{name}");
            }
        }
    }

    #[test]
    fn names_that_decide_nothing() {
        for name in [
            "us-ascii",
            "ANSI_X3.4-1968",
            "ascii",
            "646",
            "unknown-8bit",
            "x-unknown",
            "x-user",
            "",
            "-",
            "no-such",
            "7bit",
            "8bit",
            "utf",
            "cp0",
            "windows-99999",
            "iso-8859-12",
            "iso-8859-99",
            "12",
        ] {
            assert_eq!(find(name.as_bytes()), None, "{name}");
        }
        assert_eq!(find(&[b'x'; 1_000]), None);
    }
}

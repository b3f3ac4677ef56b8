//! The media type of a file of which nothing is said but its name.

/// The media type by the ending of the name, for the kinds that clients show;
/// application/octet-stream where the ending says nothing (RFC 2046 section 4.5.1).
pub fn type_by_name(name: &str) -> &'static str {
    let ending = match name.rsplit_once('.') {
        Some((stem, ending)) if !stem.is_empty() => ending,
        _ => "",
    };
    let found = BY_ENDING
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(ending));
    found.map_or("application/octet-stream", |(_, kind)| kind)
}

/// Without `eml`: a file of `message/rfc822` may not be encoded in base64 (RFC 2046 section 5.2.1).
const BY_ENDING: &[(&str, &str)] = &[
    ("txt", "text/plain"),
    ("log", "text/plain"),
    ("md", "text/markdown"),
    ("csv", "text/csv"),
    ("html", "text/html"),
    ("ics", "text/calendar"),
    ("json", "application/json"),
    ("pdf", "application/pdf"),
    ("zip", "application/zip"),
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("gif", "image/gif"),
    ("webp", "image/webp"),
    ("svg", "image/svg+xml"),
    ("mp3", "audio/mpeg"),
    ("mp4", "video/mp4"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_say_what_a_file_is() {
        for (name, kind) in [
            ("a.PDF", "application/pdf"),
            ("a.jpeg", "image/jpeg"),
            ("a.b.txt", "text/plain"),
            ("a.tar.gz", "application/octet-stream"),
            ("a.eml", "application/octet-stream"),
            ("README", "application/octet-stream"),
            (".txt", "application/octet-stream"),
            ("a.", "application/octet-stream"),
            ("txt", "application/octet-stream"),
            ("", "application/octet-stream"),
        ] {
            assert_eq!(type_by_name(name), kind, "{name}");
        }
    }
}

//! The texts of an answer with the fields of the message in them: `{{from.name}}`, `{{subject}}`.
//!
//! A value is one line of the message, cut and without controls; in HTML it is escaped. So no
//! message can add a header field, a tag or a line to its answer. There are no conditions and no
//! loops.

use super::markup::escape;
use crate::mail::unicode;

/// The fields and what stands for them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TemplateValues {
    /// The name in From; the address where there is none.
    pub from_name: String,
    /// The address in From.
    pub from_address: String,
    /// The subject.
    pub subject: String,
    /// The address of the inbox.
    pub inbox_address: String,
}

/// The names that a text may have in double braces.
pub const TEMPLATE_FIELDS: &[&str] = &["from.name", "from.address", "subject", "inbox.address"];

impl TemplateValues {
    fn of(&self, name: &str) -> Option<&str> {
        Some(match name {
            "from.name" if self.from_name.is_empty() => &self.from_address,
            "from.name" => &self.from_name,
            "from.address" => &self.from_address,
            "subject" => &self.subject,
            "inbox.address" => &self.inbox_address,
            _ => return None,
        })
    }
}

/// Checks the fields of a text. The error completes a sentence that begins with its name.
pub fn check(text: &str) -> Result<(), String> {
    let mut count = 0;
    for (_, name) in pieces(text) {
        let Some(name) = name else { continue };
        count += 1;
        if !TEMPLATE_FIELDS.contains(&name) {
            let known = TEMPLATE_FIELDS.join("}}, {{");
            return Err(format!(
                "has a field in double braces that is none of {{{{{known}}}}}"
            ));
        }
    }
    match count > FIELDS_MAX {
        true => Err(format!(
            "must have at most {FIELDS_MAX} fields in double braces"
        )),
        false => Ok(()),
    }
}

/// The text with the values in it.
pub fn render(text: &str, values: &TemplateValues, is_html: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for (before, name) in pieces(text) {
        out.push_str(before);
        let Some(value) = name.and_then(|name| values.of(name)) else {
            continue;
        };
        let value = unicode::one_line(value, VALUE_CHARS_MAX);
        match is_html {
            true => escape(&value, &mut out),
            false => out.push_str(&value),
        }
    }
    out
}

/// The text between fields, each with the name of the field behind it.
fn pieces(text: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    let mut rest = Some(text);
    core::iter::from_fn(move || {
        let left = rest.take()?;
        let found = left.split_once("{{").and_then(|(before, behind)| {
            let (name, after) = behind.split_once("}}")?;
            Some((before, name.trim(), after))
        });
        match found {
            Some((before, name, after)) => {
                rest = Some(after);
                Some((before, Some(name)))
            }
            None => Some((left, None)),
        }
    })
}

/// Characters of one value.
const VALUE_CHARS_MAX: usize = 200;
/// Fields of one text.
const FIELDS_MAX: usize = 50;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn values() -> TemplateValues {
        TemplateValues {
            from_name: "Ann <b> & {{subject}}\r\nBcc: x@y.test".into(),
            from_address: "ann@x.test".into(),
            subject: "x".repeat(500),
            inbox_address: "bot@x.test".into(),
        }
    }

    #[test]
    fn fields_are_replaced_once_and_safely() {
        let text = "Hi {{ from.name }}: {{from.address}}, {{inbox.address}}";
        let plain = render(text, &values(), false);
        assert!(!plain.contains(['\r', '\n']), "{plain:?}");
        assert!(
            plain.contains("{{subject}}"),
            "a value is no template: {plain}"
        );
        assert!(plain.ends_with("ann@x.test, bot@x.test"), "{plain}");
        let page = render(text, &values(), true);
        assert!(page.contains("&lt;b&gt; &amp; "), "{page}");
        assert_eq!(
            render("{{subject}}", &values(), false).chars().count(),
            VALUE_CHARS_MAX
        );
        assert_eq!(render("{{ open", &values(), false), "{{ open");
        let nameless = TemplateValues {
            from_name: String::new(),
            ..values()
        };
        assert_eq!(render("{{from.name}}", &nameless, false), "ann@x.test");
    }

    #[test]
    fn other_fields_are_refused() {
        check("no fields { } }} {{ open").unwrap();
        check("{{from.name}} {{ subject }}").unwrap();
        for bad in [
            "{{from}}",
            "{{}}",
            "{{subject|raw}}",
            "{{#each}}",
            "{{ {{subject}} }}",
        ] {
            assert!(check(bad).unwrap_err().contains("{{from.name}}"), "{bad}");
        }
        assert!(check(&"{{subject}}".repeat(51)).is_err());
    }
}

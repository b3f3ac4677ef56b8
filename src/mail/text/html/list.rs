//! The marks of list items: dashes, numbers, letters, Roman numerals.

/// A list that is open.
#[derive(Clone, Copy)]
pub struct ListMarks {
    is_numbered: bool,
    /// One of `1aAiI`.
    numbering: u8,
    next: i64,
}

impl ListMarks {
    /// The marks of a list. `start` is the number of its first item.
    pub fn new(is_numbered: bool, numbering: u8, start: Option<i64>) -> ListMarks {
        ListMarks {
            is_numbered,
            numbering,
            next: start.unwrap_or(1),
        }
    }

    /// The mark of the next item, which may give its own number.
    pub fn next(&mut self, value: Option<i64>) -> String {
        if !self.is_numbered {
            return "- ".to_owned();
        }
        let number = value.unwrap_or(self.next);
        self.next = number.saturating_add(1);
        let letters = match self.numbering {
            b'a' => alphabetic(number),
            b'A' => alphabetic(number).map(|s| s.to_ascii_uppercase()),
            b'i' => roman(number).map(|s| s.to_ascii_lowercase()),
            b'I' => roman(number),
            _ => None,
        };
        match letters {
            Some(letters) => format!("{letters}. "),
            None => format!("{number}. "),
        }
    }
}

/// `a` to `z`, then `aa`.
fn alphabetic(number: i64) -> Option<String> {
    let mut left = number;
    let mut letters = Vec::new();
    while left > 0 {
        left -= 1;
        letters.push(char::from(b'a' + u8::try_from(left % 26).unwrap_or(0)));
        left /= 26;
    }
    (!letters.is_empty()).then(|| letters.iter().rev().collect())
}

fn roman(number: i64) -> Option<String> {
    if !(1..4_000).contains(&number) {
        return None;
    }
    let mut left = number;
    let mut text = String::new();
    for (value, numeral) in ROMAN {
        while left >= *value {
            text.push_str(numeral);
            left -= value;
        }
    }
    Some(text)
}

const ROMAN: &[(i64, &str)] = &[
    (1000, "M"),
    (900, "CM"),
    (500, "D"),
    (400, "CD"),
    (100, "C"),
    (90, "XC"),
    (50, "L"),
    (40, "XL"),
    (10, "X"),
    (9, "IX"),
    (5, "V"),
    (4, "IV"),
    (1, "I"),
];

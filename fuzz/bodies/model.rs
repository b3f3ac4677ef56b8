//! The stored model of an organization with octets that are not those of a model.

use postern::testing::judge::MailView;
use postern::testing::judge::model::{
    EarlierLessons, Learned, LessonLabel, Taught, Teaching, Tokens,
};

/// Each three octets are a place (two octets, from the beginning or, if the first bit is set, from
/// the end) and what stands there; a rest of one or two is cut off at the end. What can be read is
/// written again as it was, and learns without a panic.
pub fn learned_model(data: &[u8]) {
    let tokens = Tokens::of(&MailView {
        subject: String::from_utf8_lossy(data).into_owned(),
        ..MailView::default()
    });
    let mut learned = Learned::new((1, 2));
    let mut teaching = Teaching {
        label: LessonLabel::Spam,
        before: None,
        sender: "a@x.example",
        day: 20_000,
    };
    assert_eq!(
        learned.learn(&mut EarlierLessons::default(), &tokens, &teaching),
        Taught::Learned
    );
    let mut octets = learned.encode();
    let (changes, rest) = data.as_chunks::<3>();
    for [low, high, value] in changes {
        let place = usize::from(u16::from_le_bytes([*low, *high]) & 0x7fff);
        let at = match high & 0x80 {
            0 => place,
            _ => octets.len().saturating_sub(1 + place),
        };
        if let Some(octet) = octets.get_mut(at) {
            *octet = *value;
        }
    }
    octets.truncate(octets.len() - rest.len());
    let Some(mut read) = Learned::decode(&octets) else {
        return;
    };
    assert_eq!(read.encode(), octets);
    assert!(read.log_odds(&tokens).is_finite());
    teaching.label = LessonLabel::Wanted;
    // The same octets as the form of earlier lessons, each as long as its first octet says.
    let mut rest = data;
    let rows = std::iter::from_fn(|| {
        let (size, more) = rest.split_first()?;
        let (row, more) = more.split_at_checked(usize::from(*size))?;
        rest = more;
        Some((LessonLabel::Spam, row))
    });
    let mut earlier = EarlierLessons::read(rows);
    read.learn(&mut earlier, &tokens, &teaching);
    for change in earlier.take_changes() {
        let octets = change.octets.into_iter();
        let again = octets
            .map(|octets| (change.label, octets))
            .collect::<Vec<_>>();
        let again = again
            .iter()
            .map(|(label, octets)| (*label, octets.as_slice()));
        assert_eq!(EarlierLessons::read(again).take_changes(), []);
    }
    assert!(Learned::decode(&read.encode()).is_some());
}

//! Lessons, their bounds, and the stored form.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use crate::judge::MailView;
use crate::judge::model::EarlierChange;
use crate::judge::model::Models;
use crate::judge::model::stored::LEARNED_BYTES_MAX;
use crate::judge::model::tokens::TOKENS_MAX;

const KEY: (u64, u64) = (1, 2);

fn tokens(subject: &str, text: &str) -> Tokens {
    Tokens::of(&view(subject, text))
}

fn view(subject: &str, text: &str) -> MailView {
    MailView {
        subject: subject.into(),
        text: text.into(),
        ..MailView::default()
    }
}

fn teaching(label: LessonLabel, sender: &str) -> Teaching<'_> {
    Teaching {
        label,
        before: None,
        sender,
        day: 20_000,
    }
}

/// Mail of an organization whose business looks like spam, and spam that looks like its business.
fn taught(count: u32) -> Learned {
    taught_with_earlier(count).0
}

fn taught_with_earlier(count: u32) -> (Learned, EarlierLessons) {
    let mut learned = Learned::new(KEY);
    let mut earlier = EarlierLessons::default();
    for i in 0..count {
        let text = format!("Casino floor plan {i} for the roulette hall, click the winner table");
        let sender = format!("a{i}@x.example");
        learned.learn(
            &mut earlier,
            &tokens("Plan", &text),
            &teaching(LessonLabel::Wanted, &sender),
        );
        let text = format!("Minutes {i} of the quarterly gearbox audit, see the attached sheet");
        let sender = format!("b{i}@y.example");
        learned.learn(
            &mut earlier,
            &tokens("Audit", &text),
            &teaching(LessonLabel::Spam, &sender),
        );
    }
    (learned, earlier)
}

#[test]
fn it_learns_what_the_shipped_model_does_not_know() {
    let learned = taught(40);
    let wanted = tokens("Plan", "Casino floor plan for the new roulette hall");
    let spam = tokens("Audit", "Minutes of the gearbox audit");
    assert!(
        learned.log_odds(&wanted) < -0.3,
        "{}",
        learned.log_odds(&wanted)
    );
    assert!(learned.log_odds(&spam) > 0.3, "{}", learned.log_odds(&spam));
    let score = |models: &Models, text| models.score(&view("Audit", text)).0;
    let models = Models::default().with_learned(std::sync::Arc::new(learned));
    let text = "Minutes of the gearbox audit";
    assert!(score(&models, text) > score(&Models::default(), text) + 100);
}

#[test]
fn it_is_silent_until_it_has_seen_both_classes() {
    let spam = tokens("Audit", "Minutes of the gearbox audit");
    assert_eq!(taught(LESSONS_MIN - 1).log_odds(&spam), 0.0);
    assert_ne!(taught(LESSONS_MIN).log_odds(&spam), 0.0);
    let mut one_sided = Learned::new(KEY);
    let mut earlier = EarlierLessons::default();
    for i in 0..100 {
        let sender = format!("b{i}@y.example");
        one_sided.learn(&mut earlier, &spam, &teaching(LessonLabel::Spam, &sender));
    }
    assert_eq!(one_sided.log_odds(&spam), 0.0);
}

#[test]
fn one_sender_teaches_a_bounded_number_of_lessons_a_day() {
    let mut learned = Learned::new(KEY);
    let mut earlier = EarlierLessons::default();
    let mut count = |day, sender: &str| {
        (0..100_u32)
            .filter(|i| {
                let teaching = Teaching {
                    day,
                    ..teaching(LessonLabel::Spam, sender)
                };
                learned.learn(&mut earlier, &tokens("a", &format!("word{i} x")), &teaching)
                    == Taught::Learned
            })
            .count()
    };
    assert_eq!(
        count(20_000, "a@x.example"),
        usize::from(SOURCE_LESSONS_MAX)
    );
    assert_eq!(count(20_000, "a@x.example"), 0);
    assert_eq!(
        count(20_000, "b@x.example"),
        usize::from(SOURCE_LESSONS_MAX)
    );
    assert_eq!(
        count(20_001, "a@x.example"),
        usize::from(SOURCE_LESSONS_MAX)
    );
    learned.day_lessons = DAY_LESSONS_MAX;
    let more = learned.learn(
        &mut earlier,
        &tokens("a", "b"),
        &Teaching {
            day: 20_001,
            ..teaching(LessonLabel::Spam, "c")
        },
    );
    assert_eq!(more, Taught::Enough);
}

#[test]
fn a_lesson_is_taken_back() {
    let (mut learned, mut earlier) = taught_with_earlier(40);
    let text = "A wholly new harvest of turnips arrives at the granary on Friday";
    let message = tokens("Turnips", text);
    let before = learned.log_odds(&message);
    assert_eq!(
        learned.learn(
            &mut earlier,
            &message,
            &teaching(LessonLabel::Spam, "t@x.example")
        ),
        Taught::Learned
    );
    let wrong = learned.log_odds(&message);
    assert!(wrong > before);
    assert_eq!(learned.lessons(LessonLabel::Spam), 41);
    let back = Teaching {
        before: Some(LessonLabel::Spam),
        ..teaching(LessonLabel::Wanted, "t@x.example")
    };
    assert_eq!(
        learned.learn(&mut earlier, &message, &back),
        Taught::Learned
    );
    assert!(learned.log_odds(&message) < wrong);
    assert_eq!(learned.lessons(LessonLabel::Spam), 40);
    assert_eq!(learned.lessons(LessonLabel::Wanted), 41);
    let again = Teaching {
        before: Some(LessonLabel::Wanted),
        ..back
    };
    assert_eq!(learned.learn(&mut earlier, &message, &again), Taught::Known);
}

#[test]
fn what_it_adds_has_a_bound() {
    let mut learned = Learned::new(KEY);
    for weight in &mut learned.weights {
        *weight = i16::MAX;
    }
    learned.lessons = [1_000_000; 2];
    let most = learned.log_odds(&tokens("a b c", "d e f g h i j k l m n o p q r s t u v"));
    assert!((3.9..=4.0).contains(&most), "{most}");
}

#[test]
fn lessons_fade_with_the_days() {
    let mut learned = taught(40);
    let spam = tokens("Audit", "Minutes of the gearbox audit");
    let fresh = learned.log_odds(&spam);
    let mut later = |day| {
        let teaching = Teaching {
            day,
            ..teaching(LessonLabel::Wanted, "z@x.example")
        };
        learned.learn(
            &mut EarlierLessons::default(),
            &tokens("", "unrelated"),
            &teaching,
        );
        learned.log_odds(&spam)
    };
    let same_day = later(20_000);
    let years = later(20_000 + 5_000);
    assert!(same_day > 0.7 * fresh, "{same_day} {fresh}");
    assert!(years < 0.3 * fresh, "{years} {fresh}");
    // A clock that goes back changes nothing.
    assert!(later(100) <= years + 0.2);
}

#[test]
fn the_stored_form_leads_back_and_has_a_bound() {
    let empty = Learned::new((u64::MAX, 7));
    assert_eq!(Learned::decode(&empty.encode()), Some(empty));
    let (mut learned, mut earlier) = taught_with_earlier(60);
    for i in 0..80_u32 {
        let words: String = (0..2_000)
            .map(|w| format!("w{}x{i} ", char::from_u32(0x4e00 + w).unwrap()))
            .collect();
        learned.learn(
            &mut earlier,
            &tokens("Long", &words),
            &teaching(LessonLabel::Spam, &format!("l{i}@x.example")),
        );
    }
    let octets = learned.encode();
    assert!(octets.len() <= LEARNED_BYTES_MAX, "{}", octets.len());
    let rows = earlier.take_changes();
    let bytes = |row: &EarlierChange| row.octets.as_ref().map_or(0, Vec::len);
    assert!(
        rows.iter()
            .all(|row| bytes(row) <= 6 + 2 * EARLIER_TOKENS_MAX)
    );
    assert_eq!(Learned::decode(&octets).as_ref(), Some(&learned));
    for cut in [0, 1, 20, 100, octets.len() - 1] {
        assert_eq!(Learned::decode(&octets[..cut]), None);
    }
    let mut longer = octets.clone();
    longer.push(0);
    assert_eq!(Learned::decode(&longer), None);
    longer[0] = 2;
    assert_eq!(Learned::decode(&longer), None);
}

#[test]
fn the_same_lessons_make_the_same_model() {
    assert_eq!(taught_with_earlier(20), taught_with_earlier(20));
    let mut other = Learned::new((3, 4));
    other.learn(
        &mut EarlierLessons::default(),
        &tokens("a", "b c d"),
        &teaching(LessonLabel::Spam, "x"),
    );
    let mut same = Learned::new(KEY);
    same.learn(
        &mut EarlierLessons::default(),
        &tokens("a", "b c d"),
        &teaching(LessonLabel::Spam, "x"),
    );
    assert_ne!(
        other.weights, same.weights,
        "the key decides about the buckets"
    );
}

#[test]
fn a_message_of_a_million_words_has_a_bounded_number_of_tokens() {
    let words: String = (0..200_000_u32)
        .flat_map(|i| {
            [
                char::from_u32(0x4e00 + i % 20_000),
                char::from_u32(0x5000 + i / 20_000),
            ]
        })
        .flatten()
        .collect();
    assert!(tokens("", &words).hashes().len() <= TOKENS_MAX);
    let one = "a".repeat(1 << 20);
    assert!(tokens("", &one).hashes().len() < 100);
}

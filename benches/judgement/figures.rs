//! What the filter finds in the sets, with learning off and on.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use postern::testing::call::{SpamReport, SpamSettings, Verdict};
use postern::testing::judge::model::{
    EarlierLessons, Learned, LessonLabel, StartModel, Taught, Teaching, Tokens,
};
use postern::testing::judge::{MailView, Models, SenderFacts, judge};

use super::{Row, tokens_of};

/// The sets with ordinary mail of today.
const MODERN: &[&str] = &["modern", "talk", "public", "own-unseen"];

/// A message and what the filter said.
struct Judged<'a> {
    row: &'a Row,
    report: SpamReport,
}

impl Judged<'_> {
    fn is_ham(&self) -> bool {
        self.row.text("label") == "ham"
    }

    fn is_spam(&self) -> bool {
        self.report.verdict == Verdict::Spam
    }

    fn is_flagged(&self) -> bool {
        self.report.verdict != Verdict::Clean
    }

    /// Flagged, or an order to an agent was found.
    fn is_named(&self) -> bool {
        self.is_flagged() || self.report.injection.score.0 > 0
    }

    fn score(&self) -> i32 {
        self.report.score.0
    }
}

/// Prints all figures. The messages that are not in `rest` are the lessons; `None`: all are both.
pub fn report(rows: &[Row], models: &Models, rest: Option<&HashSet<String>>) {
    let views: Vec<MailView> = rows.iter().map(Row::view).collect();
    let is_measured = |row: &Row| {
        let is_old =
            row.text("set").starts_with("spam-a") || ["modern", "talk"].contains(&row.text("set"));
        rest.is_none_or(|rest| !is_old || rest.contains(row.text("id")))
    };
    let learned = teach(rows, &views, models, |row| {
        rest.is_none() || !is_measured(row)
    });
    let measured: Vec<(&Row, &MailView)> = rows
        .iter()
        .zip(&views)
        .filter(|(row, _)| is_measured(row))
        .collect();
    for (name, models) in [
        ("off", models.clone()),
        ("on", models.with_learned(Arc::new(learned))),
    ] {
        println!("\nlearning {name}: {} messages", measured.len());
        let judged: Vec<Judged<'_>> = measured
            .iter()
            .map(|(row, view)| Judged {
                row,
                report: judge(
                    view,
                    &SenderFacts::default(),
                    &SpamSettings::default(),
                    &models,
                ),
            })
            .collect();
        by_set(&judged);
        curve(&judged);
        injection(&judged);
        suspicion(&judged);
    }
    heaviest(&views, models);
}

/// Teaches as an owner who sorts two folders: first the wanted mail, then the spam.
fn teach(
    rows: &[Row],
    views: &[MailView],
    models: &Models,
    is_lesson: impl Fn(&Row) -> bool,
) -> Learned {
    let mut learned = Learned::new((0x5eed, 0x0ed5));
    let mut earlier = EarlierLessons::default();
    let mut refused = 0;
    for label in [LessonLabel::Wanted, LessonLabel::Spam] {
        for (row, view) in rows.iter().zip(views) {
            let is_spam = row.text("label") == "spam";
            let is_taught = row.text("set").starts_with("spam-a") && is_lesson(row);
            if !is_taught || is_spam != (label == LessonLabel::Spam) {
                continue;
            }
            let from = view.from.as_ref();
            let sender = from.map(|from| format!("{}@{}", from.local, from.domain));
            let teaching = Teaching {
                label,
                before: None,
                sender: &sender.unwrap_or_default().to_ascii_lowercase(),
                day: 20_000,
            };
            let taught =
                learned.learn_beside(models.start(), &mut earlier, &Tokens::of(view), &teaching);
            refused += u32::from(taught != Taught::Learned);
        }
    }
    println!(
        "lessons: {} wanted, {} spam, {refused} refused because a sender taught enough",
        learned.lessons(LessonLabel::Wanted),
        learned.lessons(LessonLabel::Spam)
    );
    learned
}

fn share(part: usize, of: usize, unit: f64) -> f64 {
    part as f64 * unit / of.max(1) as f64
}

fn by_set(judged: &[Judged<'_>]) {
    let mut sets: BTreeMap<(&str, &str), Vec<&Judged<'_>>> = BTreeMap::new();
    for one in judged {
        let key = (one.row.text("set"), one.row.text("label"));
        sets.entry(key).or_default().push(one);
    }
    for ((set, label), some) in sets {
        let spam = some.iter().filter(|one| one.is_spam()).count();
        let flagged = some.iter().filter(|one| one.is_flagged()).count();
        let (unit, name) = if label == "ham" {
            (1000.0, "in 1,000")
        } else {
            (100.0, "%")
        };
        println!(
            "  {set:14} {label:7} {:5}  spam {:6.1} {name}, flagged {:6.1} {name}",
            some.len(),
            share(spam, some.len(), unit),
            share(flagged, some.len(), unit)
        );
    }
    let bad = judged.iter().filter(|one| one.row.text("label") == "spam");
    let ham = judged
        .iter()
        .filter(|one| one.is_ham() && one.row.text("set") != "control");
    let (hits, all) = bad.fold((0, 0), |(hits, all), one| {
        (hits + usize::from(one.is_spam()), all + 1)
    });
    let (faults, hams) = ham.fold((0, 0), |(faults, all), one| {
        (faults + usize::from(one.is_spam()), all + 1)
    });
    println!(
        "  verdict spam: precision {:.2} %, recall {:.2} %, {:.2} faults in 1,000 ham",
        share(hits, hits + faults, 100.0),
        share(hits, all, 100.0),
        share(faults, hams, 1000.0)
    );
}

/// The share of bad scores over a threshold that so many of the ham scores exceed.
fn recall_at(bad: &[i32], ham: &[i32], rate: f64) -> (f64, i32) {
    let mut ham = ham.to_vec();
    ham.sort_unstable_by_key(|score| std::cmp::Reverse(*score));
    let at = ((rate * ham.len() as f64) as usize).min(ham.len().saturating_sub(1));
    let threshold = ham.get(at).copied().unwrap_or(0);
    (
        share(
            bad.iter().filter(|score| **score > threshold).count(),
            bad.len(),
            100.0,
        ),
        threshold,
    )
}

fn curve(judged: &[Judged<'_>]) {
    let scores = |wanted: &dyn Fn(&Judged<'_>) -> bool| -> Vec<i32> {
        judged
            .iter()
            .filter(|one| wanted(one))
            .map(Judged::score)
            .collect()
    };
    let easy = scores(&|one| one.is_ham() && one.row.text("set") == "spam-a");
    let modern = scores(&|one| one.is_ham() && MODERN.contains(&one.row.text("set")));
    let ordinary: Vec<i32> = easy.iter().chain(&modern).copied().collect();
    for (label, hams) in [
        ("spam", [("ham of spam-a", &easy), ("ordinary", &ordinary)]),
        ("phish", [("modern", &modern), ("ordinary", &ordinary)]),
    ] {
        let bad = scores(&|one| one.row.text("label") == label);
        for (name, ham) in hams.iter().filter(|_| !bad.is_empty()) {
            let points: Vec<String> = [0.001, 0.005, 0.01, 0.02]
                .iter()
                .map(|rate| {
                    let (recall, threshold) = recall_at(&bad, ham, *rate);
                    format!("{recall:5.1} % at {:.1} % (over {threshold})", rate * 100.0)
                })
                .collect();
            println!(
                "  {label} against {name} ({}): {}",
                ham.len(),
                points.join(", ")
            );
        }
    }
}

fn injection(judged: &[Judged<'_>]) {
    let bad: Vec<&Judged<'_>> = judged
        .iter()
        .filter(|one| one.row.text("label") == "inject")
        .collect();
    if bad.is_empty() {
        return;
    }
    let counts = |field: &str, some: &[&Judged<'_>]| {
        let mut counts: BTreeMap<String, (usize, usize)> = BTreeMap::new();
        for one in some {
            let count = counts.entry(one.row.text(field).to_string()).or_default();
            count.0 += usize::from(one.is_named());
            count.1 += 1;
        }
        let shown: Vec<String> = counts
            .iter()
            .map(|(name, (hits, all))| format!("{name} {:.0}", share(*hits, *all, 100.0)))
            .collect();
        shown.join(", ")
    };
    let caught = bad.iter().filter(|one| one.is_named()).count();
    println!(
        "  injection: {} messages, caught {:.1} %",
        bad.len(),
        share(caught, bad.len(), 100.0)
    );
    println!("    by carrier, in %: {}", counts("carrier", &bad));
    println!("    by family, in %: {}", counts("family", &bad));
    let controls: Vec<&Judged<'_>> = judged
        .iter()
        .filter(|one| one.row.text("set") == "control")
        .collect();
    let faults = controls.iter().filter(|one| one.is_named()).count();
    println!(
        "    harmless controls: {:.1} in 1,000 named",
        share(faults, controls.len(), 1000.0)
    );
}

/// What `suspicious` means, and what each step of the score means.
fn suspicion(judged: &[Judged<'_>]) {
    let suspicious = judged
        .iter()
        .filter(|one| one.is_flagged() && !one.is_spam());
    let (bad, all) = suspicious.fold((0, 0), |(bad, all), one| {
        (bad + usize::from(!one.is_ham()), all + 1)
    });
    println!(
        "  suspicious: {all} messages, bad {:.1} %",
        share(bad, all, 100.0)
    );
    let mut steps: BTreeMap<i32, (usize, usize)> = BTreeMap::new();
    for one in judged {
        let step = steps
            .entry(one.score().clamp(-300, 1_200).div_euclid(150) * 150)
            .or_default();
        step.0 += usize::from(!one.is_ham());
        step.1 += 1;
    }
    let steps: Vec<String> = steps
        .iter()
        .map(|(from, (bad, all))| format!("{from}: {:.0} % of {all}", share(*bad, *all, 100.0)))
        .collect();
    println!("    bad by score, from: {}", steps.join(", "));
}

/// The tokens that weigh most in the shipped model, of those that stand in 20 messages or more.
fn heaviest(views: &[MailView], models: &Models) {
    let Some(start): Option<&StartModel<'_>> = models.start() else {
        return;
    };
    let mut counts: HashMap<(String, u64), usize> = HashMap::new();
    for token in views.iter().flat_map(tokens_of) {
        *counts.entry(token).or_default() += 1;
    }
    let mut weights: Vec<(i32, String, usize)> = counts
        .into_iter()
        .filter(|(_, count)| *count >= 20)
        .map(|((name, hash), count)| (start.weight(hash), name, count))
        .filter(|(_, name, _)| ["w", "s", "z"].contains(&&name[..1]))
        .collect();
    weights.sort_unstable();
    let show = |some: &mut dyn Iterator<Item = &(i32, String, usize)>| {
        let some: Vec<String> = some
            .take(10)
            .map(|(weight, name, count)| format!("{name} {weight:+} ({count})"))
            .collect();
        some.join(", ")
    };
    println!("\nheaviest tokens, for ham: {}", show(&mut weights.iter()));
    println!(
        "heaviest tokens, for spam: {}",
        show(&mut weights.iter().rev())
    );
}

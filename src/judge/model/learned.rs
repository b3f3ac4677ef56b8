//! What an organization has taught the filter: a difference to the shipped model.
//!
//! The model is linear, over 2^14 buckets of hashed tokens. The hash has a key of the organization,
//! so a sender cannot make two words that share a bucket. It learns one message at a time, by
//! logistic regression with a rate for each bucket (AdaGrad), and with each it goes over a few
//! earlier ones of both classes again, so that the order of lessons matters little.
//!
//! What protects it from being taught wrong:
//!
//! - Only people teach: the caller passes what the owner of an inbox has moved or marked.
//! - A lesson moves a weight by at most [`STEP_MAX`], and a weight has at most [`WEIGHT_MAX`].
//! - A message that is judged right already, with a margin, teaches nothing.
//! - One sender teaches at most [`SOURCE_LESSONS_MAX`] lessons a day, an organization at most
//!   [`DAY_LESSONS_MAX`].
//! - It speaks from [`LESSONS_MIN`] lessons of each class on, in proportion to their number, and
//!   its word has a bound: the shipped model is never overwritten.
//! - What is not taught again fades: weights halve in about a year.

use super::earlier::{EARLIER_MAX, EARLIER_TOKENS_MAX, EarlierLesson, EarlierLessons};
use super::lesson::{BITS, BUCKETS, LessonLabel};
use super::start::{START, StartModel};
use super::tokens::Tokens;
use crate::crypto::siphash;

/// What the owner of an inbox says of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Teaching<'a> {
    /// What it is.
    pub label: LessonLabel,
    /// What was taught of the same message before: then that is taken back.
    pub before: Option<LessonLabel>,
    /// The address of its sender, in lower case.
    pub sender: &'a str,
    /// The day, counted from 1970.
    pub day: u32,
}

/// What became of a lesson.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taught {
    /// The model has changed and is to be stored.
    Learned,
    /// The same was taught of this message before.
    Known,
    /// The sender, or the organization, has taught enough for a day.
    Enough,
}

/// The model of an organization. Its stored form is in `stored.rs`.
#[derive(Debug, Clone, PartialEq)]
pub struct Learned {
    /// The key of the hash. It is never shown.
    pub(super) key: (u64, u64),
    /// Lessons by [`LessonLabel`].
    pub(super) lessons: [u32; 2],
    /// All lessons, those that were taken back too: the seed of what chance decides.
    pub(super) turns: u32,
    /// The day of the last lesson.
    pub(super) day: u32,
    /// Lessons of that day.
    pub(super) day_lessons: u32,
    /// What each bucket adds, in steps of 1/1,024.
    pub(super) weights: Vec<i16>,
    /// What each bucket has learned so far, in steps of 1/64: it slows the next step.
    pub(super) paces: Vec<u8>,
    /// Senders that taught on that day, the last [`SOURCES_MAX`].
    pub(super) sources: Vec<(u32, u8)>,
}

impl Learned {
    /// A model that has learned nothing. The key is random and stays with the organization.
    pub fn new(key: (u64, u64)) -> Learned {
        Learned {
            key,
            lessons: [0; 2],
            turns: 0,
            day: 0,
            day_lessons: 0,
            weights: vec![0; BUCKETS],
            paces: vec![0; BUCKETS],
            sources: Vec::new(),
        }
    }

    /// Lessons of a class.
    pub fn lessons(&self, label: LessonLabel) -> u32 {
        self.lessons[label.index()]
    }

    /// How much of its word counts: from 0 to 1.
    pub fn voice(&self) -> f32 {
        let least = self.lessons[0].min(self.lessons[1]);
        if least < LESSONS_MIN {
            return 0.0;
        }
        least as f32 / (least as f32 + VOICE_HALF)
    }

    /// Whether the organization may teach more on that day.
    pub fn has_time(&self, day: u32) -> bool {
        day > self.day || self.day_lessons < DAY_LESSONS_MAX
    }

    /// What it adds to the logarithm of the odds that a message is spam.
    pub fn log_odds(&self, tokens: &Tokens) -> f32 {
        if self.voice() == 0.0 {
            return 0.0;
        }
        let sum: i64 = tokens
            .hashes()
            .iter()
            .map(|hash| i64::from(self.weights[self.bucket(*hash)]))
            .sum();
        let size = tokens.hashes().len() as f32 + 1.0;
        let word = sum as f32 / WEIGHT_ONE / size.sqrt();
        word.clamp(-WORD_MAX, WORD_MAX) * self.voice()
    }

    /// Learns what a message is, and goes over earlier lessons of the same organization.
    pub fn learn(
        &mut self,
        earlier: &mut EarlierLessons,
        tokens: &Tokens,
        teaching: &Teaching<'_>,
    ) -> Taught {
        self.learn_beside(START.as_ref(), earlier, tokens, teaching)
    }

    /// Learns what a message is, as a difference to this shipped model.
    pub fn learn_beside(
        &mut self,
        start: Option<&StartModel<'_>>,
        earlier: &mut EarlierLessons,
        tokens: &Tokens,
        teaching: &Teaching<'_>,
    ) -> Taught {
        if teaching.before == Some(teaching.label) {
            return Taught::Known;
        }
        self.begin_day(teaching.day);
        if !self.may_teach(teaching.sender) {
            return Taught::Enough;
        }
        self.turns = self.turns.wrapping_add(1);
        let lesson = self.lesson(start, tokens);
        if let Some(before) = teaching.before {
            earlier.take_out(before, lesson.id);
            let count = &mut self.lessons[before.index()];
            *count = count.saturating_sub(1);
        }
        // Once more for what is taken back.
        for _ in 0..=u32::from(teaching.before.is_some()) {
            self.step(&lesson.buckets, lesson.start, teaching.label);
        }
        for round in 0..ROUNDS {
            for label in [teaching.label.other(), teaching.label] {
                self.go_over(earlier.of(label), label, round);
            }
        }
        let count = &mut self.lessons[teaching.label.index()];
        *count = count.saturating_add(1);
        self.keep(earlier, teaching.label, lesson);
        Taught::Learned
    }

    /// A message with the buckets that its later rounds need.
    fn lesson(&self, start: Option<&StartModel<'_>>, tokens: &Tokens) -> EarlierLesson {
        let start = start.map_or(0.0, |start| start.log_odds(tokens));
        let mut buckets: Vec<u16> = tokens
            .hashes()
            .iter()
            .map(|hash| self.bucket(*hash) as u16)
            .collect();
        let id = tokens
            .hashes()
            .iter()
            .fold(0, |id: u64, hash| id.rotate_left(5) ^ hash);
        buckets.sort_unstable();
        buckets.dedup();
        EarlierLesson {
            id: (id ^ (id >> 32)) as u32,
            start: (start * 100.0).clamp(-10_000.0, 10_000.0) as i16,
            buckets,
        }
    }

    fn bucket(&self, hash: u64) -> usize {
        (siphash(self.key, &hash.to_le_bytes()) >> (64 - BITS)) as usize
    }

    /// One step of the regression. A message that is judged right with a margin needs none.
    fn step(&mut self, buckets: &[u16], start: i16, label: LessonLabel) {
        let size = (buckets.len() as f32 + 1.0).sqrt();
        let sum: i64 = buckets
            .iter()
            .map(|bucket| i64::from(self.weights[usize::from(*bucket)]))
            .sum();
        let log_odds = f32::from(start) / 100.0 + sum as f32 / WEIGHT_ONE / size;
        let wanted = label.index() as f32;
        let right = if label == LessonLabel::Spam {
            log_odds
        } else {
            -log_odds
        };
        if right > MARGIN[label.index()] {
            return;
        }
        let slope = (1.0 / (1.0 + (-log_odds).exp()) - wanted) / size;
        let mut chance = Chance(u64::from(self.turns) ^ self.key.0);
        for bucket in buckets {
            let bucket = usize::from(*bucket);
            let pace = &mut self.paces[bucket];
            // Steps smaller than one of the stored form are taken by chance, in their proportion.
            let more = slope * slope * PACE_ONE + chance.part();
            *pace = pace.saturating_add(more as u8);
            let rate = RATE / (PACE_LEAST + f32::from(*pace) / PACE_ONE).sqrt();
            let step = (slope * rate).clamp(-STEP_MAX, STEP_MAX) * WEIGHT_ONE;
            let weight = f32::from(self.weights[bucket]) - (step + chance.part()).floor();
            self.weights[bucket] = weight.clamp(-WEIGHT_MAX, WEIGHT_MAX) as i16;
        }
    }

    /// Takes a step with one of the earlier lessons.
    fn go_over(&mut self, earlier: &[EarlierLesson], label: LessonLabel, round: u32) {
        let mut chance = Chance(self.key.1 ^ (u64::from(self.turns) << 8) ^ u64::from(round));
        let at = chance.next() as usize % earlier.len().max(1);
        if let Some(EarlierLesson { start, buckets, .. }) = earlier.get(at) {
            self.step(buckets, *start, label);
        }
    }

    /// Keeps a message for later rounds. Each of a class has the same chance to stay at first, and
    /// newer ones a greater one later: spam changes.
    fn keep(&self, earlier: &mut EarlierLessons, label: LessonLabel, mut lesson: EarlierLesson) {
        let mut chance = Chance(self.key.0 ^ self.key.1 ^ (u64::from(self.turns) << 16));
        while lesson.buckets.len() > EARLIER_TOKENS_MAX {
            let at = chance.next() as usize % lesson.buckets.len();
            lesson.buckets.swap_remove(at);
        }
        lesson.buckets.sort_unstable();
        let count = (self.lessons[label.index()] as usize).clamp(1, 2 * EARLIER_MAX);
        earlier.put(label, chance.next() as usize % count, lesson);
    }

    /// Lets what was learned fade by the days that have passed. A clock that goes back does
    /// nothing.
    fn begin_day(&mut self, day: u32) {
        if day <= self.day {
            return;
        }
        if self.day > 0 {
            let kept = (-((day - self.day) as f32) / FADE_DAYS).exp();
            for weight in &mut self.weights {
                *weight = (f32::from(*weight) * kept) as i16;
            }
        }
        self.day = day;
        self.day_lessons = 0;
        self.sources.clear();
    }

    /// Counts a lesson of a sender. `false` if it is one too many for the day.
    fn may_teach(&mut self, sender: &str) -> bool {
        if self.day_lessons >= DAY_LESSONS_MAX {
            return false;
        }
        let source = siphash(self.key, sender.as_bytes()) as u32;
        let known = self.sources.iter().position(|(known, _)| *known == source);
        let count = known.map_or(0, |at| self.sources.remove(at).1);
        if self.sources.len() >= SOURCES_MAX {
            self.sources.remove(0);
        }
        let is_free = count < SOURCE_LESSONS_MAX;
        self.sources.push((source, count + u8::from(is_free)));
        self.day_lessons += u32::from(is_free);
        is_free
    }
}

/// What looks like chance and is the same again for the same lessons (SplitMix64).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// From 0 to 1, without 1.
    fn part(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1_u32 << 24) as f32
    }
}

/// Senders whose lessons are counted.
pub(super) const SOURCES_MAX: usize = 64;
/// Lessons of one sender and day. An unwanted newsletter is learned from five.
const SOURCE_LESSONS_MAX: u8 = 20;
/// Lessons of an organization and day: the first import of a mailbox.
const DAY_LESSONS_MAX: u32 = 5_000;
/// Lessons of each class before the model speaks.
const LESSONS_MIN: u32 = 5;
/// Lessons of each class at which half of its word counts.
const VOICE_HALF: f32 = 10.0;
/// What the model may add, in either direction.
const WORD_MAX: f32 = 4.0;
/// The largest change of a weight by one step.
const STEP_MAX: f32 = 0.5;
/// The largest weight, in steps of the stored form: 8.
const WEIGHT_MAX: f32 = 8.0 * WEIGHT_ONE;
const WEIGHT_ONE: f32 = 1_024.0;
const PACE_ONE: f32 = 64.0;
/// The pace of a bucket that has learned nothing.
const PACE_LEAST: f32 = 0.1;
const RATE: f32 = 0.3;
/// A message on the right side by this needs no lesson, by [`LessonLabel`]: wanted mail that is
/// called spam hurts more than spam that is not.
const MARGIN: [f32; 2] = [3.5, 2.5];
/// Rounds over earlier lessons, one of each class, with each new one.
const ROUNDS: u32 = 8;
/// Days in which a weight falls to 37 in 100.
const FADE_DAYS: f32 = 500.0;

#[cfg(test)]
#[path = "learned_tests.rs"]
mod tests;

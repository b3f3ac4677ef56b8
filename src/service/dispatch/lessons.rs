//! The writer has the filter learn what the owners of mail have said of it: a slice at a time,
//! while nothing else waits. The model and the word that the lessons are learned are one commit, so
//! a crash loses no lesson and has none learned twice.

use crate::call::{Metric, OrgId};
use crate::judge::model::{EarlierLessons, Learned, LessonLabel, Taught, Teaching};
use crate::service::Writer;
use crate::service::intake::lesson_text;
use crate::store::{DueLesson, Error, Store, StoredLesson, StoredModel};

impl Writer {
    /// Learns some lessons of one organization, in a transaction of its own; whether there may be
    /// more.
    pub fn learn(&mut self, store: &Store) -> Result<bool, Error> {
        let Some((org, lessons)) = store.due_lessons(LESSONS_AT_ONCE)? else {
            return Ok(false);
        };
        store.begin()?;
        match self.learn_some(store, org, &lessons) {
            Ok(version) => {
                store.commit()?;
                if let Some(version) = version {
                    self.service().learned.replace(org, version);
                }
                store.expect_leftovers();
                Ok(true)
            }
            Err(error) => {
                store.rollback();
                Err(error)
            }
        }
    }

    /// Gives the version of the model, if it has changed.
    fn learn_some(
        &mut self,
        store: &Store,
        org: OrgId,
        lessons: &[DueLesson],
    ) -> Result<Option<i64>, Error> {
        let stored = store.learned(org)?;
        let known = stored.and_then(|stored| Learned::decode(&stored.octets));
        let mut learned = match known {
            Some(learned) => learned,
            None => Learned::new((self.random.u64(), self.random.u64())),
        };
        let rows = store.earlier_lessons(org)?;
        let rows = rows
            .iter()
            .map(|row| (label(row.is_spam), row.octets.as_slice()));
        let mut earlier = EarlierLessons::read(rows);
        let now = self.service().now();
        let day = self.service().steady_ms(now).div_euclid(DAY_MS);
        let day = u32::try_from(day).unwrap_or(0);
        let (mut octets, mut has_changed) = (0, false);
        for lesson in lessons {
            if octets >= SLICE_OCTETS {
                break;
            }
            octets += u64::from(lesson.size.min(LESSON_OCTETS));
            match learn_one(store, (&mut learned, &mut earlier), lesson, day)? {
                Taught::Learned => has_changed = true,
                Taught::Known => {}
                Taught::Enough => {
                    self.service().shared.metrics.count(Metric::LessonsPassed);
                    store.pass_over(lesson)?;
                    continue;
                }
            }
            store.set_taught(lesson)?;
        }
        if !has_changed {
            return Ok(None);
        }
        let model = StoredModel {
            version: store.new_id(now),
            octets: learned.encode(),
        };
        self.service().learned.begin();
        store.set_learned(org, &model)?;
        store_earlier(store, org, &mut earlier)?;
        Ok(Some(model.version))
    }
}

/// Learns a lesson, if its message can be read.
fn learn_one(
    store: &Store,
    (learned, earlier): (&mut Learned, &mut EarlierLessons),
    lesson: &DueLesson,
    day: u32,
) -> Result<Taught, Error> {
    if !learned.has_time(day) {
        return Ok(Taught::Enough);
    }
    let mut octets = Vec::new();
    match store.read_body((lesson.body, lesson.size), 0, LESSON_OCTETS, &mut octets) {
        Ok(()) => {}
        Err(error) if error.is_disk_failure() => return Err(error),
        Err(error) => {
            log::error!("a lesson cannot be read error=\"{error}\"");
            return Ok(Taught::Enough);
        }
    }
    let Some(text) = lesson_text(&octets) else {
        return Ok(Taught::Enough);
    };
    let teaching = Teaching {
        label: label(lesson.is_spam),
        before: lesson.taught.map(label),
        sender: &text.author,
        day,
    };
    Ok(learned.learn(earlier, &text.tokens, &teaching))
}

/// Writes the places that have changed.
fn store_earlier(store: &Store, org: OrgId, earlier: &mut EarlierLessons) -> Result<(), Error> {
    for change in earlier.take_changes() {
        let is_spam = change.label == LessonLabel::Spam;
        let place = u32::try_from(change.place).unwrap_or(u32::MAX);
        match change.octets {
            None => store.clear_earlier_lesson(org, (is_spam, place))?,
            Some(octets) => {
                let lesson = StoredLesson {
                    is_spam,
                    place,
                    octets,
                };
                store.set_earlier_lesson(org, &lesson)?;
            }
        }
    }
    Ok(())
}

fn label(is_spam: bool) -> LessonLabel {
    match is_spam {
        true => LessonLabel::Spam,
        false => LessonLabel::Wanted,
    }
}

/// Lessons of one slice: about three milliseconds of work.
const LESSONS_AT_ONCE: usize = 8;
/// Octets of messages that one slice reads, about.
const SLICE_OCTETS: u64 = 256 << 10;
/// Octets of a message that are read for a lesson: the filter reads texts up to 96 KiB.
const LESSON_OCTETS: u32 = 256 << 10;
const DAY_MS: i64 = 86_400_000;

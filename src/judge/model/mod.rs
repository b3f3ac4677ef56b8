//! The statistical part of the filter: two linear models over hashed tokens, whose logarithms of
//! odds add.
//!
//! The first ships with the program (`start.rs`) and knows what unwanted mail has in common
//! everywhere. The second is what an organization has taught (`learned.rs`): a difference to the
//! first, so that few lessons count little. [`Models::score`] makes a score of the sum. The shipped
//! model alone never reaches the score of spam: words alone are no proof.

mod earlier;
mod kind;
mod learned;
mod lesson;
mod shape;
mod start;
mod stored;
mod tokens;
mod words;

use std::sync::Arc;

use super::view::MailView;
use crate::call::Score;
pub use earlier::{EarlierChange, EarlierLessons};
pub use kind::TokenKind;
pub use learned::{Learned, Taught, Teaching};
pub use lesson::LessonLabel;
use start::START;
pub use start::StartModel;
pub use tokens::{Tokens, each_token, hash};

/// What is known of mail by its words. The default is the shipped model alone.
#[derive(Debug, Clone)]
pub struct Models {
    start: Option<StartModel<'static>>,
    learned: Option<Arc<Learned>>,
}

impl Default for Models {
    fn default() -> Self {
        Models {
            start: *START,
            learned: None,
        }
    }
}

impl Models {
    /// Another model in the place of the shipped one, to measure it.
    pub fn starting_with(start: StartModel<'static>) -> Models {
        Models {
            start: Some(start),
            learned: None,
        }
    }

    /// The same with what an organization has taught.
    #[must_use]
    pub fn with_learned(&self, learned: Arc<Learned>) -> Models {
        Models {
            start: self.start,
            learned: Some(learned),
        }
    }

    /// How many messages of a class an organization has taught.
    pub fn lessons(&self, label: LessonLabel) -> u32 {
        (self.learned.as_ref()).map_or(0, |learned| learned.lessons(label))
    }

    /// The shipped model, or the one in its place.
    pub fn start(&self) -> Option<&StartModel<'static>> {
        self.start.as_ref()
    }

    /// Octets of memory of the shipped model, or of the one in its place.
    pub fn start_bytes(&self) -> usize {
        self.start.map_or(0, |start| start.bytes())
    }

    /// The logarithm of the odds that the message is spam, in hundredths; 0 says nothing.
    pub fn score(&self, view: &MailView) -> Score {
        let tokens = Tokens::of(view);
        let mut log_odds = self.start.map_or(0.0, |start| start.log_odds(&tokens));
        let mut voice = 0.0;
        if let Some(learned) = &self.learned {
            log_odds += learned.log_odds(&tokens);
            voice = learned.voice();
        }
        calibrate(log_odds, voice)
    }
}

/// Makes a score of what the models say.
///
/// The weights of the models are shrunk, so that their sum says less than it knows: on mail that
/// they have not seen, a step of 1 multiplies the odds by about 90, which is 450 hundredths. The
/// score grows so up to a bend, and slowly from there to its bound. Both grow with what the
/// organization has taught: without it the bend is the usual threshold of `suspicious`, and the
/// bound is below that of `spam`; at best the bend is that of `spam`. Below zero the score is bent
/// from the beginning: ordinary words weigh against one rule or two, and are no proof that a
/// message is harmless.
fn calibrate(log_odds: f32, voice: f32) -> Score {
    let plain = (log_odds - EVEN) * SLOPE;
    let (bend, most) = (BEND + BEND_LEARNED * voice, MOST + MOST_LEARNED * voice);
    let score = if plain < 0.0 {
        (LEAST + LEAST_LEARNED * voice) * plain / (BEND_BELOW - plain)
    } else if plain > bend {
        let (more, room) = (plain - bend, most - bend);
        bend + room * more / (room + more)
    } else {
        plain
    };
    Score(score.round() as i32)
}

const SLOPE: f32 = 450.0;
/// The sum at which a message says nothing: ham of today that it does not know comes up to here.
const EVEN: f32 = 0.2;
const BEND: f32 = 300.0;
const BEND_LEARNED: f32 = 300.0;
const MOST: f32 = 500.0;
const MOST_LEARNED: f32 = 600.0;
const LEAST: f32 = 500.0;
const LEAST_LEARNED: f32 = 200.0;
const BEND_BELOW: f32 = 600.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_grows_with_the_odds_within_its_bounds() {
        for voice in [0.0, 0.5, 1.0] {
            let mut last = Score(i32::MIN);
            for step in -2000..2000 {
                let score = calibrate(step as f32 / 100.0, voice);
                assert!(score >= last, "{step}");
                last = score;
            }
            assert!(last.0 as f32 <= MOST + MOST_LEARNED * voice);
            assert_eq!(calibrate(EVEN, voice), Score(0));
            assert!(calibrate(-1e6, voice).0 as f32 >= -LEAST - LEAST_LEARNED * voice);
        }
    }

    #[test]
    fn the_shipped_model_alone_never_says_spam() {
        assert!(calibrate(1e6, 0.0) < crate::call::SPAM_DEFAULT);
        assert!(calibrate(1.7, 1.0) > crate::call::SPAM_DEFAULT);
    }
}

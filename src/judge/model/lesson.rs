//! What a lesson says, and how many weights it may move.

/// What a message is, as its owner says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LessonLabel {
    /// Wanted.
    Wanted,
    /// Spam.
    Spam,
}

impl LessonLabel {
    pub(super) const ALL: [LessonLabel; 2] = [LessonLabel::Wanted, LessonLabel::Spam];

    pub(super) const fn index(self) -> usize {
        match self {
            LessonLabel::Wanted => 0,
            LessonLabel::Spam => 1,
        }
    }

    pub(super) const fn other(self) -> LessonLabel {
        match self {
            LessonLabel::Wanted => LessonLabel::Spam,
            LessonLabel::Spam => LessonLabel::Wanted,
        }
    }
}

/// Bits of the number of a weight.
pub(super) const BITS: u32 = 14;
/// Weights of an organization: 48 KiB with their paces.
pub(super) const BUCKETS: usize = 1 << BITS;

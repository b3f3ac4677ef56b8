//! The tools as a model gets them: what they cost, what they are named, and that no word of a
//! sender stands outside of the fence.

mod hostile;
mod names;
mod tokens;

//! Tests of the grammar, and of a session whose answers are made by hand.

mod grammar;
mod lines;
mod session;

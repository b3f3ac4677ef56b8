//! To be built.

pub mod desk;

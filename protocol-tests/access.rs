//! Who may ask for what: every route of the description with every kind of wrong credential, the
//! same for logins over SMTP and IMAP, every text of every body with hostile octets, words planted
//! in mail that no answer may have, odd mail through every surface, and one organization beside a
//! hostile one, whose answers must be those that it gets alone. A new route is in all of it by
//! being described. It needs a thing in [`world::World`] only where its path names a new kind of
//! thing.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "access/credentials.rs"]
mod credentials;
#[path = "access/hostile.rs"]
mod hostile;
#[path = "access/logins.rs"]
mod logins;
#[path = "access/operations.rs"]
mod operations;
#[path = "access/parts.rs"]
mod parts;
#[path = "access/planted.rs"]
mod planted;
#[path = "rig.rs"]
mod rig;
#[path = "access/shapes/mod.rs"]
mod shapes;
#[path = "access/structure.rs"]
mod structure;
#[path = "access/tenants.rs"]
mod tenants;
#[path = "access/world.rs"]
mod world;

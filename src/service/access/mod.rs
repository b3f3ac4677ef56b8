//! Access: logins, what a call needs of its caller, and the limits that are counted in
//! memory. It stores nothing.

pub mod admit;
pub mod lease;
pub mod limits;
pub mod login;

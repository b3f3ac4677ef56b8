//! Access: logins, what a call needs of its caller, and the limits that are counted in
//! memory. It decides; it stores nothing.

pub mod limits;
pub mod login;

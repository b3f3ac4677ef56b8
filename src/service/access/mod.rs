//! Access: logins, the check of every caller, and the limits that are counted in memory. It stores
//! nothing.

pub mod admit;
pub mod greylist;
pub mod kept_tickets;
pub mod lease;
pub mod limits;
pub mod login;
pub mod login_log;
pub mod receives;
pub mod ticket;

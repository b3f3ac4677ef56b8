//! Tests of `mail::auth`: each check by itself, and all together.

mod dkim;
mod sender;
mod spf;

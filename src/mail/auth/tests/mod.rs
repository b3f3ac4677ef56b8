//! Tests of `mail::auth`.
mod dkim;

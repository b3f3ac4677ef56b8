//! The revisions of the protocol that are served, and the rules that each follows.

/// The modern revision.
pub(crate) const MODERN: &str = "2026-07-28";
/// The newest of the legacy ones.
pub(crate) const NEWEST_LEGACY: &str = "2025-11-25";
/// The oldest of the legacy ones, which a request without a version has.
pub(crate) const OLDEST: &str = "2025-03-26";
/// Every one, the newest first.
pub(crate) static REVISIONS: [&str; 4] = [MODERN, NEWEST_LEGACY, "2025-06-18", OLDEST];

/// Which rules a request follows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Era {
    /// Revision 2026-07-28.
    Modern,
    /// Revisions 2025-11-25 and 2025-06-18.
    Legacy,
    /// Revision 2025-03-26, whose clients know neither structured content nor links.
    Oldest,
}

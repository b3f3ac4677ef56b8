//! Filter rules: the allow and block lists of an organization and of its inboxes, and the order in
//! which they hold. The suppression list: addresses that get no more mail.
//!
//! It stores nothing. The rule: the most specific rule wins, and of two that are equally specific
//! the one of the inbox, and then the one that blocks (DECISIONS.md, "Filter rules").

use super::{FilterRuleId, InboxId, InboxRef, SuppressionId};

/// Which mail a rule is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FilterDirection {
    /// Mail that leaves for the address.
    Send,
    /// Mail that comes from the address.
    Receive,
}

/// What a rule does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FilterAction {
    /// The mail passes.
    Allow,
    /// The mail is refused.
    Block,
}

/// What the value of a rule is compared with.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum MatchType {
    /// Every domain below the value, and not the value itself.
    SubdomainWildcard,
    /// The domain, exactly.
    Domain,
    /// The whole address.
    Address,
}

macro_rules! words {
    ($($kind:ident: $($variant:ident = $word:literal $number:literal,)*;)*) => {$(
        impl $kind {
            /// The words of the API, in the order of the variants.
            pub const WORDS: &'static [&'static str] = &[$($word),*];

            /// Its word.
            pub const fn word(self) -> &'static str {
                match self {
                    $($kind::$variant => $word,)*
                }
            }

            /// The one with this word.
            pub fn named(word: &str) -> Option<Self> {
                match word {
                    $($word => Some($kind::$variant),)*
                    _ => None,
                }
            }

            /// Its number in the database.
            pub const fn number(self) -> i64 {
                match self {
                    $($kind::$variant => $number,)*
                }
            }

            /// The one with this number.
            pub const fn numbered(number: i64) -> Option<Self> {
                match number {
                    $($number => Some($kind::$variant),)*
                    _ => None,
                }
            }
        }
    )*};
}

words! {
    FilterDirection: Send = "send" 1, Receive = "receive" 2,;
    FilterAction: Allow = "allow" 1, Block = "block" 2,;
    MatchType: Address = "address" 1, Domain = "domain" 2,
        SubdomainWildcard = "subdomain_wildcard" 3,;
    SuppressionReason: Bounce = "bounce" 1, Complaint = "complaint" 2, Manual = "manual" 3,;
}

/// A rule to make.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewFilterRule {
    /// Which mail it is about.
    pub direction: FilterDirection,
    /// What it does.
    pub action: FilterAction,
    /// What the value is compared with.
    pub match_type: MatchType,
    /// An address or a domain, as the client wrote it.
    pub value: String,
    /// The inbox that it holds for; `None` is every inbox of the organization.
    pub inbox: Option<InboxRef>,
}

/// A rule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FilterRuleRow {
    /// Its id.
    pub id: FilterRuleId,
    /// Which mail it is about.
    pub direction: FilterDirection,
    /// What it does.
    pub action: FilterAction,
    /// What the value is compared with.
    pub match_type: MatchType,
    /// A canonical address, or a domain in lower case and punycode.
    pub value: String,
    /// The inbox that it holds for; `None` is every inbox of the organization.
    pub inbox: Option<InboxId>,
    /// Unix milliseconds.
    pub created_at: i64,
}

impl FilterRuleRow {
    /// Whether it goes before another rule that also fits the address.
    pub fn goes_before(&self, other: &FilterRuleRow) -> bool {
        let rank = |rule: &FilterRuleRow| {
            (
                rule.match_type,
                rule.value.len(),
                rule.inbox.is_some(),
                rule.action == FilterAction::Block,
            )
        };
        rank(self) > rank(other)
    }
}

/// What the value of a rule may be for it to fit an address: the address, its domain, and each
/// domain above, nearest first.
pub fn candidates<'a>(
    canonical: &'a str,
    domain: &'a str,
) -> impl Iterator<Item = (MatchType, &'a str)> {
    let above = core::iter::successors(domain.split_once('.'), |(_, rest)| rest.split_once('.'));
    [(MatchType::Address, canonical), (MatchType::Domain, domain)]
        .into_iter()
        .chain(above.map(|(_, rest)| (MatchType::SubdomainWildcard, rest)))
        .take(CANDIDATES_MAX)
}

/// Values that are looked up for an address. Only attacks have names with more labels.
const CANDIDATES_MAX: usize = 16;

/// Why an address gets no more mail.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SuppressionReason {
    /// A server said that it does not exist.
    Bounce,
    /// Its reader has complained.
    Complaint,
    /// A client has put it there.
    Manual,
}

/// An address that gets no more mail of an organization.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SuppressionRow {
    /// Its id.
    pub id: SuppressionId,
    /// The canonical address.
    pub address: String,
    /// Why it is there.
    pub reason: SuppressionReason,
    /// The words of the other server, or those of the client.
    pub source: Option<String>,
    /// Unix milliseconds.
    pub created_at: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(match_type: MatchType, value: &str) -> FilterRuleRow {
        FilterRuleRow {
            id: FilterRuleId(1),
            direction: FilterDirection::Receive,
            action: FilterAction::Allow,
            match_type,
            value: value.to_owned(),
            inbox: None,
            created_at: 0,
        }
    }

    #[test]
    fn the_most_specific_rule_goes_first() {
        let block = |rule: FilterRuleRow| FilterRuleRow {
            action: FilterAction::Block,
            ..rule
        };
        let of_inbox = |rule: FilterRuleRow| FilterRuleRow {
            inbox: Some(InboxId(1)),
            ..rule
        };
        let wildcard = |value| rule(MatchType::SubdomainWildcard, value);
        let domain = || rule(MatchType::Domain, "a.b.c");
        // Each goes before all that follow.
        let order = [
            of_inbox(block(rule(MatchType::Address, "x@a.b.c"))),
            of_inbox(rule(MatchType::Address, "x@a.b.c")),
            block(rule(MatchType::Address, "x@a.b.c")),
            rule(MatchType::Address, "x@a.b.c"),
            of_inbox(domain()),
            block(domain()),
            domain(),
            wildcard("b.c"),
            of_inbox(block(wildcard("c"))),
            block(wildcard("c")),
            wildcard("c"),
        ];
        for (at, first) in order.iter().enumerate() {
            for second in order.iter().skip(at + 1) {
                assert!(first.goes_before(second), "{first:?} {second:?}");
                assert!(!second.goes_before(first), "{first:?} {second:?}");
            }
        }
    }

    #[test]
    fn a_wildcard_fits_below_its_value_only() {
        let all: Vec<_> = candidates("x@a.b.c", "a.b.c").collect();
        let wildcard = MatchType::SubdomainWildcard;
        assert_eq!(
            all,
            [
                (MatchType::Address, "x@a.b.c"),
                (MatchType::Domain, "a.b.c"),
                (wildcard, "b.c"),
                (wildcard, "c"),
            ]
        );
        assert_eq!(candidates("x@[1.2.3.4]", "[1.2.3.4]").count(), 5);
        let long = "a.".repeat(100) + "b";
        assert_eq!(candidates("x", &long).count(), CANDIDATES_MAX);
    }
}

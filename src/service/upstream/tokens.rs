//! Access tokens of accounts that log in by OAuth (RFC 6749): which there are, and which are to be
//! fetched. Connections to the IMAP server of an account and to its SMTP server share one.
//!
//! They are in memory alone: a token lives for an hour or so, and after a start the refresh token,
//! which is stored, gets another. The lock is taken by the thread of the writer.
//!
//! ```text
//!  ask ─► Wanted ─► Resolving ─► Asking ─► a token ─► (its end, or a refusal of it) ─► ask
//!                       └───────────┴────► Resting ─► ask
//! ```

use core::net::IpAddr;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::call::{InboxId, Now, Secret, TokenGrant, UpstreamAccount};

/// The tokens of all accounts.
#[derive(Debug, Default)]
pub struct UpstreamTokens {
    kept: Mutex<HashMap<InboxId, KeptToken>>,
}

/// What is known of the token of one account.
#[derive(Debug)]
struct KeptToken {
    account: UpstreamAccount,
    /// The token, and until when it is used, monotonic milliseconds.
    token: Option<(Secret, u64)>,
    fetch: TokenFetch,
    failures: u32,
    /// It was fetched because a server had refused the one before, and no server has taken it.
    is_renewed: bool,
    /// The newest refresh token, where the server has changed it: it holds also if the commit of
    /// its row has failed.
    refresh_token: Option<Secret>,
}

/// How far the next token is. There is one fetch of an account at a time.
#[derive(Debug)]
enum TokenFetch {
    None,
    Wanted,
    /// Answers of the DNS are awaited: so many, until then (monotonic milliseconds).
    Resolving {
        left: u8,
        addresses: Vec<IpAddr>,
        until_ms: u64,
    },
    /// The engine of the connection tells what came of it, before then.
    Asking {
        until_ms: u64,
    },
    /// It has failed, and is tried again then.
    Resting {
        until_ms: u64,
    },
}

/// The answer to a wish for a token.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TokenAnswer {
    Ready(Secret),
    /// It is being fetched.
    Soon,
    /// It could not be fetched, and is tried again later.
    Failing,
}

impl UpstreamTokens {
    /// Takes the lock.
    fn kept(&self) -> MutexGuard<'_, HashMap<InboxId, KeptToken>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The token of an account. Where there is none that lives long enough, one is fetched.
    pub fn ask(&self, now: Now, account: UpstreamAccount) -> TokenAnswer {
        let mut kept = self.kept();
        let entry = kept.entry(account.inbox).or_insert_with(|| KeptToken {
            account,
            token: None,
            fetch: TokenFetch::None,
            failures: 0,
            is_renewed: false,
            refresh_token: None,
        });
        if let Some((token, until_ms)) = &entry.token
            && now.mono_ms < *until_ms
        {
            return TokenAnswer::Ready(token.clone());
        }
        entry.token = None;
        match entry.fetch {
            TokenFetch::Resting { until_ms } if now.mono_ms < until_ms => {
                return TokenAnswer::Failing;
            }
            TokenFetch::Asking { until_ms } if now.mono_ms < until_ms => {}
            TokenFetch::Wanted | TokenFetch::Resolving { .. } => {}
            TokenFetch::None | TokenFetch::Resting { .. } | TokenFetch::Asking { .. } => {
                entry.fetch = TokenFetch::Wanted;
            }
        }
        TokenAnswer::Soon
    }

    /// Whether a token is to be fetched.
    pub fn has_wanted(&self) -> bool {
        self.kept().values().any(KeptToken::is_wanted)
    }

    /// Tokens that are to be fetched now: not too many at once. Their fetch has begun, and answers
    /// of the DNS are awaited.
    pub fn take_wanted(&self, now: Now) -> Vec<UpstreamAccount> {
        let mut kept = self.kept();
        let busy = kept.values().filter(|entry| entry.is_busy(now)).count();
        let wanted = kept.values_mut().filter(|entry| entry.is_wanted());
        let mut taken = Vec::new();
        for entry in wanted.take(FETCHES_MAX.saturating_sub(busy)) {
            entry.fetch = TokenFetch::Resolving {
                left: 0,
                addresses: Vec::new(),
                until_ms: now.mono_ms.saturating_add(RESOLVE_MS),
            };
            taken.push(entry.account);
        }
        taken
    }

    /// A question to the DNS was asked for the token of an account.
    pub fn awaits_answer(&self, inbox: InboxId) {
        if let Some(entry) = self.kept().get_mut(&inbox)
            && let TokenFetch::Resolving { left, .. } = &mut entry.fetch
        {
            *left += 1;
        }
    }

    /// Addresses of the token server of an account: an answer of the DNS, or none.
    pub fn found(&self, inbox: InboxId, found: Vec<IpAddr>) {
        if let Some(entry) = self.kept().get_mut(&inbox)
            && let TokenFetch::Resolving {
                left, addresses, ..
            } = &mut entry.fetch
        {
            *left = left.saturating_sub(1);
            addresses.extend(found);
        }
    }

    /// Accounts whose token server is looked up now, with its addresses. Their request is under way
    /// from here on.
    pub fn take_resolved(&self, now: Now) -> Vec<(UpstreamAccount, Vec<IpAddr>)> {
        let mut taken = Vec::new();
        for entry in self.kept().values_mut() {
            if let TokenFetch::Resolving {
                left,
                addresses,
                until_ms,
            } = &mut entry.fetch
                && (*left == 0 || now.mono_ms >= *until_ms)
            {
                taken.push((entry.account, core::mem::take(addresses)));
                entry.fetch = TokenFetch::Asking {
                    until_ms: now.mono_ms.saturating_add(ASKING_MS),
                };
            }
        }
        taken
    }

    /// The refresh token that the server has given, where it has changed it.
    pub fn refresh_token(&self, inbox: InboxId) -> Option<Secret> {
        self.kept().get(&inbox)?.refresh_token.clone()
    }

    /// A token has come. Gives the refresh token to store, where it has changed.
    pub fn granted(
        &self,
        now: Now,
        account: UpstreamAccount,
        grant: &TokenGrant,
    ) -> Option<Secret> {
        let mut kept = self.kept();
        let entry = kept.get_mut(&account.inbox)?;
        let lives_ms = (grant.expires_in_s).map_or(USUAL_MS, |s| s.saturating_mul(1000));
        // It ends before its server says so: a login takes its time, and clocks differ.
        let used_ms = lives_ms - (lives_ms / 2).min(EARLY_MS);
        let used_ms = used_ms.clamp(LIFE_MS_MIN, LIFE_MS_MAX);
        let until_ms = now.mono_ms.saturating_add(used_ms);
        entry.token = Some((grant.access_token.clone(), until_ms));
        (entry.fetch, entry.failures) = (TokenFetch::None, 0);
        if let Some(changed) = &grant.refresh_token {
            entry.refresh_token = Some(changed.clone());
        }
        entry.refresh_token.clone()
    }

    /// No token has come. It is tried again later, and each time later than before.
    pub fn failed(&self, now: Now, inbox: InboxId, random: u64) {
        if let Some(entry) = self.kept().get_mut(&inbox) {
            let rest_ms = REST_MS << entry.failures.min(REST_DOUBLINGS);
            // Accounts of one server do not come back all at once.
            let rest_ms = rest_ms / 2 + random % (rest_ms / 2 + 1);
            entry.failures = entry.failures.saturating_add(1);
            entry.fetch = TokenFetch::Resting {
                until_ms: now.mono_ms.saturating_add(rest_ms),
            };
        }
    }

    /// A server of the account has refused a login with a token; `token` says which, where that is
    /// known. Whether another one is worth a try: one that was fetched for this very reason is not.
    pub fn is_renewable(&self, inbox: InboxId, token: Option<&Secret>) -> bool {
        let mut kept = self.kept();
        let Some(entry) = kept.get_mut(&inbox) else {
            return true;
        };
        let is_same = match (&entry.token, token) {
            (Some((now, _)), Some(refused)) => now == refused,
            (Some(_), None) => true,
            (None, _) => false,
        };
        if !is_same {
            return true;
        }
        let is_first = !core::mem::replace(&mut entry.is_renewed, true);
        if is_first {
            entry.token = None;
        }
        is_first
    }

    /// A server of the account has taken the token.
    pub fn is_taken(&self, inbox: InboxId) {
        if let Some(entry) = self.kept().get_mut(&inbox) {
            entry.is_renewed = false;
        }
    }

    /// Forgets what is known of an account: it has other secrets now, or has ended.
    pub fn forget(&self, inbox: InboxId) {
        self.kept().remove(&inbox);
    }

    /// Forgets the accounts of which this is not so.
    pub fn retain(&self, is_known: impl Fn(&InboxId) -> bool) {
        self.kept().retain(|inbox, _| is_known(inbox));
    }
}

impl KeptToken {
    fn is_wanted(&self) -> bool {
        matches!(self.fetch, TokenFetch::Wanted)
    }

    fn is_busy(&self, now: Now) -> bool {
        match self.fetch {
            TokenFetch::Resolving { until_ms, .. } | TokenFetch::Asking { until_ms } => {
                now.mono_ms < until_ms
            }
            TokenFetch::None | TokenFetch::Wanted | TokenFetch::Resting { .. } => false,
        }
    }
}

/// Requests to token servers at once: after a start every account wants a token, and most have the
/// same few servers.
const FETCHES_MAX: usize = 50;
/// How long the DNS has; its resolver answers sooner.
const RESOLVE_MS: u64 = 30_000;
/// Its engine tells its end long before.
const ASKING_MS: u64 = 600_000;
/// How long a token is used whose server does not say how long it lives.
const USUAL_MS: u64 = 10 * 60_000;
/// A token is not used for the last minute of its life.
const EARLY_MS: u64 = 60_000;
/// A token serves the login that it was fetched for, however short it lives.
const LIFE_MS_MIN: u64 = 30_000;
/// A token is fetched anew each day, however long it lives.
const LIFE_MS_MAX: u64 = 24 * 3_600_000;
/// The first rest after a failure; each further one doubles it, up to an hour or so.
const REST_MS: u64 = 15_000;
const REST_DOUBLINGS: u32 = 8;

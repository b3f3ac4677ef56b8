//! All checks of one message together: which records they need, and what they say.
//!
//! ```text
//!   message ─► SenderCheck ─► questions ─► answers ─► judge(message) ─► Judgement
//! ```
//!
//! The questions go out at once; an answer may lead to one more. Judging needs the message again,
//! so nothing of it is kept meanwhile. It may be done at any time: what has no answer yet is a
//! temporary error of the one check that wanted it. So a slow domain that a sender names beside
//! the others changes nothing for them.

use core::net::IpAddr;
use std::collections::HashMap;

use super::arc::{ArcChain, ArcOutcome};
use super::dkim::{self, DkimOutcome, DkimSignature, SignatureFault, Verifier};
use super::dmarc::{Authors, DmarcCheck, DmarcOutcome};
use super::spf::{SpfCheck, SpfStep};
use crate::call::{AuthResult, DnsAnswer, DnsError, Question};
use crate::mail::Headers;

/// Which check has asked.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Asker {
    /// SPF.
    Spf,
    /// DMARC.
    Dmarc,
    /// A signature; the number of its key.
    Key(usize),
}

/// A question, and the check that asks it.
pub type SenderQuestion = (Asker, Question);

/// The checks of one message.
#[derive(Clone, Debug)]
pub struct SenderCheck {
    spf: SpfCheck,
    /// `None` until SPF has ended.
    spf_result: Option<AuthResult>,
    dmarc: DmarcCheck,
    signatures: Vec<Result<DkimSignature, SignatureFault>>,
    arc: Result<ArcChain, ArcOutcome>,
    keys: Vec<(Question, Option<DnsAnswer>)>,
    /// Questions without an answer.
    open: usize,
}

/// What the checks say.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Judgement {
    /// SPF.
    pub spf: AuthResult,
    /// Each signature that was checked, in the order of the header.
    pub dkim: Vec<DkimOutcome>,
    /// The best of them: one that passes for the domain in From before another that passes.
    pub best_dkim: AuthResult,
    /// DMARC.
    pub dmarc: DmarcOutcome,
    /// ARC.
    pub arc: ArcOutcome,
    /// The authors.
    pub authors: Authors,
}

impl SenderCheck {
    /// For a message with this header from `address`; and the first questions.
    pub fn new(
        header: &Headers<'_>,
        address: IpAddr,
        reverse_path: Option<&str>,
        helo: &str,
    ) -> (SenderCheck, Vec<SenderQuestion>) {
        let (dmarc, question) = DmarcCheck::new(Authors::of(header));
        let mut asked: Vec<SenderQuestion> =
            question.map(|q| (Asker::Dmarc, q)).into_iter().collect();
        let mut spf = SpfCheck::new(address, reverse_path, helo);
        let spf_result = match spf.start() {
            SpfStep::Ask(question) => {
                asked.push((Asker::Spf, question));
                None
            }
            SpfStep::Done(result) => Some(result),
        };
        let signatures = dkim::signatures(header);
        let arc = ArcChain::read(header);
        let mut keys: Vec<(Question, Option<DnsAnswer>)> = Vec::new();
        let of_signatures = signatures.iter().flatten().map(|s| s.question.clone());
        let of_arc = arc.iter().flat_map(ArcChain::questions);
        for question in of_signatures.chain(of_arc) {
            if !keys.iter().any(|(known, _)| *known == question) {
                asked.push((Asker::Key(keys.len()), question.clone()));
                keys.push((question, None));
            }
        }
        let check = SenderCheck {
            spf,
            spf_result,
            dmarc,
            signatures,
            arc,
            keys,
            open: asked.len(),
        };
        (check, asked)
    }

    /// Takes an answer, and gives the question to which it leads.
    pub fn answered(&mut self, asker: Asker, answer: DnsAnswer) -> Option<SenderQuestion> {
        let next = match asker {
            Asker::Spf => match self.spf.step(answer) {
                SpfStep::Ask(question) => Some(question),
                SpfStep::Done(result) => {
                    self.spf_result = Some(result);
                    None
                }
            },
            Asker::Dmarc => self.dmarc.step(&answer),
            Asker::Key(number) => {
                if let Some((_, place)) = self.keys.get_mut(number) {
                    *place = Some(answer);
                }
                None
            }
        };
        if next.is_none() {
            self.open = self.open.saturating_sub(1);
        }
        next.map(|question| (asker, question))
    }

    /// Whether no question is open.
    pub fn is_answered(&self) -> bool {
        self.open == 0
    }

    /// What the checks say of the message, given as it came: its header block and its body.
    pub fn judge(&self, header: &[u8], body: &[u8], now_s: i64) -> Judgement {
        let spf = self.spf_result.unwrap_or(AuthResult::TempError);
        let mut verifier = Verifier::new(header, body);
        let answers: HashMap<&Question, &DnsAnswer> = (self.keys.iter())
            .filter_map(|(question, answer)| Some((question, answer.as_ref()?)))
            .collect();
        let late = Err(DnsError::Temporary("no answer in time"));
        let mut outcomes = Vec::new();
        for signature in &self.signatures {
            outcomes.push(match signature {
                Ok(signature) => {
                    let answer = answers.get(&signature.question).copied().unwrap_or(&late);
                    verifier.check(signature, answer, now_s)
                }
                Err(fault) => fault.clone().into(),
            });
        }
        let arc = match &self.arc {
            Ok(chain) => chain.check(&mut verifier, |q| answers.get(q).copied(), now_s),
            Err(outcome) => *outcome,
        };
        let rank = |outcome: &&DkimOutcome| match outcome.result {
            AuthResult::Pass if self.dmarc.is_related(&outcome.domain) => 7,
            AuthResult::Pass => 6,
            AuthResult::TempError => 5,
            AuthResult::Policy => 4,
            AuthResult::Fail => 3,
            AuthResult::PermError => 2,
            _ => 1,
        };
        Judgement {
            best_dkim: outcomes
                .iter()
                .max_by_key(rank)
                .map(|o| o.result)
                .unwrap_or_default(),
            dmarc: self.dmarc.outcome((spf, self.spf.domain()), &outcomes),
            spf,
            dkim: outcomes,
            arc,
            authors: self.dmarc.authors().clone(),
        }
    }
}

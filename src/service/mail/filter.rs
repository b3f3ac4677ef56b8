//! The filter of a list, prepared for many messages: what is stored beside the octets decides. A
//! filter with `q` is in `query.rs`.

use super::gather::{ListOrder, Sought, SoughtFolders};
use crate::call::{
    ATTACHMENT_GRAM, CODE_GRAM, EntryState, Flags, GramQuery, MailboxId, MessageFilter,
    MessageView, NamedAddress, Summary, ThreadId, Verdict, is_from,
};
use crate::mail::text::grams::{GramField, folded_grams};
use crate::mail::text::search::Needle;
use crate::store::{ColumnBounds, ListedEntry, MessageRecord};

/// What a filter looks at.
#[derive(Clone, Copy)]
pub(super) struct FilteredRow<'v> {
    state: &'v EntryState,
    received_at: i64,
    thread: ThreadId,
    summary: &'v Summary,
    /// What the filter says of it.
    verdict: Option<Verdict>,
}

impl<'v> From<&'v MessageRecord> for FilteredRow<'v> {
    fn from(record: &'v MessageRecord) -> FilteredRow<'v> {
        FilteredRow {
            state: &record.entry.state,
            received_at: record.entry.received_at,
            thread: record.entry.thread,
            summary: &record.summary,
            verdict: record.entry.verdict,
        }
    }
}

impl<'v> From<&'v MessageView> for FilteredRow<'v> {
    fn from(view: &'v MessageView) -> FilteredRow<'v> {
        FilteredRow {
            state: &view.state,
            received_at: view.received_at,
            thread: view.thread,
            summary: &view.summary,
            verdict: view.spam.as_ref().map(|report| report.verdict),
        }
    }
}

impl FilteredRow<'_> {
    /// Whether it has one of these verdicts. A message that was not judged has none.
    pub(super) fn has_verdict(&self, wanted: &[Verdict]) -> bool {
        self.verdict
            .is_some_and(|verdict| wanted.contains(&verdict))
    }
}

/// A filter that is prepared for many messages. It checks the cheap conditions first.
pub(super) struct CompiledFilter<'f> {
    filter: &'f MessageFilter,
    from: Option<Needle>,
    to: Option<Needle>,
    subject: Option<Needle>,
}

impl<'f> CompiledFilter<'f> {
    pub(super) fn new(filter: &'f MessageFilter) -> CompiledFilter<'f> {
        let needle = |text: &Option<String>| text.as_deref().map(Needle::new);
        CompiledFilter {
            filter,
            from: needle(&filter.from),
            to: needle(&filter.to),
            subject: needle(&filter.subject),
        }
    }

    /// What is stored of every match, in the mailbox of the list or in those that it shows.
    pub(super) fn sought(&self, mailbox: Option<MailboxId>, order: ListOrder) -> Sought {
        let filter = self.filter;
        let mut bounds = ColumnBounds::default();
        if let Some(word) = &filter.label {
            bounds.keyword(word);
        }
        if let Some(is_seen) = filter.seen {
            bounds.flagged(Flags::SEEN, is_seen);
        }
        if let Some(since) = filter.since {
            bounds.since(since);
        }
        if let Some(until) = filter.until {
            bounds.until(until);
        }
        let fields = [
            (GramField::From, &filter.from),
            (GramField::To, &filter.to),
            (GramField::Subject, &filter.subject),
        ];
        let grams = fields.into_iter().filter_map(|(field, text)| {
            let grams = GramQuery::Grams(folded_grams(text.as_deref()?, field));
            (!grams.is_open()).then_some(grams)
        });
        let facts = [
            (filter.has_attachments, ATTACHMENT_GRAM),
            (filter.has_code, CODE_GRAM),
        ];
        let facts = facts
            .into_iter()
            .filter(|(wanted, _)| *wanted == Some(true));
        let facts = facts.map(|(_, gram)| GramQuery::Grams(vec![gram]));
        Sought {
            bounds,
            folders: match (mailbox, filter.folder.is_some()) {
                (Some(mailbox), _) => SoughtFolders::One(mailbox),
                (None, true) => SoughtFolders::Every,
                (None, false) => SoughtFolders::Own,
            },
            grams: GramQuery::All(grams.chain(facts).collect()),
            thread: filter.thread.map(Some),
            order,
        }
    }

    /// Whether what is stored beside the body may meet the filter: `passes` decides.
    pub(super) fn may_pass(&self, entry: &ListedEntry) -> bool {
        self.passes_state(&entry.state, entry.received_at, entry.thread)
    }

    fn passes_state(&self, state: &EntryState, received_at: i64, thread: ThreadId) -> bool {
        let filter = self.filter;
        let has_label = |label: &String| {
            let words = &state.keywords;
            words.iter().any(|word| word.eq_ignore_ascii_case(label))
        };
        filter.label.as_ref().is_none_or(has_label)
            && filter
                .seen
                .is_none_or(|seen| seen == state.flags.has(Flags::SEEN))
            && filter.since.is_none_or(|since| received_at >= since)
            && filter.until.is_none_or(|until| received_at < until)
            && filter.thread.is_none_or(|wanted| wanted == thread)
    }

    /// Whether what is stored beside the octets meets the filter.
    pub(super) fn passes<'v>(&mut self, row: impl Into<FilteredRow<'v>>) -> bool {
        let (filter, view) = (self.filter, row.into());
        let cheap = self.passes_state(view.state, view.received_at, view.thread)
            && filter
                .has_attachments
                .is_none_or(|has| has == view.summary.has_attachments)
            && (filter.has_code).is_none_or(|has| has != view.summary.codes.is_empty())
            && (filter.verdicts.is_empty() || view.has_verdict(&filter.verdicts))
            && (filter.sender.as_deref())
                .is_none_or(|sender| is_from(&view.summary.from.address, sender));
        if !cheap {
            return false;
        }
        let summary = view.summary;
        let is_named = |needle: &mut Option<Needle>, lists: [&[NamedAddress]; 2]| {
            needle.as_mut().is_none_or(|needle| {
                (lists.into_iter().flatten())
                    .any(|n| needle.is_in(&n.name) || needle.is_in(&n.address))
            })
        };
        is_named(&mut self.from, [core::slice::from_ref(&summary.from), &[]])
            && is_named(&mut self.to, [&summary.to, &summary.cc])
            && (self.subject.as_mut()).is_none_or(|needle| needle.is_in(&summary.subject))
    }
}

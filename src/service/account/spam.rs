//! How an inbox judges mail: its thresholds, weights and policy, read and changed.

use crate::call::{
    Access, Answer, ConflictReason, Forgetting, InboxId, InboxRef, OrgId, OrgWrite,
    RULE_ID_BYTES_MAX, Refusal, SCORE_MAX, Score, ShownSpamSettings, SpamSettings, WEIGHTS_MAX,
    Write, Written,
};
use crate::judge::model::LessonLabel;
use crate::judge::rule_names;
use crate::service::Service;
use crate::service::context::{Carried, ReadContext, WriteContext};
use crate::service::policy::find_inbox;
use crate::store::Store;

/// The settings by which an inbox judges.
pub fn settings_of(
    service: &Service,
    store: &Store,
    inbox: InboxId,
) -> Result<SpamSettings, Refusal> {
    match service
        .spam_settings
        .is_some(|| store.has_any_spam_settings())?
    {
        true => Ok(store.spam_settings(inbox)?.unwrap_or_default()),
        false => Ok(SpamSettings::default()),
    }
}

/// Reads the settings of an inbox.
pub fn read_settings(
    context: &ReadContext<'_>,
    access: &Access,
    inbox: &InboxRef,
) -> Result<Answer, Refusal> {
    let store = context.store;
    let inbox = find_inbox(store, access, inbox)?;
    let settings = store.spam_settings(inbox)?.unwrap_or_default();
    let shown = shown(context.service, store, access.org, settings)?;
    Ok(Answer::SpamSettings(Box::new(shown)))
}

/// Settings with how much was taught.
fn shown(
    service: &Service,
    store: &Store,
    org: OrgId,
    settings: SpamSettings,
) -> Result<ShownSpamSettings, Refusal> {
    let models = service.learned.of_org(store, org)?;
    Ok(ShownSpamSettings {
        settings,
        lessons_wanted: models.lessons(LessonLabel::Wanted),
        lessons_spam: models.lessons(LessonLabel::Spam),
    })
}

/// Replaces the settings of an inbox.
///
/// # Errors
/// `Invalid` names what is wrong; `Conflict` when they have another version by now.
pub fn replace_settings(
    context: &mut WriteContext<'_>,
    access: &Access,
    inbox: &InboxRef,
    settings: &SpamSettings,
) -> Result<Written, Refusal> {
    check(settings)?;
    let inbox = find_inbox(context.store, access, inbox)?;
    let known = context.store.spam_settings(inbox)?.unwrap_or_default();
    if known.version != settings.version {
        return Err(Refusal::Conflict(ConflictReason::SettingsChanged));
    }
    let next = SpamSettings {
        version: settings.version.saturating_add(1),
        ..settings.clone()
    };
    context.service.spam_settings.begin();
    (context.store).set_spam_settings((access.org, inbox), &next)?;
    let shown = shown(context.service, context.store, access.org, next)?;
    Ok(Written::SpamSettings(Box::new(shown)))
}

/// Does a slice of forgetting: first the lessons that wait, so that none of them is learned any
/// more; with the last of them the model; then the word that the others were learned, which a model
/// that knows nothing must not take back.
pub fn forget(context: &mut WriteContext<'_>, forgetting: Forgetting) -> Result<Carried, Refusal> {
    let store = context.store;
    let mut next = Forgetting {
        is_model_gone: false,
        ..forgetting
    };
    let what = (forgetting.org, forgetting.said_by);
    let more = match forgetting.after {
        None => {
            if store.forget_due_lessons(what, SLICE_ROWS)? < SLICE_ROWS {
                store.forget_learned(forgetting.org)?;
                next.is_model_gone = true;
                next.after = Some(0);
            }
            true
        }
        Some(after) => {
            let (last, rows) = store.forget_lessons(what, after, SLICE_ROWS)?;
            next.after = Some(last);
            rows == SLICE_ROWS
        }
    };
    let next = Box::new(next);
    Ok(match more {
        true => Carried::Rest(Box::new(Write::Org(OrgWrite::ForgetRest(next)))),
        false => Carried::Done(Written::Forgotten(next)),
    })
}

fn check(settings: &SpamSettings) -> Result<(), Refusal> {
    let invalid = |field: &'static str, why: String| Err(Refusal::Invalid { field, why });
    let is_within = |score: Score| score.0.unsigned_abs() <= SCORE_MAX.0.unsigned_abs();
    for (field, score) in [("suspicious", settings.suspicious), ("spam", settings.spam)] {
        if !is_within(score) {
            return invalid(field, format!("must be from -{SCORE_MAX} to {SCORE_MAX}"));
        }
    }
    if settings.spam < settings.suspicious {
        return invalid("spam", "must not be below `suspicious`".to_owned());
    }
    if settings.weights.len() > WEIGHTS_MAX {
        return invalid("weights", format!("must have at most {WEIGHTS_MAX} rules"));
    }
    for (id, weight) in &settings.weights {
        let is_name = !id.is_empty()
            && id.len() <= RULE_ID_BYTES_MAX
            && id
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if !is_name {
            return invalid(
                "weights",
                format!(
                    "must name rules by lower-case letters, digits and _, at most \
                     {RULE_ID_BYTES_MAX} of them"
                ),
            );
        }
        if !rule_names().any(|name| name == id) {
            let names: Vec<&str> = rule_names().collect();
            let why = format!(
                "must name rules of the filter, and {id} is none of them: {}",
                names.join(", ")
            );
            return invalid("weights", why);
        }
        if !is_within(*weight) {
            return invalid(
                "weights",
                format!("must give each rule from -{SCORE_MAX} to {SCORE_MAX}: see {id}"),
            );
        }
    }
    Ok(())
}

/// Rows of lessons that one slice looks at: some milliseconds of work.
const SLICE_ROWS: usize = 500;

//! How an inbox judges mail, as rows: thresholds, weights and policy. An inbox without a row has
//! the settings of every inbox.

use rusqlite::params;

use super::{Error, Store, format};
use crate::call::{InboxId, OrgId, SpamSettings};

impl Store {
    /// Whether any inbox has settings of its own.
    pub fn has_any_spam_settings(&self) -> Result<bool, Error> {
        let found = self
            .direct()
            .one("SELECT EXISTS (SELECT 1 FROM spam_setting)", [], |r| {
                r.get(0)
            })?;
        Ok(found.unwrap_or(false))
    }

    /// The settings of an inbox; `None` for those of every inbox.
    pub fn spam_settings(&self, inbox: InboxId) -> Result<Option<SpamSettings>, Error> {
        let stored = self.direct().one(
            "SELECT settings FROM spam_setting WHERE inbox = ?1",
            [inbox.0],
            |r| r.get::<_, Vec<u8>>(0),
        )?;
        stored
            .map(|octets| format::decode_spam_settings(&octets))
            .transpose()
    }

    /// Stores the settings of an inbox.
    pub fn set_spam_settings(
        &self,
        (org, inbox): (OrgId, InboxId),
        settings: &SpamSettings,
    ) -> Result<(), Error> {
        self.direct().run(
            "INSERT INTO spam_setting (inbox, org, settings) VALUES (?1, ?2, ?3)
             ON CONFLICT (inbox) DO UPDATE SET settings = excluded.settings",
            params![inbox.0, org.0, format::encode_spam_settings(settings)?],
        )?;
        Ok(())
    }
}

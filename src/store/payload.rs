//! The kinds of jobs, and what a job of each kind has to do. How it is stored is in `format.rs`;
//! how a job moves through the queue is in `job.rs`.
//!
//! A new kind needs a name here, a payload here, and an encoding in `format.rs`.

/// A kind of job. Its name is what the column holds: a program that does not know a kind can
/// still say which it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum JobKind {
    /// Deliver a message to one recipient over SMTP. The subject is the recipient's domain.
    Smtp,
    /// For tests.
    #[cfg(test)]
    Probe,
}

impl JobKind {
    /// Every kind that this program knows.
    pub const ALL: &[JobKind] = &[
        JobKind::Smtp,
        #[cfg(test)]
        JobKind::Probe,
    ];

    /// What `job.kind` holds.
    pub const fn name(self) -> &'static str {
        match self {
            JobKind::Smtp => "smtp",
            #[cfg(test)]
            JobKind::Probe => "probe",
        }
    }

    /// The kind with this name, if this program knows it.
    pub fn named(name: &str) -> Option<JobKind> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }
}

/// What is to be done. It is complete: a runner reads nothing else but the body.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum JobPayload {
    /// See [`JobKind::Smtp`].
    Smtp(SmtpJob),
    /// See [`JobKind::Probe`].
    #[cfg(test)]
    Probe(u32),
}

impl JobPayload {
    /// Whose payload it is.
    pub const fn kind(&self) -> JobKind {
        match self {
            JobPayload::Smtp(_) => JobKind::Smtp,
            #[cfg(test)]
            JobPayload::Probe(_) => JobKind::Probe,
        }
    }
}

/// The envelope of one recipient.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SmtpJob {
    /// MAIL FROM; `None` is the null path.
    pub reverse_path: Option<String>,
    /// RCPT TO.
    pub recipient: String,
    /// `NOTIFY=` (RFC 3461) as bits: 1 NEVER, 2 SUCCESS, 4 FAILURE, 8 DELAY; 0 not given.
    pub notify: u8,
    /// `ORCPT=`, decoded.
    pub orcpt: Option<String>,
    /// `RET=` (RFC 3461): whether the whole message comes back.
    pub ret_full: Option<bool>,
    /// `ENVID=`, decoded.
    pub envid: Option<String>,
}

impl SmtpJob {
    /// The recipient's domain, in lower case: the subject of the job.
    pub fn domain(&self) -> String {
        let domain = self.recipient.rsplit_once('@').map(|(_, domain)| domain);
        domain.unwrap_or(&self.recipient).to_ascii_lowercase()
    }
}

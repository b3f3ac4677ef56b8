//! What is answered about resources: a list of them, the contents of one, or why there are none.

/// The answer to a request about resources.
#[derive(Debug)]
pub(crate) enum ResourceAnswer {
    /// Of one resource.
    Contents(ResourceContents),
    /// One page of those that the caller sees.
    Page {
        rows: Vec<ListedResource>,
        /// Where the next page begins.
        next: Option<String>,
    },
    /// There is none by that URI, or the key does not see it.
    Missing,
    /// A parameter that cannot be.
    Wrong(String),
    /// There is one, and it is not given: why, and what to do; after so many seconds, if it is to
    /// be asked for again.
    Refused {
        why: String,
        retry_after_s: Option<u64>,
    },
}

/// A resource that can be read.
#[derive(Debug)]
pub(crate) struct ListedResource {
    pub uri: String,
    /// None of its words may come from a mail.
    pub name: String,
}

/// What is in a resource.
#[derive(Debug)]
pub(crate) struct ResourceContents {
    pub media_type: &'static str,
    pub body: ResourceBody,
    /// The number of the last event that it has in it, where events change it.
    pub seq: Option<u64>,
}

/// The contents as a client gets them.
#[derive(Debug)]
pub(crate) enum ResourceBody {
    /// What others wrote stands in the fence.
    Text(String),
    /// As they are, not in base64.
    Octets(Vec<u8>),
}

/// A form of URI.
#[derive(Debug)]
pub(crate) struct ResourceTemplate {
    pub uri: &'static str,
    pub name: &'static str,
    pub says: &'static str,
    pub media_type: Option<&'static str>,
}

//! The parts of the crate that tests, benches and fuzzers outside of it may use.
//!
//! Every other module is private to the crate, so that the compiler finds unused code. This
//! facade adds nothing of its own, and the server does not use it. Its modules have the names
//! of those in the crate. A test that needs one more name exports it here.

/// `crate::call`
pub mod call {
    pub use crate::call::{
        Access, Answer, Arrival, Arrived, Ask, AuthResult, Call, Caller, Change, ConnId,
        Conversion, DNS_LABEL_MAX, DNS_NAME_MAX, DeliveryId, DeliveryRow, DeliveryStatus,
        DmarcMode, DnsAnswer, DnsError, EntryId, EntryRow, EntryState, Envelope, Event,
        EventFilter, EventKind, FilterSwitch, FlagDifference, Flags, Grant, HookDial, HookDialer,
        INJECTION_SPANS_MAX, InboundPolicy, InboxId, InboxPath, InboxSet, InjectionPlace,
        InjectionReport, InjectionSpan, Intake, KeyId, KeyRead, KeyWrite, KindSet, KnownSpamEntry,
        KnownSpamKind, Limits, Listener, Listening, Look, LostWhy, METRICS, Metric, Mx,
        NamedAddress, NewRule, NextTransaction, Now, Opening, OrgId, OutboundDial, OutboundDialer,
        OutboundId, OutboundLease, OutboundLogin, OutboundLoss, OutboundRead, OutboundSettings,
        OutboundStage, OutboundStatus, OutboundTimeouts, OutboundTls, OutboundTlsNeed,
        OutboundTlsPolicy, OutboundTransaction, OutboundWrite, PIECE_MAX, PriorityLevel,
        PublicEndpoints, Question, REMOTE_TEXT_MAX, RULE_HITS_MAX, RULE_ID_BYTES_MAX, Read,
        Recipient, RecordType, Records, Refusal, RemoteReply, Reply, Report, Request, Resolve,
        Route, RouteId, RuleAction, RuleCondition, RuleField, RuleHit, RuleOp, RuleValue, RuleWhen,
        SCAN_MAX, SCORE_MAX, SPAM_DEFAULT, SUSPICIOUS_DEFAULT, Scopes, Score, Secret, SenderAuth,
        Shared, Smarthost, SmarthostTls, SpamPolicy, SpamReport, SpamSettings, Srv, Summary,
        ThreadId, TokenDial, TokenDialer, Topic, TransactionOutcome, UidSet, UpstreamAccount,
        UpstreamDial, UpstreamDialer, UpstreamLogin, UpstreamOrder, UpstreamOutcome,
        UpstreamSettings, UpstreamTls, Verdict, WEIGHTS_MAX, WHY_BYTES_MAX, WebhookId,
        WebhookSettings, Write, Written,
    };
}
/// `crate::crypto`
pub mod crypto {
    pub use crate::crypto::{Random, SealFault, SealingKey, SigningAlgorithm, SigningKey};
}
/// `crate::config`
pub mod config {
    pub use crate::config::{ListenPlace, UnknownSni, WantedListener};
}
/// `crate::dns`
pub mod dns {
    pub use crate::dns::testing::{
        AnswerBounds, DnsFrame, Found, Head, read_answer, read_head, write_query,
    };
    pub use crate::dns::{DnsEffect, Resolver, ResolverSettings, SocketNumber};
}
/// `crate::engine`
pub mod engine {
    pub use crate::engine::{CertificateCheck, DialError, Engine, Input, Output, Session, Trust};
    /// `crate::engine::drive`
    pub mod drive {
        pub use crate::engine::drive::{Driver, Environment, Settled};
    }
    /// `crate::engine::sasl`
    pub mod sasl {
        pub use crate::engine::sasl::{SaslMechanism, SaslStep, SaslWait, begin, respond};
    }
}
/// `crate::http`
pub mod http {
    /// `crate::http::client`
    pub mod client {
        pub use crate::http::client::exchange::{ExchangeError, ExchangeStep, HttpExchange};
        pub use crate::http::client::hook::HookClient;
        pub use crate::http::client::request::{PostRequest, UnsafeValue};
        pub use crate::http::client::response::{AnswerFault, AnswerReader, HttpAnswer};
        pub use crate::http::client::token::TokenClient;
    }
    /// `crate::http::cursor`
    pub mod cursor {
        pub use crate::http::cursor::{
            Emitted, EventSink, LogAnswer, LogAsk, LogCursor, LogPage, ResetReason, StartAt,
        };
    }
    /// `crate::http::range`
    pub mod range {
        pub use crate::http::range::{ByteRange, Extent, parse};
    }
    /// `crate::http::websocket`
    pub mod websocket {
        pub use crate::http::websocket::frame::{CloseCode, FrameFault, FrameHead, Opcode};
        pub use crate::http::websocket::reader::{FromClient, MessageReader};
    }
    /// `crate::http::xml`
    pub mod xml {
        pub use crate::http::xml::{element, first_texts};
    }
}
/// `crate::imap`
pub mod imap {
    /// `crate::imap::testing`
    pub mod testing {
        pub use crate::imap::testing::{
            Command, Condition, DeleteCommand, ExpungeCommand, FetchCommand, Frame, FrameBounds,
            FrameStep, Happening, Progress, RenderBounds, Rendering, ResponseLine, RunCommand,
            SearchCommand, SearchProgram, StoreCommand, Told, View, tag,
        };
        /// `crate::imap::testing::respond`
        pub mod respond {
            pub use crate::imap::testing::respond::{continuation, refusal_text, tagged, untagged};
        }
    }
    /// `crate::imap::upstream`
    pub mod upstream {
        pub use crate::imap::upstream::{
            DialogueStep, INLINE_MAX, ResponseReader, TEXT_MAX, UpstreamClient, UpstreamDialogue,
            UpstreamResponse, UpstreamSaid, read,
        };
    }
}
/// `crate::judge`
pub mod judge {
    pub use crate::judge::{
        MailView, Models, PastVerdicts, SenderFacts, ViewFile, ViewHeader, judge, orders_in,
        tables_bytes,
    };
    /// `crate::judge::known_spam`
    pub mod known_spam {
        pub use crate::judge::known_spam::{
            KnownSpamSet, body_entry, hashed_files, line_of, link_entry, read_line,
        };
    }
    /// `crate::judge::model`
    pub mod model {
        pub use crate::judge::model::{
            EarlierChange, EarlierLessons, Learned, LessonLabel, StartModel, Taught, Teaching,
            TokenKind, Tokens, each_token, hash,
        };
    }
}
/// `crate::mail`
pub mod mail {
    pub use crate::mail::{Address, Bounds, Headers};
    /// `crate::mail::auth`
    pub mod auth {
        /// `crate::mail::auth::dkim`
        pub mod dkim {
            pub use crate::mail::auth::dkim::{
                BodyHash, Canonicalization, DkimOutcome, DkimSignature, DkimSigner, SelectorKey,
                Verifier, record_text, signatures,
            };
        }
        pub use crate::mail::auth::{
            Asker, DmarcPolicy, Judgement, SenderCheck, organizational_domain,
        };
        /// `crate::mail::auth::results`
        pub mod results {
            pub use crate::mail::auth::results::{ResultsOf, claimed, write};
        }
        /// `crate::mail::auth::spf`
        pub mod spf {
            pub use crate::mail::auth::spf::{SpfCheck, SpfStep};
        }
    }
    /// `crate::mail::digest`
    pub mod digest {
        pub use crate::mail::digest::{AddressItem, Digest, PartStep, analyse};
    }
    /// `crate::mail::mailbox`
    pub mod mailbox {
        pub use crate::mail::mailbox::{Marks, maildir, marks, mbox};
    }
    /// `crate::mail::parse`
    pub mod parse {
        /// `crate::mail::parse::address`
        pub mod address {
            pub use crate::mail::parse::address::Address;
        }
        /// `crate::mail::parse::address_list`
        pub mod address_list {
            pub use crate::mail::parse::address_list::{parse_list, parse_single_from};
        }
        /// `crate::mail::parse::charset`
        pub mod charset {
            pub use crate::mail::parse::charset::{Charset, CharsetDecoder, decode};
        }
        /// `crate::mail::parse::json_object`
        pub mod json_object {
            pub use crate::mail::parse::json_object::is_object;
        }
        /// `crate::mail::parse::dsn`
        pub mod dsn {
            pub use crate::mail::parse::dsn::{MailReport, RECIPIENTS_MAX, read_report};
        }
        /// `crate::mail::parse::date`
        pub mod date {
            pub use crate::mail::parse::date::parse;
        }
        /// `crate::mail::parse::header`
        pub mod header {
            pub use crate::mail::parse::header::{Headers, MESSAGE_ID_MAX, message_ids};
        }
        /// `crate::mail::parse::param`
        pub mod param {
            pub use crate::mail::parse::param::{ParamValue, decoded};
        }
        /// `crate::mail::parse::transfer`
        pub mod transfer {
            pub use crate::mail::parse::transfer::{Decoder, Encoding, decode, decoded_len};
        }
    }
    /// `crate::mail::text`
    pub mod text {
        pub use crate::mail::text::{attachments, decode_part, extracted_of, markdown_of, text_of};
        /// `crate::mail::text::codes`
        pub mod codes {
            pub use crate::mail::text::codes::{CODES_MAX, FoundCode, find, find_in_mail};
        }
        /// `crate::mail::text::grams`
        pub mod grams {
            pub use crate::mail::text::grams::signature_of;
        }
        /// `crate::mail::text::query`
        pub mod query {
            pub use crate::mail::text::query::{QueryPart, QueryTerm, parse};
        }
        /// `crate::mail::text::html`
        pub mod html {
            pub use crate::mail::text::html::{Addresses, PageLink, read, read_markdown};
        }
        /// `crate::mail::text::links`
        pub mod links {
            pub use crate::mail::text::links::{LinkKind, MessageLink, links};
        }
        /// `crate::mail::text::needles`
        pub mod needles {
            pub use crate::mail::text::needles::Needles;
        }
        /// `crate::mail::text::pages`
        pub mod pages {
            pub use crate::mail::text::pages::{TextPage, measure, page};
        }
        /// `crate::mail::text::reply`
        pub mod reply {
            pub use crate::mail::text::reply::{extracted_text, without_addresses};
        }
        /// `crate::mail::text::search`
        pub mod search {
            pub use crate::mail::text::search::{Needle, Scope, searchable};
        }
    }
    /// `crate::mail::time`
    pub mod time {
        pub use crate::mail::time::{imf_fixdate, rfc5322};
    }
    /// `crate::mail::utf7`
    pub mod utf7 {
        pub use crate::mail::utf7::{utf7_decode, utf7_encode};
    }
    /// `crate::mail::write`
    pub mod write {
        /// `crate::mail::write::dsn`
        pub mod dsn {
            pub use crate::mail::write::dsn::{Dsn, DsnAction, write_dsn};
        }
        /// `crate::mail::write::markdown`
        pub mod markdown {
            pub use crate::mail::write::markdown::{Rendered, render};
        }
        /// `crate::mail::write::compose`
        pub mod compose {
            pub use crate::mail::write::compose::{AttachedFile, Compose, compose};
        }
        /// `crate::mail::write::encode`
        pub mod encode {
            pub use crate::mail::write::encode::encode_quoted;
        }
        /// `crate::mail::write::field`
        pub mod field {
            pub use crate::mail::write::field::{content_disposition, fold, is_value};
        }
        /// `crate::mail::write::outgoing`
        pub mod outgoing {
            pub use crate::mail::write::outgoing::without_private_fields;
        }
        /// `crate::mail::write::seven_bit`
        pub mod seven_bit {
            pub use crate::mail::write::seven_bit::{NarrowForm, narrow};
        }
        /// `crate::mail::write::submit`
        pub mod submit {
            pub use crate::mail::write::submit::{check_octets, submission_fixups};
        }
        /// `crate::mail::write::template`
        pub mod template {
            pub use crate::mail::write::template::{TemplateValues, check, render};
        }
        /// `crate::mail::write::word`
        pub mod word {
            pub use crate::mail::write::word::encode;
        }
    }
}
/// `crate::net`
pub mod net {
    pub use crate::net::{
        Acceptor, Alarm, ClientTls, Dial, DialTls, Hub, HubDialer, SystemClock, TlsListeners,
        TlsPeer, Worker, bind, provide_certificate, raise_descriptors,
    };
}
/// `crate::pace`
pub mod pace {
    pub use crate::pace::within;
}
/// `crate::protocol`
pub mod protocol {
    pub use crate::protocol::Protocol;
}
/// `crate::service`
pub mod service {
    pub use crate::service::{
        Finding, Inline, LookupId, Lookups, ParsedMessage, SenderLookups, WriteTask,
    };
    /// `crate::service::upstream`
    pub mod upstream {
        pub use crate::service::upstream::UpstreamWays;
    }
    /// `crate::service::webhook`
    pub mod webhook {
        pub use crate::service::webhook::HookWays;
    }
    /// `crate::service::outbound`
    pub mod outbound {
        pub use crate::service::outbound::WaysOut;
    }
    /// `crate::service::access`
    pub mod access {
        /// `crate::service::access::login`
        pub mod login {
            pub use crate::service::access::login::folder_access;
        }
    }
    /// `crate::service::rules`
    pub mod rules {
        pub use crate::service::rules::{RuleSubject, TriedRule};
    }
    /// `crate::service::executors`
    pub mod executors {
        pub use crate::service::executors::Router;
    }
}
/// `crate::smtp`
pub mod smtp {
    pub use crate::smtp::Client;
    /// `crate::smtp::testing`
    pub mod testing {
        pub use crate::smtp::testing::{
            Extensions, ReplyParser, ReplyStep, SendPlan, SenderOf, WireBody, WireForm, read_mail,
            read_rcpt, write_mail, write_rcpt,
        };
    }
}
/// `crate::store`
pub mod store {
    /// `crate::store::signature::cell`
    pub mod cell {
        pub use crate::store::cell::{
            COLUMNS_MAX, CellReader, CellWriter, ColumnBits, all_columns,
        };
    }
    pub use crate::store::{
        Backlog, FILE, NewOutbound, OutboundContent, Role, SmtpJob, Store, StoreFault,
        WRITER_COPIES_AT, state, verify,
    };
}

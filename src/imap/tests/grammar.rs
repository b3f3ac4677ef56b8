//! The grammar of the commands: tables of lines with their meaning, and of lines with their
//! errors.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::call::{FlagChange, Flags, SearchKey, UidSet};
use crate::imap::command::RunCommand;
use crate::imap::command::append::AppendCommand;
use crate::imap::command::authenticate::AuthenticateCommand;
use crate::imap::command::delete::DeleteCommand;
use crate::imap::command::expunge::ExpungeCommand;
use crate::imap::command::fetch::FetchCommand;
use crate::imap::command::fetch::item::{FetchItem, SectionText};
use crate::imap::command::list::ListCommand;
use crate::imap::command::login::LoginCommand;
use crate::imap::command::search::SearchCommand;
use crate::imap::command::search::program::{SearchProgram, Unresolved};
use crate::imap::command::status::StatusItem;
use crate::imap::command::store::StoreCommand;
use crate::imap::table::Command;
use crate::imap::wire::name::{MailboxName, Pattern};
use crate::imap::wire::sequence::SequenceSet;
use crate::imap::wire::syntax::SyntaxError;

fn parse(text: &str) -> Result<Command<'_>, SyntaxError> {
    let command = Command::parse(text.as_bytes()).map_err(|fault| {
        assert_eq!(fault.tag, Some("t"), "{text}");
        fault.error
    })?;
    assert_eq!(command.tag, "t");
    Ok(command)
}

/// The arguments of a line that is this command, or its error.
fn args<T: RunCommand>(text: &str) -> Result<T, SyntaxError> {
    parse(text).map(|command| command.into_args().unwrap_or_else(|| panic!("{text}")))
}

/// The debug form of the arguments of each line, or its error.
fn check(rows: &[(&str, &str)]) {
    for (text, expected) in rows {
        let line = format!("t {text}\r\n");
        let got = match parse(&line) {
            Ok(command) => format!("{:?}", command.run),
            Err(error) => format!("{error:?}"),
        };
        assert_eq!(got, *expected, "{text}");
    }
}

#[test]
fn commands_without_arguments() {
    for name in [
        "CAPABILITY",
        "NOOP",
        "LOGOUT",
        "STARTTLS",
        "CHECK",
        "CLOSE",
        "UNSELECT",
        "NAMESPACE",
        "IDLE",
    ] {
        let line = format!("t {name}\r\n");
        let command = parse(&line).unwrap();
        assert_eq!(command.row.name, name);
        let got = format!("{:?}", command.run);
        assert_eq!(got.to_uppercase(), format!("{name}COMMAND"));
        assert!(parse(&line.to_lowercase()).is_ok());
        for behind in [" x", " "] {
            let error = parse(&format!("t {name}{behind}\r\n")).unwrap_err();
            assert_eq!(error, SyntaxError::Trailing);
        }
    }
    check(&[
        ("EXPUNGE", "ExpungeCommand(None)"),
        (
            "UID EXPUNGE 1:2",
            "ExpungeCommand(Some(SequenceSet { ranges: [(1, 2)], star: None, largest_named: 2 }))",
        ),
        ("UID EXPUNGE", "Missing"),
        ("UID NOOP", "UnknownCommand"),
        ("UID", "Missing"),
        ("XYZZY", "UnknownCommand"),
        ("(((", "Character"),
        ("", "Missing"),
    ]);
    for line in [
        &b"\r\n"[..],
        b" NOOP\r\n",
        b"+ NOOP\r\n",
        b"",
        b"\xff\xfe NOOP\r\n",
    ] {
        let fault = Command::parse(line).unwrap_err();
        assert_eq!((fault.tag, fault.error), (None, SyntaxError::Tag));
    }
}

#[test]
fn logins() {
    check(&[
        (
            "LOGIN a b",
            "LoginCommand { user: [97], password: Secret(..) }",
        ),
        ("LOGIN a", "Missing"),
        ("LOGIN \"a\" \"b", "Character"),
        (
            "LOGIN {1+}\r\na {0}\r\n",
            "LoginCommand { user: [97], password: Secret(..) }",
        ),
        ("LOGIN {5+}\r\na", "Literal"),
        ("LOGIN ~{1}\r\na x", "Character"),
        ("LOGIN a\0 b", "Character"),
        ("LOGIN {1+}\r\n\0 b", "Character"),
        (
            "AUTHENTICATE PLAIN",
            "AuthenticateCommand { mechanism: \"PLAIN\", initial: None }",
        ),
        (
            "AUTHENTICATE plain AGEAYg==",
            "AuthenticateCommand { mechanism: \"plain\", initial: Some(Secret(..)) }",
        ),
        ("AUTHENTICATE PLAIN a b", "Trailing"),
        (
            "ENABLE CONDSTORE X",
            "EnableCommand([\"CONDSTORE\", \"X\"])",
        ),
        ("ENABLE", "Missing"),
        ("ID NIL", "IdCommand([])"),
        ("ID ()", "IdCommand([])"),
        (
            "ID (\"a\" NIL \"b\" \"c\")",
            "IdCommand([([97], None), ([98], Some([99]))])",
        ),
        ("ID (\"a\")", "Character"),
        ("ID x", "Character"),
    ]);
    let login: LoginCommand = args("t LOGIN \"a\\\"\\\\b\" {3+}\r\nx\r\n\r\n").unwrap();
    assert_eq!(
        (&*login.user, login.password.expose()),
        (&b"a\"\\b"[..], &b"x\r\n"[..])
    );
    let authenticate: AuthenticateCommand = args("t AUTHENTICATE PLAIN =\r\n").unwrap();
    assert_eq!(authenticate.initial.unwrap().expose(), b"=");
}

#[test]
fn mailboxes() {
    let name = |text: &str| {
        args(&format!("t DELETE {text}\r\n")).map(|DeleteCommand(name)| name.into_string())
    };
    for (text, expected) in [
        ("inbox", "INBOX"),
        ("\"InBoX/a\"", "INBOX/a"),
        ("inboxes", "inboxes"),
        ("a/inbox", "a/inbox"),
        ("Entw&APw-rfe", "Entwürfe"),
        ("\"a b\"", "a b"),
        ("{3+}\r\na&-", "a&"),
        ("a]b", "a]b"),
    ] {
        assert_eq!(name(text).as_deref(), Ok(expected), "{text}");
    }
    for text in [
        "\"\"",
        "a/",
        "/a",
        "a//b",
        "../a",
        "a/..",
        "./a",
        "\"a*\"",
        "\"a%\"",
        "&AA-",
        "&AAoADQ-",
        "&x-",
        "\"Entwürfe\"",
        "&ICg-",
        "&AIU-",
        "/",
        "\"a\tb\"",
    ] {
        assert_eq!(name(text), Err(SyntaxError::MailboxName), "{text}");
    }
    let long = |len: usize| format!("\"{}\"", "x".repeat(len));
    assert!(name(&long(255)).is_ok());
    for text in [
        long(256),
        long(60_000),
        "a/".repeat(10) + "a",
        format!("\"{}a\"", "a/".repeat(10_000)),
    ] {
        assert_eq!(name(&text), Err(SyntaxError::MailboxNameTooLong));
    }
    assert!(name(&("a/".repeat(9) + "a")).is_ok());
    check(&[
        (
            "CREATE a/",
            "CreateCommand { mailbox: MailboxName(\"a\"), special: [] }",
        ),
        ("CREATE a//", "MailboxName"),
        (
            "CREATE a (USE (\\Drafts \\Sent))",
            "CreateCommand { mailbox: MailboxName(\"a\"), special: [\"Drafts\", \"Sent\"] }",
        ),
        ("CREATE a (USE (Drafts))", "Character"),
        (
            "RENAME a b/",
            "RenameCommand { from: MailboxName(\"a\"), to: MailboxName(\"b\") }",
        ),
        ("RENAME a", "Missing"),
        (
            "SUBSCRIBE a",
            "SubscribeCommand { mailbox: MailboxName(\"a\"), on: true }",
        ),
        (
            "UNSUBSCRIBE a",
            "SubscribeCommand { mailbox: MailboxName(\"a\"), on: false }",
        ),
        (
            "SELECT a",
            "SelectCommand { mailbox: MailboxName(\"a\"), read_only: false, condstore: false }",
        ),
        (
            "EXAMINE a (condstore)",
            "SelectCommand { mailbox: MailboxName(\"a\"), read_only: true, condstore: true }",
        ),
        ("SELECT a (QRESYNC (1 2))", "Option"),
        ("SELECT a b", "Character"),
        (
            "STATUS a (MESSAGES uidnext MESSAGES)",
            "StatusCommand { mailbox: MailboxName(\"a\"), items: [Messages, UidNext] }",
        ),
        ("STATUS a ()", "Character"),
        ("STATUS a (X)", "StatusItem"),
        ("STATUS a MESSAGES", "Character"),
        (
            "COPY 1:* b",
            "CopyCommand { uid: false, set: SequenceSet { ranges: [], star: Some((1, 1)), largest_named: 1 }, to: MailboxName(\"b\"), remove: false }",
        ),
        (
            "UID MOVE 4 b",
            "CopyCommand { uid: true, set: SequenceSet { ranges: [(4, 4)], star: None, largest_named: 4 }, to: MailboxName(\"b\"), remove: true }",
        ),
    ]);
}

#[test]
fn lists() {
    let list = |text: &str| args::<ListCommand>(&format!("t LIST {text}\r\n")).unwrap();
    for (text, patterns) in [
        ("\"\" *", vec!["*"]),
        ("\"\" \"\"", vec![""]),
        ("a \"\"", vec![""]),
        ("inbox/ %", vec!["INBOX/%"]),
        ("\"\" inbox", vec!["INBOX"]),
        ("\"\" Entw&APw-%", vec!["Entwü%"]),
        ("\"\" &bad", vec!["&bad"]),
        ("\"\" (a \"b c\" *)", vec!["a", "b c", "*"]),
    ] {
        let patterns: Vec<Pattern> = patterns.into_iter().map(|p| Pattern(p.into())).collect();
        assert_eq!(list(text).patterns, patterns, "{text}");
    }
    let all = list(
        "(SUBSCRIBED RECURSIVEMATCH) \"\" * RETURN (CHILDREN SPECIAL-USE STATUS (UNSEEN SIZE))",
    );
    assert!(all.extended && all.only_subscribed && all.recursive_match && !all.only_special);
    assert!(all.return_subscribed && all.return_children && all.return_special);
    assert_eq!(all.return_status, [StatusItem::Unseen, StatusItem::Size]);
    assert!(!list("\"\" *").extended && list("() \"\" *").extended);
    check(&[
        ("LIST (RECURSIVEMATCH) \"\" *", "Option"),
        ("LIST (X) \"\" *", "Option"),
        ("LIST \"\" * RETURN (X)", "Option"),
        ("LIST \"\" *  RETURN ()", "Character"),
        ("LIST (SUBSCRIBED", "Missing"),
        ("LIST \"\"", "Missing"),
        ("LSUB \"\" a.%", "LsubCommand { pattern: Pattern(\"a.%\") }"),
    ]);
}

#[test]
fn appends() {
    check(&[
        (
            "APPEND a {3}",
            "AppendCommand { mailbox: MailboxName(\"a\"), flags: FlagList { flags: Flags(0), keywords: [] }, received_at: None, size: 3 }",
        ),
        (
            "APPEND a (\\seen $Fwd \\Recent $FWD) {3+}",
            "AppendCommand { mailbox: MailboxName(\"a\"), flags: FlagList { flags: Flags(1), keywords: [\"$Fwd\"] }, received_at: None, size: 3 }",
        ),
        (
            "APPEND a () \" 1-Jan-1970 01:00:01 +0100\" {18446744073709551615}",
            "Literal",
        ),
        (
            "APPEND a \" 1-Jan-1970 01:00:01 +0100\" {9}",
            "AppendCommand { mailbox: MailboxName(\"a\"), flags: FlagList { flags: Flags(0), keywords: [] }, received_at: Some(1000), size: 9 }",
        ),
        ("APPEND a abc", "AppendWithoutMessage"),
        ("APPEND a (\\Nope) {3}", "Flag"),
        ("APPEND a (\\*) {3}", "Flag"),
        ("APPEND a \"1-Jan-1970\" {3}", "Character"),
    ]);
    for (text, ms) in [
        ("17-Jul-1996 02:44:25 -0700", 837_596_665_000),
        ("29-Feb-2024 23:59:60 +0000", 1_709_251_199_000),
        ("01-jan-9999 00:00:00 +0000", 253_370_764_800_000),
        ("01-Jan-0000 00:00:00 +2359", -62_167_305_540_000),
    ] {
        let line = format!("t APPEND a \"{text}\" {{1}}\r\n");
        let append: AppendCommand = args(&line).unwrap();
        assert_eq!(append.received_at, Some(ms), "{text}");
    }
    for text in [
        "29-Feb-2023 00:00:00 +0000",
        "00-Jan-2023 00:00:00 +0000",
        "32-Jan-2023 00:00:00 +0000",
        "01-Janu-2023 00:00:00 +0000",
        "01-Jan-2023 24:00:00 +0000",
        "01-Jan-2023 00:60:00 +0000",
        "01-Jan-2023 00:00:00 0000",
        "01-Jan-99999 00:00:00 +0000",
        "  -Jan-2023 00:00:00 +0000",
        " -Jan-2023 00:00:00 +0000",
        "1 -Jan-2023 00:00:00 +0000",
        "",
        "01-Jan-2023 0x:00:00 +0000",
    ] {
        let line = format!("t APPEND a \"{text}\" {{1}}\r\n");
        assert!(parse(&line).is_err(), "{text}");
    }
}

#[test]
fn sets() {
    let set = |text: &str| {
        args(&format!("t UID EXPUNGE {text}\r\n")).map(|ExpungeCommand(set)| set.unwrap())
    };
    for (text, largest, resolved) in [
        ("1", 9, "1"),
        ("3:1,2,7", 9, "1:3,7"),
        ("*", 9, "9"),
        ("5:*", 9, "5:9"),
        ("*:5", 9, "5:9"),
        ("12:*", 9, "9:12"),
        ("*:*", 9, "9"),
        ("*", 0, ""),
        ("1:*", 0, "1"),
        ("4294967295", 9, "4294967295"),
    ] {
        assert_eq!(
            set(text).unwrap().resolve(largest).to_string(),
            resolved,
            "{text}"
        );
    }
    assert_eq!(set("1:*,7").unwrap().largest_named(), 7);
    for text in [
        "0",
        "1:0",
        "4294967296",
        "a",
        "1,",
        ",1",
        "1:",
        "-1",
        "$",
        "1:2:3",
        "99999999999999999999",
    ] {
        assert!(set(text).is_err(), "{text}");
    }
    assert!(set(&vec!["1"; 30_000].join(",")).is_ok());
}

#[test]
fn fetches() {
    let items = |text: &str| {
        args(&format!("t FETCH 1 {text}\r\n")).map(|fetch: FetchCommand| fetch.items.0)
    };
    use FetchItem::*;
    assert_eq!(items("FAST"), Ok(vec![Flags, InternalDate, Size]));
    assert_eq!(items("all"), Ok(vec![Flags, InternalDate, Size, Envelope]));
    assert_eq!(
        items("FULL"),
        Ok(vec![Flags, InternalDate, Size, Envelope, Body])
    );
    assert_eq!(
        items("(BODY BODYSTRUCTURE UID modseq uid)"),
        Ok(vec![Body, BodyStructure, Uid, ModSeq])
    );
    for (text, path, of, partial, peek) in [
        ("BODY[]", &[][..], SectionText::Whole, None, false),
        (
            "body.peek[]<0.100>",
            &[],
            SectionText::Whole,
            Some((0, 100)),
            true,
        ),
        ("BODY[HEADER]", &[], SectionText::Header, None, false),
        ("BODY[1]", &[1], SectionText::Whole, None, false),
        (
            "BODY[1.2.3.MIME]",
            &[1, 2, 3],
            SectionText::Mime,
            None,
            false,
        ),
        ("BODY[2.TEXT]", &[2], SectionText::Text, None, false),
        (
            "BODY[2.HEADER.FIELDS.NOT (\"From\" {2+}\r\nTo x]y)]",
            &[2],
            SectionText::HeaderFields {
                not: true,
                names: vec!["From".into(), "To".into(), "x]y".into()],
            },
            None,
            false,
        ),
        ("RFC822", &[], SectionText::Whole, None, false),
        ("RFC822.HEADER", &[], SectionText::Header, None, true),
        ("RFC822.TEXT", &[], SectionText::Text, None, false),
    ] {
        let got = items(text);
        let Ok([Section(section)]) = got.as_deref() else {
            panic!("{text}: {got:?}");
        };
        assert_eq!(
            (
                &section.path[..],
                &section.of,
                section.partial,
                section.peek
            ),
            (path, &of, partial, peek),
            "{text}"
        );
    }
    for (text, error) in [
        ("(ALL)", SyntaxError::FetchItem),
        ("X", SyntaxError::FetchItem),
        ("()", SyntaxError::Character),
        ("(UID", SyntaxError::Missing),
        ("UID FLAGS", SyntaxError::Character),
        ("BODY.PEEK", SyntaxError::Missing),
        ("BODY[MIME]", SyntaxError::Section),
        ("BODY[0]", SyntaxError::Section),
        ("BODY[1.]", SyntaxError::Section),
        ("BODY[.1]", SyntaxError::Section),
        ("BODY[1.X]", SyntaxError::Section),
        ("BODY[1", SyntaxError::Section),
        ("BODY[]<0.0>", SyntaxError::Number),
        ("BODY[]<4294967296.1>", SyntaxError::Number),
        ("BODY[]<1>", SyntaxError::Character),
        ("BODY[HEADER.FIELDS ()]", SyntaxError::Character),
        ("BODY[HEADER.FIELDS (\"a:b\")]", SyntaxError::Section),
        ("BODY[HEADER.FIELDS (\"a\r\nb\")]", SyntaxError::Character),
        ("BODY[HEADER.FIELDS ({3+}\r\n\r\nx)]", SyntaxError::Section),
        ("RFC822.PEEK", SyntaxError::FetchItem),
        ("FLAGS (VANISHED)", SyntaxError::Option),
    ] {
        assert_eq!(items(text), Err(error), "{text}");
    }
    let fetch: FetchCommand = args("t UID FETCH 1:* FLAGS (CHANGEDSINCE 12345678901)\r\n").unwrap();
    assert_eq!(
        (fetch.uid, fetch.changed_since),
        (true, Some(12_345_678_901))
    );
    assert_eq!(fetch.items.0, [ModSeq, Uid, Flags]);
}

#[test]
fn stores() {
    let store = |text: &str| args::<StoreCommand>(&format!("t UID STORE 1 {text}\r\n"));
    let row = store("(UNCHANGEDSINCE 5) +flags.silent (\\Deleted a)").unwrap();
    assert!(row.uid && row.silent && row.how == FlagChange::Add && row.unchanged_since == Some(5));
    assert_eq!(
        (row.flags.flags, &row.flags.keywords[..]),
        (Flags::DELETED, &["a".to_owned()][..])
    );
    let row = store("-FLAGS \\Seen \\Draft b").unwrap();
    assert!(!row.silent && row.how == FlagChange::Remove && row.flags.keywords == ["b"]);
    assert_eq!(row.flags.flags, Flags::SEEN.with(Flags::DRAFT));
    assert_eq!(store("FLAGS ()").unwrap().how, FlagChange::Replace);
    for (text, error) in [
        ("+-FLAGS ()", SyntaxError::Character),
        ("FLAG ()", SyntaxError::Option),
        ("FLAGS", SyntaxError::Missing),
        ("FLAGS (\\)", SyntaxError::Flag),
        ("FLAGS (a b", SyntaxError::Missing),
        ("(X 1) FLAGS ()", SyntaxError::Option),
    ] {
        assert_eq!(store(text).unwrap_err(), error, "{text}");
    }
    assert!(store(&format!("FLAGS ({})", "k".repeat(64))).is_ok());
    assert_eq!(
        store(&format!("FLAGS ({})", "k".repeat(65))).unwrap_err(),
        SyntaxError::KeywordTooLong
    );
    let many: Vec<String> = (0..65).map(|n| format!("k{n}")).collect();
    assert_eq!(
        store(&format!("FLAGS ({})", many.join(" "))).unwrap_err(),
        SyntaxError::TooMany
    );
}

#[test]
fn field_names_are_bounded_over_all_sections() {
    let sections = |counts: &[usize]| {
        let section = |(at, n): (usize, &usize)| {
            let names: Vec<String> = (0..*n).map(|n| format!("f{at}-{n}")).collect();
            format!("BODY[HEADER.FIELDS ({})]", names.join(" "))
        };
        let all: Vec<String> = counts.iter().enumerate().map(section).collect();
        args(&format!("t FETCH 1 ({})\r\n", all.join(" ")))
            .map(|fetch: FetchCommand| fetch.items.0.len())
    };
    assert_eq!(sections(&[100]), Ok(1));
    assert_eq!(sections(&[50, 50]), Ok(2));
    assert_eq!(sections(&[101]), Err(SyntaxError::TooMany));
    assert_eq!(sections(&[50, 51]), Err(SyntaxError::TooMany));
}

fn program(text: &str) -> Result<SearchProgram, SyntaxError> {
    args(&format!("t SEARCH {text}\r\n")).map(|search: SearchCommand| search.program)
}

fn key(text: &str) -> SearchKey {
    program(text).unwrap().into_key(|what| match what {
        Unresolved::Numbers(set) => set.resolve(5).iter().map(|n| n + 100).collect(),
        Unresolved::Uids(set) => set.resolve(105),
        Unresolved::Recent => UidSet::one(105),
    })
}

#[test]
fn searches() {
    use SearchKey::*;
    let one = |uid| Uids(UidSet::one(uid));
    let not = |key| Not(Box::new(key));
    let or = |a, b| Or(Box::new(a), Box::new(b));
    const DAY: i64 = 86_400;
    for (text, expected) in [
        ("ALL", All),
        ("1", one(101)),
        ("*", one(105)),
        ("uid 7", one(7)),
        ("RECENT", one(105)),
        ("NEW", And(vec![one(105), Lacks(Flags::SEEN)])),
        ("OLD", not(one(105))),
        (
            "unseen deleted",
            And(vec![Lacks(Flags::SEEN), Has(Flags::DELETED)]),
        ),
        ("NOT NOT SEEN", not(not(Has(Flags::SEEN)))),
        (
            "OR NOT 1 (2 (3))",
            or(not(one(101)), And(vec![one(102), one(103)])),
        ),
        (
            "OR OR 1 2 3 4",
            And(vec![or(or(one(101), one(102)), one(103)), one(104)]),
        ),
        ("(((1)))", one(101)),
        ("FROM a", Header("FROM".into(), "a".into())),
        ("HEADER X-A \"\"", Header("X-A".into(), String::new())),
        (
            "TEXT {3+}\r\na b BODY \"ü\"",
            And(vec![Text("a b".into()), Body("ü".into())]),
        ),
        (
            "KEYWORD a UNKEYWORD b",
            And(vec![Keyword("a".into()), not(Keyword("b".into()))]),
        ),
        ("LARGER 1 SMALLER 2", And(vec![Larger(1), Smaller(2)])),
        (
            "SINCE 2-Jan-1970 BEFORE \"3-Jan-1970\"",
            And(vec![Since(DAY * 1000), Before(2 * DAY * 1000)]),
        ),
        (
            "ON 02-jan-1970",
            And(vec![Since(DAY * 1000), Before(2 * DAY * 1000)]),
        ),
        (
            "SENTON 2-Jan-1970",
            And(vec![SentSince(DAY), SentBefore(2 * DAY)]),
        ),
        (
            "SENTBEFORE 2-Jan-1970 SENTSINCE 1-Jan-1970",
            And(vec![SentBefore(DAY), SentSince(0)]),
        ),
        (
            "CHARSET utf-8 SUBJECT a",
            Header("SUBJECT".into(), "a".into()),
        ),
        ("CHARSET \"US-ASCII\" 1", one(101)),
        ("CHARSET utf8 TO a", Header("TO".into(), "a".into())),
        ("CHARSET UTF8 TEXT \"\u{fc}\"", Text("\u{fc}".into())),
        ("CHARSET US_ASCII TEXT \"\u{fc}\"", Text("\u{fc}".into())),
        ("CHARSET ANSI_X3.4-1968 TEXT a", Text("a".into())),
        (
            "CHARSET iso-8859-1 (TEXT a NOT TEXT b)",
            And(vec![Text("a".into()), Not(Box::new(Text("b".into())))]),
        ),
        ("MODSEQ 5", ModSeq(5)),
        (
            "MODSEQ \"/flags/\\\\draft\" all 620162338",
            ModSeq(620_162_338),
        ),
    ] {
        assert_eq!(key(text), expected, "{text}");
    }
    assert!(program("OR MODSEQ 1 2").unwrap().modseq && !program("1").unwrap().modseq);
}

#[test]
fn searches_that_are_wrong() {
    for (text, error) in [
        ("", SyntaxError::SearchKey),
        ("X", SyntaxError::SearchKey),
        ("NOT", SyntaxError::Missing),
        ("OR 1", SyntaxError::Missing),
        ("OR 1 ", SyntaxError::SearchKey),
        ("()", SyntaxError::SearchKey),
        ("(1", SyntaxError::Missing),
        ("1)", SyntaxError::Trailing),
        ("1 RETURN (MIN)", SyntaxError::SearchKey),
        ("CHARSET X-NO-SUCH 1", SyntaxError::Charset),
        ("CHARSET UTF-16 1", SyntaxError::Charset),
        ("CHARSET UTF-32LE 1", SyntaxError::Charset),
        ("CHARSET \"\" 1", SyntaxError::Charset),
        ("CHARSET", SyntaxError::Missing),
        ("TEXT", SyntaxError::Missing),
        ("SINCE 30-Feb-2024", SyntaxError::Date),
        ("LARGER 4294967296", SyntaxError::Number),
        ("MODSEQ 9223372036854775808", SyntaxError::Number),
        ("KEYWORD \\Seen", SyntaxError::Character),
        ("0", SyntaxError::SearchKey),
        ("RETURN (SAVE) 1", SyntaxError::Option),
    ] {
        assert_eq!(program(text), Err(error), "{text}");
    }
    for (line, expected) in [
        (
            &b"t SEARCH CHARSET ISO-8859-1 TEXT \"\xfc\"\r\n"[..],
            "\u{fc}",
        ),
        (
            b"t SEARCH CHARSET koi8-r NOT SUBJECT {1+}\r\n\xf0\r\n",
            "\u{41f}",
        ),
        (
            b"t SEARCH CHARSET iso-2022-jp TEXT {8+}\r\n\x1b$BF|\x1b(B\r\n",
            "\u{65e5}",
        ),
        (
            b"t SEARCH CHARSET GB2312 TEXT {2+}\r\n\xc4\xe3\r\n",
            "\u{4f60}",
        ),
    ] {
        let command = Command::parse(line).unwrap();
        assert!(format!("{command:?}").contains(expected), "{command:?}");
    }
    let latin1 = Command::parse(b"t SEARCH TEXT \"\xfc\"\r\n").unwrap_err();
    assert_eq!(latin1.error, SyntaxError::Charset);
}

#[test]
fn searches_that_return() {
    let returns = |text: &str| {
        let search: SearchCommand = args(&format!("t UID SEARCH {text}\r\n")).unwrap();
        search.returns.map(|r| (r.min, r.max, r.all, r.count))
    };
    assert_eq!(returns("1"), None);
    assert_eq!(returns("RETURN () 1"), Some((false, false, true, false)));
    assert_eq!(
        returns("RETURN (MIN max COUNT) CHARSET UTF-8 1"),
        Some((true, true, false, true))
    );
}

#[test]
fn searches_are_bounded() {
    for (unit, end) in [("NOT ", "1"), ("OR 1 ", "1"), ("(", "1")] {
        let text = |n: usize| {
            let close = if unit == "(" {
                ")".repeat(n)
            } else {
                String::new()
            };
            format!("{}{end}{close}", unit.repeat(n))
        };
        assert!(program(&text(32)).is_ok(), "{unit}");
        assert_eq!(program(&text(33)), Err(SyntaxError::Depth), "{unit}");
        assert_eq!(program(&text(10_000)), Err(SyntaxError::Depth), "{unit}");
    }
    assert!(program(&vec!["1"; 200].join(" ")).is_ok());
    assert_eq!(
        program(&vec!["1"; 201].join(" ")),
        Err(SyntaxError::TooMany)
    );
    assert!(program(&format!("TEXT {}", "x".repeat(256))).is_ok());
    assert_eq!(
        program(&format!("TEXT {}", "x".repeat(257))),
        Err(SyntaxError::NeedleTooLong)
    );
}

/// A line that is cut, doubled or overwritten at any place gets an answer, never a panic.
#[test]
fn no_line_is_too_odd() {
    let lines = [
        "t UID FETCH 1:*,3 (FLAGS BODY.PEEK[1.HEADER.FIELDS (From {2+}\r\nTo)]<1.2>) (CHANGEDSINCE 5)\r\n",
        "t SEARCH RETURN (MIN) CHARSET UTF-8 OR (FROM \"a\\\"b\" NOT 1) ON 1-Jan-2020 MODSEQ \"/x\" all 1\r\n",
        "t APPEND \"a/b&APw-\" (\\Seen $x) \" 1-Jan-1970 01:00:01 +0100\" {3+}\r\n",
        "t LIST (SUBSCRIBED) \"\" (a* %) RETURN (STATUS (MESSAGES))\r\n",
        "t ID (\"name\" NIL)\r\n",
        "t STORE 1 (UNCHANGEDSINCE 1) -FLAGS.SILENT (\\Seen a)\r\n",
    ];
    for line in lines {
        assert!(Command::parse(line.as_bytes()).is_ok(), "{line}");
        for at in 0..line.len() {
            let _ = Command::parse(&line.as_bytes()[..at]);
            for b in [
                b'"', b'{', b'(', b')', b'\\', b' ', b'9', b'*', 0, 0xff, b'\r', b'\n',
            ] {
                let mut odd = line.as_bytes().to_vec();
                odd[at] = b;
                let _ = Command::parse(&odd);
                odd.insert(at, b);
                let _ = Command::parse(&odd);
            }
        }
    }
    let _: (MailboxName, SequenceSet) = (MailboxName("a".into()), SequenceSet::default());
}

//! Lines and literals, before any grammar: where a command ends, and whether it is within its
//! bounds.
//!
//! A frame owns no octets: the session keeps the unread octets, and a frame remembers how far
//! it has searched. A complete command is a prefix of the unread octets with its literals in
//! place, so the grammar borrows from it. The size of a literal is compared with the rest of
//! the budget of the command before any of its octets is awaited or kept. The message of
//! APPEND is announced, not gathered.

use super::syntax::SyntaxError;
use crate::call::Limits;

/// The bounds of a command.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FrameBounds {
    /// Octets of its lines together, CRLFs included, literals not.
    pub line_bytes: usize,
    /// Octets of one literal.
    pub literal_bytes: usize,
    /// Octets of all literals.
    pub literals_bytes: usize,
    /// How many literals.
    pub literals: usize,
    /// Nested parentheses.
    pub depth: usize,
    /// Only LOGIN and AUTHENTICATE may have literals.
    pub before_login: bool,
}

impl FrameBounds {
    /// Before login.
    pub fn before_login(limits: &Limits) -> Self {
        FrameBounds {
            line_bytes: limits.imap_login_bytes,
            literal_bytes: LOGIN_LITERAL_BYTES,
            literals_bytes: 2 * LOGIN_LITERAL_BYTES,
            literals: 2,
            depth: LOGIN_DEPTH,
            before_login: true,
        }
    }

    /// After login.
    pub fn after_login(limits: &Limits) -> Self {
        FrameBounds {
            line_bytes: limits.imap_line_bytes,
            literal_bytes: limits.imap_literal_bytes,
            literals_bytes: limits.imap_literals_bytes,
            literals: limits.imap_literals,
            depth: DEPTH,
            before_login: false,
        }
    }
}

/// The result of a look at the unread octets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FrameStep {
    /// Not complete: use 0 octets and call again with more.
    More,
    /// A synchronizing literal that is within bounds begins: write a continuation, then call
    /// again, with the same octets if there are no more.
    Continue,
    /// A complete command: `unread[..len]`, its CRLF included. The frame begins anew.
    Command {
        /// Octets to use.
        len: usize,
    },
    /// An APPEND up to and including the announcement of its message: the grammar on
    /// `unread[..len]` gives an `AppendCommand`. Write a continuation if `sync`, take `size`
    /// octets, then a CRLF (with [`line`]). If the command is refused and not `sync`, the
    /// octets come all the same. The frame begins anew.
    Message {
        /// Octets to use.
        len: usize,
        /// Octets of the message that follow.
        size: u64,
        /// The client waits for a continuation.
        sync: bool,
    },
    /// A part of the rest of a refused line was skipped: use `used` and answer nothing.
    Skip {
        /// Octets to use, at least 1.
        used: usize,
    },
    /// Refused: answer with [`tag`] of the unread octets and the words of the error, then use
    /// `used`. If `fatal`, the octets that follow may be a literal or commands: `* BYE` and
    /// close.
    Refused {
        /// Octets to use.
        used: usize,
        /// The reason.
        error: SyntaxError,
        /// The next command cannot be found any more.
        fatal: bool,
    },
}

/// The progress of the search for the end of a command.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Frame {
    /// No line ends before this.
    searched: usize,
    /// The begin of the line that is being searched: 0, or behind a literal.
    line_start: usize,
    /// Octets of the lines before that one.
    line_bytes: usize,
    /// A literal is awaited up to here.
    literal_end: Option<usize>,
    literals: usize,
    literals_bytes: usize,
    depth: usize,
    /// The rest of a refused line is being skipped.
    skipping: bool,
}

impl Frame {
    /// Looks at all unread octets, from the first of the command.
    pub fn step(&mut self, unread: &[u8], bounds: &FrameBounds) -> FrameStep {
        if self.skipping {
            return self.skip(unread);
        }
        loop {
            if let Some(end) = self.literal_end {
                if unread.len() < end {
                    return FrameStep::More;
                }
                self.literal_end = None;
                self.line_start = end;
                self.searched = end;
            }
            let unsearched = unread.get(self.searched..).unwrap_or_default();
            let Some(at) = memchr::memchr(b'\n', unsearched) else {
                self.searched = unread.len();
                if self.line_total(unread.len()) >= bounds.line_bytes {
                    return self.too_long(bounds);
                }
                return FrameStep::More;
            };
            let end = self.searched + at + 1;
            if self.line_total(end) > bounds.line_bytes {
                return self.too_long(bounds);
            }
            if let Some(step) = self.line_end(unread, end, bounds) {
                return step;
            }
        }
    }

    /// Whether no octet of a command has been seen: no command is under way.
    pub fn is_empty(&self) -> bool {
        *self == Frame::default()
    }

    /// Octets of all lines so far, if the current one ends at `end`.
    fn line_total(&self, end: usize) -> usize {
        self.line_bytes + end.saturating_sub(self.line_start)
    }

    /// A line that ends at `end`: the command ends there, or a literal follows.
    fn line_end(&mut self, unread: &[u8], end: usize, bounds: &FrameBounds) -> Option<FrameStep> {
        let line = unread.get(self.line_start..end).unwrap_or_default();
        let Some(text) = line.strip_suffix(b"\r\n") else {
            let bare = line.strip_suffix(b"\n").unwrap_or(line);
            return Some(self.refuse(end, SyntaxError::LineEnd, announced(bare)));
        };
        let literal = announced(text);
        self.depth = match depth_after(text, self.depth, bounds.depth) {
            Some(depth) => depth,
            None => return Some(self.refuse(end, SyntaxError::Depth, literal)),
        };
        let Some(announced) = literal else {
            *self = Frame::default();
            return Some(FrameStep::Command { len: end });
        };
        let (verb, arguments) = verb(unread);
        let is = |name: &[u8]| verb.eq_ignore_ascii_case(name);
        if bounds.before_login && !is(b"LOGIN") && !is(b"AUTHENTICATE") {
            return Some(self.refuse(end, SyntaxError::LiteralBeforeLogin, literal));
        }
        // The first argument of APPEND is a mailbox name; any later literal is the message.
        if is(b"APPEND") && self.line_start + announced.at != arguments {
            *self = Frame::default();
            return Some(FrameStep::Message {
                len: end,
                size: announced.size,
                sync: announced.sync,
            });
        }
        let left = bounds.literals_bytes.saturating_sub(self.literals_bytes);
        let size = usize::try_from(announced.size).unwrap_or(usize::MAX);
        if size > bounds.literal_bytes || size > left {
            return Some(self.refuse(end, SyntaxError::LiteralTooLong, literal));
        }
        if self.literals >= bounds.literals {
            return Some(self.refuse(end, SyntaxError::TooMany, literal));
        }
        self.literals += 1;
        self.literals_bytes += size;
        self.line_bytes = self.line_total(end);
        self.literal_end = Some(end.saturating_add(size));
        announced.sync.then_some(FrameStep::Continue)
    }

    /// The command ends here, refused. A literal that was announced with `+` comes all the same
    /// and would be taken for commands: then the session ends.
    fn refuse(
        &mut self,
        used: usize,
        error: SyntaxError,
        literal: Option<LiteralHead>,
    ) -> FrameStep {
        *self = Frame::default();
        FrameStep::Refused {
            used,
            error,
            fatal: literal.is_some_and(|literal| !literal.sync),
        }
    }

    /// A line over its bound is used up to the bound, without its last octets, which may be the
    /// beginning of a literal; `skip` does the rest. Before login the session ends.
    fn too_long(&mut self, bounds: &FrameBounds) -> FrameStep {
        let bound = self.line_start + bounds.line_bytes.saturating_sub(self.line_bytes);
        *self = Frame {
            skipping: true,
            ..Frame::default()
        };
        FrameStep::Refused {
            used: bound.saturating_sub(ANNOUNCED_BYTES).max(1),
            error: SyntaxError::LineTooLong,
            fatal: bounds.before_login,
        }
    }

    fn skip(&mut self, unread: &[u8]) -> FrameStep {
        let unsearched = unread.get(self.searched..).unwrap_or_default();
        let Some(at) = memchr::memchr(b'\n', unsearched) else {
            self.searched = unread.len().min(ANNOUNCED_BYTES);
            return match unread.len().saturating_sub(ANNOUNCED_BYTES) {
                0 => FrameStep::More,
                used => FrameStep::Skip { used },
            };
        };
        let used = self.searched + at + 1;
        *self = Frame::default();
        let line = unread.get(..used).unwrap_or_default().trim_ascii_end();
        match announced(line) {
            Some(literal) if !literal.sync => FrameStep::Refused {
                used,
                error: SyntaxError::LineTooLong,
                fatal: true,
            },
            _ => FrameStep::Skip { used },
        }
    }
}

/// A line that is not a command (`DONE`, a SASL response, the end of an APPEND): its octets
/// without CRLF, and how many to use. `searched` starts at 0, and the caller keeps it until
/// the line is there. `Err` if it is longer than `max` with its CRLF or ends in LF alone; the
/// session ends then.
pub fn line<'a>(
    unread: &'a [u8],
    searched: &mut usize,
    max: usize,
) -> Result<Option<(&'a [u8], usize)>, SyntaxError> {
    let unsearched = unread.get(*searched..).unwrap_or_default();
    let Some(at) = memchr::memchr(b'\n', unsearched) else {
        *searched = unread.len();
        return if unread.len() >= max {
            Err(SyntaxError::LineTooLong)
        } else {
            Ok(None)
        };
    };
    let end = *searched + at + 1;
    *searched = 0;
    if end > max {
        return Err(SyntaxError::LineTooLong);
    }
    match unread
        .get(..end)
        .and_then(|line| line.strip_suffix(b"\r\n"))
    {
        Some(text) => Ok(Some((text, end))),
        None => Err(SyntaxError::LineEnd),
    }
}

/// The tag at the beginning of a line, for the answer to a line that is otherwise wrong; `None`
/// if there is none. At most 64 octets.
pub fn tag(unread: &[u8]) -> Option<&str> {
    let end = unread
        .iter()
        .take(TAG_BYTES + 1)
        .position(|&b| !is_tag(b))?;
    let stop = unread.get(end)?;
    if end == 0 || !matches!(stop, b' ' | b'\r' | b'\n') {
        return None;
    }
    core::str::from_utf8(unread.get(..end)?).ok()
}

/// Whether a line begins with a tag that is longer than a tag may be.
pub fn is_tag_too_long(line: &[u8]) -> bool {
    let mut first = line.iter().take(TAG_BYTES + 1);
    first.len() > TAG_BYTES && first.all(|&b| is_tag(b))
}

/// Whether this is the request line of a browser that an attacker has sent here. The answer
/// has no octet of the request, not even its method as a tag (the ALPACA attack).
pub fn is_http(line: &[u8]) -> bool {
    let mut words = line.trim_ascii().split(|b| *b == b' ');
    words.next().is_some_and(|method| METHODS.contains(&method))
        && words
            .next_back()
            .is_some_and(|last| last.starts_with(b"HTTP/"))
}

/// RFC 3501 section 9: `tag` is ASTRING-CHAR without `+`.
fn is_tag(b: u8) -> bool {
    b.is_ascii_graphic() && !matches!(b, b'(' | b')' | b'{' | b'%' | b'*' | b'"' | b'\\' | b'+')
}

/// The word behind the tag, and the position behind its space.
fn verb(unread: &[u8]) -> (&[u8], usize) {
    let tag_len = tag(unread).map_or(0, str::len);
    let rest = unread.get(tag_len + 1..).unwrap_or_default();
    let len = rest
        .iter()
        .take(VERB_BYTES)
        .position(|b| !b.is_ascii_alphabetic())
        .unwrap_or(0);
    (rest.get(..len).unwrap_or_default(), tag_len + 1 + len + 1)
}

/// The announcement of a literal at the end of a line.
#[derive(Clone, Copy)]
struct LiteralHead {
    /// The position of its brace in the line.
    at: usize,
    /// Octets; `u64::MAX` for every larger number.
    size: u64,
    sync: bool,
}

/// `{n}` or `{n+}` (RFC 7888) at the end of a line without its CRLF.
fn announced(line: &[u8]) -> Option<LiteralHead> {
    let inner = line.strip_suffix(b"}")?;
    let (digits_end, sync) = match inner.strip_suffix(b"+") {
        Some(shorter) => (shorter, false),
        None => (inner, true),
    };
    let digits = digits_end
        .iter()
        .rev()
        .take_while(|b| b.is_ascii_digit())
        .count();
    let at = digits_end.len().checked_sub(digits + 1)?;
    if digits == 0 || digits_end.get(at) != Some(&b'{') {
        return None;
    }
    let size = digits_end.iter().skip(at + 1).fold(0u64, |n, &digit| {
        n.saturating_mul(10).saturating_add(u64::from(digit - b'0'))
    });
    Some(LiteralHead { at, size, sync })
}

/// The depth of parentheses at the end of a line that begins at `depth`; `None` above `max`.
/// Parentheses in quoted strings do not count.
fn depth_after(line: &[u8], mut depth: usize, max: usize) -> Option<usize> {
    let mut rest = line;
    while let Some(at) = memchr::memchr3(b'(', b')', b'"', rest) {
        let (found, mut behind) = (rest.get(at), rest.get(at + 1..).unwrap_or_default());
        match found {
            Some(b'(') => {
                depth += 1;
                if depth > max {
                    return None;
                }
            }
            Some(b')') => depth = depth.saturating_sub(1),
            _ => loop {
                let Some(at) = memchr::memchr2(b'"', b'\\', behind) else {
                    // The string does not end: the grammar has the better error.
                    return Some(depth);
                };
                let escape = behind.get(at) == Some(&b'\\');
                let next = at + if escape { 2 } else { 1 };
                behind = behind.get(next..).unwrap_or_default();
                if !escape {
                    break;
                }
            },
        }
        rest = behind;
    }
    Some(depth)
}

/// RFC 9110 section 9, RFC 5789.
const METHODS: [&[u8]; 9] = [
    b"CONNECT", b"DELETE", b"GET", b"HEAD", b"OPTIONS", b"PATCH", b"POST", b"PUT", b"TRACE",
];
/// A login name or key; real ones have less than 400 octets.
const LOGIN_LITERAL_BYTES: usize = 1024;
/// No command before login nests.
const LOGIN_DEPTH: usize = 16;
/// SEARCH nests deepest: 32.
const DEPTH: usize = 50;
/// Clients count; the longest tag in use is a UUID.
pub(crate) const TAG_BYTES: usize = 64;
/// The longest name is UNAUTHENTICATE.
const VERB_BYTES: usize = 16;
/// `{18446744073709551615+}` and CR: so much is kept of a line that is skipped.
const ANNOUNCED_BYTES: usize = 24;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    /// Every step of a conversation, one line each, with the input in pieces of `cut` octets.
    fn steps(input: &[u8], cut: usize, bounds: &FrameBounds) -> Vec<String> {
        let (mut frame, mut said, mut start, mut seen) = (Frame::default(), vec![], 0, 0);
        let mut message = 0u64;
        while seen < input.len() {
            seen = (seen + cut).min(input.len());
            loop {
                if message > 0 {
                    let take = message.min((seen - start) as u64);
                    message -= take;
                    start += take as usize;
                    if message > 0 {
                        break;
                    }
                }
                match frame.step(&input[start..seen], bounds) {
                    FrameStep::More => break,
                    FrameStep::Continue => said.push("+".to_owned()),
                    FrameStep::Command { len } => {
                        let text = String::from_utf8_lossy(&input[start..start + len]);
                        said.push(text.trim_end().to_owned());
                        start += len;
                    }
                    FrameStep::Message { len, size, sync } => {
                        said.push(format!("message {size} {sync}"));
                        start += len;
                        message = size;
                    }
                    FrameStep::Skip { used } => start += used,
                    FrameStep::Refused { used, error, fatal } => {
                        let tag = tag(&input[start..seen]).unwrap_or("*");
                        said.push(format!(
                            "{tag} {error:?}{}",
                            if fatal { " BYE" } else { "" }
                        ));
                        if fatal {
                            return said;
                        }
                        start += used;
                    }
                }
            }
        }
        if !frame.is_empty() {
            said.push("...".to_owned());
        }
        said
    }

    fn check(input: &[u8], bounds: &FrameBounds, expected: &[&str]) {
        for cut in [input.len(), 1, 7, 3] {
            assert_eq!(
                steps(input, cut, bounds),
                expected,
                "cut {cut}: {}",
                String::from_utf8_lossy(&input[..input.len().min(100)])
            );
        }
    }

    fn after() -> FrameBounds {
        FrameBounds::after_login(&Limits::default())
    }

    fn before() -> FrameBounds {
        FrameBounds::before_login(&Limits::default())
    }

    #[test]
    fn commands_end_where_they_end() {
        for (input, expected) in [
            ("1 NOOP\r\n2 NOOP\r\n", &["1 NOOP", "2 NOOP"][..]),
            ("1 NOOP\r\n2 NO", &["1 NOOP", "..."]),
            (
                "1 LOGIN {1}\r\na {2}\r\nbc\r\n",
                &["+", "+", "1 LOGIN {1}\r\na {2}\r\nbc"],
            ),
            (
                "1 LOGIN {1+}\r\na {2+}\r\nbc\r\n",
                &["1 LOGIN {1+}\r\na {2+}\r\nbc"],
            ),
            ("1 LOGIN {0+}\r\n \"\"\r\n", &["1 LOGIN {0+}\r\n \"\""]),
            // A literal may hold octets that look like commands, lines and literals.
            (
                "1 X {12+}\r\n\r\n2 NOOP\r\n{9\r\n",
                &["1 X {12+}\r\n\r\n2 NOOP\r\n{9"],
            ),
            ("1 X {3+}\r\n{9}\r\n", &["1 X {3+}\r\n{9}"]),
            (
                "1 X {3\r\n2 X {-1}\r\n3 X {+}\r\n4 X }\r\n",
                &["1 X {3", "2 X {-1}", "3 X {+}", "4 X }"],
            ),
            ("1 APPEND INBOX {3}\r\nabc\r\n", &["message 3 true", ""]),
            (
                "1 append {5+}\r\nINBOX (\\Seen) {3+}\r\nabc\r\n2 NOOP\r\n",
                &["message 3 false", "", "2 NOOP"],
            ),
            ("1 NOOP\n2 NOOP\r\n", &["1 LineEnd", "2 NOOP"]),
            ("1 X {3+}\n2 NOOP\r\n", &["1 LineEnd BYE"]),
            ("\r\n", &[""]),
        ] {
            check(input.as_bytes(), &after(), expected);
        }
    }

    #[test]
    fn no_literal_is_waited_for_before_its_size_is_held_against_the_budget() {
        for (input, expected) in [
            (
                "1 LOGIN {4294967295}\r\n2 NOOP\r\n",
                &["1 LiteralTooLong", "2 NOOP"][..],
            ),
            ("1 LOGIN {1073741824+}\r\n", &["1 LiteralTooLong BYE"]),
            (
                "1 LOGIN {99999999999999999999999999}\r\n",
                &["1 LiteralTooLong"],
            ),
            (
                "1 LOGIN {99999999999999999999999999+}\r\n",
                &["1 LiteralTooLong BYE"],
            ),
            (
                "1 SEARCH TEXT {65537}\r\n2 NOOP\r\n",
                &["1 LiteralTooLong", "2 NOOP"],
            ),
            ("{5+}\r\n", &["..."]),
        ] {
            check(input.as_bytes(), &after(), expected);
        }
        for (input, expected) in [
            (
                "1 LOGIN {1025}\r\n2 NOOP\r\n",
                &["1 LiteralTooLong", "2 NOOP"][..],
            ),
            ("1 login {1024}\r\n", &["+", "..."]),
            (
                "1 SELECT {5}\r\n2 NOOP\r\n",
                &["1 LiteralBeforeLogin", "2 NOOP"],
            ),
            ("1 SELECT {5+}\r\n", &["1 LiteralBeforeLogin BYE"]),
            ("1 APPEND INBOX {5}\r\n", &["1 LiteralBeforeLogin"]),
            ("{5}\r\n", &["* LiteralBeforeLogin"]),
            (
                "1 LOGIN {1}\r\na {1}\r\nb {1}\r\n",
                &["+", "+", "1 TooMany"],
            ),
        ] {
            check(input.as_bytes(), &before(), expected);
        }
        // The sum: four literals of 64 KiB fit, the fifth does not; a hundred empty ones fit.
        let full = format!(" {{65536+}}\r\n{}", "x".repeat(65536));
        let input = format!("1 X{} {{1}}\r\n", full.repeat(4));
        assert_eq!(
            steps(input.as_bytes(), input.len(), &after()),
            ["1 LiteralTooLong"]
        );
        let input = format!("1 X{} {{0+}}\r\n", " {0+}\r\n".repeat(100));
        check(input.as_bytes(), &after(), &["1 TooMany BYE"]);
    }

    #[test]
    fn long_lines_are_refused_at_their_bound_and_swallowed() {
        let line = |len: usize| format!("1 NOOP {}\r\n", "x".repeat(len - 9));
        assert_eq!(steps(line(65536).as_bytes(), 65536, &after()).len(), 1);
        for len in [65537, 65600, 200_000] {
            let input = format!("{}2 NOOP\r\n", line(len));
            for cut in [input.len(), 1, 777] {
                assert_eq!(
                    steps(input.as_bytes(), cut, &after()),
                    ["1 LineTooLong", "2 NOOP"]
                );
            }
        }
        check(&[b'('; 9000], &before(), &["* LineTooLong BYE"]);
        let literal =
            |plus: &str| format!("1 NOOP {} {{7{plus}}}\r\n2 NOOP\r\n", "x".repeat(70_000));
        check(
            literal("").as_bytes(),
            &after(),
            &["1 LineTooLong", "2 NOOP"],
        );
        let said = steps(literal("+").as_bytes(), 1 << 20, &after());
        assert!(said.len() == 2 && said[1].ends_with("BYE"), "{said:?}");
        // The lines of a command count together.
        let input = format!(
            "1 X{}",
            format!(" {} {{1+}}\r\na", "x".repeat(6000)).repeat(11)
        );
        assert_eq!(
            steps(input.as_bytes(), 1 << 20, &after())[0],
            "1 LineTooLong"
        );
    }

    #[test]
    fn parentheses_are_counted() {
        let nested = |n: usize| format!("1 NOOP {}\r\n", "(".repeat(n)).into_bytes();
        check(&nested(4000), &after(), &["1 Depth"]);
        check(&nested(17), &before(), &["1 Depth"]);
        for (n, bounds) in [(16, before()), (50, after())] {
            assert!(!steps(&nested(n), 999, &bounds)[0].contains("Depth"));
        }
        check(
            b"1 X \"((((((((((((((((((((\\\"((\"\r\n",
            &before(),
            &["1 X \"((((((((((((((((((((\\\"((\""],
        );
        check(b"1 X \"(((\\\r\n", &before(), &["1 X \"(((\\"]);
        let flat = format!("1 X {}\r\n", "() ".repeat(100));
        check(flat.as_bytes(), &before(), &[flat.trim_end()]);
    }

    #[test]
    fn no_octet_is_searched_twice() {
        // The cost of a line that comes an octet at a time is its length, not its square.
        let mut frame = Frame::default();
        let line = vec![b'x'; 60_000];
        for n in 1..=line.len() {
            assert_eq!(frame.step(&line[..n], &after()), FrameStep::More);
            assert_eq!(frame.searched, n);
        }
    }

    #[test]
    fn other_lines() {
        let mut searched = 0;
        assert_eq!(line(b"DON", &mut searched, 100), Ok(None));
        assert_eq!(searched, 3);
        assert_eq!(
            line(b"DONE\r\nx", &mut searched, 100),
            Ok(Some((&b"DONE"[..], 6)))
        );
        assert_eq!(
            line(b"DONE\n", &mut searched, 100),
            Err(SyntaxError::LineEnd)
        );
        assert_eq!(line(b"DONE\r\n", &mut 0, 5), Err(SyntaxError::LineTooLong));
        assert_eq!(line(b"DONEE", &mut 0, 5), Err(SyntaxError::LineTooLong));
    }

    #[test]
    fn tags() {
        for (input, expected) in [
            (&b"a1 NOOP\r\n"[..], Some("a1")),
            (b"a1\r\n", Some("a1")),
            (b"a.]-1 x", Some("a.]-1")),
            (b" x", None),
            (b"a+ x", None),
            (b"a*", None),
            (b"a", None),
            (b"\xff x", None),
            (&[b'a'; 100], None),
        ] {
            assert_eq!(tag(input), expected);
        }
    }
}

//! Conversations about the state of messages: what the client asks for, and what a server keeps.

use super::*;

#[test]
fn the_state_of_messages_is_asked_for() {
    served(
        "",
        "do state 4,5,9
         C P2 UID FETCH 4:5,9 (UID FLAGS)
         S * 2 FETCH (UID 9 FLAGS (\\Seen))
         S * 1 FETCH (FLAGS () UID 4)
         S * 3 FETCH (UID 6 FLAGS ())
         S P2 OK
         = scanned 4[0] 9[1]
         do idle
         = changed",
    );
    for answer in ["OK enabled", "BAD what"] {
        let is_ok = answer.starts_with("OK");
        let mut lines = format!(
            "S * OK [CAPABILITY IMAP4rev1] hi
             C P1 LOGIN \"ann\" \"pa\\\"ss\"
             S P1 OK [CAPABILITY IMAP4rev1 QRESYNC] in
             C P2 ENABLE QRESYNC
             S P2 {answer}
             = ready\n"
        );
        if is_ok {
            lines.push_str(
                "do changes 9 12
                 C P3 UID FETCH 1:9 (UID FLAGS) (CHANGEDSINCE 12 VANISHED)
                 S * VANISHED (EARLIER) 2:3,40
                 S * 1 FETCH (UID 4 MODSEQ (15) FLAGS ($Work))
                 S * VANISHED 5
                 S * 2 FETCH (UID 10 MODSEQ (16) FLAGS ())
                 S P3 OK
                 = scanned 4[0 $Work modseq=15] gone 2:3,5,40 up to 15
                 do idle
                 = changed",
            );
        }
        holds(&password(), &lines);
    }
}

#[test]
fn what_a_server_keeps_of_flags_is_known() {
    let kept = |lines: &str| {
        let begin = "do open M\nC P2 SELECT \"M\"\nS * OK [UIDVALIDITY 1]\n";
        let end = "\n= opened 1 next=None exists=0 modseq=None";
        let mut talk = None;
        holds_as(&format!("{begin}{lines}{end}"), &mut talk);
        talk.unwrap()
    };
    let all = PermanentFlags::default();
    assert_eq!(kept("S P2 OK [READ-WRITE] done"), all);
    let read_only = kept("S * OK [PERMANENTFLAGS ()]\nS P2 OK [READ-ONLY] done");
    assert!(read_only.is_read_only && read_only.flags == Flags::NONE);
    let some = kept("S * OK [PERMANENTFLAGS (\\Seen $Work \\*)] x\nS P2 OK");
    assert_eq!((some.flags, some.takes_any), (Flags::SEEN, true));
    assert!(some.keep("other") && !all.keep("other"));
    let named = kept("S * OK [PERMANENTFLAGS ($work)] x\nS P2 OK");
    assert!(named.keep("$Work") && !named.keep("other"));
}

#[test]
fn flags_and_moves_go_up() {
    served(
        "MOVE UIDPLUS",
        "do flag 4,5,9 +Seen +Flagged +$Work -Deleted
         C P2 UID STORE 4:5,9 +FLAGS.SILENT (\\Flagged \\Seen $Work)
         S * 1 FETCH (UID 4 MODSEQ (5))
         S P2 OK
         C P3 UID STORE 4:5,9 -FLAGS (\\Deleted)
         S * 1 FETCH (UID 4 FLAGS (\\Flagged \\Seen $work))
         S * 2 FETCH (FLAGS (\\Flagged \\Seen $Work \\Recent) UID 5)
         S * 3 FETCH (FLAGS (\\Flagged \\Seen $Work) UID 9)
         S P3 OK
         = flagged
         do move 4,5 Trash
         C P4 UID MOVE 4:5 \"Trash\"
         S * OK [COPYUID 12 4:5 31:32] moved
         S * 1 EXPUNGE
         S P4 OK
         = moved 12 4:5 31:32
         do expunge 9
         C P5 UID STORE 9 +FLAGS.SILENT (\\Deleted)
         S P5 OK
         C P6 UID EXPUNGE 9
         S P6 OK
         = Done",
    );
    served(
        "",
        "do copy 4 Trash
         C P2 UID COPY 4 \"Trash\"
         S P2 OK [COPYUID 12 4 31] copied
         = copied 12 4 31
         do expunge 4
         C P3 UID STORE 4 +FLAGS.SILENT (\\Deleted)
         S P3 OK
         = Done
         do copy 5 Gone
         C P4 UID COPY 5 \"Gone\"
         S P4 NO [TRYCREATE] make it first
         = Refused { text: \"[TRYCREATE] make it first\", is_missing: true }",
    );
}

#[test]
fn what_comes_of_a_change_of_flags_is_known() {
    served(
        "UIDPLUS",
        "do flag 4,5,9 +Seen
         C P2 UID STORE 4:5,9 +FLAGS (\\Seen)
         S * 2 FETCH (UID 5 FLAGS (\\Seen))
         S P2 OK
         C P3 UID FETCH 4,9 (UID FLAGS)
         S * 1 FETCH (UID 4 FLAGS (\\Seen))
         S P3 OK
         = flagged gone 9
         do flag 5,9 +$Work -Seen
         C P4 UID STORE 5,9 +FLAGS.SILENT ($Work)
         S * 2 FETCH (UID 5 FLAGS (\\Seen $Work))
         S P4 OK
         C P5 UID STORE 5,9 -FLAGS (\\Seen)
         S * 2 FETCH (UID 5 FLAGS ($Work))
         S * 3 FETCH (UID 9 FLAGS (\\Seen))
         S P5 OK
         C P6 UID FETCH 9 (UID FLAGS)
         S * 3 FETCH (UID 9 FLAGS (\\Seen))
         S P6 OK
         = flagged not 9
         do flag 5 -$Work
         C P7 UID STORE 5 -FLAGS ($Work)
         S * 2 FETCH (UID 5 FLAGS ())
         S * 2 EXPUNGE
         S P7 OK
         C P8 UID FETCH 5 (UID FLAGS)
         S P8 OK
         = flagged gone 5
         do flag 4 +Seen
         C P9 UID STORE 4 +FLAGS (\\Seen)
         S P9 NO [EXPUNGEISSUED] gone
         = Refused { text: \"[EXPUNGEISSUED] gone\", is_missing: false }",
    );
}

/// What the server keeps at the end of a conversation behind the login.
fn holds_as(lines: &str, kept: &mut Option<PermanentFlags>) {
    let mut talk = Talk {
        dialogue: UpstreamDialogue::new(UpstreamTls::Implicit, password(), 100_000),
        said: Vec::new(),
        steps: Vec::new(),
    };
    talk.dialogue.connected(&mut talk.said);
    let begin = "S * OK [CAPABILITY IMAP4rev1] hello
        C P1 LOGIN \"ann\" \"pa\\\"ss\"
        S P1 OK [CAPABILITY IMAP4rev1] in
        = ready";
    for line in format!("{begin}\n{lines}").lines().map(str::trim) {
        talk.line(line, usize::MAX);
    }
    *kept = Some(talk.dialogue.permanent().clone());
}

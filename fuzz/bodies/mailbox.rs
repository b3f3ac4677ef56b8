//! Fuzz body of `postern::testing::mail::mailbox`: files of mail.
//!
//! The checks: the same messages whatever the pieces of the file, every octet of it accounted for,
//! what is written is read as it was, a name of a file has the flags that it was made of.

use postern::testing::call::Flags;
use postern::testing::mail::mailbox::mbox::{self, MboxFormat, MboxItem, MboxReader};
use postern::testing::mail::mailbox::{Marks, maildir, marks};

/// An mbox file in each format, and the octets as a message of a file that is written.
pub fn mbox(data: &[u8]) {
    let Some((&how, file)) = data.split_first() else {
        return;
    };
    for format in [MboxFormat::Rd, MboxFormat::O, MboxFormat::Cl2] {
        let whole = items(format, file, file.len().max(1));
        assert_eq!(items(format, file, usize::from(how) + 1), whole);
        let octets: u64 = whole.iter().map(size).sum();
        assert!(octets <= file.len() as u64);
        for item in whole {
            if let MboxItem::Message(message) = item {
                let _ = mbox::postmark_time(&message.from_line);
                let (octets, _) = marks::read(message.octets, Marks::default());
                let _ = octets.len();
            }
        }
    }
    let mut known = Marks {
        flags: Flags::SEEN,
        labels: Vec::new(),
        received_at: Some(1_700_000_000_123),
    };
    known.add_label(&String::from_utf8_lossy(file.get(..20).unwrap_or(file)));
    for line_feeds in [false, true] {
        let mut written = Vec::new();
        for _ in 0..2 {
            mbox::write(&mut written, file.to_vec(), (&known, "1-2"), line_feeds);
        }
        let read = items(MboxFormat::Rd, &written, usize::from(how) + 1);
        assert_eq!(read.len(), 2);
        for item in read {
            let MboxItem::Message(message) = item else {
                panic!("{item:?}");
            };
            let own = marks::own(&message.octets).expect("our own block");
            assert_eq!((own.octets, own.marks), (file.to_vec(), known.clone()));
        }
    }
    let name = String::from_utf8_lossy(file);
    let found = maildir::marks_of(&name, &maildir::read_keywords(&name));
    let made = maildir::name_of("1.x", file.len(), found.flags, "");
    assert_eq!(maildir::marks_of(&made, &[]).flags, found.flags);
    if let Some(mailbox) = maildir::mailbox_of(&format!(".{name}"))
        && !mailbox.eq_ignore_ascii_case("INBOX")
    {
        assert_eq!(
            maildir::mailbox_of(&maildir::folder_of(&mailbox)),
            Some(mailbox)
        );
    }
}

fn size(item: &MboxItem) -> u64 {
    match item {
        MboxItem::Message(message) => message.octets.len() as u64,
        MboxItem::TooBig { size, .. } | MboxItem::Stray { size, .. } => *size,
    }
}

fn items(format: MboxFormat, file: &[u8], step: usize) -> Vec<MboxItem> {
    let mut reader = MboxReader::new(format, file.len().max(64));
    let mut all = Vec::new();
    for piece in file.chunks(step) {
        reader.take(piece);
        while let Some(item) = reader.next(false) {
            all.push(item);
        }
    }
    while let Some(item) = reader.next(true) {
        all.push(item);
    }
    assert_eq!(reader.place(), file.len() as u64);
    all
}

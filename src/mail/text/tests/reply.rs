//! Quotations and signatures.

use crate::mail::text::codes::find;
use crate::mail::text::links::links;
use crate::mail::text::reply::{extracted_text, without_addresses};

#[test]
fn history_and_signatures_are_cut_off() {
    for (text, new) in [
        (
            "Yes.\n\nOn Mon, Jan 1, 2024 at 10:00 AM Ann <a@b.test> wrote:\n> Question?\n> more",
            "Yes.",
        ),
        (
            "Yes.\n\nOn Mon, Jan 1, 2024 at 10:00 AM Ann Very Long Name\n<a@b.test> wrote:\n\n> Question?",
            "Yes.",
        ),
        (
            "Ja.\n\nAm 01.01.2024 um 10:00 schrieb Ann <a@b.test>:\n\n> Frage?",
            "Ja.",
        ),
        (
            "Ja.\n\nAm Mo., 1. Jan. 2024 um 10:00 Uhr schrieb Ann <\na@b.test>:\n\n> Frage?",
            "Ja.",
        ),
        (
            "Oui.\n\nLe lun. 1 janv. 2024 à 10:00, Ann <a@b.test> a écrit :\n> Question",
            "Oui.",
        ),
        (
            "Sí.\n\nEl lun, 1 ene 2024 a las 10:00, Ann (<a@b.test>) escribió:\n> ¿?",
            "Sí.",
        ),
        (
            "Sì.\n\nIl giorno lun 1 gen 2024 alle ore 10:00 Ann <a@b.test> ha scritto:\n> ?",
            "Sì.",
        ),
        (
            "Да.\n\nпн, 1 янв. 2024 г. в 10:00, Ann <a@b.test> написал:\n> ?",
            "Да.",
        ),
        (
            "是。\n\n在 2024年1月1日，Ann <a@b.test> 写道：\n> ?",
            "是。",
        ),
        ("Yes.\n\n-----Original Message-----\nFrom: x\nold", "Yes."),
        (
            "Yes.\n\n________________________________\nFrom: x\nSent: y\nold",
            "Yes.",
        ),
        (
            "Yes.\n\nFrom: Ann\nSent: Monday\nTo: Bob\nSubject: x\n\nold",
            "Yes.",
        ),
        (
            "Ja.\n\nVon: Ann\nGesendet: Montag\nAn: Bob\nBetreff: x\n\nalt",
            "Ja.",
        ),
        (
            "> old question\n\nNew answer.\n> more old\nAnd more.",
            "> old question\n\nNew answer.\n> more old\nAnd more.",
        ),
        ("On Monday, Ann <a@b.test> wrote:\n> q\n\nBelow.", "Below."),
        ("Hello\n-- \nAnn\nCEO", "Hello"),
        ("Hello\n\nSent from my iPhone", "Hello"),
        (
            "On Monday I wrote: nothing.\nOn and on.",
            "On Monday I wrote: nothing.\nOn and on.",
        ),
        (
            "From: here to there\nnothing",
            "From: here to there\nnothing",
        ),
        ("> only quoted", "> only quoted"),
        (
            "---------- Forwarded message ---------\nFrom: x\nbody",
            "---------- Forwarded message ---------\nFrom: x\nbody",
        ),
        ("", ""),
    ] {
        assert_eq!(extracted_text("", text), new, "{text}");
    }
}

#[test]
fn text_is_cut_only_where_history_or_a_signature_follows() {
    for text in [
        "Dear customer,\n\nyour order:\n______________________________\nApples 3\n______________________________\nTotal 12.50",
        "Sent via UPS, tracking number 1Z999.\nPlease pay until Friday.",
        "Sent from my iPhone 12 store in Berlin, which closes:\nplease pay until Friday.",
        "Gesendet von Samsung.\nBitte bis Freitag zahlen.",
        "Von meinem Handy aus sehe ich die Liste nicht.\nSchickst du sie noch einmal?",
        "Items\n--\nTotal 12.50",
        "Items\n\n--\n\nApples 3\n\nPears 5\n\nTotal 12.50",
        "In my mail of 6 May 2024 I wrote:\n\nThe sum is 5.",
        "Am 06.05.2024 um 10:00 schrieb ich dir:\n\nKomm!",
        "New message from your page:\n\nFrom: Ann\nSubject: Quote\nMessage: How much is it?",
        "From: Berlin\nTo: Paris\nDate: 5 May\nSeats: 2",
        "--- Original recipe ---\nTwo eggs.",
        "Hello\n-- \n1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14\n15\n16",
    ] {
        assert_eq!(extracted_text("", text), text);
        let with_history = format!("{text}\n\nOn Mon, May 6, 2024, Ann <a@b.test> wrote:\n> old");
        assert_eq!(extracted_text("Re: x", &with_history), text);
    }
}

#[test]
fn a_forward_keeps_what_it_forwards() {
    let block = "From: Ann <a@b.test>\nSent: Monday\nTo: Bob\nSubject: x\n\nnews\n\nOn Mon, May 6, 2024, Carl <c@b.test> wrote:\n> old";
    for (subject, text) in [
        (
            "Fwd: x",
            format!("See below.\n\n---------- Forwarded message ---------\n{block}"),
        ),
        (
            "x",
            format!("See below.\n\nBegin forwarded message:\n\n{block}"),
        ),
        (
            "Fwd: x",
            format!(
                "See below.\n\nBegin forwarded message:\n\n> {}",
                block.replace('\n', "\n> ")
            ),
        ),
        ("FW: x", format!("See below.\n\n{block}")),
        (
            "WG: x",
            format!("See below.\n\n________________________________\n{block}"),
        ),
        (
            "TR: x",
            format!("See below.\n\n-----Original Message-----\n{block}"),
        ),
        (
            "转发：x",
            format!("See below.\n\n*{}", block.replacen(':', ":*", 1)),
        ),
    ] {
        assert_eq!(extracted_text(subject, &text), text, "{subject}");
    }
    let signed = format!("See below.\n-- \nAnn\n\n---------- Forwarded message ---------\n{block}");
    let kept = extracted_text("Fwd: x", &signed);
    assert!(
        kept.starts_with("See below.\n") && !kept.contains("-- \nAnn") && kept.ends_with("> old"),
        "{kept}"
    );
    // The reply to a forward has its history.
    for subject in ["Re: Fwd: x", "AW: WG: x"] {
        assert_eq!(
            extracted_text(subject, &format!("Thanks.\n\n{block}")),
            "Thanks."
        );
    }
}

#[test]
fn history_ends_a_reply_in_every_shape_of_header_block() {
    for block in [
        "Subject: x\nFrom: Ann <a@b.test>\nDate: Monday\nTo: Bob\n\nold",
        "Date: Mon, 6 May 2024 10:00\nFrom: Ann <a@b.test>\nTo: Bob\nSubject: x\n\nold",
        "*From:* Ann\n*Sent:* Monday\n*To:* Bob\n*Subject:* x\n\nold",
        "**From:** Ann\n**Sent:** Monday\n**To:** Bob\n**Subject:** x\n\nold",
        "________________________________\n*Von: *Ann\n*Gesendet: *Montag\n*An: *Bob\n*Betreff: *x\n\nalt",
        "-----Ursprüngliche Nachricht-----\nVon: Ann\nGesendet: Montag\nBetreff: x\n\nalt",
        "From: Ann <a@b.test>\n\nSent: Monday\n\nTo: Bob\n\nSubject: x\n\nold",
        "From: Ann <a@b.test>\nSent: Monday\nTo: Bob <b@b.test>; Carl <c@b.test>;\n Dora <d@b.test>\nCc: Eve\nSubject: x\nImportance: High\n\nold",
        "差出人: 文\n送信日時: 2024年5月6日\n宛先: 安\n件名: x\n\n古い",
        "Тема: x\nОт: Борис <b@b.test>\nДата: 6 мая\nКому: Анна\n\nстарое",
        "De: Bento <b@b.test>\nData: 6 de maio\nAssunto: x\nPara: Ana\n\nvelho",
        "Asunto: x\nDe: Benito\nFecha: 6 de mayo\nPara: Ana\n\nviejo",
        "-------- Original message --------\nFrom: Ann <a@b.test>\nDate: 06/05/2024 10:00 (GMT+01:00)\nold",
        "---- On Mon, 06 May 2024 10:00:00 +0200 Ann <a@b.test> wrote ---\nold",
    ] {
        for subject in ["Re: x", "SV: x"] {
            let text = format!("New.\n\n{block}");
            assert_eq!(extracted_text(subject, &text), "New.", "{text}");
        }
    }
}

#[test]
fn answers_keep_their_questions() {
    for (text, new) in [
        (
            "On Mon, Jan 1, 2024 Ann <a@b.test> wrote:\n> Hi,\n> Can you come?\nYes.\n> And bring it?\nSure.\n> Thanks",
            "> Can you come?\nYes.\n> And bring it?\nSure.",
        ),
        (
            "Ann <a@b.test> wrote on 1 Jan 2024 at 10:00:\n\n> Can you come?\n\nYes.\n\n> Who else?\n\nCarl.",
            "> Can you come?\n\nYes.\n\n> Who else?\n\nCarl.",
        ),
        (
            "On Mon, Jan 1, 2024 Ann <a@b.test> wrote:\n> I think that we should meet the others in the town before\n> noon, is that possible for you?\nYes.\n> Bye\n",
            "> I think that we should meet the others in the town before\n> noon, is that possible for you?\nYes.",
        ),
        (
            "On Mon, Jan 1, 2024 Ann <a@b.test> wrote:\n> Hi,\n> here is the report.\n> Ann\n\nThank you.",
            "Thank you.",
        ),
    ] {
        assert_eq!(extracted_text("Re: x", text), new);
    }
}

#[test]
fn device_signatures_are_whole_lines_at_the_end() {
    for line in [
        "Sent from my iPhone",
        "Sent from my Samsung Galaxy smartphone.",
        "Get Outlook for iOS<https://aka.ms/o0ukef>",
        "Sent from Mail for Windows 10",
        "Sent from Yahoo Mail on Android",
        "Sent with Proton Mail secure email.",
        "Von meinem iPhone gesendet",
        "Gesendet mit der WEB.DE Mail App",
        "Envoyé de mon iPhone",
        "Enviado desde mi iPad",
        "Enviado do meu iPhone",
        "Inviato da Outlook per Android",
        "Verstuurd vanaf mijn iPhone",
        "Skickat från min iPhone",
        "Отправлено с iPhone",
        "iPhoneから送信",
        "나의 iPhone에서 보냄",
        "发自我的iPhone",
        "iPhone'umdan gönderildi",
        "Odesláno z iPhonu",
        "Wysłane z iPhone'a",
        "Đã gửi từ iPhone của tôi",
        "مرسل من الـ iPhone",
    ] {
        assert_eq!(
            extracted_text("", &format!("Hello.\n\n{line}")),
            "Hello.",
            "{line}"
        );
        let quoted = format!(
            "Hello.\n\n{line}\n\nOn Mon, Jan 1, 2024 at 10:00 Ann Very Long Name\n<a@b.test> wrote:\n\n> old"
        );
        assert_eq!(extracted_text("Re: x", &quoted), "Hello.", "{line}");
        let text = format!("Hello.\n{line}\nPlease pay until Friday.");
        assert_eq!(extracted_text("", &text), text);
    }
}

#[test]
fn previews_leave_out_addresses_of_links_with_words() {
    for (text, shown) in [
        ("Click here <https://x.test/a?b=c> now", "Click here now"),
        ("<https://x.test/a>", "<https://x.test/a>"),
        (
            "a <b@x.test> <https://x.test> c <http://",
            "a <b@x.test> c <http://",
        ),
        ("no links", "no links"),
    ] {
        assert_eq!(without_addresses(text), shown);
    }
}

#[test]
fn a_text_of_very_many_lines_is_read_to_a_bound_and_kept_whole_behind_it() {
    let reply = "\nOn 1 Jan 2024 Ann <a@x.test> wrote:\n> old\n";
    let short = format!("{}{reply}", "x\n".repeat(5_000));
    assert_eq!(extracted_text("Re: x", &short), "x\n".repeat(5_000).trim());
    let long = format!("{}{reply}", "x\n".repeat(6_000));
    assert_eq!(extracted_text("Re: x", &long), long.trim());
    // What was cut before the bound stays cut.
    let both = format!("own{reply}{}", "> old\n".repeat(7_000));
    let extracted = extracted_text("Re: x", &both);
    assert!(extracted.starts_with("own\n") && !extracted.contains("wrote"));
}

#[test]
fn hostile_text_costs_no_more_than_its_length() {
    for text in [
        "123456 ".repeat(200_000),
        "code ".repeat(200_000),
        "On \n".repeat(200_000),
        "http://".repeat(200_000),
        ">".repeat(1_000_000),
        "A-".repeat(500_000),
        "From: \n".repeat(150_000),
    ] {
        let _ = (
            find(&text),
            links(&text, &[]).len(),
            extracted_text("Re: x", &text).len(),
        );
    }
}

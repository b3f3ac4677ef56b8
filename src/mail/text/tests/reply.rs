//! Quotations and signatures.

use crate::mail::text::codes::find;
use crate::mail::text::reply::{extracted_text, without_addresses};
use crate::mail::text::links::links;

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
            "New answer.\nAnd more.",
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

//! SPF: the test suite of RFC 7208, and what it leaves out.

#![allow(clippy::unwrap_used)]

use std::collections::HashMap;

use crate::call::{AuthResult, DnsAnswer, DnsError, Mx, Question, RecordType, Records};
use crate::mail::auth::spf::{SpfCheck, SpfStep};

/// The records of a scenario: name, type, values.
type Zone = HashMap<String, Vec<(String, Vec<Vec<u8>>)>>;

fn unescape(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut parts = text.split("\\x");
    out.extend_from_slice(parts.next().unwrap_or_default().as_bytes());
    for part in parts {
        let (digits, rest) = part.split_at(2);
        out.push(u8::from_str_radix(digits, 16).unwrap());
        out.extend_from_slice(rest.as_bytes());
    }
    out
}

fn answer(zone: &Zone, question: &Question, is_alias: bool) -> DnsAnswer {
    let late = Err(DnsError::Temporary("no answer"));
    let Some(records) = zone.get(&question.name) else {
        return match question.name.starts_with("error.") {
            true => late,
            false => Err(DnsError::NoName),
        };
    };
    let mut found: Vec<&Vec<Vec<u8>>> = Vec::new();
    let mut is_late = false;
    for (kind, values) in records {
        let is_timeout = values.first().is_some_and(|value| value == b"TIMEOUT");
        if kind == "TIMEOUT" || kind == question.kind.name() && is_timeout {
            is_late = true;
            break;
        }
        if kind == question.kind.name() {
            found.push(values);
        } else if kind == "CNAME" && !is_alias {
            let name = String::from_utf8(values[0].clone()).unwrap();
            let target = Question::new(&name, question.kind).unwrap();
            return answer(zone, &target, true);
        }
    }
    if found.is_empty() {
        return if is_late {
            late
        } else {
            Err(DnsError::NoRecords)
        };
    }
    let text = |values: &Vec<Vec<u8>>| String::from_utf8(values[0].clone()).unwrap();
    let all = found.into_iter();
    Ok(match question.kind {
        RecordType::Txt => Records::Txt(all.map(|values| values.concat()).collect()),
        RecordType::A => Records::A(all.map(|v| text(v).parse().unwrap()).collect()),
        RecordType::Aaaa => Records::Aaaa(all.map(|v| text(v).parse().unwrap()).collect()),
        RecordType::Srv => return Err(DnsError::NoRecords),
        RecordType::Ptr => Records::Ptr(all.map(|v| text(v).to_lowercase()).collect()),
        RecordType::Mx => {
            let record = |values: &Vec<Vec<u8>>| Mx {
                preference: text(values).parse().unwrap(),
                exchange: String::from_utf8(values[1].clone()).unwrap().to_lowercase(),
            };
            Records::Mx(all.map(record).collect())
        }
    })
}

/// The result, and the number of questions.
fn check(zone: &Zone, address: &str, path: &str, helo: &str) -> (AuthResult, usize) {
    let path = Some(path).filter(|path| !path.is_empty());
    let mut check = SpfCheck::new(address.parse().unwrap(), path, helo);
    let mut step = check.start();
    for asked in 0..400 {
        match step {
            SpfStep::Done(result) => return (result, asked),
            SpfStep::Ask(question) => step = check.step(answer(zone, &question, false)),
        }
    }
    panic!("the check does not end")
}

#[test]
fn the_test_suite_of_rfc_7208() {
    let mut zone = Zone::new();
    let mut scenario = "";
    let mut cases = 0;
    let mut wrong = Vec::new();
    for line in include_str!("rfc7208.txt").lines() {
        let columns: Vec<&str> = line.split('\t').collect();
        match columns.as_slice() {
            ["scenario", name] => {
                scenario = name;
                zone.clear();
            }
            ["zone", name, kind, values @ ..] => {
                let values = values.iter().map(|value| unescape(value)).collect();
                let name = name.to_lowercase();
                zone.entry(name)
                    .or_default()
                    .push(((*kind).to_owned(), values));
            }
            ["test", name, helo, address, path, results] => {
                cases += 1;
                let (result, _) = check(&zone, address, path, helo);
                if !results.split(' ').any(|expected| expected == result.name()) {
                    wrong.push(format!(
                        "{scenario}: {name}: {results}, got {}",
                        result.name()
                    ));
                }
            }
            _ => assert!(line.starts_with('#'), "{line}"),
        }
    }
    assert_eq!(cases, 203);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn zone(records: &[(&str, &str, &str)]) -> Zone {
    let mut zone = Zone::new();
    for (name, kind, value) in records {
        let values = value.split(' ').map(|v| v.as_bytes().to_vec()).collect();
        let values = match *kind {
            "TXT" => vec![value.as_bytes().to_vec()],
            _ => values,
        };
        let name = (*name).to_owned();
        zone.entry(name)
            .or_default()
            .push(((*kind).to_owned(), values));
    }
    zone
}

#[test]
fn questions_are_bounded_whatever_the_records_say() {
    // Each record includes itself ten times.
    let again = format!("v=spf1 {} -all", "include:x.test ".repeat(1_000));
    let records = zone(&[("x.test", "TXT", &again)]);
    let (result, asked) = check(&records, "192.0.2.1", "a@x.test", "h.test");
    assert_eq!((result, asked), (AuthResult::PermError, 11));
    // Ten MX of ten hosts each.
    let many = format!("v=spf1 {} -all", "mx ".repeat(11));
    let mut records = zone(&[("x.test", "TXT", &many)]);
    for host in 0..10 {
        let value = format!("0 h{host}.test");
        records.extend(zone(&[(&format!("h{host}.test"), "A", "198.51.100.1")]));
        let mx = (
            "MX".to_owned(),
            value.split(' ').map(|v| v.as_bytes().to_vec()).collect(),
        );
        records.get_mut("x.test").unwrap().push(mx);
    }
    let (result, asked) = check(&records, "192.0.2.1", "a@x.test", "h.test");
    assert_eq!((result, asked), (AuthResult::PermError, 111));
    // A record of many addresses asks nothing.
    let wide = format!(
        "v=spf1 {} ip4:192.0.2.1 -all",
        "ip4:198.51.100.1 ".repeat(3_500)
    );
    let records = zone(&[("x.test", "TXT", &wide)]);
    let (result, asked) = check(&records, "192.0.2.1", "a@x.test", "h.test");
    assert_eq!((result, asked), (AuthResult::Pass, 1));
}

#[test]
fn the_null_path_and_addresses_in_ipv6_form() {
    let records = zone(&[
        ("h.test", "TXT", "v=spf1 ip4:192.0.2.1 -all"),
        ("x.test", "TXT", "v=spf1 exists:%{l}.%{o}.%{h} -all"),
        ("postmaster.x.test.h.test", "A", "127.0.0.2"),
    ]);
    let of = |address: &str, path: &str, helo: &str| check(&records, address, path, helo).0;
    assert_eq!(of("192.0.2.1", "", "h.test"), AuthResult::Pass);
    assert_eq!(of("::ffff:192.0.2.1", "", "h.test"), AuthResult::Pass);
    assert_eq!(of("192.0.2.2", "", "h.test"), AuthResult::Fail);
    assert_eq!(of("192.0.2.2", "", "[192.0.2.2]"), AuthResult::None);
    assert_eq!(of("192.0.2.2", "", "localhost"), AuthResult::None);
    assert_eq!(of("192.0.2.2", "@x.test", "h.test"), AuthResult::Pass);
    assert_eq!(of("192.0.2.2", "x@x.test", "h.test"), AuthResult::Fail);
    assert_eq!(of("192.0.2.2", "x@none.test", "h.test"), AuthResult::None);
}

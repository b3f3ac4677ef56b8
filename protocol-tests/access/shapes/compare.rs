//! One message on the three surfaces.

use postern::testing::judge::MailView;
use postern::testing::mail::Bounds;
use postern::testing::mail::digest::analyse;
use postern::testing::mail::parse::charset;
use postern::testing::mail::parse::param;
use postern::testing::mail::parse::transfer::{self, Encoding};
use serde_json::Value;

use super::{ORDER, Shape};
use crate::parts::{octets, structure};
use crate::structure::ListedPart;
use crate::world::World;

/// A leaf as IMAP has it.
struct Leaf {
    part: ListedPart,
    /// Without its transfer encoding.
    octets: Vec<u8>,
    /// Its place among the attachments of REST, if it is one.
    file: Option<usize>,
}

/// A message on the three surfaces.
struct Seen<'s> {
    shape: &'s Shape,
    /// Over REST, with the path of it.
    rest: Value,
    path: String,
    /// Over IMAP.
    leaves: Vec<Leaf>,
    /// As the filter reads it.
    view: MailView,
    faults: Vec<String>,
}

/// Compares the newest message with its shape, and says what differs.
pub fn compare(world: &mut World, conn: u64, shape: &Shape, faults: &mut Vec<String>) {
    let mut seen = Seen::read(world, conn, shape);
    let Some(is_sampled) = seen.rest["spam"]["sampled"].as_bool() else {
        faults.push(format!("{}: not judged", shape.name));
        return;
    };
    seen.compare_views(is_sampled);
    for n in 0..seen.leaves.len() {
        seen.compare_leaf(world, n);
    }
    seen.compare_table();
    seen.look_for_orders(is_sampled);
    seen.look_for_programs();
    let named = seen
        .faults
        .iter()
        .map(|what| format!("{}: {what}", shape.name));
    faults.extend(named);
}

impl<'s> Seen<'s> {
    fn read(world: &mut World, conn: u64, shape: &'s Shape) -> Seen<'s> {
        let rest = newest(world);
        let (inbox, id) = (world.one.inbox, text(&rest, "id"));
        let path = format!("/api/v1/inboxes/{inbox}/messages/{id}");
        let attached = rest["attachments"].as_array().unwrap();
        let listed = structure(world, conn);
        // Of very many parts that are alike, the first and the last are enough.
        let alike = ALIKE..listed.len().saturating_sub(ALIKE);
        let mut leaves = Vec::new();
        for (index, part) in listed.into_iter().enumerate() {
            if !part.is_leaf || alike.contains(&index) {
                continue;
            }
            let wire = octets(world, conn, &part.section);
            let id = format!("att_{index}");
            leaves.push(Leaf {
                octets: transfer::decode(encoding(&part.encoding), &wire).into_owned(),
                part,
                file: attached.iter().position(|file| text(file, "id") == id),
            });
        }
        let analysis = analyse(&shape.mail, &Bounds::default()).unwrap();
        Seen {
            shape,
            view: MailView::of(&shape.mail, &analysis),
            rest,
            path,
            leaves,
            faults: Vec::new(),
        }
    }

    fn attached(&self) -> &[Value] {
        self.rest["attachments"].as_array().unwrap()
    }

    /// The text and the page that REST shows.
    fn shown(&self) -> String {
        format!("{}\n{}", text(&self.rest, "text"), text(&self.rest, "html"))
    }

    /// The filter has the text of REST, and its files; behind them it has those that are in
    /// attached messages.
    fn compare_views(&mut self, is_sampled: bool) {
        let mut faults = Vec::new();
        if self.view.is_sampled != is_sampled {
            faults.push("the report and the view differ about what was read".to_owned());
        }
        for (n, file) in self.attached().iter().enumerate() {
            let told = (text(file, "filename"), text(file, "content_type"));
            let read = self.view.files.get(n);
            let read = read.map(|file| (file.filename.as_str(), file.content_type.as_str()));
            if read != Some(told) {
                faults.push(format!("filter {read:?}, REST {told:?}"));
            }
        }
        if !is_sampled && text(&self.rest, "text") != self.view.text {
            faults.push(format!(
                "filter {:?}, REST {}",
                self.view.text, self.rest["text"]
            ));
        }
        self.faults.extend(faults);
    }

    /// A leaf of IMAP is a file of REST, or its words are those that REST or the filter has.
    fn compare_leaf(&mut self, world: &mut World, n: usize) {
        let leaf = &self.leaves[n];
        let (kind, section) = (&leaf.part.kind, &leaf.part.section);
        let mut faults = Vec::new();
        if let Some(n) = leaf.file {
            let told = &self.attached()[n];
            let path = format!("{}/attachments/{}", self.path, text(told, "id"));
            let key = world.one.admin.clone();
            let got = world.ask(Some(&key), "GET", &path, None, "");
            let shown = String::from_utf8_lossy(&leaf.octets);
            if got.body != shown || told["size"].as_u64() != Some(leaf.octets.len() as u64) {
                faults.push(format!("REST {told} {:?}, IMAP {shown:?}", got.body));
            }
            let name = names(&leaf.part).into_iter().next();
            let is_named = name
                .as_deref()
                .is_none_or(|name| name == text(told, "filename"));
            if text(told, "content_type") != kind || !is_named {
                faults.push(format!("REST {told}, IMAP {kind} {name:?}"));
            }
            let head = self.view.files.get(n).map_or(&[][..], |file| &file.head);
            if !leaf.octets.starts_with(head) || head.len() < leaf.octets.len().min(HEAD) {
                faults.push(format!("{told}: the filter has read {head:?}"));
            }
        } else if self.rest["truncated"] != Value::Bool(true) && kind != "text/html" {
            let words = letters(&leaf.words());
            let mut files = self.view.files.iter();
            let is_shown = letters(&self.shown()).contains(&words)
                || letters(&self.view.alternative).contains(&words)
                || files
                    .any(|file| file.content_type == *kind && leaf.octets.starts_with(&file.head));
            if !is_shown {
                faults.push(format!("{kind} of {section} is nowhere in REST: {words}"));
            }
        }
        self.faults.extend(faults);
    }

    /// The parts are those of the table.
    fn compare_table(&mut self) {
        let found: Vec<(String, String, Vec<u8>)> = (self.leaves.iter())
            .map(|leaf| {
                let listed = leaf.file.map(|n| text(&self.attached()[n], "filename"));
                let given = names(&leaf.part).into_iter().next();
                let name = given.map(|given| listed.map_or(given, str::to_owned));
                let kind = leaf.part.kind.clone();
                (kind, name.unwrap_or_default(), leaf.octets.clone())
            })
            .collect();
        if self.shape.leaves.is_empty() || found == self.shape.leaves {
            return;
        }
        let written = |leaves: &[(String, String, Vec<u8>)]| {
            let one = |(kind, name, octets): &(String, String, Vec<u8>)| {
                format!("{kind} {name:?} {:?}", String::from_utf8_lossy(octets))
            };
            let lines: Vec<String> = leaves.iter().map(one).collect();
            lines.join("\n        ")
        };
        let (found, wanted) = (written(&found), written(&self.shape.leaves));
        self.faults
            .push(format!("\n  found {found}\n  wanted {wanted}"));
    }

    fn rules(&self) -> Vec<&str> {
        let rules = self.rest["spam"]["rules"].as_array().unwrap();
        rules.iter().map(|rule| text(rule, "id")).collect()
    }

    /// The filter has read the order, if a client shows it in a text.
    fn look_for_orders(&mut self, is_sampled: bool) {
        let is_order = |words: &str| squeezed(words).contains(ORDER);
        let mut texts = (self.leaves.iter()).filter(|leaf| leaf.part.kind.starts_with("text/"));
        let is_shown = is_order(&self.shown()) || texts.any(|leaf| is_order(&leaf.words()));
        let rules = self.rules();
        let is_seen =
            (rules.iter()).any(|id| id.starts_with("prompt_") || id.starts_with("agent_"));
        if is_shown && !is_sampled && !is_seen {
            let fault = format!("the filter does not see the order: {rules:?}");
            self.faults.push(fault);
        }
    }

    /// The filter has read the name of the program, if a client shows it. Windows leaves out dots
    /// and spaces at the end of a name, and what stands behind a colon.
    fn look_for_programs(&mut self) {
        let is_program = |name: &str| {
            let name = name.to_lowercase();
            let mut names = name.split(':');
            names.any(|name| name.trim_end_matches(['.', ' ']).ends_with(".exe"))
        };
        let mut listed = self.attached().iter().map(|file| text(file, "filename"));
        let mut given = self.leaves.iter().flat_map(|leaf| names(&leaf.part));
        let is_shown = listed.any(is_program) || given.any(|name| is_program(&name));
        let rules = self.rules();
        if is_shown && !rules.contains(&"file_program") {
            let fault = format!("the filter does not see the program: {rules:?}");
            self.faults.push(fault);
        }
    }
}

impl Leaf {
    fn words(&self) -> String {
        charset::decode(charset_of(&self.part).as_deref(), &self.octets).into_owned()
    }
}

/// The newest message over REST.
fn newest(world: &mut World) -> Value {
    let side = world.one.clone();
    let path = format!("/api/v1/inboxes/{}/messages", side.inbox);
    let key = Some(side.admin.as_str());
    let list = world.ask(key, "GET", &format!("{path}?limit=1"), None, "");
    let list: Value = serde_json::from_str(&list.body).unwrap();
    let id = list["data"][0]["id"].as_str().unwrap();
    let open = world.ask(key, "GET", &format!("{path}/{id}"), None, "");
    serde_json::from_str(&open.body).expect(&open.whole)
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

/// Its letters and digits alone: a text has no controls, and its lines end otherwise.
fn letters(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).collect()
}

/// With one space for any white space.
fn squeezed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn encoding(name: &str) -> Encoding {
    match name {
        "base64" => Encoding::Base64,
        "quoted-printable" => Encoding::QuotedPrintable,
        _ => Encoding::Identity,
    }
}

fn charset_of(part: &ListedPart) -> Option<Vec<u8>> {
    let pairs = part.params.iter();
    let mut of = pairs.filter(|(name, _)| name.to_ascii_lowercase().starts_with(b"charset"));
    of.next().map(|(_, value)| {
        let start = value
            .iter()
            .rposition(|&b| b == b'\'')
            .map_or(0, |at| at + 1);
        value[start..].to_vec()
    })
}

/// Every name that a client could take from the parameters, the one that a reader prefers first.
fn names(part: &ListedPart) -> Vec<String> {
    let pairs: Vec<(&[u8], &[u8])> = (part.params.iter())
        .map(|(name, value)| (name.as_slice(), value.as_slice()))
        .collect();
    let preferred = ["filename", "name"]
        .into_iter()
        .filter_map(|name| param::decoded(pairs.iter().copied(), name));
    let others = pairs.iter().filter(|(name, _)| {
        let name = name.to_ascii_lowercase();
        ["filename", "filename*", "name", "name*"]
            .iter()
            .any(|known| known.as_bytes() == name)
    });
    let others = others.filter_map(|pair| {
        let name = pair.0.strip_suffix(b"*").unwrap_or(pair.0);
        param::decoded(
            std::iter::once(*pair),
            std::str::from_utf8(name).unwrap_or_default(),
        )
    });
    let clean = |name: String| {
        let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
        let seen = last.chars().filter(|c| {
            !c.is_control() && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}')
        });
        seen.collect::<String>().trim().to_owned()
    };
    let mut all: Vec<String> = preferred.chain(others).map(clean).collect();
    all.retain(|name| name.chars().any(|c| c != '.'));
    all
}

/// Parts at each end of a message that are compared.
const ALIKE: usize = 40;
/// Octets of a file that the filter looks at.
const HEAD: usize = 64;

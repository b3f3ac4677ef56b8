//! What a client reads in answers of IMAP: the parts of a message by its BODYSTRUCTURE (RFC 9051
//! section 7.5.2).

/// A value of the syntax of IMAP.
#[derive(Debug)]
pub enum Item {
    List(Vec<Item>),
    /// An atom, a string or a literal.
    Text(Vec<u8>),
}

/// A part as a BODYSTRUCTURE has it.
#[derive(Debug)]
pub struct ListedPart {
    pub section: String,
    /// `type/subtype` in lower case.
    pub kind: String,
    /// It has none below it.
    pub is_leaf: bool,
    /// In lower case.
    pub encoding: String,
    /// Parameters of the type, then those of the disposition but for one called `name`, which is
    /// no name of a file.
    pub params: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Item {
    /// Its text in lower case.
    pub fn text(&self) -> String {
        match self {
            Item::Text(text) => String::from_utf8_lossy(text).to_lowercase(),
            Item::List(_) => String::new(),
        }
    }

    fn pairs(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let Item::List(items) = self else {
            return Vec::new();
        };
        let pair = |two: &[Item]| match two {
            [Item::Text(name), Item::Text(value)] => Some((name.clone(), value.clone())),
            _ => None,
        };
        items.chunks(2).filter_map(pair).collect()
    }
}

/// Reads one item; what is behind it.
pub fn item(octets: &[u8]) -> (Item, &[u8]) {
    let octets = octets.trim_ascii_start();
    let shown = String::from_utf8_lossy(octets);
    if let Some(mut rest) = octets.strip_prefix(b"(") {
        let mut items = Vec::new();
        loop {
            rest = rest.trim_ascii_start();
            if let Some(rest) = rest.strip_prefix(b")") {
                return (Item::List(items), rest);
            }
            let (one, after) = item(rest);
            items.push(one);
            rest = after;
        }
    }
    if let Some(rest) = octets.strip_prefix(b"{") {
        let end = rest.windows(3).position(|w| w == b"}\r\n").expect(&shown);
        let n = std::str::from_utf8(&rest[..end]).unwrap().parse().unwrap();
        let (text, rest) = rest[end + 3..].split_at(n);
        return (Item::Text(text.to_vec()), rest);
    }
    if let Some(rest) = octets.strip_prefix(b"\"") {
        let mut out = Vec::new();
        let mut at = 0;
        loop {
            match rest.get(at).copied().expect(&shown) {
                b'"' => return (Item::Text(out), &rest[at + 1..]),
                b'\\' => {
                    out.push(rest[at + 1]);
                    at += 2;
                }
                b => {
                    out.push(b);
                    at += 1;
                }
            }
        }
    }
    let is_end = |b: &u8| matches!(b, b' ' | b')' | b'\r');
    let end = octets.iter().position(is_end).unwrap_or(octets.len());
    (Item::Text(octets[..end].to_vec()), &octets[end..])
}

/// Every part in order.
pub fn list_parts(structure: &Item) -> Vec<ListedPart> {
    let mut all = Vec::new();
    walk(structure, "", &mut all);
    all
}

fn walk(structure: &Item, section: &str, all: &mut Vec<ListedPart>) {
    let Item::List(items) = structure else {
        panic!("{structure:?}")
    };
    let below = |n: usize| match section {
        "" => n.to_string(),
        section => format!("{section}.{n}"),
    };
    let is_list = |item: &Item| matches!(item, Item::List(_));
    if items.first().is_some_and(is_list) {
        let subtype = items.iter().find(|item| !is_list(item));
        all.push(ListedPart {
            section: section.to_owned(),
            kind: format!("multipart/{}", subtype.map(Item::text).unwrap_or_default()),
            is_leaf: false,
            encoding: String::new(),
            params: Vec::new(),
        });
        for (n, child) in items.iter().take_while(|item| is_list(item)).enumerate() {
            walk(child, &below(n + 1), all);
        }
        return;
    }
    let kind = format!("{}/{}", items[0].text(), items[1].text());
    let is_message = kind == "message/rfc822" && items.len() > 9;
    let own = if section.is_empty() { "1" } else { section };
    // MD5 and the disposition stand behind the fields that the type has.
    let behind = match items[0].text().as_str() {
        "text" => 8,
        _ if is_message => 10,
        _ => 7,
    };
    let mut params = items[2].pairs();
    if let Some(Item::List(disposition)) = items.get(behind + 1) {
        let pairs = disposition.get(1).map(Item::pairs).unwrap_or_default();
        let is_field = |name: &[u8]| name.eq_ignore_ascii_case(b"name");
        params.extend(pairs.into_iter().filter(|(name, _)| !is_field(name)));
    }
    all.push(ListedPart {
        section: own.to_owned(),
        kind,
        is_leaf: !is_message,
        encoding: items[5].text(),
        params,
    });
    if is_message {
        let inner = &items[8];
        let is_multipart = matches!(inner, Item::List(of) if of.first().is_some_and(is_list));
        let place = if is_multipart {
            own.to_owned()
        } else {
            format!("{own}.1")
        };
        walk(inner, &place, all);
    }
}

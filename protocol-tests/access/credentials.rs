//! Every route with every kind of wrong credential: none, garbage, a revoked key, an expired one,
//! too small a scope, a key of another organization, a key of another inbox. The answer is the one
//! that the contract has for it, what is not yours is answered exactly as what is not there, and a
//! refused request leaves every row of the database as it was.

use postern::testing::call::{Access, Ask, KeyWrite, Reply, Scopes};

use crate::operations::{Operation, encoded, filled, kinds, operations};
use crate::world::{Said, Side, World, absent, plain};

/// One world for all requests of a test, the operations, and the state that must stay.
struct Matrix {
    world: World,
    operations: Vec<Operation>,
    state: Vec<String>,
    asked: usize,
    /// Requests that were refused.
    refused: usize,
}

impl Matrix {
    fn new(make: impl FnOnce(&mut World)) -> Matrix {
        let mut world = World::new();
        let operations = operations(&mut world);
        make(&mut world);
        let state = world.state();
        Matrix {
            world,
            operations,
            state,
            asked: 0,
            refused: 0,
        }
    }

    /// Asks for an operation with these values in its path, and with an Idempotency-Key of its own
    /// where it is one that makes something. A refusal must have changed nothing.
    fn ask(&mut self, key: Option<&str>, operation: &Operation, values: &[String]) -> Said {
        let path = filled(&operation.path, values);
        let body = operation.body.as_ref().map(ToString::to_string);
        self.ask_at(key, &operation.method, &path, body.as_deref())
    }

    fn ask_at(&mut self, key: Option<&str>, method: &str, path: &str, body: Option<&str>) -> Said {
        self.asked += 1;
        let field = match method {
            "POST" => format!("Idempotency-Key: refused-{}\r\n", self.asked),
            _ => String::new(),
        };
        let said = self.world.ask(key, method, path, body, &field);
        assert!(said.status >= 200, "{method} {path}: {}", said.whole);
        if said.status >= 400 {
            self.refused += 1;
            let state = self.world.state();
            let changed: Vec<_> = state
                .iter()
                .filter(|line| !self.state.contains(line))
                .collect();
            assert!(
                changed.is_empty(),
                "{method} {path}: {changed:?}, {}",
                said.whole
            );
        }
        if said.status < 400 && method == "POST" {
            self.state = self.world.state();
        }
        said
    }
}

/// Whether an answer refuses all that was asked for. A batch has an error in each row.
fn is_refusal(said: &Said) -> bool {
    let body: serde_json::Value = serde_json::from_str(&said.body).unwrap_or_default();
    let rows = body["data"].as_array();
    said.status >= 400 || rows.is_some_and(|rows| rows.iter().all(|row| row["error"].is_object()))
}

/// The code of the error of an answer.
fn code(said: &Said) -> String {
    let body: serde_json::Value = serde_json::from_str(&said.body).unwrap_or_default();
    let code = body["error"]["code"].as_str();
    code.unwrap_or_default().to_owned()
}

/// Every scope but `admin` that does not contain this one.
fn scopes_without(scope: &str) -> Scopes {
    let wanted = Scopes::NAMES.iter().find(|(name, _)| *name == scope);
    let mut left = Scopes::NONE;
    for (_, other) in Scopes::NAMES {
        let contains = wanted.is_some_and(|(_, wanted)| other.allow(*wanted));
        if !contains && !other.allow(Scopes::ADMIN) {
            left = left.and(other);
        }
    }
    left
}

/// Every scope but `admin`.
fn all_scopes() -> Scopes {
    scopes_without("admin")
}

/// None, garbage, revoked, expired: 401 with the same words on every route, whatever it names.
#[test]
fn without_a_valid_key_every_route_says_the_same() {
    let mut keys = Vec::new();
    let mut matrix = Matrix::new(|world| {
        let org = world.one.org;
        let revoked = world.rig.make_key(org, Scopes::ADMIN, None, None);
        let ends = world.rig.now().unix_ms + 1000;
        let expired = world.rig.make_key(org, Scopes::ADMIN, None, Some(ends));
        let id = world.rig.key_id(org, &revoked);
        let owner: Access = postern::testing::service::access::login::folder_access(org);
        let reply = world
            .rig
            .call(Ask::of(&owner, KeyWrite::Revoke { key: id }));
        assert!(matches!(reply, Some(Reply::Written(..))), "{reply:?}");
        world.rig.wait(2000);
        keys = vec![
            None,
            Some("garbage".to_owned()),
            Some(format!("{}x", world.one.admin)),
            Some(revoked),
            Some(expired),
        ];
    });
    let one = matrix.world.one.clone();
    for operation in matrix.operations.clone() {
        let kinds = kinds(&operation.path);
        let there = one.things(&kinds);
        let nowhere: Vec<String> = there.iter().map(|thing| absent(thing)).collect();
        let mut said_of_wrong_keys = Vec::new();
        for key in &keys {
            for values in [&there, &nowhere] {
                let said = matrix.ask(key.as_deref(), &operation, values);
                let shown = format!(
                    "{key:?} {} {}: {}",
                    operation.method, operation.path, said.whole
                );
                if operation.is_public {
                    assert!(!matches!(said.status, 401 | 403 | 404), "{shown}");
                    continue;
                }
                assert_eq!(
                    (said.status, code(&said)),
                    (401, "unauthorized".into()),
                    "{shown}"
                );
                assert!(
                    said.head.contains("\r\nWWW-Authenticate: Bearer"),
                    "{shown}"
                );
                match key {
                    None => assert!(said.body.contains("A key is needed here."), "{shown}"),
                    Some(_) => said_of_wrong_keys.push(plain(&said)),
                }
            }
        }
        said_of_wrong_keys.dedup();
        assert!(said_of_wrong_keys.len() <= 1, "{said_of_wrong_keys:?}");
    }
    assert!(matrix.refused > 500, "{}", matrix.refused);
}

/// Too small a scope is 403, before anything is looked for.
#[test]
fn too_small_a_scope_says_so_before_anything_is_looked_for() {
    let mut matrix = Matrix::new(|_| {});
    let one = matrix.world.one.clone();
    for operation in matrix.operations.clone() {
        for scope in operation.scope.iter().flat_map(|scopes| scopes.split(' ')) {
            without_scope(&mut matrix, (&one, &operation), scope);
        }
    }
    assert!(matrix.refused > 80, "{}", matrix.refused);
}

fn without_scope(matrix: &mut Matrix, (one, operation): (&Side, &Operation), scope: &str) {
    let scopes = match scope {
        "operator" => Scopes::ADMIN,
        scope => scopes_without(scope),
    };
    let key = (matrix.world.rig).make_key(one.org, scopes, None, None);
    matrix.state = matrix.world.state();
    let there = one.things(&kinds(&operation.path));
    let nowhere: Vec<String> = there.iter().map(|thing| absent(thing)).collect();
    let said = [&there, &nowhere].map(|values| matrix.ask(Some(&key), operation, values));
    let shown = format!("{} {}: {}", operation.method, operation.path, said[0].whole);
    assert_eq!(
        (said[0].status, code(&said[0])),
        (403, "missing_scope".into()),
        "{shown}"
    );
    assert!(said[0].body.contains(&format!("`{scope}`")), "{shown}");
    assert_eq!(plain(&said[0]), plain(&said[1]), "{shown}");
}

/// A key of another organization: whatever it names of the first one is not there.
#[test]
fn things_of_another_organization_are_not_there() {
    let mut matrix = Matrix::new(|_| {});
    let (one, two) = (matrix.world.one.clone(), matrix.world.two.clone());
    for operation in matrix.operations.clone() {
        if operation.scope.as_deref() != Some("operator") {
            not_there(&mut matrix, &operation, &two, &two.admin, &one);
        }
    }
    assert!(matrix.refused > 140, "{}", matrix.refused);
}

/// A key that is bound to another inbox of the same organization: things of inboxes are not
/// there, and it is refused at what is the organization's.
#[test]
fn things_of_another_inbox_are_not_there() {
    let mut bound = String::new();
    let mut matrix = Matrix::new(|world| {
        let beside = &world.beside;
        let (org, inbox) = (beside.org, beside.inbox);
        bound = (world.rig).make_key(org, all_scopes(), Some(&[inbox]), None);
    });
    let (one, beside) = (matrix.world.one.clone(), matrix.world.beside.clone());
    for operation in matrix.operations.clone() {
        let kinds = kinds(&operation.path);
        // Only `admin` opens these, and no bound key has it.
        let is_admins = matches!(operation.scope.as_deref(), Some("admin" | "operator"));
        // The organization is the key's own.
        let is_own = kinds.iter().all(|kind| kind == "orgs");
        if is_admins || operation.is_organizations {
            let said = matrix.ask(Some(&bound), &operation, &one.things(&kinds));
            let shown = format!("{} {}: {}", operation.method, operation.path, said.whole);
            let wanted = match is_admins {
                true => "missing_scope",
                false => "key_bound",
            };
            assert_eq!((said.status, code(&said)), (403, wanted.into()), "{shown}");
        } else if !is_own {
            not_there(&mut matrix, &operation, &beside, &bound, &one);
        }
    }
    assert!(matrix.refused > 120, "{}", matrix.refused);
}

/// `key` of `own` asks for what `other` has: from each name of the path on, things of the other
/// are answered as things that are nowhere. The same holds for parameters and fields of bodies.
fn not_there(matrix: &mut Matrix, operation: &Operation, own: &Side, key: &str, other: &Side) {
    let kinds = kinds(&operation.path);
    let mut others = vec![other.things(&kinds)];
    if kinds.first().is_some_and(|kind| kind == "inboxes") {
        // The same by its address.
        let mut by_address = others[0].clone();
        by_address[0] = other.address.clone();
        others.push(by_address);
    }
    for others in others {
        for from in 0..kinds.len() {
            // These are names within what stands before them, and both have the same.
            if matches!(kinds[from].as_str(), "folders" | "attachments") {
                continue;
            }
            let mut theirs = own.things(&kinds);
            let mut nowhere = theirs.clone();
            for at in from..kinds.len() {
                theirs[at] = others[at].clone();
                nowhere[at] = absent(&others[at]);
            }
            let said = [&theirs, &nowhere].map(|values| matrix.ask(Some(key), operation, values));
            let shown = format!(
                "{} {} {theirs:?}: {}",
                operation.method, operation.path, said[0].whole
            );
            assert_eq!(
                (said[0].status, code(&said[0])),
                (404, "not_found".into()),
                "{shown}"
            );
            assert_eq!(plain(&said[0]), plain(&said[1]), "{shown}");
        }
    }
    in_query(matrix, operation, own, key, other);
    in_body(matrix, operation, own, key, other);
}

/// The things that an id or address in a query or body can name, by the beginning of an example.
const NAMED: [(&str, &str); 6] = [
    ("inb_", "inboxes"),
    ("msg_", "messages"),
    ("thr_", "threads"),
    ("key_", "keys"),
    ("apr_", "approvals"),
    ("out_", "outbound"),
];

fn named(example: &str, side: &Side) -> Option<String> {
    let (_, kind) = NAMED
        .iter()
        .find(|(prefix, _)| example.starts_with(prefix))?;
    Some(side.thing(kind))
}

fn in_query(matrix: &mut Matrix, operation: &Operation, own: &Side, key: &str, other: &Side) {
    if operation.method != "GET" {
        return;
    }
    let place = filled(&operation.path, &own.things(&kinds(&operation.path)));
    for (name, example) in &operation.query {
        let Some(theirs) = named(example, other) else {
            continue;
        };
        let said = [theirs.clone(), absent(&theirs)].map(|value| {
            let path = format!("{place}?{name}={}", encoded(&value));
            matrix.ask_at(Some(key), "GET", &path, None)
        });
        let shown = format!("{} ?{name}: {}", operation.path, said[0].whole);
        assert_eq!(plain(&said[0]), plain(&said[1]), "{shown}");
    }
}

/// Each field of the example of a body that names a thing, one at a time.
fn in_body(matrix: &mut Matrix, operation: &Operation, own: &Side, key: &str, other: &Side) {
    let Some(body) = &operation.body else { return };
    let place = filled(&operation.path, &own.things(&kinds(&operation.path)));
    let fields = body.as_object().cloned().unwrap_or_default();
    for (name, value) in &fields {
        let (text, in_list) = match value {
            serde_json::Value::Array(list) => (list.first().and_then(|v| v.as_str()), true),
            value => (value.as_str(), false),
        };
        let Some(theirs) = text.and_then(|text| named(text, other)) else {
            continue;
        };
        let said = [theirs.clone(), absent(&theirs)].map(|thing| {
            let mut body = body.clone();
            body[name] = match in_list {
                true => serde_json::json!([thing]),
                false => serde_json::json!(thing),
            };
            let body = body.to_string();
            matrix.ask_at(Some(key), &operation.method, &place, Some(&body))
        });
        let shown = format!("{} {name}: {}", operation.path, said[0].whole);
        assert!(is_refusal(&said[0]), "{shown}");
        // A batch names each message as the request does.
        let mut answers = said.each_ref().map(plain);
        answers[1].1 = answers[1].1.replace(&absent(&theirs), &theirs);
        assert_eq!(answers[0], answers[1], "{shown}");
    }
}

/// The tests above can fail: with the right key every route is open, and what it names is there.
#[test]
fn with_the_right_key_every_route_is_open() {
    let mut world = World::new();
    for operation in operations(&mut world) {
        let one = world.one.clone();
        let operator = world.rig.product.operator.clone();
        let path = filled(&operation.path, &one.things(&kinds(&operation.path)));
        let body = operation.body.as_ref().map(ToString::to_string);
        let key = match operation.scope.as_deref() {
            Some("operator") => &operator,
            _ => &one.admin,
        };
        let said = world.ask(Some(key), &operation.method, &path, body.as_deref(), "");
        let shown = format!("{} {path}: {}", operation.method, said.whole);
        assert!(!matches!(said.status, 401 | 403 | 500..), "{shown}");
        // A body's example may name what is not there; a path's names are.
        assert!(said.status != 404 || operation.body.is_some(), "{shown}");
        if said.status < 300 && operation.method != "GET" {
            world.check();
            world = World::new();
        }
    }
}

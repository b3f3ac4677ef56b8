//! Words planted in mail: every route is asked with keys that may not read messages, and no
//! answer has one of them.

use postern::testing::call::Scopes;

use crate::operations::{encoded, filled, kinds, operations};
use crate::world::{PLANTED, PLANTED_IN_INBOX, World};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Binding {
    Free,
    Bound,
    Subtree,
}

/// Asks every route with one key, plain, with each parameter, and a second time where an answer
/// may be kept. Gives how many answers were no refusal.
fn ask_all(scopes: Scopes, binding: Binding) -> usize {
    let mut world = World::new();
    let operations = operations(&mut world);
    let side = world.one.clone();
    let key = match binding {
        Binding::Free => world.rig.make_key(side.org, scopes, None, None),
        Binding::Bound => (world.rig).make_key(side.org, scopes, Some(&[side.inbox]), None),
        Binding::Subtree => {
            let made = (world.rig.product).make_subtree_key(side.org, scopes, &[side.top]);
            made.unwrap()
        }
    };
    let mut accepted = 0;
    for operation in operations {
        let method = &operation.method;
        let place = filled(&operation.path, &side.things(&kinds(&operation.path)));
        let mut asks = vec![(place.clone(), String::new())];
        for (name, value) in &operation.query {
            asks.push((format!("{place}?{name}={}", encoded(value)), String::new()));
        }
        if method == "POST" {
            let field = "Idempotency-Key: k\r\n".to_owned();
            asks.extend([(place.clone(), field.clone()), (place, field)]);
        }
        let body = operation.body.as_ref().map(ToString::to_string);
        for (place, field) in asks {
            let said = world.ask(Some(&key), method, &place, body.as_deref(), &field);
            let shown = format!("{scopes:?} {binding:?} {method} {place}: {}", said.whole);
            assert!(said.status >= 200, "{shown}");
            accepted += usize::from(said.status < 300);
            let lower = said.whole.to_lowercase();
            assert!(!PLANTED.iter().any(|word| lower.contains(word)), "{shown}");
            if !scopes.allow(Scopes::INBOXES_READ) {
                assert!(!lower.contains(PLANTED_IN_INBOX), "{shown}");
            }
        }
    }
    accepted
}

#[test]
fn no_answer_shows_mail_to_a_key_that_may_not_read_it() {
    let reading = Scopes::MESSAGES_READ.and(Scopes::ADMIN);
    let mut all = Scopes::NONE;
    let mut sets = Vec::new();
    for (_, scope) in Scopes::NAMES {
        if scope.0 & reading.0 == 0 {
            sets.push(scope);
            all = all.and(scope);
        }
    }
    sets.push(all);
    sets.push(Scopes(all.0 & !Scopes::INBOXES_READ.0));
    for scopes in sets {
        let answered = [Binding::Free, Binding::Bound, Binding::Subtree]
            .map(|binding| ask_all(scopes, binding));
        // Each may at least read the description and its own rights.
        assert!(answered.iter().all(|n| *n >= 5), "{scopes:?} {answered:?}");
    }
}

/// The test above can fail: a key that may read is shown the words.
#[test]
fn a_key_that_may_read_is_shown_them() {
    let scopes = Scopes::MESSAGES_READ;
    let run = std::panic::catch_unwind(|| ask_all(scopes, Binding::Free));
    assert!(run.is_err());
}

//! Whether one tenant feels another: an organization works (NOOP, FETCH, send, mail from outside,
//! REST list, event stream, login) alone, and then beside each attack of a second one or of an
//! anonymous client. One server with its default limits, one JSON line for each run.
//! `cargo bench --bench neighbours [-- --quick] [name…]`.
//!
//! Each line has the median, the 99th percentile and the longest time in milliseconds of every
//! operation, and how many were refused. The last line has the most memory that the server took.
//! Times of operations that take seconds between two samples have few samples: their 99th
//! percentile is their longest.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod rig;

#[path = "neighbours/anonymous.rs"]
mod anonymous;
#[path = "neighbours/attack.rs"]
mod attack;
#[path = "neighbours/bystander.rs"]
mod bystander;

use std::sync::atomic::Ordering;
use std::time::Duration;

use attack::{Scene, Under};
use bystander::Bystander;
use rig::{Server, Stream};
use serde_json::json;

/// An organization with a key of the scope `admin`.
pub struct Tenant {
    /// Its key.
    pub key: String,
    /// Addresses of its inboxes.
    pub inboxes: Vec<String>,
}

impl Tenant {
    /// A new organization with `n` inboxes.
    pub fn new(server: &Server, n: usize) -> Tenant {
        let mut operator = Stream::connect_plain(server.port("http"));
        let token = server.operator_token();
        let made = operator.post("/api/v1/orgs", &token, r#"{"name":"Bench"}"#);
        let key = made["key"].as_str().unwrap_or_else(|| panic!("{made}"));
        Tenant {
            inboxes: server.make_inboxes_of(key, n),
            key: key.to_string(),
        }
    }
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let quick = args.iter().any(|a| a == "--quick");
    let names: Vec<&String> = args.iter().filter(|a| !a.starts_with('-')).collect();
    let length = Duration::from_secs(if quick { 4 } else { 12 });
    let server = Server::start_with("neighbours", &[]);
    // The first run also fills caches and opens what is opened once.
    watch(&Bystander::new(&server), Duration::from_secs(1), Vec::new());
    let alone = watch(&Bystander::new(&server), length, Vec::new());
    let mut missed = Vec::new();
    report(&server, "alone", &alone, &mut missed);
    for (name, attack) in attack::ATTACKS {
        if names.is_empty() || names.iter().any(|n| n == name) {
            let bystander = Bystander::new(&server);
            let loads = attack(&Scene::new(&server, &bystander, quick));
            let run = watch(&bystander, length, loads);
            report(&server, name, &run, &mut missed);
        }
    }
    println!(
        "{}",
        json!({
            "bench": "neighbours",
            "memory_peak_mib": server.memory_peak() >> 20,
            "memory_mib": server.memory() >> 20,
            "over_the_goal": missed,
        })
    );
}

/// The bystander works for `length`, beside the loads of an attack.
fn watch(
    bystander: &Bystander<'_>,
    length: Duration,
    loads: Vec<attack::Load>,
) -> (Vec<bystander::Samples>, Under) {
    let under = Under::default();
    let samples = std::thread::scope(|scope| {
        let begin = || {
            for load in loads {
                let under = &under;
                scope.spawn(move || {
                    // What the attackers need of the processor is not what is measured.
                    let thread = rustix::thread::gettid();
                    let _ = rustix::process::setpriority_process(Some(thread), 15);
                    under.run(bystander.server, load);
                });
            }
        };
        let samples = bystander.work(length, begin);
        under.end();
        samples
    });
    (samples, under)
}

/// Prints one run, and notes what is over its goal.
fn report(
    server: &Server,
    name: &str,
    (run, under): &(Vec<bystander::Samples>, Under),
    missed: &mut Vec<String>,
) {
    let gave_up = under.gave_up.lock().unwrap();
    let mut line = json!({
        "bench": "neighbours",
        "beside": name,
        "attack_answers": under.answers.load(Ordering::Relaxed),
        "attackers_gave_up": gave_up.first().map(|why| (gave_up.len(), why)),
        "longest_turn_us_so_far": server.metric("postern_longest_turn_microseconds"),
    });
    for samples in run {
        let mut times = samples.times.clone();
        if times.is_empty() {
            times.push(Duration::ZERO);
        }
        let [p50, p99, most] = [0.5, 0.99, 1.0].map(|p| rig::percentile(&mut times, p));
        line[samples.of] = json!({
            "n": samples.times.len(),
            "p50": rig::ms(p50),
            "p99": rig::ms(p99),
            "max": rig::ms(most),
            "refused": samples.refused.len(),
        });
        if let Some(why) = samples.refused.first() {
            line[samples.of]["why"] = json!(why);
            missed.push(format!("{name}: {} refused", samples.of));
        }
        let (p99_ms, max_ms) = samples.goal_ms;
        if rig::ms(p99) > p99_ms || rig::ms(most) > max_ms {
            missed.push(format!("{name}: {}", samples.of));
        }
    }
    println!("{line}");
}

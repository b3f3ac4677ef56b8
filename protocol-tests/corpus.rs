//! Replays `fuzz/corpus/**` through the fuzz bodies, on the stable toolchain, in every
//! `cargo test`: a fault that a fuzzer has found cannot come back.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../fuzz/bodies.rs"]
mod bodies;
#[path = "scaling.rs"]
mod scaling;

use std::path::Path;

#[test]
fn every_input_holds_what_its_body_says() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let mut n = 0;
    for folder in std::fs::read_dir(&corpus).unwrap() {
        let folder = folder.unwrap().path();
        let name = folder.file_name().unwrap().to_string_lossy().to_string();
        let (_, body) = bodies::BODIES
            .iter()
            .find(|(target, _)| *target == name)
            .unwrap_or_else(|| panic!("fuzz/corpus/{name} has no body"));
        for input in std::fs::read_dir(&folder).unwrap() {
            let input = input.unwrap().path();
            let data = std::fs::read(&input).unwrap();
            let outcome = std::panic::catch_unwind(|| body(&data));
            assert!(outcome.is_ok(), "{} fails", input.display());
            n += 1;
        }
    }
    assert!(n > 0, "the corpus is empty");
    println!("{n} inputs");
}

#[test]
fn every_body_has_seeds_and_a_target() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    for (name, _) in bodies::BODIES {
        assert!(
            fuzz.join("corpus").join(name).is_dir(),
            "fuzz/corpus/{name} is missing"
        );
        assert!(
            fuzz.join("fuzz_targets")
                .join(format!("{name}.rs"))
                .is_file(),
            "{name}.rs is missing"
        );
    }
}

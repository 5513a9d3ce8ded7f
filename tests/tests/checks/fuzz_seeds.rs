//! The fuzz targets of `fuzz/`, without a fuzzer: every seed, and random mutations of the seeds.

#[path = "../../../fuzz/src/lib.rs"]
#[allow(unreachable_pub, reason = "there it is a library")]
mod parsers;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};

/// The number of mutations for each target.
const CASES: u32 = 3000;
/// The number for a target that simulates a landing zone per input.
const SIMULATED: u32 = 300;

type Target = (&'static str, fn(&[u8]), u32, &'static [&'static str]);

/// The targets, with their seeds' folders.
const TARGETS: [Target; 6] = [
    (
        "trigger",
        parsers::trigger,
        CASES,
        &["fuzz/seeds/trigger", "tests/events"],
    ),
    (
        "custom_resource",
        parsers::custom_resource,
        CASES,
        &["fuzz/seeds/custom_resource"],
    ),
    (
        "saas_response",
        parsers::saas_response,
        CASES,
        &["fuzz/seeds/saas_response"],
    ),
    (
        "mapping_file",
        parsers::mapping_file,
        CASES,
        &["fuzz/seeds/mapping_file"],
    ),
    ("ledger", parsers::ledger, CASES, &["fuzz/seeds/ledger"]),
    ("setup", parsers::setup, SIMULATED, &["fuzz/seeds/setup"]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn seeds(folders: &[&str]) -> Vec<Vec<u8>> {
    let mut files: Vec<PathBuf> = folders
        .iter()
        .flat_map(|folder| std::fs::read_dir(root().join(folder)).unwrap())
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{folders:?}");
    files
        .iter()
        .map(|file| std::fs::read(file).unwrap())
        .collect()
}

/// One mutation.
#[derive(Debug, Clone)]
enum Bend {
    /// Removes this many bytes.
    Cut(Index, usize),
    /// Inserts these bytes.
    Insert(Index, Vec<u8>),
    /// Copies a part of the seed to another place.
    Repeat(Index, Index, usize),
    /// Replaces a string or number with a JSON value.
    Replace(Index, &'static str),
}

fn bend() -> impl Strategy<Value = Bend> {
    let at = any::<Index>;
    let values = [
        "null",
        "true",
        "-1",
        "4294967295",
        "1e309",
        "\"\"",
        "[]",
        "{}",
        "\"\u{e9}\\u0000\"",
    ];
    prop_oneof![
        (at(), 1..40usize).prop_map(|(at, length)| Bend::Cut(at, length)),
        (at(), proptest::collection::vec(any::<u8>(), 1..8))
            .prop_map(|(at, bytes)| Bend::Insert(at, bytes)),
        (at(), at(), 1..200usize).prop_map(|(from, to, length)| Bend::Repeat(from, to, length)),
        (at(), proptest::sample::select(values.to_vec()))
            .prop_map(|(at, value)| Bend::Replace(at, value)),
    ]
}

fn bent(mut seed: Vec<u8>, bends: &[Bend]) -> Vec<u8> {
    for bend in bends {
        if seed.is_empty() {
            break;
        }
        let part = |from: usize, length: usize| from..(from + length).min(seed.len());
        match bend {
            Bend::Cut(at, length) => drop(seed.drain(part(at.index(seed.len()), *length))),
            Bend::Insert(at, bytes) => {
                let at = at.index(seed.len());
                seed.splice(at..at, bytes.iter().copied());
            }
            Bend::Repeat(from, to, length) => {
                let piece = seed[part(from.index(seed.len()), *length)].to_vec();
                let to = to.index(seed.len());
                seed.splice(to..to, piece);
            }
            Bend::Replace(at, value) => {
                let values = json_values(&seed);
                if let Some(range) =
                    (!values.is_empty()).then(|| values[at.index(values.len())].clone())
                {
                    seed.splice(range, value.bytes());
                }
            }
        }
    }
    seed
}

/// Roughly where the strings and numbers after a colon or in a list are: seeds are plain JSON.
fn json_values(seed: &[u8]) -> Vec<std::ops::Range<usize>> {
    let mut found = Vec::new();
    for (at, byte) in seed.iter().enumerate() {
        if !matches!(byte, b':' | b'[' | b',') {
            continue;
        }
        let Some(start) = seed[at + 1..].iter().position(|byte| *byte != b' ') else {
            continue;
        };
        let start = at + 1 + start;
        let rest = &seed[start..];
        let length = match rest[0] {
            b'"' => rest[1..]
                .iter()
                .position(|byte| *byte == b'"')
                .map(|end| end + 2),
            b'0'..=b'9' | b'n' | b't' | b'f' => {
                rest.iter().position(|byte| !byte.is_ascii_alphanumeric())
            }
            _ => None,
        };
        found.extend(length.map(|length| start..start + length));
    }
    found
}

#[test]
fn every_target_has_its_test_here_and_its_seeds() {
    let folder = std::fs::read_dir(root().join("fuzz/fuzz_targets")).unwrap();
    let targets: BTreeSet<String> = folder
        .map(|file| {
            let path = file.unwrap().path();
            path.file_stem().unwrap().to_str().unwrap().to_owned()
        })
        .collect();
    let here: BTreeSet<String> = TARGETS.map(|(name, ..)| name.to_owned()).into();
    assert_eq!(targets, here);
}

#[test]
fn every_seed_is_read_as_it_should_be() {
    for (_, target, _, folders) in TARGETS {
        seeds(folders).iter().for_each(|seed| target(seed));
    }
}

/// The largest message that a queue accepts.
#[test]
fn a_message_that_names_thousands_of_unknown_accounts_is_read_as_it_should_be() {
    let ids: Vec<String> = (0..17_000).map(|n| format!("{n:012}")).collect();
    let message = |attempt: u32| {
        let message = serde_json::json!({"scope": {"accounts": ids}, "attempt": attempt});
        serde_json::json!({"towerhook": message}).to_string()
    };
    for attempt in [0, u32::MAX] {
        let message = message(attempt);
        parsers::trigger(message.as_bytes());
        parsers::ledger(format!("one/0 {message}").as_bytes());
    }
}

#[test]
fn bent_seeds_are_read_without_harm() {
    for (name, target, cases, folders) in TARGETS {
        let seed = proptest::sample::select(seeds(folders));
        let input = (seed, proptest::collection::vec(bend(), 1..6))
            .prop_map(|(seed, bends)| bent(seed, &bends));
        let mut runner = TestRunner::new(Config {
            cases,
            failure_persistence: None,
            ..Config::default()
        });
        let harmed = runner.run(&input, |bytes| {
            target(&bytes);
            Ok(())
        });
        if let Err(proptest::test_runner::TestError::Fail(why, bytes)) = harmed {
            panic!("{name}: {why}\n{}", String::from_utf8_lossy(&bytes));
        }
    }
}

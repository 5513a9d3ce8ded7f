//! The built function in an environment that lacks everything.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::process::Command;

#[test]
fn a_function_without_settings_names_all_of_them_in_one_line() {
    let output = Command::new(env!("CARGO_BIN_EXE_setup"))
        .env_clear()
        .output()
        .unwrap();
    assert!(!output.status.success());
    let log = String::from_utf8(output.stdout).unwrap();
    let line = log
        .lines()
        .find(|line| line.contains("cannot start"))
        .unwrap();
    for name in ["STACK_ID", "API_CREDENTIALS_SECRET_ARN", "FANOUT_TOPIC_ARN"] {
        assert!(line.contains(&format!("{name} is not set")), "{line}");
    }
}

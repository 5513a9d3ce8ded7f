//! Starts the built function in an environment with invalid settings.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::process::Command;

/// The function's error when started with these settings alone.
fn refusal(settings: &[(&str, &str)]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_auth"))
        .env_clear()
        .envs(settings.iter().copied())
        .output()
        .unwrap();
    assert!(!output.status.success());
    let log = String::from_utf8(output.stdout).unwrap();
    let mut lines = log.lines();
    let line = lines.find(|line| line.contains("cannot start"));
    line.unwrap().to_owned()
}

#[test]
fn a_function_without_settings_names_all_of_them_in_one_line() {
    let line = refusal(&[]);
    for name in [
        "STACK_NAME",
        "PROVIDER",
        "PROVIDER_URL",
        "API_CREDENTIALS_SECRET_ARN",
        "API_TOKEN_SECRET_ARN",
    ] {
        assert!(line.contains(&format!("{name} is not set")), "{line}");
    }
}

#[test]
fn a_provider_that_is_not_known_is_refused_with_those_that_are() {
    let line = refusal(&[("PROVIDER", "another")]);
    assert!(
        line.contains("PROVIDER must be one of: expel, lacework"),
        "{line}"
    );
}

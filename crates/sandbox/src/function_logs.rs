//! The functions' logs in files: a stack's deletion removes its log groups.

use std::path::{Path, PathBuf};

use serde_json::Value;
use towerhook_package::FUNCTIONS;

use crate::STACK_NAME;

/// The logs of the main stack's functions, to which the emulator adds when an invocation ends.
#[derive(Debug, Clone)]
pub struct FunctionLogs {
    directory: PathBuf,
}

impl FunctionLogs {
    pub(crate) fn in_run(run: &Path) -> Self {
        Self {
            directory: run.join("functions"),
        }
    }

    /// The folder of the files, one for each function that was invoked.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The log so far of a function, such as `setup`; empty if it never ran.
    #[must_use]
    pub fn read(&self, function: &str) -> String {
        let file = self.directory.join(format!("{STACK_NAME}-{function}.log"));
        std::fs::read(file)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// The last error lines of each function, prefixed with its name.
    #[must_use]
    pub fn last_errors(&self, lines: usize) -> Vec<String> {
        let mut errors = Vec::new();
        for (function, _) in FUNCTIONS {
            let text = self.read(function);
            let found: Vec<_> = text
                .lines()
                .filter(|line| tells_of_an_error(line))
                .collect();
            errors.extend(
                found[found.len().saturating_sub(lines)..]
                    .iter()
                    .map(|line| format!("{function}: {line}")),
            );
        }
        errors
    }
}

fn tells_of_an_error(line: &str) -> bool {
    match serde_json::from_str::<Value>(line) {
        Ok(json) => matches!(json["level"].as_str(), Some("ERROR" | "WARN")),
        Err(_) => line.contains("panicked"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_errors_of_each_function_are_found() {
        let run = tempfile::tempdir().unwrap();
        let logs = FunctionLogs::in_run(run.path());
        assert_eq!(logs.last_errors(2), Vec::<String>::new());
        std::fs::create_dir(logs.directory()).unwrap();
        let file = logs.directory().join("towerhook-setup.log");
        let text = concat!(
            "{\"level\":\"ERROR\",\"message\":\"one\"}\n",
            "{\"level\":\"INFO\",\"message\":\"ERROR\"}\n",
            "{\"level\":\"WARN\",\"message\":\"two\"}\n",
            "thread 'main' panicked at x\n",
        );
        std::fs::write(file, text).unwrap();
        assert_eq!(
            logs.last_errors(2),
            [
                "setup: {\"level\":\"WARN\",\"message\":\"two\"}",
                "setup: thread 'main' panicked at x"
            ]
        );
    }
}

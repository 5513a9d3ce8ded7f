//! The functions' logs, kept in files: a stack's deletion takes its log groups with it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;

use crate::aws_client::{AwsClient, AwsError};
use crate::emulator::logs::{LogLine, function_log};
use crate::functions::FUNCTIONS;

const INTERVAL: Duration = Duration::from_millis(500);

/// Copies the logs of one stack's functions into a folder, a file for each function, until it is
/// dropped.
#[derive(Debug)]
pub struct FunctionLogs {
    source: Arc<Source>,
    copying: JoinHandle<()>,
}

#[derive(Debug)]
struct Source {
    aws: AwsClient,
    stack: String,
    directory: PathBuf,
}

impl FunctionLogs {
    /// Follows the functions of the stack with this name. They need not exist yet.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn follow(aws: AwsClient, stack: &str, directory: PathBuf) -> anyhow::Result<Self> {
        std::fs::create_dir_all(&directory)?;
        let source = Arc::new(Source {
            aws,
            stack: stack.to_owned(),
            directory,
        });
        let copied = Arc::clone(&source);
        let copying = tokio::spawn(async move {
            loop {
                if let Err(error) = copied.copy().await {
                    tracing::debug!(%error, "the functions' logs were not read");
                }
                tokio::time::sleep(INTERVAL).await;
            }
        });
        Ok(Self { source, copying })
    }

    /// Where the files are.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.source.directory
    }

    /// Copies what there is now.
    ///
    /// # Errors
    /// When the logs cannot be read.
    pub async fn copy(&self) -> anyhow::Result<()> {
        self.source.copy().await
    }

    /// The last lines of all functions that tell of an error, each with its function's name.
    #[must_use]
    pub fn last_errors(&self, lines: usize) -> Vec<String> {
        let mut errors = Vec::new();
        for (function, _) in FUNCTIONS {
            let text = std::fs::read_to_string(self.source.file(function)).unwrap_or_default();
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

impl Drop for FunctionLogs {
    fn drop(&mut self) {
        self.copying.abort();
    }
}

impl Source {
    async fn copy(&self) -> anyhow::Result<()> {
        for (function, _) in FUNCTIONS {
            let lines = self.read(function).await?;
            let text: String = lines
                .iter()
                .map(|line| format!("{}\n", line.message.trim_end()))
                .collect();
            let file = self.file(function);
            // What was copied stays when the log group is gone.
            let known = file.metadata().map_or(0, |metadata| metadata.len());
            if text.len() as u64 > known {
                std::fs::write(&file, text)?;
            }
        }
        Ok(())
    }

    async fn read(&self, function: &str) -> Result<Vec<LogLine>, AwsError> {
        let log_group = format!("/aws/lambda/{}-{function}", self.stack);
        function_log(&self.aws, &log_group).await
    }

    fn file(&self, function: &str) -> PathBuf {
        self.directory.join(format!("{function}.log"))
    }
}

fn tells_of_an_error(line: &str) -> bool {
    let level = serde_json::from_str::<serde_json::Value>(line)
        .ok()
        .and_then(|json| json["level"].as_str().map(str::to_uppercase));
    match level {
        Some(level) => level == "ERROR" || level == "WARN",
        None => line.contains("panicked") || line.contains("errorMessage"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_told_by_their_level() {
        assert!(tells_of_an_error(r#"{"level":"ERROR","message":"x"}"#));
        assert!(tells_of_an_error(r#"{"level":"WARN"}"#));
        assert!(!tells_of_an_error(r#"{"level":"INFO","message":"ERROR"}"#));
        assert!(tells_of_an_error("thread 'main' panicked at x"));
        assert!(!tells_of_an_error("START RequestId: 1"));
    }
}

//! Runs a function's binary as Lambda runs it: a process, its environment and the Runtime API.

mod process;
mod runtime_api;

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use serde_json::Value;
use tokio::time::timeout;

use crate::lambda::process::Process;
use crate::lambda::runtime_api::{Report, RuntimeApi, TIMEOUT};

/// The Region of the functions, which is that of the simulated world.
pub(crate) const REGION: &str = "us-east-1";

/// How long Lambda waits for a function to start.
const START_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a written log line may take to arrive.
const LOG_TIMEOUT: Duration = Duration::from_secs(10);

/// The environment of a function: its own settings, by name.
pub(crate) type Settings = Vec<(&'static str, String)>;

/// A function that has started and waits for an event.
#[derive(Debug)]
pub(crate) struct Function {
    process: Process,
    api: RuntimeApi,
    /// From the process's start to its first poll of the Runtime API.
    pub(crate) start: Duration,
}

impl Function {
    /// Starts a binary and waits for its first poll.
    ///
    /// # Errors
    /// When it cannot be started, ends, reports that it cannot start, or does not poll in time.
    pub(crate) async fn start(
        binary: &Path,
        name: &str,
        settings: Settings,
    ) -> anyhow::Result<Self> {
        let mut api = RuntimeApi::start().await?;
        let environment = of_lambda(name, &api).into_iter().chain(settings);
        let mut process = Process::start(binary, environment)?;
        let polled = first_poll(&mut process, &mut api)
            .await
            .with_context(|| format!("{name} did not start"))?;
        let start = polled.duration_since(process.started);
        Ok(Self {
            process,
            api,
            start,
        })
    }

    /// When the process was started.
    pub(crate) fn started(&self) -> Instant {
        self.process.started
    }

    /// The peak of its resident memory so far, in MiB.
    ///
    /// # Errors
    /// When the kernel does not say, as after the process's end.
    pub(crate) fn peak_memory_mib(&self) -> anyhow::Result<f64> {
        self.process.peak_memory_mib()
    }

    /// The processor time that it has used so far.
    ///
    /// # Errors
    /// When the kernel does not say, as after the process's end.
    pub(crate) fn cpu_time(&self) -> anyhow::Result<Duration> {
        self.process.cpu_time()
    }

    /// Hands it an event and waits until it has answered and polled for the next one. Returns its answer
    /// and how long it took.
    ///
    /// # Errors
    /// When it ends, reports an error, or does not answer in time.
    pub(crate) async fn invoke(&mut self, event: Value) -> anyhow::Result<(Value, Duration)> {
        let handed_out = Instant::now();
        self.api.hand_out(event)?;
        let invoked = async {
            let mut answer = None;
            loop {
                match next_report(&mut self.process, &mut self.api).await? {
                    Report::Answered(at, body) => answer = Some((at, body)),
                    Report::Polled(_) => return answer.context("it polled without an answer"),
                    Report::Failed(words) => bail!("it reported {words}"),
                }
            }
        };
        let (at, body) = timeout(TIMEOUT, invoked)
            .await
            .context("it did not answer in time")??;
        let body = serde_json::from_slice(&body).context("the answer is not JSON")?;
        Ok((body, at.duration_since(handed_out)))
    }

    /// Kills it, waits for its end, and returns the unread rest of its log.
    ///
    /// # Errors
    /// When it cannot be ended.
    pub(crate) async fn stop(self) -> anyhow::Result<String> {
        self.process.stop().await
    }

    /// The first line of JSON in the unread part of its log for which `wanted` returns a value.
    ///
    /// # Errors
    /// When there is none in time.
    pub(crate) async fn logged<T>(
        &mut self,
        mut wanted: impl FnMut(&Value) -> Option<T>,
    ) -> anyhow::Result<T> {
        let found = async {
            loop {
                let line = self.process.log_line().await?;
                if let Some(found) = wanted(&line) {
                    return Some(found);
                }
            }
        };
        let found = timeout(LOG_TIMEOUT, found).await;
        found.ok().flatten().context("its log has no matching line")
    }
}

async fn first_poll(process: &mut Process, api: &mut RuntimeApi) -> anyhow::Result<Instant> {
    let report = timeout(START_TIMEOUT, next_report(process, api))
        .await
        .context("it did not poll in time")??;
    match report {
        Report::Polled(at) => Ok(at),
        Report::Answered(..) => Err(anyhow!("it answered before it had an event")),
        Report::Failed(words) => Err(anyhow!("it reported {words}")),
    }
}

async fn next_report(process: &mut Process, api: &mut RuntimeApi) -> anyhow::Result<Report> {
    tokio::select! {
        report = api.reports.recv() => report.context("the Runtime API has stopped"),
        status = process.exit() => {
            let status = status?;
            let words = process.rest().await;
            Err(anyhow!("it ended with {status}:\n{words}"))
        }
    }
}

/// The environment that Lambda gives every function.
///
/// Source: docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
fn of_lambda(name: &str, api: &RuntimeApi) -> Settings {
    [
        ("AWS_LAMBDA_RUNTIME_API", api.address.to_string().as_str()),
        ("AWS_LAMBDA_FUNCTION_NAME", name),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        ("AWS_LAMBDA_LOG_FORMAT", "JSON"),
        ("AWS_LAMBDA_LOG_LEVEL", "INFO"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "measured"),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "measured"),
        ("AWS_REGION", REGION),
        ("AWS_DEFAULT_REGION", REGION),
        ("AWS_ACCESS_KEY_ID", "ASIAEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "example"),
        ("AWS_SESSION_TOKEN", "example"),
        ("LANG", "en_US.UTF-8"),
        ("TZ", ":UTC"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_program_that_ends_is_no_function() {
        let words = r#"{"level":"ERROR"}"#.to_owned();
        let ended = Function::start(Path::new("/usr/bin/env"), "env", vec![("WHY", words)]).await;
        let error = format!("{:#}", ended.unwrap_err());
        assert!(error.contains("env did not start"), "{error}");
        assert!(error.contains("exit status: 0"), "{error}");
        assert!(error.contains("ERROR"), "{error}");
    }
}

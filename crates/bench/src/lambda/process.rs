//! A function's process, and the kernel's figures of it.

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::mpsc;

use crate::machine::peak_memory_mib;

/// How much of a log line is shown when a process fails, in characters.
const LONGEST_LINE: usize = 400;

/// A process. It is killed with this value.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    id: u32,
    lines: mpsc::UnboundedReceiver<String>,
    /// When it was about to be started.
    pub(super) started: Instant,
}

impl Process {
    /// Starts a program with this environment and no other.
    pub(super) fn start<K, V>(
        binary: &Path,
        environment: impl IntoIterator<Item = (K, V)>,
    ) -> anyhow::Result<Self>
    where
        K: AsRef<std::ffi::OsStr>,
        V: AsRef<std::ffi::OsStr>,
    {
        let mut command = Command::new(binary);
        command
            .env_clear()
            .envs(environment)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        let started = Instant::now();
        let mut child = command
            .spawn()
            .with_context(|| format!("cannot start {}", binary.display()))?;
        let id = child.id().context("the process is gone")?;
        let output = child.stdout.take().context("the process has no output")?;
        let (sender, lines) = mpsc::unbounded_channel();
        tokio::spawn(forward(BufReader::new(output).lines(), sender));
        Ok(Self {
            child,
            id,
            lines,
            started,
        })
    }

    /// The peak of its resident memory, in MiB.
    pub(super) fn peak_memory_mib(&self) -> anyhow::Result<f64> {
        peak_memory_mib(self.id)
    }

    /// The processor time that it has used, in user and kernel mode.
    pub(super) fn cpu_time(&self) -> anyhow::Result<Duration> {
        cpu_time(self.id)
    }

    /// Waits until it exits.
    pub(super) async fn exit(&mut self) -> anyhow::Result<ExitStatus> {
        Ok(self.child.wait().await?)
    }

    /// Kills it, waits for its end, and returns its unread output.
    pub(super) async fn stop(mut self) -> anyhow::Result<String> {
        self.child.kill().await.context("cannot kill the process")?;
        Ok(self.rest().await)
    }

    /// Its unread output up to its end, with long lines cut.
    pub(super) async fn rest(&mut self) -> String {
        let mut rest = Vec::new();
        while let Some(line) = self.lines.recv().await {
            rest.push(line.chars().take(LONGEST_LINE).collect::<String>());
        }
        rest.join("\n")
    }

    /// The next line of JSON that it writes; `None` after its end.
    pub(super) async fn log_line(&mut self) -> Option<Value> {
        loop {
            let line = self.lines.recv().await?;
            if let Ok(value) = serde_json::from_str(&line) {
                return Some(value);
            }
        }
    }
}

async fn forward(mut lines: Lines<BufReader<ChildStdout>>, to: mpsc::UnboundedSender<String>) {
    while let Ok(Some(line)) = lines.next_line().await {
        if to.send(line).is_err() {
            return;
        }
    }
}

/// Reads the process's own clock, which is finer than the ticks in `/proc/<pid>/stat`.
#[cfg(target_os = "linux")]
fn cpu_time(id: u32) -> anyhow::Result<Duration> {
    use nix::{time, unistd::Pid};

    let clock = time::clock_getcpuclockid(Pid::from_raw(id.try_into()?))?;
    Ok(time::clock_gettime(clock)?.into())
}

#[cfg(not(target_os = "linux"))]
fn cpu_time(_: u32) -> anyhow::Result<Duration> {
    anyhow::bail!("only Linux reports the processor time of another process")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_process_has_only_the_environment_that_it_is_given() {
        let environment = [("NAME", r#"{"of":"it"}"#)];
        let mut process = Process::start(Path::new("/usr/bin/env"), environment).unwrap();
        assert!(process.exit().await.unwrap().success());
        assert_eq!(process.rest().await, r#"NAME={"of":"it"}"#);
    }
}

//! Runs a vendor's own Python client library against its simulator, one check of a script at a time.

use std::path::Path;
use std::process::Stdio;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::Command;
use towerhook_package::python::virtual_environment;

/// A client library, and the script that checks it.
pub(crate) struct ClientLibrary {
    /// The name of the library, and of the script with `_check.py`.
    pub(crate) name: &'static str,
    /// What pip installs.
    pub(crate) requirements: &'static str,
}

impl ClientLibrary {
    /// Runs a check with these variables as its environment; `take` takes the steps that it asks
    /// for by name.
    pub(crate) async fn check(
        &self,
        variables: &[(&str, &str)],
        check: &str,
        mut take: impl FnMut(&str),
    ) {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(self.name);
        let python = virtual_environment(&directory, self.requirements).await;
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("python");
        let home = TempDir::new().unwrap();
        let mut child = Command::new(python.unwrap())
            .arg("-I")
            .arg(scripts.join(format!("{}_check.py", self.name)))
            .arg(check)
            .current_dir(home.path())
            .env_clear()
            .env("HOME", home.path())
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut answers = child.stdin.take().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        while let Some(line) = lines.next_line().await.unwrap() {
            let step = line
                .strip_prefix("step ")
                .unwrap_or_else(|| panic!("unexpected output: {line}"));
            take(step);
            answers.write_all(b"done\n").await.unwrap();
        }
        let output = child.wait_with_output().await.unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{check} failed:\n{errors}");
    }
}

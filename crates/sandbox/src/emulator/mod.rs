//! The emulator's lifecycle: one ministack process, and the functions that it runs.
//!
//! It is installed at the pinned version with hashes into a virtual environment of its own, is
//! started on a free loopback port in its own process group and with nothing of the caller's
//! environment but `PATH`, and is killed with everything it started when the [`Emulator`] is
//! dropped.

pub mod gaps;
pub mod logs;

use std::fs::File;
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use towerhook_package::python::virtual_environment;
use url::{Host, Url};

use crate::aws_client::http_client;

/// The pinned packages, with hashes.
pub const REQUIREMENTS: &str = include_str!("requirements.txt");

/// The launcher and the modules that it imports, by file name.
const PROGRAM: [(&str, &str); 5] = [
    ("launcher.py", include_str!("launcher.py")),
    ("function_output.py", include_str!("function_output.py")),
    ("resource_types.json", include_str!("resource_types.json")),
    ("resource_types.py", include_str!("resource_types.py")),
    ("stack_rules.py", include_str!("stack_rules.py")),
];

/// The services that the templates, the functions and the tests use.
const SERVICES: [&str; 17] = [
    "cloudformation",
    "cloudtrail",
    "dynamodb",
    "dynamodbstreams",
    "events",
    "iam",
    "kms",
    "lambda",
    "logs",
    "monitoring",
    "organizations",
    "s3",
    "secretsmanager",
    "sns",
    "sqs",
    "ssm",
    "sts",
];

/// How often to pick another port when the chosen one is taken before the emulator binds it.
const PORT_ATTEMPTS: u32 = 3;

/// The configuration of an emulator.
#[derive(Debug, Clone)]
pub struct EmulatorConfig {
    /// The virtual environment, which is created if it is missing.
    pub virtual_environment: PathBuf,
    /// A directory for this run alone: the log, the launcher, the functions' unpacked code.
    pub directory: PathBuf,
    /// The gateway: the endpoint that functions get and that custom resources answer to.
    pub gateway: Url,
    /// The home Region.
    pub region: String,
    /// The account of callers whose access key id does not name one.
    pub management_account: String,
    /// The age that the response URLs of CloudFormation's requests to custom resources claim on
    /// arrival.
    pub requests_late_by: Duration,
    /// How long the emulator may take to answer for the first time.
    pub deadline: Duration,
}

/// A running emulator. Dropping it kills the process and the functions that it runs.
#[derive(Debug)]
pub struct Emulator {
    url: Url,
    log: PathBuf,
    process: Child,
}

impl Emulator {
    /// Installs the emulator if need be, starts it, and returns once it answers.
    ///
    /// # Errors
    /// When the gateway is not on loopback, Python or the packages are missing, or the emulator
    /// does not answer before the deadline; the end of its log is in the error then.
    pub async fn start(config: &EmulatorConfig) -> anyhow::Result<Self> {
        ensure_loopback(&config.gateway)?;
        let python = virtual_environment(&config.virtual_environment, REQUIREMENTS).await?;
        tokio::fs::create_dir_all(&config.directory).await?;
        let launcher = config.directory.join("launcher.py");
        for (name, text) in PROGRAM {
            tokio::fs::write(config.directory.join(name), text).await?;
        }
        let mut attempt = 1;
        loop {
            let emulator = Self::spawn(config, &python, &launcher)?;
            match emulator.answering(config.deadline).await {
                Ok(emulator) => return Ok(emulator),
                Err(error)
                    if attempt < PORT_ATTEMPTS && error.to_string().contains("already in use") =>
                {
                    attempt += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn spawn(config: &EmulatorConfig, python: &Path, launcher: &Path) -> anyhow::Result<Self> {
        let port = free_port()?;
        let log = config.directory.join("emulator.log");
        let output = File::create(&log)?;
        let temporary = config.directory.join("tmp");
        std::fs::create_dir_all(&temporary)?;
        let mut command = Command::new(python);
        command
            .arg("-u")
            .arg(launcher)
            .current_dir(&config.directory)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", &config.directory)
            .env("TMPDIR", &temporary)
            .env("LANG", "C.UTF-8")
            .env("BIND_HOST", "127.0.0.1")
            .env("GATEWAY_PORT", port.to_string())
            .env("LAMBDA_EXECUTOR", "local")
            .env("IOT_MTLS_ENABLED", "0")
            .env("SERVICES", SERVICES.join(","))
            .env("AUTH", "true")
            // The functions inherit it: CloudFormation is on this machine.
            .env("TOWERHOOK_SANDBOX", "true")
            .env(
                "REQUESTS_LATE_BY_SECONDS",
                config.requests_late_by.as_secs().to_string(),
            )
            .env("MINISTACK_REGION", &config.region)
            .env("MINISTACK_ACCOUNT_ID", &config.management_account)
            .env("AWS_DEFAULT_REGION", &config.region)
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env(
                "AWS_ENDPOINT_URL",
                config.gateway.as_str().trim_end_matches('/'),
            )
            .stdin(Stdio::piped())
            .stdout(output.try_clone()?)
            .stderr(output)
            .process_group(0)
            .kill_on_drop(true);
        let process = command
            .spawn()
            .with_context(|| format!("cannot start {}", python.display()))?;
        Ok(Self {
            url: format!("http://127.0.0.1:{port}").parse()?,
            log,
            process,
        })
    }

    async fn answering(mut self, deadline: Duration) -> anyhow::Result<Self> {
        let ready = self.url.join("/_ministack/ready")?;
        let http = http_client()?;
        let end = Instant::now() + deadline;
        loop {
            if let Some(status) = self.process.try_wait()? {
                bail!("the emulator ended ({status}):\n{}", self.log_end());
            }
            if let Ok(answer) = http.get(ready.clone()).send().await
                && answer.status().is_success()
            {
                return Ok(self);
            }
            if Instant::now() >= end {
                bail!(
                    "the emulator did not answer within {} s:\n{}",
                    deadline.as_secs(),
                    self.log_end()
                );
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The emulator's own address, for the gateway and the sandbox's own calls.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The file with the emulator's output.
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Ends the emulator and everything it started, and waits until it is gone.
    ///
    /// # Errors
    /// When the operating system does not let go of the process.
    pub async fn shutdown(mut self) -> anyhow::Result<()> {
        self.kill();
        self.process.wait().await?;
        Ok(())
    }

    fn kill(&self) {
        if let Some(id) = self.process.id()
            && let Ok(id) = i32::try_from(id)
        {
            // An error says that the group is gone already.
            let _ = killpg(Pid::from_raw(id), Signal::SIGKILL);
        }
    }

    fn log_end(&self) -> String {
        let text = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<_> = text.trim_end().lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Fails for an address off this machine: the functions' credentials are fake, and their calls must
/// not leave it.
///
/// # Errors
/// When the URL's host is not a loopback address.
pub fn ensure_loopback(url: &Url) -> anyhow::Result<()> {
    let loopback = match url.host() {
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    ensure!(
        loopback,
        "{url} is not on this machine's loopback interface"
    );
    Ok(())
}

fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_is_accepted() {
        for good in [
            "http://127.0.0.1:4566",
            "http://[::1]:80",
            "http://localhost:1",
        ] {
            assert!(ensure_loopback(&good.parse().unwrap()).is_ok(), "{good}");
        }
        for bad in [
            "https://sts.amazonaws.com",
            "http://10.0.0.1:4566",
            "http://0.0.0.0:4566",
            "http://127.0.0.1.example.com",
        ] {
            assert!(ensure_loopback(&bad.parse().unwrap()).is_err(), "{bad}");
        }
    }

    #[tokio::test]
    async fn a_gateway_elsewhere_is_refused_before_anything_starts() {
        let directory = tempfile::tempdir().unwrap();
        let config = EmulatorConfig {
            virtual_environment: directory.path().join("venv"),
            directory: directory.path().join("run"),
            gateway: "https://cloudformation.us-east-1.amazonaws.com"
                .parse()
                .unwrap(),
            region: "us-east-1".to_owned(),
            management_account: "111111111111".to_owned(),
            requests_late_by: Duration::ZERO,
            deadline: Duration::from_secs(1),
        };
        let error = Emulator::start(&config).await.unwrap_err();
        assert!(error.to_string().contains("loopback"), "{error}");
        assert!(!config.virtual_environment.exists());
    }

    #[test]
    fn every_package_is_pinned_with_hashes() {
        let packages: Vec<_> = REQUIREMENTS
            .lines()
            .filter(|line| line.starts_with(|first: char| first.is_ascii_alphabetic()))
            .collect();
        assert!(packages.contains(&"ministack==1.5.33 \\"));
        assert!(packages.iter().all(|line| line.contains("==")));
        assert!(REQUIREMENTS.matches("--hash=sha256:").count() >= packages.len());
    }
}

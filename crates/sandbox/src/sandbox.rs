use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use jiff::Timestamp;
use nix::sys::signal::kill;
use nix::unistd::Pid;
use towerhook_package::local::{FunctionZips, architecture};
use url::Url;
use uuid::Uuid;

use crate::STACK_NAME;
use crate::alarms::{self, Schedule, Verdicts};
use crate::aws_client::{AccessKey, AwsClient};
use crate::emulator::{Emulator, EmulatorConfig};
use crate::function_logs::FunctionLogs;
use crate::gateway::{Gateway, GatewayConfig};
use crate::identities;
use crate::landing_zone::{LandingZone, Plan, Version};
use crate::launch::{self, ARTIFACT_PREFIX, Parameters, Stack};
use crate::launch_command::{launch_command, template_url};
use crate::providers::{Provider, Simulator, Surroundings};
use crate::running::Running;

/// The management account of every sandbox.
pub const MANAGEMENT_ACCOUNT: &str = "111111111111";

/// How to start a sandbox.
#[derive(Debug, Clone)]
pub struct Options {
    /// All accounts that Control Tower manages, the management account included.
    pub accounts: usize,
    /// The landing zone's version.
    pub version: Version,
    /// The home Region.
    pub region: String,
    /// The vendor whose SaaS there is.
    pub provider: Provider,
    /// The stores that the SaaS has besides the tenant's own.
    pub stores: Vec<String>,
    /// How long a StackSet operation takes at least.
    pub operation_delay: Duration,
    /// The age that the response URLs of CloudFormation's requests to custom resources claim on
    /// arrival.
    pub requests_late_by: Duration,
    /// A folder for the logs and the temporary files of this run alone.
    pub directory: PathBuf,
    /// The emulator's virtual environment, which is created if it is missing.
    pub virtual_environment: PathBuf,
}

impl Options {
    /// Eight accounts in `us-east-1`, in a landing zone 3.3, below cargo's target folder.
    #[must_use]
    pub fn below(target: &Path) -> Self {
        let towerhook = target.join("towerhook");
        Self {
            accounts: 8,
            version: Version::V3,
            region: "us-east-1".to_owned(),
            provider: Provider::default(),
            stores: Vec::new(),
            operation_delay: Duration::from_millis(500),
            requests_late_by: Duration::ZERO,
            directory: run_directory(&towerhook.join("runs")),
            virtual_environment: towerhook.join("emulator"),
        }
    }
}

/// A landing zone on this machine. Dropping it ends every process it started.
#[derive(Debug)]
pub struct Sandbox {
    /// The emulator of AWS.
    pub emulator: Emulator,
    /// The endpoint in front of it.
    pub gateway: Arc<Gateway>,
    /// The SaaS.
    pub simulator: Box<dyn Simulator>,
    /// The organization and Control Tower.
    pub landing_zone: LandingZone,
    options: Options,
    administrator: AccessKey,
    // The last field, so that it is dropped after the emulator.
    temporary: Temporary,
}

/// The functions' unpacked code, which is large.
#[derive(Debug)]
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        // It may not exist.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Sandbox {
    /// Starts everything on free loopback ports and seeds the landing zone. `say` is called with
    /// each step.
    ///
    /// # Errors
    /// When Python or a package is missing, a port cannot be bound, or a step of the seed fails.
    pub async fn start(options: Options, say: &(dyn Fn(&str) + Sync)) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let endpoint: Url = format!("http://{}", listener.local_addr()?).parse()?;
        say("starting the emulator of AWS (its first start installs it)");
        let emulator = Emulator::start(&EmulatorConfig {
            virtual_environment: options.virtual_environment.clone(),
            directory: options.directory.clone(),
            gateway: endpoint,
            region: options.region.clone(),
            management_account: MANAGEMENT_ACCOUNT.to_owned(),
            requests_late_by: options.requests_late_by,
            deadline: Duration::from_secs(60),
        })
        .await?;
        say("starting the gateway and the SaaS");
        let gateway = Arc::new(Gateway::start(GatewayConfig {
            upstream: emulator.url().clone(),
            region: options.region.clone(),
            management_account: MANAGEMENT_ACCOUNT.to_owned(),
            listener,
            operation_delay: options.operation_delay,
        })?);
        let surroundings = Surroundings {
            emulator: emulator.url().clone(),
            region: options.region.clone(),
            stores: options.stores.clone(),
            chaos: Arc::clone(gateway.chaos()),
        };
        let simulator = options.provider.start(surroundings).await?;
        say("seeding the landing zone");
        let client = AwsClient::new(emulator.url().clone(), options.region.clone())?;
        let administrator =
            identities::make_administrator(&client.account(MANAGEMENT_ACCOUNT)).await?;
        let plan = Plan {
            region: options.region.clone(),
            management_account: MANAGEMENT_ACCOUNT.to_owned(),
            accounts: options.accounts,
            version: options.version,
        };
        let landing_zone = LandingZone::seed(&client, &gateway, &plan)
            .await
            .context("the landing zone could not be seeded")?;
        Ok(Self {
            emulator,
            gateway,
            simulator,
            landing_zone,
            temporary: Temporary(options.directory.join("tmp")),
            options,
            administrator,
        })
    }

    /// A client for the management account's administrator, through the gateway, as a user has it.
    ///
    /// # Errors
    /// When the HTTP client cannot be built.
    pub fn user(&self) -> anyhow::Result<AwsClient> {
        self.running().client()
    }

    /// A client for the management account's root user, behind the gateway: its calls are not
    /// counted, do not fail on demand and need no permission.
    ///
    /// # Errors
    /// When the HTTP client cannot be built.
    pub fn inside(&self) -> anyhow::Result<AwsClient> {
        let client = AwsClient::new(self.emulator.url().clone(), self.options.region.clone())?;
        Ok(client.account(MANAGEMENT_ACCOUNT))
    }

    /// The address and credentials of this sandbox, for other processes.
    #[must_use]
    pub fn running(&self) -> Running {
        Running {
            endpoint: self.gateway.url().clone(),
            region: self.options.region.clone(),
            management_account: MANAGEMENT_ACCOUNT.to_owned(),
            access_key_id: self.administrator.id.clone(),
            secret_access_key: self.administrator.secret.clone(),
            saas: self.simulator.title().to_owned(),
            saas_url: self.simulator.url().clone(),
        }
    }

    /// The folder of this run, with the logs of the emulator and of the functions.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.options.directory
    }

    /// The bucket that [`Sandbox::upload`] fills.
    #[must_use]
    pub fn artifact_bucket(&self) -> String {
        format!(
            "towerhook-artifacts-{MANAGEMENT_ACCOUNT}-{}",
            self.options.region
        )
    }

    /// Uploads the functions to where the template expects them, and the template beside them.
    ///
    /// # Errors
    /// When a zip cannot be read, or S3 refuses it.
    pub async fn upload(&self, zips: &FunctionZips) -> anyhow::Result<()> {
        let (user, bucket) = (self.user()?, self.artifact_bucket());
        launch::upload(&user, &bucket, zips).await?;
        let template = (self.options.provider.template_file(), self.template());
        Ok(launch::upload_template(&user, &bucket, template).await?)
    }

    /// The parameters without a default, or with one that does not fit this machine.
    #[must_use]
    pub fn parameters(&self) -> Parameters {
        let all = self.named_parameters().into_iter();
        all.map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// The same, the vendor's first.
    fn named_parameters(&self) -> Vec<(&'static str, String)> {
        let own = [
            ("ArtifactBucket", self.artifact_bucket()),
            ("ArtifactPrefix", ARTIFACT_PREFIX.to_owned()),
            ("Architecture", architecture().to_owned()),
        ];
        let vendors = self.simulator.parameters().into_iter();
        vendors.chain(own).collect()
    }

    /// The README's command that launches the main stack, with the values of this sandbox. It needs what
    /// [`Sandbox::upload`] uploads, and the administrator's credentials.
    #[must_use]
    pub fn launch_command(&self) -> String {
        let region = &self.options.region;
        let file = self.options.provider.template_file();
        let url = template_url(&self.artifact_bucket(), region, file);
        let parameters = self.named_parameters();
        let parameters = parameters.iter();
        let parameters = parameters.map(|(name, value)| (*name, value.as_str()));
        launch_command(Some(self.gateway.url()), region, &url, parameters)
    }

    /// The vendor whose SaaS there is.
    #[must_use]
    pub fn provider(&self) -> Provider {
        self.options.provider
    }

    /// The main template.
    #[must_use]
    pub fn template(&self) -> &'static str {
        self.options.provider.template()
    }

    /// Creates the main stack with [`Sandbox::parameters`] and the given ones.
    ///
    /// # Errors
    /// When CloudFormation refuses the request.
    pub async fn launch(&self, more: &[(&str, &str)]) -> anyhow::Result<Stack> {
        let mut parameters = self.parameters();
        for (name, value) in more {
            parameters.insert((*name).to_owned(), (*value).to_owned());
        }
        let (user, inside) = (self.user()?, self.inside()?);
        let template = self.template();
        Ok(Stack::create(&user, &inside, STACK_NAME, template, &parameters).await?)
    }

    /// The logs of the main stack's functions.
    #[must_use]
    pub fn function_logs(&self) -> FunctionLogs {
        FunctionLogs::in_run(self.directory())
    }

    /// The states at `now` of the main stack's alarms on the functions' own metrics, if the schedule
    /// of comparisons does this until then.
    ///
    /// # Errors
    /// When CloudWatch does not list the alarms.
    pub async fn alarms(&self, now: Timestamp, schedule: Schedule) -> anyhow::Result<Verdicts> {
        alarms::states(&self.inside()?, &self.function_logs(), now, schedule).await
    }

    /// Ends everything that was started, and removes its temporary files.
    ///
    /// # Errors
    /// When the operating system does not let go of a process.
    pub async fn shutdown(self) -> anyhow::Result<()> {
        let Self {
            emulator,
            simulator,
            temporary,
            ..
        } = self;
        emulator.shutdown().await?;
        drop(temporary);
        simulator.shutdown().await
    }
}

/// A folder for this run, named after this process. Removes those of ended processes, so that only
/// the last run's remains for inspection.
fn run_directory(runs: &Path) -> PathBuf {
    for entry in std::fs::read_dir(runs).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let process = name
            .to_str()
            .and_then(|name| name.split('-').next()?.parse().ok());
        if let Some(process) = process
            && kill(Pid::from_raw(process), None).is_err()
        {
            // Another process may have removed it at the same time.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
    let run = Uuid::new_v4().simple().to_string();
    runs.join(format!("{}-{}", std::process::id(), &run[..8]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_processes_that_are_gone_are_removed() {
        let runs = tempfile::tempdir().unwrap();
        let gone = runs.path().join("2147483646-0000");
        let alive = runs.path().join(format!("{}-0000", std::process::id()));
        for folder in [&gone, &alive] {
            std::fs::create_dir(folder).unwrap();
        }
        let new = run_directory(runs.path());
        assert!(!gone.exists());
        assert!(alive.exists());
        assert_ne!(new, alive);
    }
}

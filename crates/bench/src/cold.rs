//! Cold starts: from a process's start to its first poll of the Runtime API and to its first reply
//! from AWS, beside programs that do next to nothing.

mod programs;
mod tables;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use serde::Serialize;
use serde_json::Value;

use crate::binaries::{self, BARE, BARE_CALL, Binaries};
use crate::cold::programs::{PROGRAMS, Program, answer};
use crate::endpoint::{Certificates, Endpoint, Log, Reply};
use crate::lambda::Function;
use crate::statistics::Quartiles;

pub use tables::tables;

/// What was measured.
#[derive(Debug, Clone, Serialize)]
pub struct Figures {
    /// How often each program was started.
    pub starts: usize,
    /// The programs: the two floors first.
    pub programs: Vec<Start>,
}

/// The start of one program.
#[derive(Debug, Clone, Serialize)]
pub struct Start {
    /// The program.
    pub name: &'static str,
    /// From the process's start to its first poll of the Runtime API, in milliseconds.
    pub first_poll_ms: Quartiles,
    /// The median of that as a multiple of the bare runtime's.
    pub first_poll_times_bare: f64,
    /// The processor time until the first poll, in milliseconds, which other programs on the machine
    /// hardly change.
    pub first_poll_cpu_ms: Quartiles,
    /// The median of that as a multiple of the bare runtime's.
    pub first_poll_cpu_times_bare: f64,
    /// From the process's start to AWS's first reply, in milliseconds, where it calls AWS.
    pub first_reply_ms: Option<Quartiles>,
    /// The median of that as a multiple of the one signed call's.
    pub first_reply_times_bare_call: Option<f64>,
    /// The most memory that was resident until the first poll, in MiB.
    pub first_poll_memory_mib: Quartiles,
    /// The most memory that was resident until the end of the first invocation, in MiB.
    pub invoked_memory_mib: Quartiles,
}

/// One start of one program.
#[derive(Debug, Clone, Copy)]
struct Sample {
    first_poll_ms: f64,
    first_poll_cpu_ms: f64,
    first_reply_ms: Option<f64>,
    first_poll_memory_mib: f64,
    invoked_memory_mib: f64,
}

/// Builds the programs and starts each so many times, all of them in turn, so that what disturbs
/// the machine disturbs them alike. One more start of each, before, counts for nothing: it reads the
/// binaries from the disk.
///
/// # Errors
/// When `starts` is 0, the programs cannot be built, or one does not start or answer.
pub async fn measure(starts: usize) -> anyhow::Result<Figures> {
    ensure!(starts > 0, "nothing is to be started");
    let binaries = binaries::build().await?;
    let scene = Scene::new()?;
    for program in &PROGRAMS {
        scene.start(&binaries, program).await?;
    }
    let mut samples = vec![Vec::new(); PROGRAMS.len()];
    for _ in 0..starts {
        for (program, samples) in PROGRAMS.iter().zip(&mut samples) {
            samples.push(scene.start(&binaries, program).await?);
        }
    }
    let programs = PROGRAMS
        .iter()
        .zip(&samples)
        .map(|(program, samples)| summary(program.name, samples))
        .collect::<Option<Vec<_>>>()
        .and_then(compared)
        .context("a floor was not measured")?;
    Ok(Figures { starts, programs })
}

/// What the programs talk to.
struct Scene {
    certificates: Certificates,
    aws: Endpoint,
    cloud_formation: Endpoint,
}

impl Scene {
    fn new() -> anyhow::Result<Self> {
        let certificates = Certificates::new()?;
        Ok(Self {
            aws: Endpoint::https(&certificates, Arc::new(answer))?,
            cloud_formation: Endpoint::http(Arc::new(|_| Reply::json(&Value::Null)))?,
            certificates,
        })
    }

    async fn start(&self, binaries: &Binaries, program: &Program) -> anyhow::Result<Sample> {
        let Program {
            name,
            settings,
            event,
        } = program;
        let mut environment = settings();
        environment.push(("AWS_ENDPOINT_URL", self.aws.url.clone()));
        let authority = self.certificates.authority().display().to_string();
        environment.push(("AWS_CA_BUNDLE", authority));
        self.aws.take_log();

        let mut function = Function::start(binaries.path(name)?, name, environment).await?;
        let first_poll_cpu = function.cpu_time()?;
        let first_poll_memory_mib = function.peak_memory_mib()?;
        let invoked = function.invoke(event(&self.cloud_formation.url)).await;
        invoked.with_context(|| format!("{name} did not handle its event"))?;
        let Log { first_reply, .. } = self.aws.take_log();
        let calls_aws = *name != BARE;
        ensure!(
            first_reply.is_some() == calls_aws,
            "{name} calls AWS, or does not, against expectation"
        );
        let first_reply = first_reply.map(|at| at.duration_since(function.started()));
        let sample = Sample {
            first_poll_ms: milliseconds(function.start),
            first_poll_cpu_ms: milliseconds(first_poll_cpu),
            first_reply_ms: first_reply.map(milliseconds),
            first_poll_memory_mib,
            invoked_memory_mib: function.peak_memory_mib()?,
        };
        // Its end is not to disturb the next start.
        function.stop().await?;
        Ok(sample)
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// A program's figures, not yet compared with any other's; `None` without a sample.
fn summary(name: &'static str, samples: &[Sample]) -> Option<Start> {
    let of =
        |value: fn(&Sample) -> f64| Quartiles::of(&samples.iter().map(value).collect::<Vec<_>>());
    let replies: Vec<f64> = samples
        .iter()
        .filter_map(|one| one.first_reply_ms)
        .collect();
    Some(Start {
        name,
        first_poll_ms: of(|one| one.first_poll_ms)?,
        first_poll_times_bare: 1.0,
        first_poll_cpu_ms: of(|one| one.first_poll_cpu_ms)?,
        first_poll_cpu_times_bare: 1.0,
        first_reply_ms: Quartiles::of(&replies),
        first_reply_times_bare_call: None,
        first_poll_memory_mib: of(|one| one.first_poll_memory_mib)?,
        invoked_memory_mib: of(|one| one.invoked_memory_mib)?,
    })
}

/// Sets every program's figures against the floors'; `None` where a floor is missing.
fn compared(mut programs: Vec<Start>) -> Option<Vec<Start>> {
    let floor = |name: &str| programs.iter().find(|program| program.name == name);
    let bare = floor(BARE)?;
    let [poll, cpu] = [bare.first_poll_ms.median, bare.first_poll_cpu_ms.median];
    let reply = floor(BARE_CALL)?.first_reply_ms?.median;
    for program in &mut programs {
        program.first_poll_times_bare = program.first_poll_ms.median / poll;
        program.first_poll_cpu_times_bare = program.first_poll_cpu_ms.median / cpu;
        program.first_reply_times_bare_call =
            program.first_reply_ms.map(|times| times.median / reply);
    }
    Some(programs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(first_poll_ms: f64, first_reply_ms: Option<f64>) -> [Sample; 1] {
        [Sample {
            first_poll_ms,
            first_poll_cpu_ms: first_poll_ms / 2.0,
            first_reply_ms,
            first_poll_memory_mib: 4.0,
            invoked_memory_mib: 5.0,
        }]
    }

    #[test]
    fn each_program_is_set_against_the_floor_of_what_it_does() {
        let measured = [
            (BARE, samples(2.0, None)),
            (BARE_CALL, samples(3.0, Some(20.0))),
            ("auth", samples(3.0, Some(25.0))),
        ];
        let programs = measured.map(|(name, samples)| summary(name, &samples).unwrap());
        let compared = compared(programs.into()).unwrap();
        let polls = compared.iter().map(|one| one.first_poll_times_bare);
        assert_eq!(polls.collect::<Vec<_>>(), [1.0, 1.5, 1.5]);
        let cpu = compared.iter().map(|one| one.first_poll_cpu_times_bare);
        assert_eq!(cpu.collect::<Vec<_>>(), [1.0, 1.5, 1.5]);
        let replies = compared.iter().map(|one| one.first_reply_times_bare_call);
        assert_eq!(replies.collect::<Vec<_>>(), [None, Some(1.0), Some(1.25)]);
    }

    #[test]
    fn without_a_floor_nothing_is_compared() {
        let auth = summary("auth", &samples(3.0, Some(25.0))).unwrap();
        assert!(compared(vec![auth]).is_none());
        assert!(summary("auth", &[]).is_none());
    }
}

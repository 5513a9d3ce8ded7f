//! Cold starts: from a process's start to its first poll of the Runtime API and to its first reply
//! from AWS, compared with programs that do next to nothing.

mod programs;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use serde::Serialize;
use serde_json::Value;

use crate::Section;
use crate::binaries::{self, BARE, BARE_CALL, Binaries};
use crate::cold::programs::{PROGRAMS, Program, answer};
use crate::endpoint::{Certificates, Endpoint, Log, Reply};
use crate::lambda::Function;
use crate::numbers::fixed;
use crate::rows::Rows;
use crate::statistics::Quartiles;

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
    /// hardly affect.
    pub first_poll_cpu_ms: Quartiles,
    /// The median of that as a multiple of the bare runtime's.
    pub first_poll_cpu_times_bare: f64,
    /// From the process's start to AWS's first reply, in milliseconds, where it calls AWS.
    pub first_reply_ms: Option<Quartiles>,
    /// The median of that as a multiple of the one signed call's.
    pub first_reply_times_bare_call: Option<f64>,
    /// The peak of resident memory until the first poll, in MiB.
    pub first_poll_memory_mib: Quartiles,
    /// The peak of resident memory until the end of the first invocation, in MiB.
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

/// Builds the programs and starts each `starts` times, in turn, so that other load on the machine
/// affects them alike. A first start of each is not counted: it reads the binary from disk.
///
/// # Errors
/// When `starts` is 0, the programs cannot be built, or one does not start or answer.
pub async fn measure(starts: usize) -> anyhow::Result<Figures> {
    ensure!(starts > 0, "the number of starts is 0");
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

/// The endpoints that the programs call.
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
            "{name} should call AWS: {calls_aws}"
        );
        let first_reply = first_reply.map(|at| at.duration_since(function.started()));
        let sample = Sample {
            first_poll_ms: milliseconds(function.start),
            first_poll_cpu_ms: milliseconds(first_poll_cpu),
            first_reply_ms: first_reply.map(milliseconds),
            first_poll_memory_mib,
            invoked_memory_mib: function.peak_memory_mib()?,
        };
        // Its end must not disturb the next start.
        function.stop().await?;
        Ok(sample)
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// A program's figures, not yet compared with the floors'; `None` without a sample.
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

/// Compares every program's figures with the floors'; `None` where a floor is missing.
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

/// The figures as tables.
#[must_use]
pub fn tables(figures: &Figures) -> Vec<Section> {
    let Figures { starts, programs } = figures;
    let title = |what: &str| format!("Cold starts: {what}, medians of {starts}");
    let replies = programs.iter().filter_map(|program| {
        let times_floor = program.first_reply_times_bare_call?;
        Some((program.name, program.first_reply_ms?, times_floor))
    });
    vec![
        Rows::of(programs)
            .column("program", |program| program.name)
            .column("time, ms", |program| fixed(program.first_poll_ms.median, 2))
            .column(SPREAD, |program| spread(program.first_poll_ms))
            .column("times bare", |program| {
                fixed(program.first_poll_times_bare, 2)
            })
            .column("processor, ms", |program| {
                fixed(program.first_poll_cpu_ms.median, 2)
            })
            .column("times bare", |program| {
                fixed(program.first_poll_cpu_times_bare, 2)
            })
            .titled(title("from the process's start to its first poll")),
        Rows::of(replies)
            .column("program", |(name, ..)| *name)
            .column("time, ms", |(_, times, _)| fixed(times.median, 2))
            .column(SPREAD, |(_, times, _)| spread(*times))
            .column("times bare-call", |(.., times_floor)| {
                fixed(*times_floor, 2)
            })
            .titled(title("from the process's start to AWS's first reply")),
        Rows::of(programs)
            .column("program", |program| program.name)
            .column("at the first poll, MiB", |program| {
                fixed(program.first_poll_memory_mib.median, 1)
            })
            .column("after one invocation, MiB", |program| {
                fixed(program.invoked_memory_mib.median, 1)
            })
            .titled(title("peak resident memory")),
    ]
}

const SPREAD: &str = "least and middle half, ms";

fn spread(times: Quartiles) -> String {
    let [least, lower, upper] = [times.least, times.lower, times.upper].map(|time| fixed(time, 2));
    format!("{least}, {lower} to {upper}")
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
    fn each_program_is_compared_with_its_floor() {
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

    #[test]
    fn a_program_that_calls_nothing_has_no_row_among_the_replies() {
        let programs = [(BARE, None), (BARE_CALL, Some(9.0))]
            .map(|(name, reply)| summary(name, &samples(2.0, reply)).unwrap());
        let figures = Figures {
            starts: 1,
            programs: compared(programs.into()).unwrap(),
        };
        let rows = tables(&figures).into_iter();
        let rows: Vec<usize> = rows
            .map(|section| section.table.row_iter().count())
            .collect();
        assert_eq!(rows, [2, 1, 2]);
    }
}

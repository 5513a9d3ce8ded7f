//! The machine that the figures were measured on, and its kernel's figures of a process.

use std::fmt::Display;
use std::path::Path;
use std::process::Command;

use anyhow::Context;
use serde::Serialize;

use crate::Section;
use crate::rows::Rows;

/// Shown where the machine does not say.
const UNKNOWN: &str = "unknown";

/// What a figure depends on besides the code.
#[derive(Debug, Clone, Serialize)]
pub struct Machine {
    /// The processor's model.
    pub processor: String,
    /// Cores that this process may use.
    pub cores: usize,
    /// Memory in GiB, if known.
    pub memory_gib: Option<f64>,
    /// The operating system.
    pub system: String,
    /// The compiler.
    pub rustc: String,
}

/// Describes this machine.
#[must_use]
pub fn machine() -> Machine {
    let processor = read("/proc/cpuinfo").and_then(|text| field(&text, "model name", ':'));
    let system = read("/etc/os-release").and_then(|text| field(&text, "PRETTY_NAME", '='));
    let memory = read("/proc/meminfo").and_then(|text| kibibytes(&text, "MemTotal"));
    Machine {
        processor: processor.unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        memory_gib: memory.map(|kib| kib / f64::from(1 << 20)),
        system: system.unwrap_or_else(|| std::env::consts::OS.to_owned()),
        rustc: rustc().unwrap_or_else(|| UNKNOWN.to_owned()),
    }
}

/// The machine as a table.
#[must_use]
pub fn tables(machine: &Machine) -> Vec<Section> {
    let memory = machine.memory_gib.map(|memory| format!("{memory:.0} GiB"));
    let rows = Rows::of([
        ("processor", machine.processor.clone()),
        ("cores", machine.cores.to_string()),
        ("memory", memory.unwrap_or_else(|| UNKNOWN.to_owned())),
        ("system", machine.system.clone()),
        ("compiler", machine.rustc.clone()),
    ]);
    let rows = rows.column("", |(what, _)| *what);
    vec![
        rows.column("measured on", |(_, value)| value.clone())
            .titled("Machine"),
    ]
}

/// The peak of a process's resident memory so far, in MiB. A process is its id, or `self`.
///
/// # Errors
/// When the kernel does not say, as after the process's end.
pub(crate) fn peak_memory_mib(process: impl Display) -> anyhow::Result<f64> {
    let path = format!("/proc/{process}/status");
    let status = std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let peak = kibibytes(&status, "VmHWM").context("the kernel does not say VmHWM")?;
    Ok(peak / 1024.0)
}

fn read(path: impl AsRef<Path>) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

/// The first value that a file of lines `name: value` has for a name, without quotes.
fn field(text: &str, name: &str, separator: char) -> Option<String> {
    text.lines()
        .filter_map(|line| line.split_once(separator))
        .find(|(key, _)| key.trim() == name)
        .map(|(_, value)| value.trim().trim_matches('"').to_owned())
}

/// A field of a file in `/proc` that is a size.
fn kibibytes(text: &str, name: &str) -> Option<f64> {
    let value = field(text, name, ':')?;
    value.strip_suffix("kB")?.trim().parse().ok()
}

fn rustc() -> Option<String> {
    let output = Command::new("rustc").arg("--version").output().ok()?;
    let version = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| version.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_the_first_of_its_name_without_quotes() {
        let text = "processor\t: 0\nmodel name\t: A CPU @ 2:1\nmodel name\t: B\n";
        let model = field(text, "model name", ':');
        assert_eq!(model.as_deref(), Some("A CPU @ 2:1"));
        let release = "NAME=\"x\"\nPRETTY_NAME=\"An OS 12\"\n";
        let system = field(release, "PRETTY_NAME", '=');
        assert_eq!(system.as_deref(), Some("An OS 12"));
        assert_eq!(field(text, "absent", ':'), None);
    }

    #[test]
    fn the_peak_is_read_and_not_the_current_size() {
        let status =
            "Name:\taccount\nVmPeak:\t  105640 kB\nVmHWM:\t    8124 kB\nVmRSS:\t    7000 kB\n";
        assert_eq!(kibibytes(status, "VmHWM"), Some(8124.0));
        assert_eq!(kibibytes("Name:\taccount\nVmRSS:\t 7 kB\n", "VmHWM"), None);
        assert!(peak_memory_mib("self").unwrap() > 1.0);
    }

    #[test]
    fn this_machine_has_cores_and_a_compiler() {
        let machine = machine();
        assert!(machine.cores > 0);
        assert!(machine.rustc.starts_with("rustc "), "{machine:?}");
    }
}

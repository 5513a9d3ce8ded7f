//! The machine that was measured on.

use std::path::Path;
use std::process::Command;

use comfy_table::Table;
use serde::Serialize;

use crate::Section;

/// What is said where the machine does not tell.
const UNKNOWN: &str = "unknown";

/// What a figure depends on beside the code.
#[derive(Debug, Clone, Serialize)]
pub struct Machine {
    /// The processor's model.
    pub processor: String,
    /// Cores that this process may use.
    pub cores: usize,
    /// Memory in GiB, where the machine tells.
    pub memory_gib: Option<f64>,
    /// The operating system.
    pub system: String,
    /// The compiler.
    pub rustc: String,
}

/// Looks at this machine.
#[must_use]
pub fn machine() -> Machine {
    let unknown = || UNKNOWN.to_owned();
    let processor = read("/proc/cpuinfo").and_then(|text| field(&text, "model name", ':'));
    let system = read("/etc/os-release").and_then(|text| field(&text, "PRETTY_NAME", '='));
    Machine {
        processor: processor.unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        memory_gib: read("/proc/meminfo").and_then(|text| memory_gib(&text)),
        system: system.unwrap_or_else(|| std::env::consts::OS.to_owned()),
        rustc: rustc().unwrap_or_else(unknown),
    }
}

/// The machine as a table.
#[must_use]
pub fn tables(machine: &Machine) -> Vec<Section> {
    let mut table = Table::new();
    table.set_header(["", "measured on"]);
    let memory = machine.memory_gib.map(|memory| format!("{memory:.0} GiB"));
    table.add_row(["processor", &machine.processor]);
    table.add_row(["cores", &machine.cores.to_string()]);
    table.add_row(["memory", memory.as_deref().unwrap_or(UNKNOWN)]);
    table.add_row(["system", &machine.system]);
    table.add_row(["compiler", &machine.rustc]);
    vec![Section {
        title: "Machine".to_owned(),
        table,
    }]
}

fn read(path: impl AsRef<Path>) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

/// The first value that a file of such lines has for a name, without quotes.
fn field(text: &str, name: &str, separator: char) -> Option<String> {
    text.lines()
        .filter_map(|line| line.split_once(separator))
        .find(|(key, _)| key.trim() == name)
        .map(|(_, value)| value.trim().trim_matches('"').to_owned())
}

fn memory_gib(meminfo: &str) -> Option<f64> {
    let total = field(meminfo, "MemTotal", ':')?;
    let kibibytes: f64 = total.strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes / f64::from(1 << 20))
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
        assert_eq!(
            field(text, "model name", ':').as_deref(),
            Some("A CPU @ 2:1")
        );
        let release = "NAME=\"x\"\nPRETTY_NAME=\"An OS 12\"\n";
        assert_eq!(
            field(release, "PRETTY_NAME", '=').as_deref(),
            Some("An OS 12")
        );
        assert_eq!(field(text, "absent", ':'), None);
    }

    #[test]
    fn memory_is_told_in_gibibytes() {
        assert_eq!(memory_gib("MemTotal:        8388608 kB\n"), Some(8.0));
        assert_eq!(memory_gib("MemFree: 1 kB\n"), None);
    }

    #[test]
    fn this_machine_has_cores_and_a_compiler() {
        let machine = machine();
        assert!(machine.cores > 0);
        assert!(machine.rustc.starts_with("rustc "), "{machine:?}");
    }
}

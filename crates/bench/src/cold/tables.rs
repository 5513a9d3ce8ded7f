//! The figures as tables.

use comfy_table::Table;

use super::{Figures, Start};
use crate::Section;
use crate::statistics::Quartiles;

/// The figures as tables.
#[must_use]
pub fn tables(figures: &Figures) -> Vec<Section> {
    let Figures { starts, programs } = figures;
    let section = |what: &str, table| Section {
        title: format!("Cold starts: {what}, medians of {starts}"),
        table,
    };
    vec![
        section(
            "from the process's start to its first poll",
            polls(programs),
        ),
        section(
            "from the process's start to AWS's first reply",
            replies(programs),
        ),
        section("peak resident memory", memory(programs)),
    ]
}

fn polls(programs: &[Start]) -> Table {
    let mut table = Table::new();
    table.set_header([
        "program",
        "time, ms",
        "least and middle half, ms",
        "times bare",
        "processor, ms",
        "times bare",
    ]);
    for program in programs {
        table.add_row([
            program.name.to_owned(),
            format!("{:.2}", program.first_poll_ms.median),
            spread(program.first_poll_ms),
            format!("{:.2}", program.first_poll_times_bare),
            format!("{:.2}", program.first_poll_cpu_ms.median),
            format!("{:.2}", program.first_poll_cpu_times_bare),
        ]);
    }
    table
}

fn replies(programs: &[Start]) -> Table {
    let mut table = Table::new();
    table.set_header([
        "program",
        "time, ms",
        "least and middle half, ms",
        "times bare-call",
    ]);
    for program in programs {
        let measured = program
            .first_reply_ms
            .zip(program.first_reply_times_bare_call);
        if let Some((times, ratio)) = measured {
            table.add_row([
                program.name.to_owned(),
                format!("{:.2}", times.median),
                spread(times),
                format!("{ratio:.2}"),
            ]);
        }
    }
    table
}

fn memory(programs: &[Start]) -> Table {
    let mut table = Table::new();
    table.set_header([
        "program",
        "at the first poll, MiB",
        "after one invocation, MiB",
    ]);
    for program in programs {
        table.add_row([
            program.name.to_owned(),
            format!("{:.1}", program.first_poll_memory_mib.median),
            format!("{:.1}", program.invoked_memory_mib.median),
        ]);
    }
    table
}

fn spread(
    Quartiles {
        least,
        lower,
        upper,
        ..
    }: Quartiles,
) -> String {
    format!("{least:.2}, {lower:.2} to {upper:.2}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_calls_nobody_has_no_row_among_the_replies() {
        let of = |value| Quartiles::of(&[value]).unwrap();
        let start = |name, first_reply_ms: Option<Quartiles>| Start {
            name,
            first_poll_ms: of(2.0),
            first_poll_times_bare: 1.0,
            first_poll_cpu_ms: of(1.0),
            first_poll_cpu_times_bare: 1.0,
            first_reply_ms,
            first_reply_times_bare_call: first_reply_ms.map(|_| 1.0),
            first_poll_memory_mib: of(3.0),
            invoked_memory_mib: of(4.0),
        };
        let figures = Figures {
            starts: 1,
            programs: vec![start("bare", None), start("bare-call", Some(of(9.0)))],
        };
        let rows = tables(&figures).into_iter();
        let rows: Vec<usize> = rows
            .map(|section| section.table.row_iter().count())
            .collect();
        assert_eq!(rows, [2, 1, 2]);
    }
}

//! The dated copies of the status in a folder: `YYYY-MM-DD/coverage.json`, as in the bucket of evidence.

use std::{
    fs::{self, File},
    io::Read,
    path::Path,
};

use anyhow::{Context, ensure};
use jiff::civil::Date;
use towerhook_operate::Day;

/// The file in the folder of a day.
const FILE: &str = "coverage.json";
/// Four years of days: a chart of more says nothing.
const MOST_DAYS: usize = 1_500;
/// More than a status of the largest organization takes.
const MOST_BYTES: u64 = 64 << 20;

/// The coverage of each day that has a folder.
pub(super) fn read(folder: &Path) -> anyhow::Result<Vec<Day>> {
    let entries = fs::read_dir(folder).with_context(|| cannot_read(folder))?;
    let mut dates = Vec::new();
    for entry in entries {
        dates.extend(date(&entry?.file_name().to_string_lossy()));
    }
    ensure!(
        !dates.is_empty(),
        "{} has no folder of a day, such as 2026-01-31",
        folder.display()
    );
    ensure!(
        dates.len() <= MOST_DAYS,
        "{} has more than {MOST_DAYS} days: give a folder with fewer",
        folder.display()
    );
    dates.sort_unstable();
    dates
        .into_iter()
        .map(|date| {
            let file = folder.join(date.to_string()).join(FILE);
            let json = bounded(&file)?;
            Day::read(date, &json).with_context(|| cannot_read(&file))
        })
        .collect()
}

/// The date that a folder is named after.
fn date(name: &str) -> Option<Date> {
    let date: Date = name.parse().ok()?;
    // The parser takes other forms, too.
    (date.to_string() == name).then_some(date)
}

fn bounded(file: &Path) -> anyhow::Result<Vec<u8>> {
    let mut json = Vec::new();
    let open = File::open(file).with_context(|| cannot_read(file))?;
    open.take(MOST_BYTES + 1)
        .read_to_end(&mut json)
        .with_context(|| cannot_read(file))?;
    ensure!(
        json.len() as u64 <= MOST_BYTES,
        "{} is larger than any status",
        file.display()
    );
    Ok(json)
}

fn cannot_read(path: &Path) -> String {
    format!("cannot read {}", path.display())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    /// A folder with this text for each day.
    fn folder(days: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (day, text) in days {
            let file = file(folder.path(), day);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        folder
    }

    fn file(folder: &Path, day: &str) -> PathBuf {
        folder.join(day).join(FILE)
    }

    fn status(read_at: &str, watched: u32) -> String {
        format!(
            r#"{{"format_version": 1, "read_at": "{read_at}", "accounts": [],
                "coverage": {{"watched": {watched}, "unwatched": {{"stack-fails": 1}}}}}}"#
        )
    }

    #[test]
    fn days_are_read_in_order_and_other_names_are_left_alone() {
        let folder = folder(&[
            ("2026-01-31", &status("2026-01-31T06:00:00Z", 9)),
            ("2026-01-02", &status("2026-01-02T06:00:00Z", 3)),
            ("20260103", "not read"),
            ("latest", "not read"),
        ]);
        let days = read(folder.path()).unwrap();
        let figures: Vec<_> = days.iter().map(|day| (day.watched, day.in_scope)).collect();
        assert_eq!(figures, [(3, 4), (9, 10)]);
    }

    #[test]
    fn a_day_that_cannot_be_read_is_named() {
        let refused = |folder: &Path| format!("{:#}", read(folder).unwrap_err());
        let empty = folder(&[]);
        assert!(refused(empty.path()).contains("no folder of a day"));
        let broken = folder(&[("2026-01-31", "{")]);
        let words = refused(broken.path());
        assert!(words.contains("2026-01-31/coverage.json"), "{words}");
        let without = folder(&[]);
        fs::create_dir(without.path().join("2026-01-31")).unwrap();
        assert!(refused(without.path()).contains("cannot read"));
        let large = folder(&[("2026-01-31", "")]);
        let grown = File::create(file(large.path(), "2026-01-31")).unwrap();
        grown.set_len(MOST_BYTES + 1).unwrap();
        assert!(refused(large.path()).contains("larger than any status"));
        let many = folder(&[]);
        for day in Date::constant(2020, 1, 1)
            .series(jiff::Span::new().days(1))
            .take(MOST_DAYS + 1)
        {
            fs::create_dir(many.path().join(day.to_string())).unwrap();
        }
        assert!(refused(many.path()).contains("more than 1500 days"));
    }
}

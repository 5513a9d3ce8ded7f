//! A scenario's transcript: the steps, AWS's events, and the rows that change in the table of all
//! accounts.

use std::fmt::Write as _;

use crate::scene::Scene;

/// The text so far.
#[derive(Debug, Default)]
pub struct Transcript {
    text: String,
    table: String,
}

impl Transcript {
    /// Begins with the current table.
    pub async fn begin(scene: &Scene) -> Self {
        let _ = scene.sandbox.landing_zone.emission().take_sent();
        let table = scene.table().await;
        let text = format!("at first\n{}", indented(table.lines()));
        Self { text, table }
    }

    /// Adds the changes since the last call, once everything has settled.
    pub async fn tell(&mut self, scene: &Scene, what: &str) {
        scene.settle().await;
        let table = scene.table().await;
        let known: Vec<&str> = self.table.lines().collect();
        let rows = table.lines().filter(|row| !known.contains(row));
        let rows = indented(rows);
        let rows = if rows.is_empty() {
            "    all as before\n"
        } else {
            &rows
        };
        let mut counted: Vec<(String, usize)> = Vec::new();
        for name in scene.sandbox.landing_zone.emission().take_sent() {
            match counted.iter_mut().find(|(known, _)| *known == name) {
                Some((_, count)) => *count += 1,
                None => counted.push((name, 1)),
            }
        }
        let events: Vec<String> = counted
            .iter()
            .map(|(name, count)| match count {
                1 => name.clone(),
                _ => format!("{count} {name}"),
            })
            .collect();
        let events = match events.join(", ") {
            none if none.is_empty() => "no event".to_owned(),
            some => some,
        };
        write!(self.text, "\n{what} ({events})\n{rows}").expect("a text takes any text");
        self.table = table;
    }

    /// The whole text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

fn indented<'a>(rows: impl Iterator<Item = &'a str>) -> String {
    rows.map(|row| format!("    {row}\n")).collect()
}

use comfy_table::Table;
use comfy_table::presets::UTF8_BORDERS_ONLY;
use towerhook_bench::Section;
use towerhook_core::dead_letters::Described;
use towerhook_sandbox::story::{AccountStory, ChapterTime};

/// The final state of every account.
pub(crate) fn accounts(stories: &[AccountStory]) -> Table {
    let mut table = table(&[
        "account",
        "name",
        "OU",
        "role",
        "stack instance",
        "read by",
        "store",
        "enrolled after",
    ]);
    for story in stories {
        let account = &story.account;
        let registration = story.enrollment.registration.as_ref();
        let none = || "-".to_owned();
        add_row(
            &mut table,
            [
                account.id.clone(),
                account.name.clone(),
                account.unit.clone(),
                account.role.to_string(),
                story.enrollment.instance.clone().unwrap_or_else(none),
                registration.map_or_else(none, |one| one.name.clone()),
                registration.map_or_else(none, |one| one.store.clone()),
                match (story.enrolled_after, story.expected) {
                    (Some(time), true) => format!("{:.1} s", time.as_secs_f64()),
                    (Some(_), false) => "moved out".to_owned(),
                    (None, true) => "not enrolled".to_owned(),
                    (None, false) => "left alone".to_owned(),
                },
            ],
        );
    }
    table
}

/// The messages of the dead-letter queue.
pub(crate) fn dead_letters(letters: &[Described]) -> Table {
    let mut table = table(&["since", "kind", "about", "why", ""]);
    for letter in letters {
        add_row(
            &mut table,
            [
                letter
                    .sent_at
                    .map_or_else(|| "-".to_owned(), |time| format!("{time:.0}")),
                letter.kind.clone(),
                letter.about.clone(),
                letter.why.clone(),
                letter.fate.to_string(),
            ],
        );
    }
    table
}

/// The figures of each chapter.
pub(crate) fn chapters(chapters: &[ChapterTime]) -> Table {
    let mut table = table(&["chapter", "seconds"]);
    for chapter in chapters {
        add_row(
            &mut table,
            [chapter.name.clone(), format!("{:.1}", chapter.seconds)],
        );
    }
    table
}

/// A table of the benchmark, with its title.
pub(crate) fn section(section: &Section) -> String {
    let mut table = section.table.clone();
    table.load_style(UTF8_BORDERS_ONLY);
    format!("{}\n{table}", section.title)
}

/// A row whose texts cannot control the terminal: names and events are untrusted.
fn add_row<const N: usize>(table: &mut Table, cells: [String; N]) {
    table.add_row(cells.map(|cell| printable(&cell)));
}

/// The text with all invisible characters escaped: control characters, and those that change the
/// text direction.
pub(crate) fn printable(text: &str) -> String {
    let shown = |character: char| match character {
        '"' | '\'' | '\\' => vec![character],
        other => other.escape_debug().collect(),
    };
    text.chars().flat_map(shown).collect()
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_BORDERS_ONLY).set_header(header);
    table
}

#[cfg(test)]
mod tests {
    use towerhook_core::dead_letters::Fate;

    use super::*;

    #[test]
    fn a_table_shows_control_and_direction_characters_and_does_not_obey_them() {
        let letter = Described {
            id: "1".into(),
            sent_at: None,
            kind: "Crea\u{1b}[2Jte".into(),
            about: "\u{202e}333222111\u{2066}".into(),
            why: "one\r\ntwo \"quoted\" ü".into(),
            fate: Fate::Kept,
        };
        let shown = dead_letters(&[letter]).to_string();
        let is_hidden = |text: char| {
            text != '\n' && (text.is_control() || ('\u{200b}'..'\u{2070}').contains(&text))
        };
        assert!(!shown.contains(is_hidden), "{shown:?}");
        for text in [
            r"\u{1b}[2J",
            r"\u{202e}333222111\u{2066}",
            r#"one\r\ntwo "quoted" ü"#,
        ] {
            assert!(shown.contains(text), "{shown}");
        }
    }
}

use comfy_table::Table;
use comfy_table::presets::{NOTHING, UTF8_BORDERS_ONLY};
use towerhook_bench::Section;
use towerhook_sandbox::emulator::gaps;
use towerhook_sandbox::story::{AccountStory, ChapterTime};

use crate::terminal::columns::{fitted, in_style};

/// The final state of every account.
pub(crate) fn accounts(stories: &[AccountStory]) -> Table {
    let mut table = fitted(Some([
        "account",
        "name",
        "OU",
        "role",
        "enrolled after the launch or its event",
    ]));
    for story in stories {
        let account = &story.account;
        add_row(
            &mut table,
            [
                account.id.clone(),
                account.name.clone(),
                account.unit.clone(),
                account.role.to_string(),
                enrolled(story),
            ],
        );
    }
    table
}

fn enrolled(story: &AccountStory) -> String {
    let enrollment = &story.enrollment;
    match (story.enrolled_after, story.expected) {
        (Some(time), true) if enrollment.is_complete() => {
            format!("{:.1} s", time.as_secs_f64())
        }
        (_, true) => format!("no: {enrollment}"),
        (_, false) if !enrollment.is_absent() => format!("should not be: {enrollment}"),
        (Some(_), false) => "moved out".to_owned(),
        (None, false) => "left alone".to_owned(),
    }
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

/// What the sandbox does otherwise than AWS, and what in the template asks for it.
pub(crate) fn gaps(template: &str) -> String {
    let mut table = in_style(NOTHING);
    for gap in gaps::all(template) {
        add_row(
            &mut table,
            [gap.asked_by.to_owned(), gap.difference.to_owned()],
        );
    }
    table.trim_fmt()
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
    use std::time::Duration;

    use towerhook_sandbox::landing_zone::{Account, Role};
    use towerhook_sandbox::providers::{Provider, Registration, Subject};
    use towerhook_sandbox::story::Enrollment;

    use super::*;
    use crate::terminal::columns::width;

    #[test]
    fn control_and_direction_characters_are_shown_and_other_text_stays() {
        for (text, shown) in [
            ("Crea\u{1b}[2Jte", r"Crea\u{1b}[2Jte"),
            ("\u{202e}333222111\u{2066}", r"\u{202e}333222111\u{2066}"),
            ("one\r\ntwo \"quoted\" ü", r#"one\r\ntwo "quoted" ü"#),
        ] {
            assert_eq!(printable(text), shown);
        }
    }
    fn story(expected: bool, after: Option<u64>, instance: Option<&str>) -> AccountStory {
        AccountStory {
            account: Account {
                id: "123456789012".into(),
                name: "development-12".into(),
                unit: "Development".into(),
                role: Role::Unmanaged,
            },
            expected,
            enrollment: Enrollment {
                instance: instance.map(str::to_owned),
                registration: None,
            },
            enrolled_after: after.map(Duration::from_secs),
        }
    }

    #[test]
    fn the_demos_tables_fit_into_80_columns() {
        let reason = "INOPERABLE (ResourceLogicalId:Role, ResourceStatusReason:it is taken)";
        let stories = [
            story(true, None, Some(reason)),
            story(true, Some(12), Some("CURRENT")),
            story(false, Some(12), None),
            story(false, None, None),
            story(false, None, Some("CURRENT")),
        ];
        let shown = accounts(&stories).to_string();
        for text in ["no: stack", "moved out", "left alone", "should not be:"] {
            assert!(shown.contains(text), "{shown}");
        }
        let mut watched = story(true, Some(12), Some("CURRENT"));
        watched.enrollment.registration = Some(Registration {
            id: "1".into(),
            name: "development-12".into(),
            store: "acme".into(),
            role_arn: None,
            external_id: None,
            subject: Subject::Account("123456789012".into()),
            enabled: true,
        });
        let told = accounts(&[watched]).to_string();
        assert!(told.contains("  12.0 s "), "{told}");
        let short = accounts(&stories[2..4]).to_string();
        // The widest header takes three lines.
        assert_eq!(short.lines().count(), 5 + 2 + 1, "{short}");
        let chapter = ChapterTime {
            name: "stack launched again, protection taken over".into(),
            seconds: 1234.5,
        };
        let chapters = chapters(&[chapter]).to_string();
        let gaps = gaps(Provider::Lacework.template());
        assert!(!gaps.contains(" \n"), "{gaps:?}");
        for line in [shown, short, chapters, gaps]
            .iter()
            .flat_map(|one| one.lines())
        {
            assert!(line.chars().count() <= usize::from(width()), "{line}");
        }
    }
}

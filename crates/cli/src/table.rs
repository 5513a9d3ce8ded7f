use comfy_table::Table;
use comfy_table::presets::UTF8_BORDERS_ONLY;
use towerhook_bench::Section;
use towerhook_core::lifecycle::Described;
use towerhook_sandbox::story::{AccountStory, ChapterTime};

/// What became of every account.
pub(crate) fn accounts(stories: &[AccountStory]) -> Table {
    let mut table = table(&[
        "account",
        "name",
        "OU",
        "role",
        "stack instance",
        "integration",
        "sub-account",
        "enrolled after",
    ]);
    for story in stories {
        let account = &story.account;
        let integration = story.enrollment.integration.as_ref();
        let none = || "-".to_owned();
        table.add_row([
            account.id.clone(),
            account.name.clone(),
            account.unit.clone(),
            account.role.to_string(),
            story.enrollment.instance.clone().unwrap_or_else(none),
            integration.map_or_else(none, |one| one.name.clone()),
            integration.map_or_else(none, |one| one.account.clone()),
            match (story.enrolled_after, story.expected) {
                (Some(time), _) => format!("{:.1} s", time.as_secs_f64()),
                (None, true) => "not enrolled".to_owned(),
                (None, false) => "left alone".to_owned(),
            },
        ]);
    }
    table
}

/// What is in the dead-letter queue.
pub(crate) fn dead_letters(letters: &[Described]) -> Table {
    let mut table = table(&["since", "kind", "about", "why", ""]);
    for letter in letters {
        table.add_row([
            letter
                .sent_at
                .map_or_else(|| "-".to_owned(), |time| format!("{time:.0}")),
            letter.kind.clone(),
            letter.about.clone(),
            letter.why.clone(),
            letter.fate.to_string(),
        ]);
    }
    table
}

/// What each chapter took.
pub(crate) fn chapters(chapters: &[ChapterTime]) -> Table {
    let mut table = table(&["chapter", "seconds"]);
    for chapter in chapters {
        table.add_row([chapter.name.clone(), format!("{:.1}", chapter.seconds)]);
    }
    table
}

/// A table of the benchmark, with its title.
pub(crate) fn section(section: &Section) -> String {
    let mut table = section.table.clone();
    table.load_style(UTF8_BORDERS_ONLY);
    format!("{}\n{table}", section.title)
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_BORDERS_ONLY).set_header(header);
    table
}

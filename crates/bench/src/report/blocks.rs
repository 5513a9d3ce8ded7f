use comfy_table::presets::ASCII_MARKDOWN;

use crate::Section;

/// Sections as markdown: each title in bold above its table.
pub(super) fn markdown(sections: &[Section]) -> String {
    let sections = sections.iter().map(|Section { title, table }| {
        let mut table = table.clone();
        table.load_style(ASCII_MARKDOWN);
        format!("**{title}**\n\n{table}\n")
    });
    sections.collect::<Vec<_>>().join("\n")
}

/// Whether the page has the beginning of a block.
pub(super) fn has(page: &str, block: &str) -> bool {
    page.contains(&marks(block).0)
}

/// The page with other content between the marks of a block; `None` when they are not a pair.
pub(super) fn replaced(page: &str, block: &str, content: &str) -> Option<String> {
    let (begin, end) = marks(block);
    let (before, rest) = page.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}\n\n{content}\n{end}{after}"))
}

fn marks(block: &str) -> (String, String) {
    (
        format!("<!-- bench:{block} -->"),
        format!("<!-- /bench:{block} -->"),
    )
}

#[cfg(test)]
mod tests {
    use comfy_table::Table;

    use super::*;

    #[test]
    fn a_section_becomes_a_markdown_table() {
        let mut table = Table::new();
        table.set_header(["function", "ms"]).add_row(["auth", "2"]);
        let title = "Starts".to_owned();
        let text = markdown(&[Section { title, table }]);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0], "**Starts**");
        assert_eq!(
            lines[2].split_whitespace().collect::<String>(),
            "|function|ms|"
        );
        assert!(lines[3].starts_with("|--"), "{text}");
        assert_eq!(lines.len(), 5);
    }

    #[test]
    fn only_the_text_between_the_marks_is_replaced() {
        let page = "a\n<!-- bench:cold -->\nold\n<!-- /bench:cold -->\nb\n";
        let fresh = replaced(page, "cold", "new\n").unwrap();
        assert_eq!(
            fresh,
            "a\n<!-- bench:cold -->\n\nnew\n\n<!-- /bench:cold -->\nb\n"
        );
        assert_eq!(replaced(&fresh, "cold", "new\n").unwrap(), fresh);
    }

    #[test]
    fn marks_that_are_no_pair_are_refused() {
        assert!(!has("", "cold"));
        assert_eq!(replaced("<!-- bench:cold -->", "cold", ""), None);
        assert_eq!(replaced("", "cold", ""), None);
    }
}

//! How wide the terminal is, and tables that fit into it.

use comfy_table::{ContentArrangement, Table, TableStyle, presets::UTF8_BORDERS_ONLY};

/// The width where there is no terminal.
const WIDTH: u16 = 80;
/// A terminal that is narrower wraps the lines itself.
const LEAST_WIDTH: u16 = 60;

/// The width of the terminal.
pub(crate) fn width() -> u16 {
    // A test is the same wherever it runs.
    let terminal = (!cfg!(test)).then(|| Table::new().width()).flatten();
    // Some terminals have no width.
    terminal
        .filter(|width| *width >= LEAST_WIDTH)
        .unwrap_or(WIDTH)
}

/// A table that wraps.
pub(crate) fn fitted<const N: usize>(header: Option<[&str; N]>) -> Table {
    let mut table = in_style(UTF8_BORDERS_ONLY);
    if let Some(header) = header {
        table.set_header(header);
    }
    table
}

/// A table that wraps, in this style and without a header.
pub(crate) fn in_style(style: TableStyle) -> Table {
    let mut table = Table::new();
    table.load_style(style);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(width());
    table
}

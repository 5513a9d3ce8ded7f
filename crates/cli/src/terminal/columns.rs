//! How wide the terminal is.

use comfy_table::Table;

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

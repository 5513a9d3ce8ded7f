//! Tables derived from rows: a column is its heading and the function that shows a row in it.

use comfy_table::Table;

use crate::Section;

/// Rows, and the columns added so far.
pub(crate) struct Rows<R> {
    rows: Vec<R>,
    headings: Vec<String>,
    cells: Vec<Vec<String>>,
}

impl<R> Rows<R> {
    pub(crate) fn of(rows: impl IntoIterator<Item = R>) -> Self {
        let rows: Vec<R> = rows.into_iter().collect();
        Self {
            headings: Vec::new(),
            cells: vec![Vec::new(); rows.len()],
            rows,
        }
    }

    /// Adds a column.
    pub(crate) fn column<T: ToString>(
        mut self,
        heading: impl Into<String>,
        cell: impl Fn(&R) -> T,
    ) -> Self {
        self.headings.push(heading.into());
        for (row, cells) in self.rows.iter().zip(&mut self.cells) {
            cells.push(cell(row).to_string());
        }
        self
    }

    /// The table under its title.
    pub(crate) fn titled(self, title: impl Into<String>) -> Section {
        let mut table = Table::new();
        table.set_header(self.headings).add_rows(self.cells);
        Section {
            title: title.into(),
            table,
        }
    }
}

//! What Towerhook costs: cold starts, enrollments, scale and size, measured against a budget.
//!
//! Each module measures one thing: `measure` returns its figures, and `tables` shows them.

pub mod binaries;
pub mod budgets;
pub mod cold;
pub mod cost;
mod endpoint;
pub mod enroll;
mod functions;
mod lambda;
mod launched;
pub mod machine;
mod numbers;
pub mod picture;
pub mod report;
mod rows;
pub mod scale;
pub mod size;
pub mod statistics;
pub mod steady;
pub mod target;

use comfy_table::Table;

/// A table with its heading.
#[derive(Debug)]
pub struct Section {
    /// The heading.
    pub title: String,
    /// The table.
    pub table: Table,
}

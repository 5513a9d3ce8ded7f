//! What is said to, and asked of, the person at the terminal.

pub(crate) mod ask;
pub(crate) mod columns;
pub(crate) mod progress;
pub(crate) mod width;

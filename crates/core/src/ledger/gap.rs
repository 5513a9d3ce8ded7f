use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A time in which an enrolled account was not watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// When it was last found to be watched: by the comparison before, or by its enrollment. The gap
    /// began then or later.
    pub from: Timestamp,
    /// When it was found to be watched again.
    pub until: Timestamp,
    /// Why.
    pub cause: GapCause,
}

/// Why an enrolled account was unwatched for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GapCause {
    /// The SaaS did not accept it in two stores at once, so it moved from one to the other.
    Moved,
    /// Its registration had been deleted and was recreated.
    Deleted,
    /// The SaaS could not read it.
    Unread,
}

impl fmt::Display for GapCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Moved => "its registration moved",
            Self::Deleted => "its registration was deleted and has been recreated",
            Self::Unread => "the vendor could not read it",
        })
    }
}

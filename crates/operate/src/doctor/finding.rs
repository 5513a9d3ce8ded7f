use serde::Serialize;

/// The result of one check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The check's name.
    pub check: &'static str,
    /// The result.
    pub verdict: Verdict,
    /// What was found, or why nothing was.
    pub says: String,
    /// What mends it, in order.
    pub mend: Vec<Mend>,
}

/// How a check went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It is as it should be.
    Pass,
    /// It works now, and may not always.
    Warn,
    /// It does not work.
    Fail,
    /// It could not be checked.
    Skip,
}

impl Verdict {
    /// The verdict, as the table and the JSON have it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Fail => "fail",
            Self::Skip => "skip",
        }
    }
}

/// A step that mends something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mend {
    /// What to do.
    pub what: String,
    /// The command that does it, or the statement to add; empty if there is neither.
    pub text: String,
}

impl Finding {
    fn new(check: &'static str, verdict: Verdict, says: impl Into<String>) -> Self {
        Self {
            check,
            verdict,
            says: says.into(),
            mend: Vec::new(),
        }
    }

    pub(super) fn pass(check: &'static str, says: impl Into<String>) -> Self {
        Self::new(check, Verdict::Pass, says)
    }

    pub(super) fn warn(check: &'static str, says: impl Into<String>) -> Self {
        Self::new(check, Verdict::Warn, says)
    }

    pub(super) fn fail(check: &'static str, says: impl Into<String>) -> Self {
        Self::new(check, Verdict::Fail, says)
    }

    pub(super) fn skip(check: &'static str, why: impl Into<String>) -> Self {
        Self::new(check, Verdict::Skip, why)
    }

    /// With another step that mends it.
    pub(super) fn mend(mut self, what: impl Into<String>, text: impl Into<String>) -> Self {
        self.mend.push(Mend {
            what: what.into(),
            text: text.into(),
        });
        self
    }
}

use crate::Result;

/// A value that was read, or the reason why it could not be. A failed read is not an absence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Read<T> {
    /// A complete and successful read.
    Ok(T),
    /// The read failed; the text says why.
    Unknown(String),
}

impl<T> Read<T> {
    /// What becomes of the value.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Read<U> {
        match self {
            Self::Ok(value) => Read::Ok(f(value)),
            Self::Unknown(why) => Read::Unknown(why),
        }
    }

    /// The value by reference.
    pub fn as_ref(&self) -> Read<&T> {
        match self {
            Self::Ok(value) => Read::Ok(value),
            Self::Unknown(why) => Read::Unknown(why.clone()),
        }
    }

    pub(crate) fn is_known(&self) -> bool {
        matches!(self, Self::Ok(_))
    }

    /// Why the read failed.
    pub(crate) fn reason(&self) -> Option<String> {
        match self {
            Self::Ok(_) => None,
            Self::Unknown(why) => Some(why.clone()),
        }
    }

    /// The value, if it was read.
    pub fn ok(self) -> Option<T> {
        match self {
            Self::Ok(value) => Some(value),
            Self::Unknown(_) => None,
        }
    }
}

/// The value, or the whole chain of the error.
impl<T> From<Result<T>> for Read<T> {
    fn from(reading: Result<T>) -> Self {
        match reading {
            Ok(value) => Self::Ok(value),
            Err(error) => Self::Unknown(error.chain()),
        }
    }
}

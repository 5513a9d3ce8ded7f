use std::future::Future;

use super::{place::Place, release::Object};

/// An object that is in a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its content.
    pub bytes: Vec<u8>,
    /// The version that the bucket's versioning knows.
    pub version: String,
}

/// The buckets of a release.
pub trait Store {
    /// Whether the bucket keeps the versions of its objects; none if there is no such bucket.
    fn keeps_versions(&self, place: &Place) -> impl Future<Output = anyhow::Result<Option<bool>>>;
    /// Makes a bucket that is private and keeps the versions of its objects.
    fn make(&self, place: &Place) -> impl Future<Output = anyhow::Result<()>>;
    /// Reads the object with this key; its newest version unless one is given.
    fn read(
        &self,
        place: &Place,
        key: &str,
        version: Option<&str>,
    ) -> impl Future<Output = anyhow::Result<Option<Stored>>>;
    /// Writes an object, unless there is one with its key, and answers the version.
    fn write(&self, place: &Place, object: &Object)
    -> impl Future<Output = anyhow::Result<String>>;
}

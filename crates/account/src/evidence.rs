//! Evidence of the coverage after a comparison of the whole organization, in a bucket.

use jiff::Timestamp;
use towerhook_core::{
    Error,
    enrollment::Compared,
    ports::{Accounts, EvidenceWrites, LedgerReads},
    provider::Provider,
};
use towerhook_operate::{Organization, Status, Unwritable, evidence};

/// Why there is no evidence of a comparison.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoEvidence {
    /// The records or the units could not be read.
    #[error("what the evidence needs cannot be read")]
    Read(#[source] Error),
    /// A file could not be put together.
    #[error("the evidence cannot be put together")]
    Unwritable(#[source] Unwritable),
    /// The bucket does not take a file.
    #[error("the bucket does not take {path}")]
    Put {
        /// The file's path.
        path: String,
        /// Why not.
        #[source]
        source: Error,
    },
}

/// Writes the evidence of a comparison that began then.
///
/// # Errors
///
/// The first file that could not be written; those before it are.
pub(crate) async fn write(
    ports: &(impl Accounts + LedgerReads + EvidenceWrites),
    provider: &'static dyn Provider,
    compared: Compared,
    began: Timestamp,
) -> Result<(), NoEvidence> {
    let records = ports.records().await.map_err(NoEvidence::Read)?;
    let units = ports.organizational_units().await;
    let units = units.map_err(NoEvidence::Read)?;
    let organization = Organization::after(provider, compared, records, units, began);
    let files = evidence(&Status::of(&organization)).map_err(NoEvidence::Unwritable)?;
    for file in files {
        let put = ports.put_evidence(&file.path, file.media_type, file.content);
        put.await.map_err(|source| NoEvidence::Put {
            path: file.path,
            source,
        })?;
    }
    Ok(())
}

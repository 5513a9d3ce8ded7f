//! What passes by itself is waited out: CloudFormation waits for setup, and setup for everybody
//! else.

use std::time::Duration;

use super::Progress;
use crate::{Error, ErrorKind, Result};

/// How long to wait after a failure, for each that follows another.
const PAUSES: [Duration; 5] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
    Duration::from_secs(15),
];

/// How long to wait before trying again what failed `failures` times before this; `None` where
/// trying again changes nothing.
///
/// A refused key is such a case: the client has tried a fresh token before it says so.
pub(super) fn pause_after(error: &Error, failures: usize) -> Option<Duration> {
    let backoff = PAUSES[failures.min(PAUSES.len() - 1)];
    match error.kind {
        ErrorKind::Throttled { retry_after } => Some(retry_after.unwrap_or(backoff).max(PAUSES[0])),
        ErrorKind::Conflict | ErrorKind::Unavailable => Some(backoff),
        ErrorKind::Unauthorized | ErrorKind::Denied | ErrorKind::NotFound | ErrorKind::Invalid => {
            None
        }
    }
}

/// Makes a call until it is answered. It must bear a repetition; whoever calls sets the limit.
///
/// # Errors
///
/// A failure that does not pass by itself.
pub async fn insist<T>(
    progress: &Progress,
    sleep: &impl AsyncFn(Duration),
    call: impl AsyncFn() -> Result<T>,
) -> Result<T> {
    let mut failures = 0;
    loop {
        let error = match call().await {
            Ok(answer) => {
                if failures > 0 {
                    progress.trouble(None);
                }
                return Ok(answer);
            }
            Err(error) => error,
        };
        let Some(pause) = pause_after(&error, failures) else {
            return Err(error);
        };
        tracing::warn!(error = error.chain(), ?pause, "trying again");
        progress.trouble(Some(&error));
        failures += 1;
        sleep(pause).await;
    }
}

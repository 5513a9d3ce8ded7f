//! Vendors whose key is used as it is, without an access token.

use jiff::SignedDuration;

/// For this long a key counts as good after it was verified.
pub(crate) const KEY_COUNTS_FOR: SignedDuration = SignedDuration::from_hours(1);

use serde::Serialize;

use super::between;

/// Hours in a month: how often the organization is compared with `ReconcileRate`'s default.
const HOURS: f64 = 730.0;
/// How often auth checks the token with `TokenRefreshRate`'s default: every three minutes.
const TOKEN_LOOKS: f64 = HOURS * 20.0;
/// The share of accounts that are new in a month: an assumption.
const NEW: f64 = 0.02;

/// The functions' memory in the template, in GB as AWS bills it.
const ACCOUNT_GB: f64 = 256.0 / 1024.0;
const AUTH_GB: f64 = 256.0 / 1024.0;

/// Bytes of an account's record in the ledger, names and keys included.
const RECORD_BYTES: f64 = 200.0;
/// Bytes that DynamoDB reads for a unit, consistently.
const READ_UNIT_BYTES: f64 = 4096.0;
/// Write units for opening and closing a pass: the deployment's item of up to 2 KB once, and once more
/// in a transaction, which counts twice.
const PASS_WRITE_UNITS: f64 = 6.0;
/// Write units for an account's record in that transaction.
const RECORD_WRITE_UNITS: f64 = 2.0;

/// Requests to the queue for each invocation: a message is sent, received and deleted.
const QUEUE_REQUESTS: f64 = 3.0;
/// Lines of an invocation: Lambda's own, the plan, and the metrics.
const LOG_BYTES: f64 = 4096.0;

/// The measurements that a month's bill depends on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measured {
    /// How long a comparison that changes nothing takes, in seconds, by accounts; ascending.
    pub comparison_seconds: Vec<(f64, f64)>,
    /// Invocations of the account function for a new account.
    pub enrollment_invocations: f64,
    /// Their billed duration together, in seconds.
    pub enrollment_seconds: f64,
    /// How long auth takes to check the token, in seconds.
    pub token_seconds: f64,
}

/// The usage of a month that depends on the organization.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Month {
    /// Accounts in the organization.
    pub accounts: u32,
    /// Passes of the account function.
    pub passes: f64,
    /// Invocations of all functions.
    pub invocations: f64,
    /// GB-seconds of all functions.
    pub gb_seconds: f64,
    /// Requests to the queue for its messages.
    pub queue_requests: f64,
    /// Read units of the ledger.
    pub read_units: f64,
    /// Write units of the ledger.
    pub write_units: f64,
    /// Calls of Secrets Manager.
    pub secret_calls: f64,
    /// GB of logs.
    pub log_gb: f64,
}

/// A month of an organization with this many accounts: a comparison every hour, a check of the token
/// every three minutes, and 2 % new accounts. `None` when no comparison was measured.
#[must_use]
pub fn month(accounts: u32, measured: &Measured) -> Option<Month> {
    let comparison = between(&measured.comparison_seconds, f64::from(accounts))?;
    let new = (f64::from(accounts) * NEW).ceil();
    let passes = HOURS + new * measured.enrollment_invocations;
    let invocations = passes + TOKEN_LOOKS;
    let records = (f64::from(accounts) * RECORD_BYTES / READ_UNIT_BYTES).ceil();
    Some(Month {
        accounts,
        passes,
        invocations,
        gb_seconds: (HOURS * comparison + new * measured.enrollment_seconds) * ACCOUNT_GB
            + TOKEN_LOOKS * measured.token_seconds * AUTH_GB,
        queue_requests: passes * QUEUE_REQUESTS,
        read_units: passes * records,
        write_units: passes * PASS_WRITE_UNITS + new * RECORD_WRITE_UNITS,
        // The token for each pass; the key and the token for each check by auth.
        secret_calls: passes + 2.0 * TOKEN_LOOKS,
        log_gb: invocations * LOG_BYTES / 1e9,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured() -> Measured {
        Measured {
            comparison_seconds: vec![(50.0, 1.0), (5000.0, 10.0)],
            enrollment_invocations: 4.0,
            enrollment_seconds: 8.0,
            token_seconds: 1.0,
        }
    }

    #[test]
    fn a_month_is_the_sum_of_its_passes_and_checks() {
        let month = month(50, &measured()).unwrap();
        assert_eq!(month.invocations, 730.0 + 4.0 + 14_600.0);
        assert_eq!(month.gb_seconds, (730.0 + 8.0 + 14_600.0) * 0.25);
        assert_eq!(month.queue_requests, 734.0 * 3.0);
        assert_eq!(month.read_units, 734.0 * 3.0);
        assert_eq!(month.write_units, 734.0 * 6.0 + 2.0);
        assert_eq!(month.secret_calls, 734.0 + 29_200.0);
    }

    #[test]
    fn more_accounts_read_more_and_take_longer() {
        let small = month(50, &measured()).unwrap();
        let large = month(5000, &measured()).unwrap();
        assert!(large.read_units > 50.0 * small.read_units);
        // auth checks the token equally often in both.
        let accounts = |month: Month| month.gb_seconds - TOKEN_LOOKS * AUTH_GB;
        assert!(accounts(large) > 5.0 * accounts(small));
    }

    #[test]
    fn without_a_comparison_there_is_no_month() {
        let mut measured = measured();
        measured.comparison_seconds.clear();
        assert_eq!(month(50, &measured), None);
    }
}

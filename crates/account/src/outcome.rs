//! The one wide line that an invocation logs: what it decided, and how that went.

use std::time::Duration;

use towerhook_core::enrollment::Reply;

/// How an invocation ended, in a word.
fn word(reply: &Reply) -> &'static str {
    match reply {
        Reply::Nothing => "nothing to do",
        Reply::Busy => "left to another pass",
        Reply::NoDeployment => "no deployment",
        Reply::Requeued { .. } => "requeued",
        Reply::Done { report, .. } if report.coverage.is_some() => "compared",
        Reply::Done { .. } => "reconciled",
    }
}

/// Logs it.
pub(crate) fn log(reply: &Reply, took: Duration) {
    let outcome = word(reply);
    let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    let Reply::Done { report, held, .. } = reply else {
        tracing::info!(outcome, took_ms, "pass ended");
        return;
    };
    let coverage = report.coverage.as_ref();
    tracing::info!(
        outcome,
        in_scope = coverage.map(|coverage| coverage.in_scope()),
        watched = coverage.map(|coverage| coverage.watched),
        unwatched = coverage.map(|coverage| coverage.unwatched()),
        unwatched_by_reason = coverage.map(|coverage| by_reason(&coverage.unwatched)),
        enrolled = report.enrolled.len(),
        offboarded = report.left.len(),
        blocked = report.blocked.len(),
        held = held.as_ref().map_or(0, |held| held.accounts.len()),
        gaps = report.gaps.len(),
        revisited = report.revisits.len(),
        calls_failed = report.failures.len(),
        took_ms,
        "pass ended"
    );
}

/// The counts on one line, such as `stack-fails=2, under-way=1`.
fn by_reason<'c>(counts: impl IntoIterator<Item = (&'c String, &'c usize)>) -> String {
    let counts = counts.into_iter();
    let counts = counts.map(|(code, count)| format!("{code}={count}"));
    counts.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use towerhook_core::enrollment::{Coverage, Report};

    use super::*;

    #[test]
    fn a_pass_over_the_whole_organization_has_compared_and_another_has_reconciled() {
        let done = |coverage| Reply::Done {
            report: Box::new(Report {
                coverage,
                ..Report::default()
            }),
            held: None,
            happenings: Vec::new(),
            compared: None,
        };
        assert_eq!(word(&done(Some(Coverage::default()))), "compared");
        assert_eq!(word(&done(None)), "reconciled");
    }

    #[test]
    fn reasons_are_counted_on_one_line() {
        let counts = BTreeMap::from([("stack-fails".to_owned(), 2), ("under-way".to_owned(), 1)]);
        assert_eq!(by_reason(&counts), "stack-fails=2, under-way=1");
    }
}

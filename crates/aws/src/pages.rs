use std::{error::Error as StdError, time::Duration};

use aws_smithy_async::future::pagination_stream::PaginationStream;
use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use serde::de::DeserializeOwned;
use tokio::time::{Interval, MissedTickBehavior};
use towerhook_core::Result;

use crate::{
    call::{CallError, Reply},
    classify::{failed, unusable},
};

const REPEATS: &str = "the listing repeats itself before its end";

/// The pages of an operation, as the SDK reads them.
pub(crate) type Listing<T, E> = PaginationStream<std::result::Result<T, SdkError<E, HttpResponse>>>;

/// Reads every page of a listing, or fails: a partial listing is never returned.
pub(crate) async fn pages<T, E>(
    operation: &'static str,
    listing: Listing<T, E>,
    next_token: fn(&T) -> Option<&str>,
) -> Result<Vec<T>>
where
    E: ProvideErrorMetadata + StdError + 'static,
{
    pages_in_turn(None, operation, listing, next_token).await
}

/// Pages per second for listings whose limit AWS does not publish, low enough to leave Control
/// Tower its share. The 100 pages of ten thousand accounts arrive before the accounts themselves.
pub(crate) const UNPUBLISHED_A_SECOND: u32 = 5;

/// A rate limiter for an operation with a per-account limit. A listing that used up the limit would
/// be throttled, and so would all other callers in the account.
pub(crate) fn turns(a_second: u32) -> Interval {
    let mut turns = tokio::time::interval(Duration::from_secs(1) / a_second);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    turns
}

/// Like [`pages`], with each page rate-limited if `turns` is given.
pub(crate) async fn pages_in_turn<T, E>(
    mut turns: Option<&mut Interval>,
    operation: &'static str,
    mut listing: Listing<T, E>,
    next_token: fn(&T) -> Option<&str>,
) -> Result<Vec<T>>
where
    E: ProvideErrorMetadata + StdError + 'static,
{
    let mut pages = Vec::new();
    loop {
        if let Some(turns) = &mut turns {
            turns.tick().await;
        }
        let Some(page) = listing.next().await else {
            // The SDK silently ends a listing when a page points to itself.
            return Err(unusable(operation, REPEATS));
        };
        let page = page.map_err(failed(operation))?;
        let is_last = next_token(&page).unwrap_or_default().is_empty();
        pages.push(page);
        if is_last {
            return Ok(pages);
        }
    }
}

/// Reads every page of a listing that has no generated client, and returns the items of all, or fails.
/// `ask` gets a page by the token of the one before; `parts` splits it into its items and the next
/// token.
pub(crate) async fn items<T: DeserializeOwned, I>(
    mut turns: Option<&mut Interval>,
    operation: &'static str,
    parts: fn(T) -> (Vec<I>, Option<String>),
    mut ask: impl AsyncFnMut(Option<&str>) -> std::result::Result<Reply, CallError>,
) -> Result<Vec<I>> {
    let mut items = Vec::new();
    let mut token: Option<String> = None;
    loop {
        if let Some(turns) = &mut turns {
            turns.tick().await;
        }
        let reply = ask(token.as_deref()).await.map_err(failed(operation))?;
        let (more, next) = parts(reply.json(operation)?);
        items.extend(more);
        let next = next.filter(|next| !next.is_empty());
        if next.is_none() {
            return Ok(items);
        }
        if next == token {
            return Err(unusable(operation, REPEATS));
        }
        token = next;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use towerhook_core::{
        ErrorKind,
        ports::{Accounts, LandingZones, StackSetReads},
    };

    use crate::testing::{answer, error, setup, xml};

    #[tokio::test]
    async fn a_listing_that_breaks_off_is_an_error() {
        let (aws, sent) = setup([
            answer(json!({"Accounts": [], "NextToken": "2"})),
            error(500, "ServiceException"),
        ]);
        let failure = aws.accounts().await.unwrap_err();
        assert_eq!(failure.kind, ErrorKind::Unavailable);
        assert_eq!(sent.operations().len(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn accounts_are_listed_no_faster_than_aws_allows() {
        let pages = (1..=17).map(|page| {
            let next = (page < 17).then(|| page.to_string());
            answer(json!({"Accounts": [], "NextToken": next}))
        });
        let (aws, sent) = setup(pages);
        let began = tokio::time::Instant::now();
        aws.accounts().await.unwrap();
        assert_eq!(sent.operations().len(), 17);
        assert_eq!(began.elapsed().as_secs(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn listings_without_a_published_rate_leave_control_tower_its_share() {
        let pages = (1..=11).map(|page| {
            let next = (page < 11).then(|| page.to_string());
            answer(json!({"enabledBaselines": [], "nextToken": next}))
        });
        let landing_zones = answer(json!({"landingZones": []}));
        let (aws, sent) = setup(pages.chain([landing_zones]));
        let began = tokio::time::Instant::now();
        aws.baselines(None).await.unwrap();
        assert_eq!(sent.operations().len(), 12);
        assert_eq!(began.elapsed().as_secs(), 2);

        let pages = (1..=11).map(|page| {
            let next = (page < 11).then(|| format!("<NextToken>{page}</NextToken>"));
            xml("ListStackInstances", &next.unwrap_or_default())
        });
        let (aws, sent) = setup(pages);
        let began = tokio::time::Instant::now();
        aws.instances("members", None).await.unwrap();
        assert_eq!(sent.operations().len(), 11);
        assert_eq!(began.elapsed().as_secs(), 2);
    }

    #[tokio::test]
    async fn a_listing_that_repeats_itself_is_an_error() {
        let page = || answer(json!({"Accounts": [], "NextToken": "2"}));
        let (aws, _) = setup([page(), page()]);
        assert_eq!(aws.accounts().await.unwrap_err().kind, ErrorKind::Invalid);
    }
}

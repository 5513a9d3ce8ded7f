use std::error::Error as StdError;

use aws_smithy_async::future::pagination_stream::PaginationStream;
use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use towerhook_core::Result;

use crate::classify::{failed, unusable};

/// Every page of a listing, or an error: half a listing is no listing.
pub(crate) async fn pages<T, E>(
    operation: &'static str,
    mut listing: PaginationStream<std::result::Result<T, SdkError<E, HttpResponse>>>,
    next_token: fn(&T) -> Option<&str>,
) -> Result<Vec<T>>
where
    E: ProvideErrorMetadata + StdError + 'static,
{
    let mut pages = Vec::new();
    while let Some(page) = listing.next().await {
        pages.push(page.map_err(failed(operation))?);
    }
    // The SDK ends a listing without a word when a page points to itself.
    let rest = pages.last().and_then(next_token).unwrap_or_default();
    if rest.is_empty() {
        Ok(pages)
    } else {
        Err(unusable(
            operation,
            "the listing repeats itself before its end",
        ))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use towerhook_core::{ErrorKind, ports::Accounts};

    use crate::testing::{answer, error, setup};

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

    #[tokio::test]
    async fn a_listing_that_repeats_itself_is_an_error() {
        let page = || answer(json!({"Accounts": [], "NextToken": "2"}));
        let (aws, _) = setup([page(), page()]);
        assert_eq!(aws.accounts().await.unwrap_err().kind, ErrorKind::Invalid);
    }
}

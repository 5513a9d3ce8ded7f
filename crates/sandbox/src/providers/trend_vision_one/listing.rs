//! Listings, page by page.

use axum::http::Uri;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::answer::{Answer, ApiError, Handled};
use super::filter::Filter;
use super::lock;
use super::operation::Collection;
use super::record::Record;
use super::service::Service;

/// The numbers of rows that a page may have.
const SIZES: [usize; 6] = [25, 50, 100, 500, 1000, 5000];

/// Query parameter of the links to further pages: the last account before the page.
const NEXT: &str = "nextBatchToken";

/// One page. A link says nothing of the filter: without its header again the next page shows all.
pub(super) fn page(
    service: &Service,
    collection: Collection,
    uri: &Uri,
    filter: Option<&str>,
) -> Handled {
    let (size, after) = read(uri)?;
    let filter = filter
        .map(Filter::parse)
        .transpose()
        .map_err(ApiError::bad_request)?;
    let store = lock(&service.store);
    let shown: Vec<&Record> = store
        .records
        .iter()
        .filter(|record| filter.as_ref().is_none_or(|one| one.shows(&record.row())))
        .collect();
    let rest: Vec<&Record> = shown
        .iter()
        .copied()
        .filter(|record| record.number > after)
        .collect();
    let rows: Vec<Value> = rest.iter().take(size).map(|one| one.to_json()).collect();
    let mut answer = json!({
        "totalCount": shown.len(),
        "count": rows.len(),
        "items": rows,
    });
    if let (true, Some(last)) = (rest.len() > size, rest.get(size.saturating_sub(1))) {
        answer["nextLink"] = json!(link(service, collection, size, last.number).as_str());
    }
    Ok(Answer::ok(answer))
}

fn link(service: &Service, collection: Collection, size: usize, after: u64) -> url::Url {
    let mut url = service.base.clone();
    url.set_path(collection.path());
    url.query_pairs_mut()
        .append_pair("top", &size.to_string())
        .append_pair(NEXT, &URL_SAFE_NO_PAD.encode(after.to_string()));
    url
}

/// The size of the page, and the number of the account before it.
fn read(uri: &Uri) -> Result<(usize, u64), ApiError> {
    let (mut size, mut after) = (SIZES[0], 0);
    let query = uri.query().unwrap_or_default().as_bytes();
    for (name, value) in url::form_urlencoded::parse(query) {
        match name.as_ref() {
            "top" => {
                size = value
                    .parse()
                    .ok()
                    .filter(|size| SIZES.contains(size))
                    .ok_or_else(|| ApiError::bad_request(format!("top cannot be {value}")))?;
            }
            NEXT => {
                after = token(&value)
                    .ok_or_else(|| ApiError::bad_request(format!("{NEXT} is not valid")))?;
            }
            _ => {}
        }
    }
    Ok((size, after))
}

fn token(text: &str) -> Option<u64> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    std::str::from_utf8(&bytes).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_one_of_the_documented_sizes() {
        let read = |text: &str| super::read(&text.parse().unwrap());
        assert_eq!(read("/x"), Ok((25, 0)));
        assert_eq!(read("/x?top=5000&other=1"), Ok((5000, 0)));
        let next = URL_SAFE_NO_PAD.encode("17");
        assert_eq!(read(&format!("/x?nextBatchToken={next}")), Ok((25, 17)));
        for odd in ["/x?top=24", "/x?top=", "/x?nextBatchToken=!", "/x?top=-25"] {
            assert!(read(odd).is_err(), "{odd}");
        }
    }
}

//! Who the tenant is toward AWS, from two places of the API.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use towerhook_core::{Result, model::Profile};

use super::ACCOUNTS;
use crate::{
    api::{
        client::{Call, Client, TokenSource},
        json,
    },
    guid::is_guid,
    trend_vision_one::identity::Identity,
};

const LINKS: &str = "vision-one:GenerateCfnTemplateLinks";
const BUSINESS: &str = "vision-one:GetBusinessProfile";

/// What the host of the identity provider begins with. The word for the region follows.
///
/// Source: the page "Connect an AWS account manually", which has both hosts and subjects.
const HOST: &str = "cloudaccounts-";

/// What it ends with. The API's answer decides whom every account trusts, so no other host is taken
/// from it.
const DOMAIN: &str = ".xdr.trendmicro.com";

/// What the business id may be called in the profile, which is not documented.
const BUSINESS_ID: [&str; 4] = ["businessId", "businessID", "id", "identifier"];

/// The tenant's identity as its external id, unless the API does not tell it to this key.
pub(super) async fn profile<T: TokenSource>(client: &Client<T>) -> Result<Profile> {
    let external_id = match oidc_host(client).await? {
        Some(host) => {
            let business = business_id(client).await?;
            business.and_then(|business| identity(&host, &business))
        }
        None => None,
    };
    Ok(Profile {
        external_id,
        ..Profile::default()
    })
}

/// The text that [`Identity::parse`] reads.
fn identity(host: &str, business: &str) -> Option<String> {
    let word = host.strip_prefix(HOST)?.strip_suffix(DOMAIN)?;
    let text = format!("{host}/urn:visionone:identity:{word}:{business}:account/{business}");
    let is_complete = !word.is_empty() && Identity::parse(&text).is_some();
    is_complete.then_some(text)
}

/// The host of the tenant's identity provider. What is asked for is links to the vendor's own
/// template, which are not used; it has no effect.
async fn oidc_host<T: TokenSource>(client: &Client<T>) -> Result<Option<String>> {
    let [cam, accounts] = ACCOUNTS;
    let call = Call {
        body: Some(json!({ "templateAccountType": "single" })),
        is_repeatable: true,
        asks_aws: false,
        ..Call::new(
            LINKS,
            Method::POST,
            client.endpoint(&[cam, accounts, "generateCfnTemplateLinks"]),
        )
    };
    let answer = client.send(&call).await?;
    if withholds(answer.status) {
        return Ok(None);
    }
    let links = answer.json(LINKS)?;
    let host = links["visionOneOidcProviderUrl"].as_str().map(bare_host);
    Ok(host.filter(|host| !host.is_empty()))
}

/// The host of a bare host or of a URL.
fn bare_host(address: &str) -> String {
    let address = address.trim();
    let host = address.strip_prefix("https://").unwrap_or(address);
    host.trim_end_matches('/').to_lowercase()
}

/// The tenant's business id. A key whose role cannot read it has it in itself.
async fn business_id<T: TokenSource>(client: &Client<T>) -> Result<Option<String>> {
    let url = client.endpoint(&["business", "profile"]);
    let answer = client.send(&Call::new(BUSINESS, Method::GET, url)).await?;
    let told = if withholds(answer.status) {
        None
    } else {
        let profile = answer.json(BUSINESS)?;
        let ids = BUSINESS_ID.iter().map(|name| &profile[name]);
        ids.filter_map(guid).next()
    };
    let key = client.token().await?;
    Ok(match (told, business_in(key.expose())) {
        // Two that differ are none: an administrator knows which it is.
        (Some(told), Some(in_key)) if told != in_key => None,
        (told, in_key) => told.or(in_key),
    })
}

/// The business id in a key: a claim of the token that the key is. It is only read. What it claims
/// the vendor has verified with every call.
fn business_in(key: &str) -> Option<String> {
    let claims = key.split('.').nth(1)?.trim_end_matches('=');
    let claims = URL_SAFE_NO_PAD.decode(claims).ok()?;
    let claims = json::parse(BUSINESS, &claims).ok()?;
    guid(&claims["cid"])
}

fn guid(value: &Value) -> Option<String> {
    let text = value.as_str()?.trim();
    is_guid(text).then(|| text.to_owned())
}

fn withholds(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::FORBIDDEN | StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST
    )
}

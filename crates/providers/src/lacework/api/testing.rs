//! A loopback tenant with scripted responses.

use std::time::Duration;

use towerhook_core::model::{
    AccountId, Health, Registration, RegistrationKind, RegistrationSpec, Store,
};
use wiremock::MockServer;

use super::LaceworkApi;
pub(super) use crate::api::testing::*;
use crate::{api::http::BACKOFF, http_client, lacework::external_id};

/// A client of this server that retries without delay.
pub(super) fn client<'t>(server: &MockServer, tokens: &'t Counting) -> LaceworkApi<&'t Counting> {
    let url = server.uri().parse().unwrap();
    let mut lacework = LaceworkApi::new(http_client().unwrap(), url, tokens);
    lacework.0.backoff = BACKOFF.with_min_delay(Duration::from_millis(1));
    lacework
}

pub(super) fn spec(kind: RegistrationKind) -> RegistrationSpec {
    let account: AccountId = "111122223333".parse().unwrap();
    RegistrationSpec {
        name: "Lacework-Control-Tower-Config-Member-111122223333".into(),
        kind,
        account,
        role_arn: "arn:aws:iam::111122223333:role/acme-laceworkcwsrole-sa".into(),
        external_id: external_id("acme", &account, "canary:/=."),
        queue_url: (kind == RegistrationKind::Feed)
            .then(|| "https://sqs.us-east-1.amazonaws.com/444455556666/acme-laceworkcws".into()),
        account_mapping: None,
    }
}

pub(super) fn existing(store: Option<&str>) -> Registration {
    Registration {
        guid: "ACME_0123456789ABCDEF".into(),
        store: store.map(Store::from),
        organization: false,
        name: "another name".into(),
        kind: RegistrationKind::Account,
        enabled: false,
        role_arn: String::new(),
        external_id: String::new(),
        queue_url: None,
        account_mapping: None,
        health: Health::Unknown,
    }
}

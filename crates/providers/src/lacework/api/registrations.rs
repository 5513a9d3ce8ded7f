//! `/api/v2/CloudAccounts`.

use reqwest::{Method, StatusCode};
use towerhook_core::{
    Result,
    model::{Created, Registration, RegistrationKind, RegistrationSpec, Store},
};

use super::{LaceworkApi, pages, scoped, wire};
use crate::api::{
    answer::Answer,
    client::{Call, TokenSource},
    json,
    pages::all,
};

const LIST: &str = "lacework:ListCloudAccounts";
const CREATE: &str = "lacework:CreateCloudAccount";
const UPDATE: &str = "lacework:UpdateCloudAccount";
const DELETE: &str = "lacework:DeleteCloudAccount";

/// The API's messages for a duplicate, in lower case; the status is 400 and not 409.
///
/// Both were observed: "The provided aws account is already used in this Lacework Application." and
/// "Specified AWS SQS resources are already used in this Lacework Application."
const ALREADY_USED: [&str; 2] = [
    "aws account is already used",
    "sqs resources are already used",
];

/// Lists the integrations that `Account-Name` selects, including the organization's; with
/// `organization` only those.
pub(super) async fn list<T: TokenSource>(
    lacework: &LaceworkApi<T>,
    store: Option<&Store>,
    organization: bool,
    kind: RegistrationKind,
) -> Result<Vec<Registration>> {
    let url = lacework
        .0
        .endpoint(&["CloudAccounts", wire::type_name(kind)]);
    let first = scoped(Call::new(LIST, Method::GET, url), store, organization);
    all(&lacework.0, first, &pages::SHAPE, |item| {
        let registration =
            wire::registration(item, store, kind).ok_or_else(|| json::missing(LIST, "intgGuid"))?;
        Ok(Registration {
            organization: organization || registration.organization,
            ..registration
        })
    })
    .await
}

pub(super) async fn create<T: TokenSource>(
    lacework: &LaceworkApi<T>,
    store: Option<&Store>,
    spec: &RegistrationSpec,
) -> Result<Created> {
    let call = Call {
        body: Some(wire::registration_body(spec, true)),
        hidden: Some(spec.external_id.as_str()),
        ..Call::new(
            CREATE,
            Method::POST,
            lacework.0.endpoint(&["CloudAccounts"]),
        )
    };
    let call = scoped(call, store, spec.is_of_organization());
    let answer = lacework.0.send(&call).await?;
    created(CREATE, answer)
}

pub(super) async fn update<T: TokenSource>(
    lacework: &LaceworkApi<T>,
    existing: &Registration,
    spec: &RegistrationSpec,
    enabled: bool,
) -> Result<Created> {
    let url = lacework.0.endpoint(&["CloudAccounts", &existing.guid]);
    let call = Call {
        body: Some(wire::registration_body(spec, enabled)),
        hidden: Some(spec.external_id.as_str()),
        ..Call::new(UPDATE, Method::PATCH, url)
    };
    let call = scoped(call, existing.store.as_ref(), existing.organization);
    let answer = lacework.0.send(&call).await?;
    created(UPDATE, answer)
}

/// The outcome of creating or changing a registration.
///
/// The API's message for a role that cannot be assumed is not documented, so every 400 that is not
/// a duplicate counts as one: it is retried a limited number of times, and then reported as it is.
fn created(operation: &'static str, answer: Answer) -> Result<Created> {
    match answer.status {
        status if status.is_success() => {
            Ok(Created::Done(wire::made_guid(operation, &answer.body)))
        }
        StatusCode::BAD_REQUEST => {
            let lower = answer.message.to_lowercase();
            if ALREADY_USED.iter().any(|words| lower.contains(words)) {
                Ok(Created::AlreadyUsed)
            } else {
                Ok(Created::RoleNotAssumable(answer.message))
            }
        }
        _ => Err(answer.refused(operation)),
    }
}

pub(super) async fn delete<T: TokenSource>(
    lacework: &LaceworkApi<T>,
    existing: &Registration,
) -> Result<()> {
    let url = lacework.0.endpoint(&["CloudAccounts", &existing.guid]);
    let call = Call::new(DELETE, Method::DELETE, url);
    let call = scoped(call, existing.store.as_ref(), existing.organization);
    let answer = lacework.0.send(&call).await?;
    if answer.status.is_success() || answer.status == StatusCode::NOT_FOUND {
        Ok(())
    } else {
        Err(answer.refused(DELETE))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use towerhook_core::{
        ErrorKind,
        model::{AccountMapping, Health},
        ports::{RegistryReads, RegistryWrites},
    };
    use wiremock::ResponseTemplate;

    use super::*;
    use crate::lacework::api::testing::{
        Counting, answering, client, existing, json as answer, refusal, request_lines, requests,
        spec, status,
    };
    use crate::lacework::mapping_file::to_data_uri;

    async fn listed(answers: Vec<ResponseTemplate>) -> Result<Vec<Registration>> {
        let server = answering(answers).await;
        let tokens = Counting::default();
        client(&server, &tokens)
            .registrations(None, RegistrationKind::Feed)
            .await
    }

    #[tokio::test]
    async fn a_registration_is_read_with_all_that_matters() {
        let server = answering([answer(
            200,
            json!({ "data": [{
                "intgGuid": "ACME_0123456789ABCDEF",
                "name": "the trail",
                "type": "AwsCtSqs",
                "enabled": 1,
                "isOrg": 0,
                "createdOrUpdatedTime": "2026-06-01T19:28:00.092Z",
                "state": { "ok": true, "lastUpdatedTime": 1_624_456_896_915_u64 },
                "data": {
                    "crossAccountCredentials": {
                        "roleArn": "arn:aws:iam::111122223333:role/acme-laceworkcwssarole",
                        "externalId": "lweid:aws:v2:acme:111122223333:abcdefghij",
                    },
                    "queueUrl": "https://sqs.us-east-1.amazonaws.com/444455556666/acme-laceworkcws",
                },
            }] }),
        )])
        .await;
        let tokens = Counting::default();
        let store = Store::from("team-a");
        let found = client(&server, &tokens)
            .registrations(Some(&store), RegistrationKind::Feed)
            .await
            .unwrap();
        assert_eq!(
            found,
            [Registration {
                guid: "ACME_0123456789ABCDEF".into(),
                store: Some(store),
                organization: false,
                name: "the trail".into(),
                kind: RegistrationKind::Feed,
                enabled: true,
                role_arn: "arn:aws:iam::111122223333:role/acme-laceworkcwssarole".into(),
                external_id: "lweid:aws:v2:acme:111122223333:abcdefghij".into(),
                queue_url: Some(
                    "https://sqs.us-east-1.amazonaws.com/444455556666/acme-laceworkcws".into()
                ),
                account_mapping: None,
                health: Health::Good,
            }]
        );
        assert_eq!(
            request_lines(&server).await,
            ["GET /api/v2/CloudAccounts/AwsCtSqs"]
        );
    }

    #[tokio::test]
    async fn a_state_without_details_is_pending_and_one_with_them_is_bad_news() {
        let item = |state: Value| json!({ "intgGuid": "ACME_1", "state": state });
        let found = listed(vec![answer(
            200,
            json!({ "data": [
                { "intgGuid": "ACME_1" },
                item(json!({ "ok": false, "details": {} })),
                item(json!({ "ok": true, "details": { "complianceOpsDeniedAccess": [] } })),
                item(json!({ "ok": false, "details": { "sqsRx": "AccessDenied" } })),
            ] }),
        )])
        .await
        .unwrap();
        let health: Vec<_> = found.into_iter().map(|one| one.health).collect();
        assert_eq!(
            health,
            [
                Health::Unknown,
                Health::Unknown,
                Health::Good,
                Health::Failing(r#"{"sqsRx":"AccessDenied"}"#.into()),
            ]
        );
    }

    #[tokio::test]
    async fn odd_fields_are_read_as_empty() {
        let found = listed(vec![answer(
            200,
            json!({ "data": [
                { "intgGuid": "ACME_1" },
                { "intgGuid": "ACME_2", "name": 7, "enabled": "1", "data": null },
                { "intgGuid": "ACME_3", "enabled": 0, "data": { "crossAccountCredentials": [] } },
            ], "ok": true }),
        )])
        .await
        .unwrap();
        let guids: Vec<_> = found.iter().map(|found| found.guid.as_str()).collect();
        assert_eq!(guids, ["ACME_1", "ACME_2", "ACME_3"]);
        let enabled: Vec<_> = found.iter().map(|found| found.enabled).collect();
        assert_eq!(enabled, [false, true, false]);
        assert!(found.iter().all(|found| found.name.is_empty()
            && found.role_arn.is_empty()
            && found.queue_url.is_none()));
    }

    #[tokio::test]
    async fn a_registration_is_made_with_all_that_the_vendor_needs() {
        let server = answering([status(201), status(201)]).await;
        let tokens = Counting::default();
        let lacework = client(&server, &tokens);
        let store = Store::from("team-a");
        for kind in [RegistrationKind::Account, RegistrationKind::Feed] {
            let created = lacework.create(Some(&store), &spec(kind)).await;
            assert_eq!(created.unwrap(), Created::Done(None));
        }
        let sent = requests(&server).await;
        assert_eq!(
            request_lines(&server).await,
            ["POST /api/v2/CloudAccounts", "POST /api/v2/CloudAccounts"]
        );
        assert_eq!(sent[0].headers["account-name"], "team-a");
        assert_eq!(sent[0].headers["content-type"], "application/json");
        let credentials = json!({
            "roleArn": "arn:aws:iam::111122223333:role/acme-laceworkcwsrole-sa",
            "externalId": "lweid:aws:v2:acme:111122223333:canary:/=.",
        });
        assert_eq!(
            sent[0].body_json::<Value>().unwrap(),
            json!({
                "name": "Lacework-Control-Tower-Config-Member-111122223333",
                "type": "AwsCfg",
                "enabled": 1,
                "data": { "awsAccountId": "111122223333", "crossAccountCredentials": credentials },
            })
        );
        let trail: Value = sent[1].body_json().unwrap();
        assert_eq!(trail["type"], "AwsCtSqs");
        assert_eq!(
            trail["data"]["queueUrl"],
            "https://sqs.us-east-1.amazonaws.com/444455556666/acme-laceworkcws"
        );
    }

    #[tokio::test]
    async fn the_answer_to_a_creation_names_what_was_made() {
        let made = json!({ "data": { "intgGuid": "ACME_0123456789ABCDEF" } });
        let odd = json!({ "data": { "intgGuid": "../other" } });
        let server = answering([answer(201, made), answer(201, odd)]).await;
        let tokens = Counting::default();
        let lacework = client(&server, &tokens);
        let spec = spec(RegistrationKind::Account);
        for guid in [Some("ACME_0123456789ABCDEF".to_owned()), None] {
            let created = lacework.create(None, &spec).await;
            assert_eq!(created.unwrap(), Created::Done(guid));
        }
    }

    #[tokio::test]
    async fn what_is_the_organizations_is_asked_for_as_such_and_keeps_its_mapping() {
        let mapping = AccountMapping {
            accounts: [("emea".into(), ["111122223333".parse().unwrap()].into())].into(),
            ..AccountMapping::to_default("acme".into())
        };
        let item = json!({
            "intgGuid": "ACME_1", "isOrg": 1,
            "data": { "accountMappingFile": to_data_uri(&mapping) },
        });
        let listed = || answer(200, json!({ "data": [item] }));
        let server = answering([status(201), listed(), listed(), status(200), status(204)]).await;
        let tokens = Counting::default();
        let lacework = client(&server, &tokens);
        let store = Store::from("emea");
        let kind = RegistrationKind::Feed;
        let spec = RegistrationSpec {
            account_mapping: Some(mapping.clone()),
            ..spec(kind)
        };
        lacework.create(None, &spec).await.unwrap();
        let ours = lacework.organization_registrations(kind).await.unwrap();
        let shown = lacework.registrations(Some(&store), kind).await;
        assert_eq!(shown.unwrap(), ours, "a store shows it, and not as its own");
        assert!(ours[0].organization && ours[0].store.is_none());
        assert_eq!(ours[0].account_mapping.as_ref(), Some(&mapping));
        lacework.update(&ours[0], &spec, true).await.unwrap();
        lacework.delete(&ours[0]).await.unwrap();

        let sent = requests(&server).await;
        let scopes: Vec<_> = sent
            .iter()
            .map(|request| {
                let header = |name| {
                    request
                        .headers
                        .get(name)
                        .map(|value| value.to_str().unwrap())
                };
                (header("org-access"), header("account-name"))
            })
            .collect();
        let organization = (Some("true"), None);
        assert_eq!(
            scopes,
            [
                organization,
                organization,
                (None, Some("emea")),
                organization,
                organization
            ]
        );
        for body in [&sent[0], &sent[3]] {
            let body: Value = body.body_json().unwrap();
            assert_eq!(body["data"]["accountMappingFile"], to_data_uri(&mapping));
        }
    }

    /// The vendor refuses creations and changes with the same messages.
    #[tokio::test]
    async fn a_refusal_is_a_duplicate_or_an_unusable_role_or_an_error() {
        let tokens = Counting::default();
        let spec = spec(RegistrationKind::Account);
        let not_usable = |message: &str| Some(Created::RoleNotAssumable(message.into()));
        for (status, message, outcome) in [
            (200, "", Some(Created::Done(None))),
            (201, "", Some(Created::Done(None))),
            (
                400,
                "The provided aws account is already used in this Lacework Application.",
                Some(Created::AlreadyUsed),
            ),
            (
                400,
                "The provided AWS Account is ALREADY used in this application",
                Some(Created::AlreadyUsed),
            ),
            (
                400,
                "Specified AWS SQS resources are already used in this Lacework Application.",
                Some(Created::AlreadyUsed),
            ),
            (
                400,
                "AWS Error: Error assuming role. [Error msg: 403 Forbidden]",
                not_usable("AWS Error: Error assuming role. [Error msg: 403 Forbidden]"),
            ),
            (
                400,
                "key nonsense is unrecognized",
                not_usable("key nonsense is unrecognized"),
            ),
            (409, "changed meanwhile", None),
            (422, "no", None),
        ] {
            let server = answering([refusal(status, message), refusal(status, message)]).await;
            let lacework = client(&server, &tokens);
            let created = lacework.create(None, &spec).await;
            let updated = lacework.update(&existing(None), &spec, true).await;
            assert_eq!(created.ok(), outcome, "{status} {message}");
            assert_eq!(updated.ok(), outcome, "{status} {message}");
        }
    }

    #[tokio::test]
    async fn a_change_goes_to_the_store_that_holds_the_registration() {
        let server = answering([status(200), status(200)]).await;
        let tokens = Counting::default();
        let lacework = client(&server, &tokens);
        for enabled in [true, false] {
            let spec = spec(RegistrationKind::Account);
            let updated = lacework
                .update(&existing(Some("team-b")), &spec, enabled)
                .await;
            assert_eq!(updated.unwrap(), Created::Done(None));
        }
        assert_eq!(
            request_lines(&server).await,
            ["PATCH /api/v2/CloudAccounts/ACME_0123456789ABCDEF"; 2]
        );
        let sent = requests(&server).await;
        assert_eq!(sent[0].headers["account-name"], "team-b");
        let bodies: Vec<Value> = sent.iter().map(|sent| sent.body_json().unwrap()).collect();
        assert_eq!(
            bodies[0]["name"],
            "Lacework-Control-Tower-Config-Member-111122223333"
        );
        assert_eq!(
            (&bodies[0]["enabled"], &bodies[1]["enabled"]),
            (&json!(1), &json!(0))
        );
    }

    #[tokio::test]
    async fn a_change_of_what_is_gone_says_so() {
        let server = answering([refusal(404, "Not Found")]).await;
        let tokens = Counting::default();
        let error = client(&server, &tokens)
            .update(&existing(None), &spec(RegistrationKind::Account), true)
            .await
            .unwrap_err();
        assert_eq!(error.kind, ErrorKind::NotFound);
    }

    #[tokio::test]
    async fn what_is_gone_need_not_be_removed() {
        let server = answering([status(204), refusal(404, "Not Found"), refusal(400, "no")]).await;
        let tokens = Counting::default();
        let lacework = client(&server, &tokens);
        let existing = existing(Some("team-b"));
        lacework.delete(&existing).await.unwrap();
        lacework.delete(&existing).await.unwrap();
        let error = lacework.delete(&existing).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Invalid);
        assert_eq!(
            request_lines(&server).await,
            ["DELETE /api/v2/CloudAccounts/ACME_0123456789ABCDEF"; 3]
        );
        let sent = requests(&server).await;
        assert_eq!(sent[0].headers["account-name"], "team-b");
    }
}

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Value, json};
use towerhook_core::{
    Result,
    model::AccountId,
    ports::{AttachedPolicy, Caller, ZoneInspection, ZoneStatus},
};

use super::InspectionSettings;
use crate::call::xml::elements;
use crate::{
    Aws,
    call::services::{controltower, lambda, organizations, servicequotas, sts},
    classify::{failed, has_code, parse, unusable},
    pages::items,
};

const CALLER: &str = "sts:GetCallerIdentity";
const ORGANIZATION: &str = "organizations:DescribeOrganization";
const TRUSTED: &str = "organizations:ListAWSServiceAccessForOrganization";
const ATTACHED: &str = "organizations:ListPoliciesForTarget";
const POLICY: &str = "organizations:DescribePolicy";
const ZONES: &str = "controltower:ListLandingZones";
const ZONE: &str = "controltower:GetLandingZone";
const QUOTA: &str = "servicequotas:GetServiceQuota";
const LAMBDA: &str = "lambda:GetAccountSettings";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DescribeOrganization {
    organization: Organization,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Organization {
    master_account_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListServiceAccess {
    #[serde(default)]
    enabled_service_principals: Vec<Trusted>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Trusted {
    service_principal: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListPolicies {
    #[serde(default)]
    policies: Vec<Summary>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Summary {
    id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    aws_managed: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DescribePolicy {
    policy: Content,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Content {
    content: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListLandingZones {
    #[serde(default)]
    landing_zones: Vec<Found>,
}

#[derive(Deserialize)]
struct Found {
    arn: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GetLandingZone {
    landing_zone: Detail,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Detail {
    status: Option<String>,
    #[serde(default)]
    drift_status: Value,
    latest_available_version: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ServiceQuota {
    quota: Quota,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Quota {
    value: f64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AccountSettings {
    account_limit: AccountLimit,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AccountLimit {
    unreserved_concurrent_executions: u64,
}

fn with_token(mut input: Value, token: Option<&str>) -> Value {
    if let Some(token) = token {
        input["NextToken"] = token.into();
    }
    input
}

impl ZoneInspection for Aws<InspectionSettings> {
    async fn caller(&self) -> Result<Caller> {
        let reply = sts::get_caller_identity(&self.config).await;
        let reply = reply.map_err(failed(CALLER))?;
        let found = elements(&reply, CALLER, &["GetCallerIdentityResult"])?;
        let found = found.into_iter().next().unwrap_or_default();
        let field = |name: &str| {
            let text = found.get(name).cloned();
            text.ok_or_else(|| unusable(CALLER, format!("an answer without {name}")))
        };
        Ok(Caller {
            account: parse(CALLER, &field("Account")?)?,
            arn: field("Arn")?,
        })
    }

    async fn management_account(&self) -> Result<Option<AccountId>> {
        let found: DescribeOrganization =
            match organizations::describe_organization(&self.config, &json!({})).await {
                Err(error) if has_code(&error, "AWSOrganizationsNotInUseException") => {
                    return Ok(None);
                }
                answer => answer.map_err(failed(ORGANIZATION))?.json(ORGANIZATION)?,
            };
        parse(ORGANIZATION, &found.organization.master_account_id).map(Some)
    }

    async fn trusted_services(&self) -> Result<BTreeSet<String>> {
        let parts = |page: ListServiceAccess| (page.enabled_service_principals, page.next_token);
        let listed = items(None, TRUSTED, parts, async |token| {
            let input = with_token(json!({}), token);
            organizations::list_aws_service_access_for_organization(&self.config, &input).await
        });
        let names = listed.await?.into_iter();
        Ok(names.map(|trusted| trusted.service_principal).collect())
    }

    async fn zone_status(&self) -> Result<Option<ZoneStatus>> {
        let reply = controltower::list_landing_zones(&self.config, &json!({})).await;
        let zones: ListLandingZones = reply.map_err(failed(ZONES))?.json(ZONES)?;
        let Some(Found { arn }) = zones.landing_zones.into_iter().next() else {
            return Ok(None);
        };
        let input = json!({"landingZoneIdentifier": arn});
        let reply = controltower::get_landing_zone(&self.config, &input).await;
        let found: GetLandingZone = reply.map_err(failed(ZONE))?.json(ZONE)?;
        let Detail {
            status,
            drift_status,
            latest_available_version: latest,
        } = found.landing_zone;
        Ok(Some(ZoneStatus {
            status,
            drift: drift_status["status"].as_str().map(str::to_owned),
            latest,
        }))
    }

    async fn control_policies(&self, target: &str) -> Result<Vec<AttachedPolicy>> {
        let parts = |page: ListPolicies| (page.policies, page.next_token);
        let listed = items(None, ATTACHED, parts, async |token| {
            let input = json!({"TargetId": target, "Filter": "SERVICE_CONTROL_POLICY"});
            organizations::list_policies_for_target(&self.config, &with_token(input, token)).await
        });
        let attached = listed.await?.into_iter().map(|policy| AttachedPolicy {
            id: policy.id,
            name: policy.name,
            aws_managed: policy.aws_managed,
        });
        Ok(attached.collect())
    }

    async fn control_policy(&self, id: &str) -> Result<String> {
        let reply = organizations::describe_policy(&self.config, &json!({"PolicyId": id})).await;
        let found: DescribePolicy = reply.map_err(failed(POLICY))?.json(POLICY)?;
        Ok(found.policy.content)
    }

    async fn quota(&self, service: &str, code: &str) -> Result<u64> {
        let input = json!({"ServiceCode": service, "QuotaCode": code});
        // A quota that was never changed may have no value of its own.
        let reply = match servicequotas::get_service_quota(&self.config, &input).await {
            Err(error) if has_code(&error, "NoSuchResourceException") => {
                servicequotas::get_aws_default_service_quota(&self.config, &input).await
            }
            reply => reply,
        };
        let found: ServiceQuota = reply.map_err(failed(QUOTA))?.json(QUOTA)?;
        // Quotas are whole numbers far below the largest.
        Ok(found.quota.value as u64)
    }

    async fn unreserved_concurrency(&self) -> Result<u64> {
        let reply = lambda::get_account_settings(&self.config).await;
        let found: AccountSettings = reply.map_err(failed(LAMBDA))?.json(LAMBDA)?;
        Ok(found.account_limit.unreserved_concurrent_executions)
    }
}

#[cfg(test)]
mod tests {
    use towerhook_core::ErrorKind;

    use super::*;
    use crate::{
        inspection::testing::inspection,
        testing::{answer, error, xml},
    };

    #[tokio::test]
    async fn who_asks_is_read_from_the_credentials() {
        let fields = "<Arn>arn:aws:sts::999999999999:assumed-role/Admin/me</Arn>\
                      <UserId>AROA:me</UserId><Account>999999999999</Account>";
        let (aws, sent) = inspection([xml("GetCallerIdentity", fields)]);
        let caller = aws.caller().await.unwrap();
        assert_eq!(caller.account.as_str(), "999999999999");
        assert!(caller.arn.ends_with("Admin/me"));
        assert_eq!(sent.operations(), ["GetCallerIdentity"]);
    }

    #[tokio::test]
    async fn an_account_without_an_organization_is_told_from_one_that_may_not_ask() {
        let organization = json!({"Organization": {"MasterAccountId": "999999999999"}});
        let (aws, _) = inspection([
            answer(organization),
            error(400, "AWSOrganizationsNotInUseException"),
            error(400, "AccessDeniedException"),
        ]);
        let found = aws.management_account().await.unwrap().unwrap();
        assert_eq!(found.as_str(), "999999999999");
        assert_eq!(aws.management_account().await.unwrap(), None);
        let denied = aws.management_account().await.unwrap_err();
        assert_eq!(denied.kind, ErrorKind::Denied);
    }

    #[tokio::test]
    async fn trusted_services_and_policies_are_read_to_the_last_page() {
        let page = |name: &str, next: Option<&str>| {
            let trusted = json!([{"ServicePrincipal": name}]);
            answer(json!({"EnabledServicePrincipals": trusted, "NextToken": next}))
        };
        let policies = json!({"Policies": [
            {"Id": "p-FullAWSAccess", "Name": "FullAWSAccess", "AwsManaged": true},
        ]});
        let content = json!({"Policy": {"Content": "{}"}});
        let (aws, sent) = inspection([
            page("a", Some("2")),
            page("b", None),
            answer(policies),
            answer(content),
        ]);
        assert_eq!(aws.trusted_services().await.unwrap().len(), 2);
        let attached = aws.control_policies("ou-ab12-11111111").await.unwrap();
        assert!(attached[0].aws_managed);
        assert_eq!(aws.control_policy("p-1").await.unwrap(), "{}");
        let calls = sent.calls();
        assert_eq!(calls[1].1["NextToken"], "2");
        assert_eq!(calls[2].1["Filter"], "SERVICE_CONTROL_POLICY");
    }

    #[tokio::test]
    async fn the_landing_zones_state_is_control_towers() {
        let arn = "arn:aws:controltower:eu-west-1:999999999999:landingzone/1";
        let zone = json!({"landingZone": {
            "status": "ACTIVE", "driftStatus": {"status": "DRIFTED"},
            "latestAvailableVersion": "4.0",
        }});
        let (aws, _) = inspection([
            answer(json!({"landingZones": [{"arn": arn}]})),
            answer(zone),
            answer(json!({"landingZones": []})),
        ]);
        let status = aws.zone_status().await.unwrap().unwrap();
        assert_eq!(status.drift.as_deref(), Some("DRIFTED"));
        assert_eq!(status.latest.as_deref(), Some("4.0"));
        assert_eq!(aws.zone_status().await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_quota_that_was_never_changed_has_its_default() {
        let value = |value: f64| answer(json!({"Quota": {"Value": value}}));
        let settings = json!({"AccountLimit": {"UnreservedConcurrentExecutions": 10}});
        let (aws, sent) = inspection([
            value(500.0),
            error(400, "NoSuchResourceException"),
            value(1000.0),
            answer(settings),
        ]);
        assert_eq!(aws.quota("cloudformation", "L-1").await.unwrap(), 500);
        assert_eq!(aws.quota("cloudformation", "L-1").await.unwrap(), 1000);
        assert_eq!(sent.operations()[2], "GetAWSDefaultServiceQuota");
        assert_eq!(aws.unreserved_concurrency().await.unwrap(), 10);
    }
}

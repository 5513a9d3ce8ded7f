use serde::Deserialize;
use serde_json::{Value, json};
use towerhook_core::{
    Result,
    landing_zone::{
        BaselineKind, Baselines, LandingZone, LandingZoneReply, Management, Trail,
        has_optional_integrations,
    },
    model::{AccountId, Arn},
    ports::LandingZones,
};

use crate::{
    Aws, Home,
    call::services::controltower,
    classify::{failed, has_code, parse, unusable},
    pages::{UNPUBLISHED_A_SECOND, items, turns},
    trails,
};

const LIST: &str = "controltower:ListLandingZones";
const GET: &str = "controltower:GetLandingZone";
const BASELINES: &str = "controltower:ListEnabledBaselines";

/// The most targets that `ListEnabledBaselines` accepts as a filter.
pub(crate) const TARGETS: usize = 5;
/// Its largest page size.
const PAGE: i32 = 100;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListLandingZones {
    #[serde(default)]
    landing_zones: Vec<Summary>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
struct Summary {
    arn: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GetLandingZone {
    landing_zone: Option<Detail>,
}

#[derive(Deserialize)]
struct Detail {
    version: String,
    #[serde(default)]
    manifest: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListEnabledBaselines {
    #[serde(default)]
    enabled_baselines: Vec<EnabledBaseline>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EnabledBaseline {
    baseline_identifier: String,
    target_identifier: String,
    status_summary: Option<StatusSummary>,
}

/// How far a baseline or a control is enabled on its target.
#[derive(Deserialize)]
pub(crate) struct StatusSummary {
    pub(crate) status: Option<String>,
}

/// The request for a page, with these parameters.
pub(crate) fn page(parameters: &Value, token: Option<&str>) -> Value {
    let mut input = parameters.clone();
    if let Some(token) = token {
        input["nextToken"] = token.into();
    }
    input
}

impl<S: AsRef<Home>> LandingZones for Aws<S> {
    async fn landing_zone(&self) -> Result<LandingZoneReply> {
        let parts = |page: ListLandingZones| (page.landing_zones, page.next_token);
        let listed = items(None, LIST, parts, async |token| {
            controltower::list_landing_zones(&self.config, &page(&json!({}), token)).await
        });
        let mut found = Vec::new();
        for summary in listed.await? {
            found.push(parse::<Arn>(LIST, &summary.arn)?);
        }
        let here = found
            .iter()
            .find(|arn| arn.region() == self.settings.as_ref().region);
        let Some(arn) = here else {
            return Ok(found.first().map_or(LandingZoneReply::None, |arn| {
                LandingZoneReply::Elsewhere(arn.region().to_owned())
            }));
        };
        let input = json!({"landingZoneIdentifier": arn.as_str()});
        let detail: GetLandingZone =
            match controltower::get_landing_zone(&self.config, &input).await {
                Err(error) if has_code(&error, "ResourceNotFoundException") => {
                    return Ok(LandingZoneReply::None);
                }
                answer => answer.map_err(failed(GET))?.json(GET)?,
            };
        let detail = detail.landing_zone;
        let detail = &detail.ok_or_else(|| unusable(GET, "an answer without a landing zone"))?;
        let manifest = &detail.manifest;
        Ok(LandingZoneReply::Here(LandingZone {
            version: detail.version.clone(),
            log_archive: integration_account(detail, "centralizedLogging")?,
            audit: integration_account(detail, "securityRoles")?,
            kms_key: at(
                manifest,
                &["centralizedLogging", "configurations", "kmsKeyArn"],
            )?,
        }))
    }

    async fn baselines(&self, accounts: Option<&[AccountId]>) -> Result<Baselines> {
        if let Some((accounts, arns)) = accounts.zip(self.account_arns.get())
            && accounts.len() <= TARGETS
        {
            let targets = accounts.iter().map(|id| format!("{arns}{id}"));
            let some = self.enabled_baselines(Some(targets.collect())).await?;
            // Only a complete listing can show that an account has no baseline.
            if accounts.iter().all(|id| some.0.contains_key(id)) {
                return Ok(some);
            }
        }
        let mut all = self.enabled_baselines(None).await?;
        if let Some(accounts) = accounts {
            all.0.retain(|id, _| accounts.contains(id));
            if accounts.iter().all(|id| all.0.contains_key(id)) {
                return Ok(all);
            }
        }
        let missing = accounts.map(|accounts| {
            let missing = accounts.iter().filter(|id| !all.0.contains_key(id));
            missing.copied().collect::<Vec<_>>()
        });
        let governed = self.governed_by_controls(missing.as_deref()).await?;
        let asked = |id: &AccountId| accounts.is_none_or(|accounts| accounts.contains(id));
        for (id, management) in governed.0.into_iter().filter(|(id, _)| asked(id)) {
            all.0.entry(id).or_insert(management);
        }
        Ok(all)
    }

    async fn trail(&self, name: &str) -> Result<Option<Trail>> {
        trails::find(self, name).await
    }
}

impl<S> Aws<S> {
    /// The baselines on these targets, or all.
    async fn enabled_baselines(&self, targets: Option<Vec<String>>) -> Result<Baselines> {
        let mut parameters = json!({"includeChildren": true, "maxResults": PAGE});
        if let Some(targets) = targets {
            parameters["filter"] = json!({"targetIdentifiers": targets});
        }
        let mut turns = turns(UNPUBLISHED_A_SECOND);
        let parts = |page: ListEnabledBaselines| (page.enabled_baselines, page.next_token);
        let listed = items(Some(&mut turns), BASELINES, parts, async |token| {
            controltower::list_enabled_baselines(&self.config, &page(&parameters, token)).await
        });
        let mut enabled = Vec::new();
        for baseline in listed.await? {
            let Some(account) = target_account(BASELINES, &baseline.target_identifier)? else {
                continue;
            };
            let arn: Arn = parse(BASELINES, &baseline.baseline_identifier)?;
            let management = management(baseline.status_summary.as_ref());
            enabled.push((account, BaselineKind::of(&arn), management));
        }
        Ok(Baselines::from_enabled(enabled))
    }
}

/// The account that a baseline or a control is enabled on; `None` for an OU.
pub(crate) fn target_account(operation: &'static str, target: &str) -> Result<Option<AccountId>> {
    let target: Arn = parse(operation, target)?;
    let path = target.resource().strip_prefix("account/");
    path.map(|path| parse(operation, path.rsplit('/').next().unwrap_or_default()))
        .transpose()
}

/// The account of one of the landing zone's integrations; `None` if that is disabled. Before 4.0
/// the accounts exist even then: only the trail can be off.
fn integration_account(zone: &Detail, name: &str) -> Result<Option<AccountId>> {
    let manifest = &zone.manifest;
    let is_enabled = manifest[name]["enabled"].as_bool();
    if is_enabled == Some(false) && has_optional_integrations(&zone.version) {
        return Ok(None);
    }
    at(manifest, &[name, "accountId"])
}

/// A missing or new status counts as a change in progress.
pub(crate) fn management(summary: Option<&StatusSummary>) -> Management {
    match summary.and_then(|summary| summary.status.as_deref()) {
        Some("SUCCEEDED") => Management::Managed,
        Some("FAILED") => Management::Failed,
        _ => Management::UnderChange,
    }
}

/// A value in the manifest; `None` if any part of the path is missing.
fn at<T>(manifest: &Value, path: &[&str]) -> Result<Option<T>>
where
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    let found = path.iter().fold(manifest, |value, key| &value[*key]);
    match found {
        Value::Null => Ok(None),
        Value::String(text) => parse(GET, text).map(Some),
        _ => Err(unusable(GET, format!("{} is no text", path.join(".")))),
    }
}

#[cfg(test)]
mod tests {
    use towerhook_core::{ErrorKind, ports::Accounts};

    use super::*;
    use crate::testing::{answer, error, setup};

    const ARN: &str = "arn:aws:controltower:eu-west-1:999999999999:landingzone/1A2B3C4D5E6F7G8H";

    fn listed(arn: &str) -> crate::testing::Answer {
        answer(json!({"landingZones": [{"arn": arn}]}))
    }

    fn landing_zone(version: &str, manifest: Value) -> crate::testing::Answer {
        answer(json!({"landingZone": {"arn": ARN, "version": version, "manifest": manifest}}))
    }

    #[tokio::test]
    async fn the_manifest_names_the_shared_accounts() {
        let manifest = json!({
            "securityRoles": {"accountId": "222222222222"},
            "centralizedLogging": {
                "accountId": "111111111111",
                "configurations": {"kmsKeyArn": "arn:aws:kms:eu-west-1:999999999999:key/k"},
            },
        });
        let (aws, sent) = setup([listed(ARN), landing_zone("3.3", manifest)]);
        let LandingZoneReply::Here(zone) = aws.landing_zone().await.unwrap() else {
            panic!("it is here");
        };
        assert_eq!(zone.version, "3.3");
        assert_eq!(zone.log_archive.unwrap().as_str(), "111111111111");
        assert_eq!(zone.audit.unwrap().as_str(), "222222222222");
        assert_eq!(zone.kms_key.unwrap().resource(), "key/k");
        assert_eq!(sent.calls()[1].1["landingZoneIdentifier"], ARN);
    }

    #[tokio::test]
    async fn a_landing_zone_may_have_no_shared_accounts() {
        let (aws, _) = setup([listed(ARN), landing_zone("4.0", json!({}))]);
        let expected = LandingZone {
            version: "4.0".into(),
            ..LandingZone::default()
        };
        assert_eq!(
            aws.landing_zone().await.unwrap(),
            LandingZoneReply::Here(expected)
        );
    }

    #[tokio::test]
    async fn an_account_id_that_is_none_is_an_error() {
        let manifest = json!({"securityRoles": {"accountId": "12"}});
        let (aws, _) = setup([listed(ARN), landing_zone("3.3", manifest)]);
        assert_eq!(
            aws.landing_zone().await.unwrap_err().kind,
            ErrorKind::Invalid
        );
    }

    #[tokio::test]
    async fn a_landing_zone_of_another_region_is_elsewhere() {
        let (aws, sent) = setup([listed(&ARN.replace("eu-west-1", "us-east-1"))]);
        assert_eq!(
            aws.landing_zone().await.unwrap(),
            LandingZoneReply::Elsewhere("us-east-1".into())
        );
        assert_eq!(sent.operations().len(), 1);
    }

    #[tokio::test]
    async fn none_is_told_from_not_knowing() {
        let (aws, _) = setup([answer(json!({"landingZones": []}))]);
        assert_eq!(aws.landing_zone().await.unwrap(), LandingZoneReply::None);
        let (aws, _) = setup([listed(ARN), error(404, "ResourceNotFoundException")]);
        assert_eq!(aws.landing_zone().await.unwrap(), LandingZoneReply::None);
        let (aws, _) = setup([error(403, "AccessDeniedException")]);
        assert_eq!(
            aws.landing_zone().await.unwrap_err().kind,
            ErrorKind::Denied
        );
    }

    fn baseline(target: &str, status: &str) -> Value {
        one_of("17BSJV3IGJ2QSGA2", target, status)
    }

    fn one_of(id: &str, target: &str, status: &str) -> Value {
        json!({
            "arn": "arn:aws:controltower:eu-west-1:999999999999:enabledbaseline/X",
            "baselineIdentifier": format!("arn:aws:controltower:eu-west-1::baseline/{id}"),
            "targetIdentifier": format!("arn:aws:organizations::999999999999:{target}"),
            "statusSummary": {"status": status},
        })
    }

    fn on_account(id: &str, status: &str) -> Value {
        baseline(&format!("account/o-aa111bb222/{id}"), status)
    }

    #[tokio::test]
    async fn baselines_of_accounts_are_read_to_the_last_page() {
        let page = json!([
            baseline("ou/o-aa111bb222/ou-a1b2-11111111", "SUCCEEDED"),
            on_account("111111111111", "SUCCEEDED"),
            on_account("222222222222", "FAILED"),
        ]);
        let rest = json!([
            on_account("111111111111", "UNDER_CHANGE"),
            on_account("333333333333", "PAUSED"),
        ]);
        let (aws, sent) = setup([
            answer(json!({"enabledBaselines": page, "nextToken": "2"})),
            answer(json!({"enabledBaselines": rest})),
            listed(ARN),
            landing_zone("3.3", json!({})),
        ]);
        let baselines = aws.baselines(None).await.unwrap();
        let expected = [
            ("111111111111", Management::UnderChange),
            ("222222222222", Management::Failed),
            ("333333333333", Management::UnderChange),
        ];
        let expected = expected.map(|(id, management)| (id.parse().unwrap(), management));
        assert_eq!(baselines, Baselines(expected.into()));
        assert_eq!(sent.calls()[0].1["includeChildren"], true);
    }

    #[tokio::test]
    async fn a_failed_baseline_of_control_towers_is_not_made_good_by_another() {
        let account = "account/o-aa111bb222/111111111111";
        let page = json!([
            baseline(account, "FAILED"),
            one_of("4T4HA1KMO10S6311", account, "SUCCEEDED"),
        ]);
        let (aws, _) = setup([
            answer(json!({"enabledBaselines": page})),
            listed(ARN),
            landing_zone("3.3", json!({})),
        ]);
        let baselines = aws.baselines(None).await.unwrap();
        let account = "111111111111".parse().unwrap();
        assert_eq!(baselines.of(&account), Management::Failed);
    }

    #[tokio::test]
    async fn few_accounts_are_asked_for_by_name_and_absence_is_asked_for_twice() {
        let ids: [AccountId; 2] = ["111111111111", "222222222222"].map(|id| id.parse().unwrap());
        let described = json!({
            "Id": "111111111111",
            "Arn": "arn:aws:organizations::999999999999:account/o-aa111bb222/111111111111",
            "State": "ACTIVE",
            "Paths": ["o-aa111bb222/r-a1b2/111111111111/"],
        });
        let first = json!([on_account("111111111111", "SUCCEEDED")]);
        let (aws, sent) = setup([
            answer(json!({"Account": described})),
            answer(json!({"enabledBaselines": first})),
            answer(json!({"enabledBaselines": first})),
            answer(json!({"enabledBaselines": first})),
            listed(ARN),
            landing_zone("3.3", json!({})),
        ]);
        aws.account(&ids[0]).await.unwrap();
        let one = aws.baselines(Some(&ids[..1])).await.unwrap();
        assert_eq!(one.of(&ids[0]), Management::Managed);
        assert_eq!(
            sent.calls()[1].1["filter"]["targetIdentifiers"],
            json!(["arn:aws:organizations::999999999999:account/o-aa111bb222/111111111111"])
        );
        assert_eq!(sent.calls().len(), 2);
        let two = aws.baselines(Some(&ids)).await.unwrap();
        assert_eq!(two.of(&ids[1]), Management::NotManaged);
        assert_eq!(sent.calls().len(), 6);
        assert!(sent.calls()[3].1.get("filter").is_none());
    }

    #[tokio::test]
    async fn an_integration_that_is_off_has_no_account_from_4_0_on() {
        let manifest = json!({
            "securityRoles": {"enabled": true, "accountId": "222222222222"},
            "centralizedLogging": {"enabled": false, "accountId": "111111111111"},
        });
        for (version, log_archive) in [("3.3", Some("111111111111")), ("4.0", None)] {
            let (aws, _) = setup([listed(ARN), landing_zone(version, manifest.clone())]);
            let LandingZoneReply::Here(zone) = aws.landing_zone().await.unwrap() else {
                panic!("it is here");
            };
            let found = zone.log_archive.map(|id| id.to_string());
            assert_eq!(found.as_deref(), log_archive, "{version}");
            assert_eq!(zone.audit.unwrap().as_str(), "222222222222");
        }
    }

    #[tokio::test]
    async fn half_a_reading_says_nothing() {
        let page = json!([on_account("111111111111", "SUCCEEDED")]);
        let (aws, _) = setup([
            answer(json!({"enabledBaselines": page, "nextToken": "2"})),
            error(429, "ThrottlingException"),
        ]);
        assert!(matches!(
            aws.baselines(None).await.unwrap_err().kind,
            ErrorKind::Throttled { .. }
        ));
    }
}

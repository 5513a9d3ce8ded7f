//! Reads which accounts are governed by Control Tower's controls.

use serde::Deserialize;
use serde_json::json;
use towerhook_core::{
    ErrorKind, Result,
    landing_zone::{Baselines, LandingZoneReply, Management},
    model::AccountId,
    ports::LandingZones,
};

use crate::{
    Aws, Home,
    call::services::controltower,
    landing_zones::{StatusSummary, TARGETS, management, page, target_account},
    pages::items,
};

const CONTROLS: &str = "controltower:ListEnabledControls";

/// The largest page size of `ListEnabledControls`.
const CONTROLS_PAGE: i32 = 200;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListEnabledControls {
    #[serde(default)]
    enabled_controls: Vec<EnabledControl>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EnabledControl {
    target_identifier: String,
    status_summary: Option<StatusSummary>,
}

impl<S: AsRef<Home>> Aws<S> {
    /// The accounts, among the given ones or among all, that have an enabled control. From landing
    /// zone 4.0 on, a control alone makes an account managed by Control Tower; before, that takes a
    /// baseline.
    pub(crate) async fn governed_by_controls(
        &self,
        accounts: Option<&[AccountId]>,
    ) -> Result<Baselines> {
        let mut governed = Baselines::default();
        match self.landing_zone().await? {
            LandingZoneReply::Here(zone) if zone.has_optional_integrations() => {}
            _ => return Ok(governed),
        }
        match accounts.zip(self.account_arns.get()) {
            Some((accounts, arns)) if accounts.len() <= TARGETS => {
                for id in accounts {
                    let target = format!("{arns}{id}");
                    self.enabled_controls(Some(target), &mut governed).await?;
                }
            }
            _ => self.enabled_controls(None, &mut governed).await?,
        }
        Ok(governed)
    }

    async fn enabled_controls(
        &self,
        target: Option<String>,
        governed: &mut Baselines,
    ) -> Result<()> {
        let is_one = target.is_some();
        let mut parameters = json!({"includeChildren": true, "maxResults": CONTROLS_PAGE});
        if let Some(target) = target {
            parameters["targetIdentifier"] = target.into();
        }
        let parts = |page: ListEnabledControls| (page.enabled_controls, page.next_token);
        let listing = items(None, CONTROLS, parts, async |token| {
            controltower::list_enabled_controls(&self.config, &page(&parameters, token)).await
        });
        let listed = match listing.await {
            // Control Tower does not know a target without controls.
            Err(error) if is_one && error.kind == ErrorKind::NotFound => return Ok(()),
            listed => listed?,
        };
        for control in listed {
            let Some(account) = target_account(CONTROLS, &control.target_identifier)? else {
                continue;
            };
            match management(control.status_summary.as_ref()) {
                // One enabled control is enough, whatever the status of the others.
                Management::Managed => governed.0.insert(account, Management::Managed),
                Management::UnderChange => {
                    Some(*governed.0.entry(account).or_insert(Management::UnderChange))
                }
                Management::Failed | Management::NotManaged => None,
            };
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use towerhook_core::ports::Accounts;

    use super::*;
    use crate::testing::{Answer, answer, error, setup};

    const ARN: &str = "arn:aws:controltower:eu-west-1:999999999999:landingzone/1A2B3C4D5E6F7G8H";

    fn listed(arn: &str) -> Answer {
        answer(json!({"landingZones": [{"arn": arn}]}))
    }

    fn landing_zone(version: &str, manifest: Value) -> Answer {
        answer(json!({"landingZone": {"arn": ARN, "version": version, "manifest": manifest}}))
    }

    fn on_account(id: &str, status: &str) -> Value {
        json!({
            "arn": "arn:aws:controltower:eu-west-1:999999999999:enabledbaseline/X",
            "baselineIdentifier": "arn:aws:controltower:eu-west-1::baseline/17BSJV3IGJ2QSGA2",
            "targetIdentifier":
                format!("arn:aws:organizations::999999999999:account/o-aa111bb222/{id}"),
            "statusSummary": {"status": status},
        })
    }

    #[tokio::test]
    async fn from_4_0_on_a_control_makes_an_account_managed() {
        let control = |target: &str, status: &str| {
            json!({
                "arn": "arn:aws:controltower:eu-west-1:999999999999:enabledcontrol/X",
                "controlIdentifier": "arn:aws:controlcatalog:::control/x",
                "targetIdentifier": format!("arn:aws:organizations::999999999999:{target}"),
                "statusSummary": {"status": status},
            })
        };
        let account =
            |id: &str, status: &str| control(&format!("account/o-aa111bb222/{id}"), status);
        let (aws, sent) = setup([
            answer(json!({"enabledBaselines": [on_account("111111111111", "FAILED")]})),
            listed(ARN),
            landing_zone("4.0", json!({})),
            answer(json!({
                "enabledControls": [
                    control("ou/o-aa111bb222/ou-ab12-11111111", "SUCCEEDED"),
                    account("111111111111", "SUCCEEDED"),
                    account("222222222222", "UNDER_CHANGE"),
                ],
                "nextToken": "2",
            })),
            answer(json!({"enabledControls": [
                account("222222222222", "SUCCEEDED"),
                account("333333333333", "UNDER_CHANGE"),
                account("444444444444", "FAILED"),
            ]})),
        ]);
        let baselines = aws.baselines(None).await.unwrap();
        let expected = [
            // The baseline's status takes precedence.
            ("111111111111", Management::Failed),
            ("222222222222", Management::Managed),
            ("333333333333", Management::UnderChange),
        ];
        let expected = expected.map(|(id, management)| (id.parse().unwrap(), management));
        assert_eq!(baselines, Baselines(expected.into()));
        assert_eq!(sent.calls()[3].1["includeChildren"], true);
    }

    #[tokio::test]
    async fn an_account_that_control_tower_does_not_know_has_no_controls() {
        let ids: [AccountId; 2] = ["111111111111", "222222222222"].map(|id| id.parse().unwrap());
        let described = json!({
            "Id": "111111111111",
            "Arn": "arn:aws:organizations::999999999999:account/o-aa111bb222/111111111111",
            "State": "ACTIVE",
            "Paths": ["o-aa111bb222/r-a1b2/111111111111/"],
        });
        let none = || answer(json!({"enabledBaselines": []}));
        let control = json!({
            "targetIdentifier":
                "arn:aws:organizations::999999999999:account/o-aa111bb222/222222222222",
            "statusSummary": {"status": "SUCCEEDED"},
        });
        let (aws, _) = setup([
            answer(json!({"Account": described})),
            none(),
            none(),
            listed(ARN),
            landing_zone("4.0", json!({})),
            error(404, "ResourceNotFoundException"),
            answer(json!({"enabledControls": [control]})),
        ]);
        aws.account(&ids[0]).await.unwrap();
        let baselines = aws.baselines(Some(&ids)).await.unwrap();
        let found = ids.map(|id| baselines.of(&id));
        assert_eq!(found, [Management::NotManaged, Management::Managed]);
    }

    #[tokio::test]
    async fn a_listing_of_all_controls_that_is_not_found_says_nothing() {
        let (aws, _) = setup([
            answer(json!({"enabledBaselines": []})),
            listed(ARN),
            landing_zone("4.0", json!({})),
            error(404, "ResourceNotFoundException"),
        ]);
        let refused = aws.baselines(None).await.unwrap_err();
        assert_eq!(refused.kind, ErrorKind::NotFound);
    }
}

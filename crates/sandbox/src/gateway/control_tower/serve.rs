//! Control Tower's operations.

use serde_json::{Value, json};

use super::{BASELINES, ControlTower, EnabledBaseline, State, Target};
use crate::gateway::answer::ApiError;
use crate::gateway::route::Call;

/// The most that one page of `ListEnabledBaselines` holds.
const PAGE: usize = 100;

/// The most that one page of `ListEnabledControls` holds.
const CONTROLS_PAGE: usize = 200;

impl ControlTower {
    pub(in crate::gateway) fn serve(
        &self,
        call: &Call,
        request: &Value,
    ) -> Result<Value, ApiError> {
        if call.account != self.management_account {
            return Err(ApiError::new(
                403,
                "AccessDeniedException",
                "User is not authorized to perform this operation: it is the management account's",
            ));
        }
        let state = self.state();
        match call.operation.as_str() {
            "ListLandingZones" => {
                let zones: Vec<_> = self
                    .landing_zone_arn(&state)
                    .map(|arn| json!({"arn": arn}))
                    .into_iter()
                    .collect();
                Ok(json!({"landingZones": zones}))
            }
            "GetLandingZone" => self.get_landing_zone(&state, call, request),
            "ListBaselines" => {
                let baselines: Vec<_> = BASELINES
                    .iter()
                    .map(|(name, id)| json!({"arn": baseline_arn(&call.region, id), "name": name}))
                    .collect();
                Ok(json!({"baselines": baselines}))
            }
            "GetBaseline" => {
                let wanted = text(request, "baselineIdentifier")?;
                BASELINES
                    .iter()
                    .find(|(_, id)| baseline_arn(&call.region, id) == wanted)
                    .map(|(name, _)| json!({"arn": wanted, "name": name}))
                    .ok_or_else(|| not_found("Baseline not found."))
            }
            "ListEnabledBaselines" => self.list_enabled_baselines(&state, call, request),
            "GetEnabledBaseline" => {
                let wanted = text(request, "enabledBaselineIdentifier")?;
                state
                    .enabled
                    .iter()
                    .find(|one| one.arn == wanted)
                    .filter(|_| is_home(&state, call))
                    .map(|one| json!({"enabledBaselineDetails": self.summary(&state, one)}))
                    .ok_or_else(|| not_found("Enabled baseline not found."))
            }
            "ListEnabledControls" => self.list_enabled_controls(&state, call, request),
            other => Err(ApiError::new(
                404,
                "UnknownOperationException",
                format!("The sandbox's Control Tower does not serve {other}"),
            )),
        }
    }

    fn landing_zone_arn(&self, state: &State) -> Option<String> {
        let zone = state.landing_zone.as_ref()?;
        Some(format!(
            "arn:aws:controltower:{}:{}:landingzone/{}",
            zone.home_region, self.management_account, state.landing_zone_id
        ))
    }

    fn get_landing_zone(
        &self,
        state: &State,
        call: &Call,
        request: &Value,
    ) -> Result<Value, ApiError> {
        let wanted = text(request, "landingZoneIdentifier")?;
        let missing = || not_found("AWS Control Tower could not find the landing zone.");
        let arn = self.landing_zone_arn(state).ok_or_else(missing)?;
        let zone = state
            .landing_zone
            .as_ref()
            .filter(|zone| wanted == arn && zone.home_region == call.region)
            .ok_or_else(missing)?;
        let mut landing_zone = json!({
            "arn": arn,
            "driftStatus": {"status": "IN_SYNC"},
            "latestAvailableVersion": "4.0",
            "status": "ACTIVE",
            "version": zone.version,
            "manifest": zone.manifest,
        });
        if zone.auto_enrollment {
            landing_zone["remediationTypes"] = json!(["INHERITANCE_DRIFT"]);
        }
        Ok(json!({"landingZone": landing_zone}))
    }

    fn list_enabled_baselines(
        &self,
        state: &State,
        call: &Call,
        request: &Value,
    ) -> Result<Value, ApiError> {
        let children = request["includeChildren"].as_bool().unwrap_or(false);
        let filter = &request["filter"];
        let size = match request["maxResults"].as_u64() {
            None => PAGE,
            Some(size @ 5..=100) => usize::try_from(size).unwrap_or(PAGE),
            Some(_) => return Err(invalid("maxResults must be between 5 and 100")),
        };
        let start = match request["nextToken"].as_str() {
            None => 0,
            Some(token) => token
                .strip_prefix("enabled-")
                .and_then(|number| number.parse().ok())
                .ok_or_else(|| invalid("Invalid nextToken"))?,
        };
        let matching: Vec<Value> = state
            .enabled
            .iter()
            .filter(|_| is_home(state, call))
            .filter(|one| children || one.parent.is_none())
            .map(|one| self.summary(state, one))
            .filter(|one| {
                [
                    ("baselineIdentifiers", &one["baselineIdentifier"]),
                    ("targetIdentifiers", &one["targetIdentifier"]),
                    ("parentIdentifiers", &one["parentIdentifier"]),
                    ("statuses", &one["statusSummary"]["status"]),
                ]
                .iter()
                .all(|(name, value)| {
                    filter[name]
                        .as_array()
                        .is_none_or(|wanted| wanted.contains(value))
                })
            })
            .collect();
        let page: Vec<_> = matching.iter().skip(start).take(size).collect();
        let mut answer = json!({"enabledBaselines": page});
        if start + size < matching.len() {
            answer["nextToken"] = json!(format!("enabled-{}", start + size));
        }
        Ok(answer)
    }

    /// Those of the target, or of all; those of accounts only with `includeChildren`, unless the
    /// target is one.
    fn list_enabled_controls(
        &self,
        state: &State,
        call: &Call,
        request: &Value,
    ) -> Result<Value, ApiError> {
        let children = request["includeChildren"].as_bool().unwrap_or(false);
        let wanted = request["targetIdentifier"].as_str();
        let size = match request["maxResults"].as_u64() {
            None => CONTROLS_PAGE,
            Some(size @ 1..=200) => usize::try_from(size).unwrap_or(CONTROLS_PAGE),
            Some(_) => return Err(invalid("maxResults must be between 1 and 200")),
        };
        let start = match request["nextToken"].as_str() {
            None => 0,
            Some(token) => token
                .strip_prefix("controls-")
                .and_then(|number| number.parse().ok())
                .ok_or_else(|| invalid("Invalid nextToken"))?,
        };
        let is_known = |wanted: &str| {
            let of_controls = state.controls.iter().map(|one| &one.target);
            let mut all = of_controls.chain(state.enabled.iter().map(|one| &one.target));
            all.any(|target| self.target_arn(state, target) == wanted)
        };
        if wanted.is_some_and(|wanted| !is_known(wanted)) {
            return Err(not_found("AWS Control Tower could not find the target."));
        }
        let of = |arn: Option<&String>| {
            let parent = state.controls.iter().find(|one| Some(&one.arn) == arn)?;
            Some(self.target_arn(state, &parent.target))
        };
        let matching: Vec<Value> = state
            .controls
            .iter()
            .filter(|_| is_home(state, call))
            .filter(|one| {
                let target = self.target_arn(state, &one.target);
                match wanted {
                    None => children || one.parent.is_none(),
                    Some(wanted) if wanted == target => true,
                    Some(wanted) => children && of(one.parent.as_ref()).as_deref() == Some(wanted),
                }
            })
            .map(|one| {
                let mut summary = json!({
                    "arn": one.arn,
                    "controlIdentifier": one.control,
                    "targetIdentifier": self.target_arn(state, &one.target),
                    "statusSummary": {"status": one.status},
                });
                if let Some(parent) = &one.parent {
                    summary["parentIdentifier"] = json!(parent);
                }
                summary
            })
            .collect();
        let page: Vec<_> = matching.iter().skip(start).take(size).collect();
        let mut answer = json!({"enabledControls": page});
        if start + size < matching.len() {
            answer["nextToken"] = json!(format!("controls-{}", start + size));
        }
        Ok(answer)
    }

    fn target_arn(&self, state: &State, target: &Target) -> String {
        let zone = state.landing_zone.as_ref();
        let organization = zone.map_or("", |zone| zone.organization_id.as_str());
        let target = match target {
            Target::Account(id) => format!("account/{organization}/{id}"),
            Target::OrganizationalUnit(id) => format!("ou/{organization}/{id}"),
        };
        format!(
            "arn:aws:organizations::{}:{target}",
            self.management_account
        )
    }

    fn summary(&self, state: &State, one: &EnabledBaseline) -> Value {
        let zone = state.landing_zone.as_ref();
        let region = zone.map_or("", |zone| zone.home_region.as_str());
        let mut summary = json!({
            "arn": one.arn,
            "baselineIdentifier": baseline_arn(region, &one.baseline),
            "targetIdentifier": self.target_arn(state, &one.target),
            "statusSummary": {"status": one.status},
            "driftStatusSummary": {"types": {"inheritance": {"status": "IN_SYNC"}}},
        });
        if let Some(version) = &one.version {
            summary["baselineVersion"] = json!(version);
        }
        if let Some(parent) = &one.parent {
            summary["parentIdentifier"] = json!(parent);
        }
        summary
    }
}

fn is_home(state: &State, call: &Call) -> bool {
    state
        .landing_zone
        .as_ref()
        .is_some_and(|zone| zone.home_region == call.region)
}

fn baseline_arn(region: &str, id: &str) -> String {
    format!("arn:aws:controltower:{region}::baseline/{id}")
}

fn text<'a>(request: &'a Value, field: &str) -> Result<&'a str, ApiError> {
    request[field]
        .as_str()
        .ok_or_else(|| invalid(&format!("{field} is required")))
}

fn invalid(message: &str) -> ApiError {
    ApiError::new(400, "ValidationException", message)
}

fn not_found(message: &str) -> ApiError {
    ApiError::new(404, "ResourceNotFoundException", message)
}

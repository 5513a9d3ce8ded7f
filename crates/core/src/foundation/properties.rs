use std::collections::BTreeSet;

use serde_json::Value;
use url::Url;

use super::Refusal;
use crate::{
    model::{
        AccountId, Arn, ExternalId, IntegrationPrefix, Store, UnitEntry, UnitName, is_loopback,
        parse_units,
    },
    policy::{Capability, RegistrationMode},
    provider::{PrincipalWords, Provider, StoreWords},
};

/// The custom resource's properties: the stack's parameters, parsed and checked without any other
/// data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Properties {
    /// The URL of the tenant.
    pub url: Url,
    /// `CapabilityType`.
    pub capability: Capability,
    /// `RegistrationMode`.
    pub registration_mode: RegistrationMode,
    /// `MonitorExistingAccounts`.
    pub monitor_existing: bool,
    /// `ExistingCloudTrailName`.
    pub trail_name: String,
    /// `CreateTrailTopic`.
    pub create_trail_topic: bool,
    /// `KmsKeyIdentifierArn`.
    pub kms_key: Option<Arn>,
    /// `LogAccountName`.
    pub log_account_name: Option<String>,
    /// `AuditAccountName`.
    pub audit_account_name: Option<String>,
    /// Each OU that is mapped to a store.
    pub mapped_units: Vec<(UnitName, Store)>,
    /// `IncludeOrganizationalUnits`.
    pub include: Vec<UnitName>,
    /// `ExcludeOrganizationalUnits`.
    pub exclude: Vec<UnitName>,
    /// `ExcludeAccounts`.
    pub exclude_accounts: BTreeSet<AccountId>,
    /// `PermissionsBoundaryName`.
    pub permissions_boundary: Option<String>,
    /// The one store of all accounts.
    pub store: Option<Store>,
    /// `IntegrationNamePrefix`.
    pub prefix: IntegrationPrefix,
    /// The principal that may assume the roles; `None` for a vendor without one.
    pub principal: Option<Arn>,
    /// The tenant's external id; `None` asks the vendor.
    pub external_id: Option<ExternalId>,
    /// `RetainProtection`.
    pub retain_protection: bool,
    /// `EnrollManagementAccount`.
    pub enroll_management: bool,
    /// `OffboardLimitPercent`.
    pub offboard_limit_percent: u8,
    /// `AdoptExistingDeployment`.
    pub adopt: bool,
    /// `ApproveOffboard`.
    pub approved_offboard: Option<String>,
    /// `OffboardUnenrolled`.
    pub offboard_unenrolled: bool,
}

impl Properties {
    /// Parses the properties.
    ///
    /// # Errors
    ///
    /// The first wrong parameter, and its value.
    pub fn parse(provider: &dyn Provider, properties: &Value) -> Result<Self, Refusal> {
        let read = Reader(properties);
        let words = provider.words();
        let stores = words.stores.as_ref();
        let capability: Capability = read.parse(
            "CapabilityType",
            "CloudTrail+Config, Config or CloudTrail",
            |text| serde_json::from_value(Value::from(text)).ok(),
        )?;
        let parsed = Self {
            url: Self::url(provider, &read.required(words.tenant_parameter)?)?,
            capability,
            registration_mode: match read.optional("RegistrationMode") {
                None => RegistrationMode::default(),
                Some(_) => read.parse(
                    "RegistrationMode",
                    "Function or SnsCustomResource",
                    |text| serde_json::from_value(Value::from(text)).ok(),
                )?,
            },
            monitor_existing: read.yes_or_no("MonitorExistingAccounts")?,
            trail_name: match read.optional("ExistingCloudTrailName") {
                None if !capability.cloud_trail() => String::new(),
                _ => read.required("ExistingCloudTrailName")?,
            },
            create_trail_topic: read.is_yes("CreateTrailTopic")?,
            kms_key: read.optional_key("KmsKeyIdentifierArn")?,
            log_account_name: read.optional("LogAccountName"),
            audit_account_name: read.optional("AuditAccountName"),
            mapped_units: match stores {
                Some(stores) => read.mapping(stores.units_parameter)?,
                None => Vec::new(),
            },
            include: read.unit_names("IncludeOrganizationalUnits")?,
            exclude: read.unit_names("ExcludeOrganizationalUnits")?,
            exclude_accounts: read.accounts("ExcludeAccounts")?,
            permissions_boundary: read.optional("PermissionsBoundaryName"),
            store: stores
                .and_then(|stores| read.optional(stores.single_parameter))
                .map(Store::from),
            prefix: read
                .required("IntegrationNamePrefix")?
                .parse()
                .map_err(|wrong: crate::model::ParsePrefixError| Refusal::new(wrong.to_string()))?,
            principal: match &words.principal {
                Some(PrincipalWords {
                    parameter,
                    principal,
                }) => Some(read.parse(parameter, principal, |text| provider.principal(text))?),
                None => None,
            },
            external_id: match words.external_id_parameter {
                Some(parameter) => read.optional_external_id(provider, parameter)?,
                None => None,
            },
            // Without the parameter nothing is taken away.
            retain_protection: provider.retains()
                && (read.optional("RetainProtection").is_none()
                    || read.yes_or_no("RetainProtection")?),
            enroll_management: read.yes_or_no("EnrollManagementAccount")?,
            offboard_limit_percent: read.parse(
                "OffboardLimitPercent",
                "a whole number from 0 to 100",
                |text| text.parse().ok().filter(|percent| *percent <= 100),
            )?,
            adopt: read.is_yes("AdoptExistingDeployment")?,
            approved_offboard: read.optional("ApproveOffboard"),
            offboard_unenrolled: read.yes_or_no("OffboardUnenrolled")?,
        };
        let Some(stores) = stores else {
            return Ok(parsed);
        };
        if parsed.registration_mode == RegistrationMode::SnsCustomResource {
            parsed.check_registration_by_stack(stores)?;
        }
        if let (Some(single), false) = (&parsed.store, parsed.mapped_units.is_empty()) {
            return Err(Refusal::new(format!(
                "{} ({single}) and {} are both set. Set one of them: one {kind} for all accounts, or \
                 {kind}s by organizational unit.",
                stores.single_parameter,
                stores.units_parameter,
                kind = stores.store
            )));
        }
        Ok(parsed)
    }

    /// The URL of the tenant that `named` stands for; plain HTTP for loopback only.
    ///
    /// # Errors
    ///
    /// The text names no tenant.
    pub fn url(provider: &dyn Provider, named: &str) -> Result<Url, Refusal> {
        let words = provider.words();
        let name = words.tenant_parameter;
        let not_a_url = || wrong(name, words.tenant, named);
        let url = provider.url(named).ok_or_else(not_a_url)?;
        if !url.has_host() {
            return Err(not_a_url());
        }
        match url.scheme() {
            "https" => Ok(url),
            "http" if is_loopback(&url) => Ok(url),
            _ => Err(wrong(name, "an https URL", named)),
        }
    }

    /// The vendor's custom resource supports only the tenant itself, no store. An earlier
    /// deployment's registrations would be duplicated.
    fn check_registration_by_stack(&self, stores: &StoreWords) -> Result<(), Refusal> {
        let other = if self.store.is_some() {
            stores.single_parameter
        } else if !self.mapped_units.is_empty() {
            stores.units_parameter
        } else if self.adopt {
            "AdoptExistingDeployment"
        } else {
            return Ok(());
        };
        Err(Refusal::new(format!(
            "RegistrationMode is SnsCustomResource, which cannot be combined with {other}. \
             Set RegistrationMode to Function, or leave {other} at its default."
        )))
    }
}

struct Reader<'a>(&'a Value);

impl Reader<'_> {
    fn optional(&self, name: &str) -> Option<String> {
        let text = self.0.get(name)?.as_str()?.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }

    fn required(&self, name: &'static str) -> Result<String, Refusal> {
        self.optional(name)
            .ok_or_else(|| Refusal::new(format!("{name} is missing or blank.")))
    }

    fn parse<T>(
        &self,
        name: &'static str,
        expected: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, Refusal> {
        let text = self.required(name)?;
        parse(&text).ok_or_else(|| wrong(name, expected, &text))
    }

    fn yes_or_no(&self, name: &'static str) -> Result<bool, Refusal> {
        self.parse(name, "Yes or No", |text| match text {
            "Yes" => Some(true),
            "No" => Some(false),
            _ => None,
        })
    }

    /// Whether it is Yes. Not every vendor has the parameter.
    fn is_yes(&self, name: &'static str) -> Result<bool, Refusal> {
        match self.optional(name) {
            None => Ok(false),
            Some(_) => self.yes_or_no(name),
        }
    }

    fn units(&self, name: &'static str) -> Result<Vec<UnitEntry>, Refusal> {
        let text = self.optional(name).unwrap_or_default();
        parse_units(&text).map_err(|error| Refusal::new(format!("{name}: {error}.")))
    }

    /// OUs without stores.
    fn unit_names(&self, name: &'static str) -> Result<Vec<UnitName>, Refusal> {
        let units = self.units(name)?.into_iter();
        units
            .map(|entry| match entry.store {
                None => Ok(entry.unit),
                Some(_) => Err(Refusal::new(format!(
                    "{name} takes organizational units only; found {:?} with an equals sign.",
                    entry.unit.to_string()
                ))),
            })
            .collect()
    }

    /// OUs with the stores of the same names, or with those after the equals signs.
    fn mapping(&self, name: &'static str) -> Result<Vec<(UnitName, Store)>, Refusal> {
        let units = self.units(name)?.into_iter();
        units
            .map(|UnitEntry { unit, store }| {
                let own = || unit.name().map(Store::from);
                let store = store.or_else(own).ok_or_else(|| {
                    Refusal::new(format!(
                        "{name}: write {unit}=NAME, since an organizational unit's id does not \
                         say where its accounts go."
                    ))
                })?;
                Ok((unit, store))
            })
            .collect()
    }

    fn accounts(&self, name: &'static str) -> Result<BTreeSet<AccountId>, Refusal> {
        let text = self.optional(name).unwrap_or_default();
        let ids = text.split(',').map(str::trim).filter(|id| !id.is_empty());
        ids.map(|id| {
            id.parse()
                .map_err(|_| wrong(name, "account ids of 12 digits, separated by commas", id))
        })
        .collect()
    }

    fn optional_external_id(
        &self,
        provider: &dyn Provider,
        name: &'static str,
    ) -> Result<Option<ExternalId>, Refusal> {
        let Some(text) = self.optional(name) else {
            return Ok(None);
        };
        let expected = format!("as {} shows it", provider.words().title);
        let known = provider.external_id(&text);
        known.map(Some).ok_or_else(|| wrong(name, &expected, &text))
    }

    fn optional_key(&self, name: &'static str) -> Result<Option<Arn>, Refusal> {
        match self.optional(name) {
            None => Ok(None),
            Some(text) => text
                .parse()
                .ok()
                .filter(|arn: &Arn| arn.service() == "kms" && arn.resource().starts_with("key/"))
                .map(Some)
                .ok_or_else(|| wrong(name, "the ARN of a KMS key", &text)),
        }
    }
}

fn wrong(name: &str, expected: &str, found: &str) -> Refusal {
    let found: String = found.chars().take(100).collect();
    Refusal::new(format!("{name} must be {expected}; found {found:?}."))
}

/// Valid properties, for tests.
#[cfg(test)]
pub(super) fn valid() -> Value {
    serde_json::json!({
        "ProviderUrl": "acme.example.com", "CapabilityType": "CloudTrail+Config",
        "MonitorExistingAccounts": "Yes", "ExistingCloudTrailName": "trail",
        "IntegrationNamePrefix": "Plain-",
        "PrincipalArn": "arn:aws:iam::999999999999:role/reader",
        "EnrollManagementAccount": "No", "OffboardLimitPercent": "10",
        "OffboardUnenrolled": "No",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::plain::Plain;

    fn refusal(name: &str, value: &str) -> String {
        let mut properties = valid();
        properties[name] = value.into();
        Properties::parse(&Plain, &properties)
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn a_url_without_scheme_is_https() {
        let parsed = Properties::parse(&Plain, &valid()).unwrap();
        assert_eq!(parsed.url.as_str(), "https://acme.example.com/");
    }

    #[test]
    fn each_wrong_parameter_is_named_with_what_was_found() {
        for (name, value) in [
            ("ProviderUrl", "http://acme.example.com"),
            ("ProviderUrl", "ftp://acme.example.com"),
            ("CapabilityType", "Everything"),
            ("RegistrationMode", "Sns"),
            ("MonitorExistingAccounts", "yes"),
            ("KmsKeyIdentifierArn", "alias/key"),
            ("KmsKeyIdentifierArn", "arn:aws:s3:::bucket"),
            ("KmsKeyIdentifierArn", "arn:aws:s3:::key/of-no-kms"),
            (
                "KmsKeyIdentifierArn",
                "arn:aws:kms:us-east-1:111111111111:alias/of-a-key",
            ),
            ("StoresByUnit", "ou-ab12-11112222"),
            ("StoresByUnit", "Blue (west)"),
            ("IncludeOrganizationalUnits", "Top//Blue"),
            ("ExcludeOrganizationalUnits", "Blue=a"),
            ("ExcludeAccounts", "12345"),
            ("IntegrationNamePrefix", "1-"),
            ("OffboardLimitPercent", "101"),
        ] {
            let reason = refusal(name, value);
            let value = value.split('=').next().unwrap();
            assert!(reason.contains(name) && reason.contains(value), "{reason}");
        }
        for value in ["Production, ,Development", "Production,"] {
            let reason = refusal("StoresByUnit", value);
            assert!(reason.contains("a unit is missing"), "{reason}");
        }
    }

    #[test]
    fn units_go_to_stores_of_their_names_or_of_those_that_are_given() {
        let mut properties = valid();
        properties["StoresByUnit"] =
            "Production, Top/Blue=west, Staging (ou-ab12-33334444), ou-ab12-11112222=Dev".into();
        let mapped = Properties::parse(&Plain, &properties).unwrap().mapped_units;
        let subs: Vec<_> = mapped.iter().map(|(_, sub)| sub.as_str()).collect();
        assert_eq!(subs, ["production", "west", "staging", "dev"]);
        properties["ExcludeAccounts"] = "111122223333, 444455556666".into();
        assert_eq!(
            Properties::parse(&Plain, &properties)
                .unwrap()
                .exclude_accounts
                .len(),
            2
        );
    }

    #[test]
    fn plain_http_is_for_loopback_only() {
        let mut properties = valid();
        properties["ProviderUrl"] = "http://127.0.0.1:8443".into();
        assert!(Properties::parse(&Plain, &properties).is_ok());
        assert!(refusal("ProviderUrl", "http://127.0.0.1.example.com").contains("https"));
    }

    #[test]
    fn registration_by_stack_is_for_a_new_deployment_without_stores() {
        let mut properties = valid();
        properties["RegistrationMode"] = "SnsCustomResource".into();
        let parsed = Properties::parse(&Plain, &properties).unwrap();
        assert_eq!(
            parsed.registration_mode,
            RegistrationMode::SnsCustomResource
        );
        for (name, value) in [
            ("StoreName", "one"),
            ("StoresByUnit", "Production"),
            ("AdoptExistingDeployment", "Yes"),
        ] {
            let mut properties = properties.clone();
            properties[name] = value.into();
            let reason = Properties::parse(&Plain, &properties)
                .unwrap_err()
                .to_string();
            assert!(reason.contains(name) && reason.contains("RegistrationMode"));
        }
    }

    #[test]
    fn both_store_settings_are_one_too_many() {
        let mut properties = valid();
        properties["StoreName"] = "one".into();
        properties["StoresByUnit"] = "a, b".into();
        let reason = Properties::parse(&Plain, &properties)
            .unwrap_err()
            .to_string();
        assert!(reason.contains("StoreName") && reason.contains("StoresByUnit"));
    }
}

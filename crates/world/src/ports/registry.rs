use jiff::{SignedDuration, Timestamp};
use towerhook_core::{
    ErrorKind, Result,
    model::{
        Created, Health, Profile, Registration, RegistrationKind, RegistrationSpec, Store,
        account_of_role,
    },
    ports::{RegistryReads, RegistryWrites},
};

use super::Ports;
use crate::{
    faults::error,
    operation::PROPAGATION,
    registrations::KeptRegistration,
    registrations::registration,
    safety,
    state::{OddList, State},
    units::{TENANT, stores},
};

/// The vendor's limit of API requests per hour.
const REQUESTS_PER_HOUR: f64 = 480.0;
/// How often the SaaS checks that a registration still works.
const LOOKS_AFTER: SignedDuration = SignedDuration::from_hours(1);

impl Ports {
    async fn ask<T>(
        &self,
        operation: &'static str,
        effect: impl FnOnce(&mut State, Timestamp) -> Result<T>,
    ) -> Result<T> {
        if !self.has_registrations() {
            let text = format!("{} asks a vendor without an API", self.caller.name);
            self.world.state().violate(self.now(), text);
        }
        self.bearer(operation).await?;
        self.call(operation, |state, now| {
            self.require_host(state, now, operation);
            if state.options.rate_limit {
                let (left, since) = state.bucket;
                let hours = now.duration_since(since).as_secs_f64() / 3600.0;
                let left = (left + hours * REQUESTS_PER_HOUR).min(REQUESTS_PER_HOUR);
                state.bucket = (left - 1.0, now);
                if left < 1.0 {
                    state.bucket = (left, now);
                    let seconds = (1.0 - left) / REQUESTS_PER_HOUR * 3600.0;
                    *state.throttles.entry(operation).or_default() += 1;
                    let retry_after = Some(std::time::Duration::from_secs_f64(seconds.ceil()));
                    return Err(error(operation, ErrorKind::Throttled { retry_after }));
                }
            }
            effect(state, now)
        })
        .await
    }
}

impl Ports {
    /// Token and key are sent to the recorded host only.
    pub(super) fn require_host(&self, state: &mut State, now: Timestamp, operation: &str) {
        // A call that setup sent before a newer request succeeded may still take effect.
        if self.is_overtaken(state) {
            return;
        }
        let success = state.ledger.recorded.success.as_ref();
        let recorded = success.map(|success| &success.deployment.policy.host);
        if recorded.is_some_and(|recorded| recorded != self.caller.host) {
            let (name, host) = (&self.caller.name, self.caller.host);
            let text = format!("{name} asks {host}: {operation}");
            state.violate(now, text);
        }
    }
}

/// Whether the SaaS can use the role that a registration names.
fn is_usable(state: &State, now: Timestamp, role_arn: &str) -> bool {
    let account = account_of_role(role_arn);
    let since = account.and_then(|id| state.has_role(&id, role_arn));
    let settled = SignedDuration::try_from(PROPAGATION).unwrap_or_default();
    since.is_some_and(|since| now.duration_since(since) >= settled)
}

fn shown(state: &State, kept: &KeptRegistration, store: Option<&Store>) -> Registration {
    let mut registration = kept.registration.clone();
    if registration.organization {
        registration.store = store.cloned();
    }
    if state.hides_organization {
        registration.organization = false;
    }
    if state.options.vendor.shares_accounts() {
        registration.external_id.clear();
    } else if state.options.masks_external_ids {
        registration.external_id = "**********".into();
    }
    registration.health = match kept.checked {
        (_, true) => Health::Good,
        (_, false) => Health::Failing(r#"{"assumeRole":"AccessDenied"}"#.into()),
    };
    registration
}

impl Ports {
    fn has_registrations(&self) -> bool {
        self.world.state().options.vendor.has_registrations()
    }
}

impl RegistryReads for Ports {
    fn host(&self) -> String {
        self.caller.host.into()
    }

    async fn profile(&self) -> Result<Profile> {
        if !self.has_registrations() {
            return Ok(Profile::default());
        }
        let vendor = self.world.state().options.vendor;
        self.ask("registry:UserProfile", |_, _| {
            Ok(Profile {
                tenant: TENANT.into(),
                stores: stores().into_iter().collect(),
                external_id: vendor.tenants_external_id().map(str::to_owned),
            })
        })
        .await
    }

    async fn registrations(
        &self,
        store: Option<&Store>,
        kind: RegistrationKind,
    ) -> Result<Vec<Registration>> {
        if !self.has_registrations() {
            return Ok(Vec::new());
        }
        let then = self.listed_at();
        self.ask("registry:ListCloudAccounts", |state, now| {
            let due = |kept: &KeptRegistration| now.duration_since(kept.checked.0) >= LOOKS_AFTER;
            if state.registrations.get().iter().any(due) {
                let found: Vec<bool> = state
                    .registrations
                    .get()
                    .iter()
                    .map(|kept| is_usable(state, now, &kept.registration.role_arn))
                    .collect();
                let mut were_failing = Vec::new();
                let all = state.registrations.change(now);
                for (kept, usable) in all.iter_mut().zip(found).filter(|(kept, _)| due(kept)) {
                    if !kept.checked.1 {
                        were_failing.push(kept.subject);
                    }
                    kept.checked = (now, usable);
                }
                let were_failing = were_failing.into_iter().map(|id| (id, now));
                state.last_failing.extend(were_failing);
            }
            if kind == RegistrationKind::Account
                && let Some(odd) = state.next_list.take()
            {
                state.odd_list_before = state.odd_list_at.replace(now);
                state.say(now, || {
                    format!("the SaaS lists {odd:?} to {}", self.caller.name)
                });
                return match odd {
                    OddList::Empty => Ok(Vec::new()),
                    OddList::Garbage => {
                        Err(error("registry:ListCloudAccounts", ErrorKind::Invalid))
                    }
                };
            }
            let then = state.registrations.at(then);
            let here = then.iter().filter(|kept| {
                let registration = &kept.registration;
                let here = registration.organization || registration.store.as_ref() == store;
                here && registration.kind == kind
            });
            Ok(here.map(|kept| shown(state, kept, store)).collect())
        })
        .await
    }
}

impl RegistryWrites for Ports {
    async fn create(&self, store: Option<&Store>, spec: &RegistrationSpec) -> Result<Created> {
        self.ask("registry:CreateCloudAccount", |state, now| {
            let existing = state.registrations.get();
            let is_alike = |kept: &KeptRegistration| kept.registration.kind == spec.kind;
            let used = match spec.kind {
                RegistrationKind::Account => existing.of(&spec.account).any(is_alike),
                RegistrationKind::Feed => existing
                    .iter()
                    .any(|kept| is_alike(kept) && kept.registration.queue_url == spec.queue_url),
            };
            if used && state.options.refuses_duplicates {
                return Ok(Created::AlreadyUsed);
            }
            let is_shut = state.unusable.contains(&store.cloned());
            if is_shut || !is_usable(state, now, &spec.role_arn) {
                return Ok(Created::RoleNotAssumable("AssumeRole: AccessDenied".into()));
            }
            safety::registration_comes(state, now, &self.caller.name, store, spec);
            self.write(state, now, || format!("creates {} in {store:?}", spec.name));
            state.made += 1;
            let guid = if state.options.vendor.numbers_by_account() {
                spec.account.to_string()
            } else {
                format!("ACME_{:06}", state.made)
            };
            if state.unlisted.contains(&spec.account) {
                return Ok(Created::Done(Some(guid)));
            }
            let registration = registration(guid, store.cloned(), spec, true);
            let kept = KeptRegistration {
                registration,
                ours: true,
                made_by: self.caller.name.clone(),
                made_at: now,
                subject: spec.account,
                checked: (now, true),
            };
            let guid = kept.registration.guid.clone();
            state.registrations.change(now).push(kept);
            safety::count_watched(state, now, spec.account);
            // The response may lack the id.
            Ok(Created::Done((state.made % 8 != 0).then_some(guid)))
        })
        .await
    }

    async fn update(
        &self,
        existing: &Registration,
        spec: &RegistrationSpec,
        enabled: bool,
    ) -> Result<Created> {
        let call = "registry:UpdateCloudAccount";
        self.ask(call, |state, now| {
            let mut all = state.registrations.get().iter();
            let Some(found) = all.find(|kept| kept.registration.guid == existing.guid) else {
                return Err(error(call, ErrorKind::NotFound));
            };
            let provider = state.options.vendor.provider();
            let ours = found.ours || provider.takes_over(&found.registration, spec);
            let found = found.clone();
            if enabled && !is_usable(state, now, &spec.role_arn) {
                return Ok(Created::RoleNotAssumable("AssumeRole: AccessDenied".into()));
            }
            self.write(state, now, || {
                format!("updates {} enabled={enabled}", spec.name)
            });
            if !enabled && !provider.limits().pauses {
                state.violate(now, format!("{} cannot be disabled", existing.guid));
            }
            if !ours {
                state.violate(
                    now,
                    format!("a foreign integration was changed: {}", existing.guid),
                );
            }
            let (guid, store) = (existing.guid.clone(), found.registration.store.clone());
            let registration = Registration {
                organization: found.registration.organization,
                ..registration(guid, store, spec, enabled)
            };
            let usable = is_usable(state, now, &spec.role_arn);
            let all = state.registrations.change(now);
            for kept in all
                .iter_mut()
                .filter(|kept| kept.registration.guid == existing.guid)
            {
                kept.registration = registration.clone();
                kept.ours |= ours;
                kept.checked = (now, usable);
            }
            safety::count_watched(state, now, found.subject);
            Ok(Created::Done(Some(existing.guid.clone())))
        })
        .await
    }

    async fn delete(&self, existing: &Registration) -> Result<()> {
        self.ask("registry:DeleteCloudAccount", |state, now| {
            self.write(state, now, || {
                let Registration {
                    name, guid, store, ..
                } = existing;
                format!("deletes {name} ({guid}) in {store:?}")
            });
            if !self.is_overtaken(state) {
                safety::registration_goes(state, now, &existing.guid);
            }
            let all = state.registrations.change(now);
            all.retain(|kept| kept.registration.guid != existing.guid);
            Ok(())
        })
        .await
    }
}

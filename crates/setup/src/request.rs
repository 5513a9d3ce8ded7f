//! What each kind of request means.

use jiff::SignedDuration;
use towerhook_core::{
    ErrorKind,
    custom_resource::{NOTHING_MADE, Outcome, Request, RequestType, physical_id},
    enrollment::{Deployment, Record},
    foundation::{Context, Facts, Foundation, Properties, Refusal, resolve},
    lifecycle::{Message, MessageScope},
    model::{AccountId, SubAccount},
    ports::{Accounts, FanOut, Keys, LandingZones, Ledger, Saas},
    token,
};
use towerhook_runtime::{
    aws::{Aws, SetupSettings},
    clock, random,
    saas::lacework::{Lacework, LaceworkTokens},
    tokens::IssuedTokens,
};
use url::Url;

use crate::{
    Setup, TEMPLATES,
    converge::{self, Goal},
    error::SetupError,
    progress::Progress,
};

/// How long setup waits for a pass of the account function to end, and how often it asks.
const LEASE_TRIES: u32 = 250;
const LEASE_PAUSE: std::time::Duration = std::time::Duration::from_secs(1);
/// CloudFormation makes one request of a stack at a time, so whichever invocation it is, a
/// continuation or the rollback of one that was cut, it is this one that holds the lease.
const LEASE_OWNER: &str = "setup";
/// Longer than CloudFormation waits.
const LEASE_TIME: SignedDuration = SignedDuration::from_mins(61);

/// What CloudFormation is told.
pub(crate) struct Answer {
    pub(crate) physical_id: String,
    pub(crate) outcome: Outcome,
}

impl Answer {
    pub(crate) fn success(request: &Request) -> Self {
        Self {
            physical_id: stable_id(request),
            outcome: Outcome::Success,
        }
    }

    pub(crate) fn failed(request: &Request, progress: &Progress, reason: String) -> Self {
        let made_nothing =
            request.request_type == RequestType::Create && !progress.made_something();
        let physical_id = if made_nothing {
            NOTHING_MADE.to_owned()
        } else {
            stable_id(request)
        };
        Self {
            physical_id,
            outcome: Outcome::Failed { reason },
        }
    }
}

/// An Update or Delete answers with the id that it came with.
fn stable_id(request: &Request) -> String {
    request
        .physical_resource_id
        .clone()
        .unwrap_or_else(|| physical_id(&request.stack_id))
}

pub(crate) type SaasClient = Lacework<IssuedTokens<Aws<SetupSettings>, LaceworkTokens>>;

impl Setup {
    pub(crate) async fn create_or_update(
        &self,
        request: &Request,
        progress: &Progress,
    ) -> Result<(), SetupError> {
        let properties = Properties::parse(&request.properties)?;
        // An invocation before this one may have made something, unless the ledger says otherwise.
        let previous = self.aws.deployment().await;
        if !matches!(previous, Ok(None)) {
            progress.begin_making();
        }
        let previous = previous?;
        refuse_other_prefix(&properties, previous.as_ref())?;
        let saas = self.saas(&properties.lacework_url)?;
        progress.note(&"getting an access token");
        self.check_key(&properties.lacework_url).await?;

        progress.note(&"reading the landing zone");
        let facts = self.facts(&properties, &saas).await?;
        let suffix = match &previous {
            Some(deployment) => deployment.policy.external_id_suffix.clone(),
            None => {
                self.aws
                    .external_id_suffix(&random::external_id_suffix()?)
                    .await?
            }
        };
        let mut foundation = resolve(&properties, &facts, &self.context(suffix), &TEMPLATES)?;
        warn_of_key(&foundation);
        if let Some(previous) = &previous {
            refuse_other_tenant(&foundation.deployment, previous)?;
            inherit(&mut foundation.deployment, previous, &facts);
        }

        self.take_lease().await?;
        // Recorded before anything is made, so that a Delete always knows what to look for.
        self.aws.store_deployment(&foundation.deployment).await?;
        let goal = Goal {
            wanted: Some(&foundation),
            retired: &foundation.deployment.retired,
            sub_accounts: &foundation.deployment.sub_accounts,
            policy: &foundation.deployment.policy,
            request: &request.request_id,
        };
        let result = converge::converge(&self.aws, &saas, &goal, progress).await;
        let result = match result {
            Ok(()) => {
                self.conclude(request, &mut foundation.deployment, &facts)
                    .await
            }
            Err(error) => Err(error),
        };
        self.release_lease().await;
        result?;
        progress.note(&"starting the enrollment of all accounts");
        self.aws
            .publish(&Message::new(MessageScope::All, 0))
            .await?;
        Ok(())
    }

    pub(crate) async fn delete(
        &self,
        request: &Request,
        progress: &Progress,
    ) -> Result<(), SetupError> {
        progress.begin_making();
        // What was never recorded was never begun.
        let Some(deployment) = self.aws.deployment().await? else {
            return Ok(());
        };
        let url = self.settings.lacework_url.parse().or_else(|_| {
            Properties::parse(&request.properties).map(|properties| properties.lacework_url)
        })?;
        let saas = self.saas(&url)?;
        self.take_lease().await?;
        let used = [deployment.policy.names.clone()];
        let retired = [&used[..], &deployment.retired].concat();
        let goal = Goal {
            wanted: None,
            retired: &retired,
            sub_accounts: &deployment.sub_accounts,
            policy: &deployment.policy,
            request: &request.request_id,
        };
        let result = converge::converge(&self.aws, &saas, &goal, progress).await;
        self.release_lease().await;
        result
    }

    fn saas(&self, url: &Url) -> Result<SaasClient, SetupError> {
        let issuer = self.issuer(url)?;
        let tokens = IssuedTokens {
            secrets: self.aws.clone(),
            issuer,
        };
        Lacework::new(self.http.clone(), url.clone(), tokens)
            .map_err(|error| Refusal::new(format!("LaceworkUrl: {error}")).into())
    }

    fn issuer(&self, url: &Url) -> Result<LaceworkTokens, SetupError> {
        LaceworkTokens::new(self.http.clone(), url.clone())
            .map_err(|error| Refusal::new(format!("LaceworkUrl: {error}")).into())
    }

    /// A token is made anew, so that a wrong key or URL shows at once.
    async fn check_key(&self, url: &Url) -> Result<(), SetupError> {
        let issuer = self.issuer(url)?;
        match token::refresh(&self.aws, &issuer, clock::now()).await {
            Ok(_) => Ok(()),
            Err(error) if error.kind == ErrorKind::Unauthorized => {
                let key_id = self.aws.key().await?.key_id;
                Err(SetupError::KeyRefused {
                    url: shown(url),
                    key_id,
                })
            }
            Err(error) if error.operation.starts_with("lacework:") => Err(SetupError::NoAnswer {
                url: shown(url),
                source: error,
            }),
            Err(error) => Err(error.into()),
        }
    }

    async fn facts(&self, properties: &Properties, saas: &SaasClient) -> Result<Facts, SetupError> {
        let trail = async {
            if properties.capability.cloud_trail() {
                self.aws.trail(&properties.trail_name).await
            } else {
                Ok(None)
            }
        };
        let units = async {
            if properties.mapped_units.is_empty() {
                Ok(Default::default())
            } else {
                self.aws.organizational_units().await
            }
        };
        let (landing_zone, trail, accounts, units, profile) = futures::try_join!(
            self.aws.landing_zone(),
            trail,
            self.aws.accounts(),
            units,
            saas.profile(),
        )?;
        Ok(Facts {
            landing_zone,
            trail,
            accounts,
            units,
            profile,
        })
    }

    fn context(&self, external_id_suffix: String) -> Context {
        Context {
            stack_id: self.settings.stack_id.clone(),
            partition: self.settings.partition.clone(),
            region: self.settings.aws.home.region.clone(),
            url_suffix: self.settings.url_suffix.clone(),
            management_account: self.settings.management_account,
            external_id_suffix,
        }
    }

    async fn take_lease(&self) -> Result<(), SetupError> {
        for _ in 0..LEASE_TRIES {
            let now = clock::now();
            if self
                .aws
                .take_lease(LEASE_OWNER, now, now + LEASE_TIME)
                .await?
            {
                return Ok(());
            }
            tokio::time::sleep(LEASE_PAUSE).await;
        }
        Err(SetupError::LeaseTaken)
    }

    /// Where the ledger does not answer, the lease ends by itself, and the next request of this
    /// stack takes it over.
    pub(crate) async fn release_lease(&self) {
        if let Err(error) = self.aws.release_lease(LEASE_OWNER).await {
            tracing::warn!(error = error.chain(), "the lease ends by itself");
        }
    }

    async fn conclude(
        &self,
        request: &Request,
        deployment: &mut Deployment,
        facts: &Facts,
    ) -> Result<(), SetupError> {
        self.mark_existing(request, deployment, facts).await?;
        if !deployment.retired.is_empty() {
            deployment.retired.clear();
            self.aws.store_deployment(deployment).await?;
        }
        Ok(())
    }

    /// Remembers who was there at launch with `MonitorExistingAccounts=No`, and forgets it when
    /// the parameter turns Yes.
    async fn mark_existing(
        &self,
        request: &Request,
        deployment: &Deployment,
        facts: &Facts,
    ) -> Result<(), SetupError> {
        let monitor_existing = deployment.policy.monitor_existing;
        if monitor_existing && request.request_type == RequestType::Create {
            return Ok(());
        }
        let records = self.aws.records().await?;
        let changed: Vec<(AccountId, Option<Record>)> = if monitor_existing {
            let marked = records
                .into_iter()
                .filter(|(_, record)| record.existing_at_launch);
            marked
                .map(|(id, record)| {
                    (
                        id,
                        Some(Record {
                            existing_at_launch: false,
                            ..record
                        }),
                    )
                })
                .collect()
        } else if request.request_type == RequestType::Create {
            let ids = facts.accounts.iter().map(|account| account.id);
            let unknown = ids.filter(|id| !records.contains_key(id));
            unknown
                .map(|id| {
                    (
                        id,
                        Some(Record {
                            existing_at_launch: true,
                            ..Record::default()
                        }),
                    )
                })
                .collect()
        } else {
            Vec::new()
        };
        if !changed.is_empty() {
            self.aws.store_records(&changed).await?;
        }
        Ok(())
    }
}

/// As the administrator writes it.
fn shown(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}

/// The key is the administrator's, so its policy is, too.
fn warn_of_key(foundation: &Foundation) {
    let Some(trail) = &foundation.trail else {
        return;
    };
    let key = trail
        .log
        .0
        .parameters
        .get("KmsKeyArn")
        .filter(|key| !key.is_empty());
    if let Some(key) = key {
        let role = &trail.integration.role_arn;
        tracing::warn!(
            key,
            role,
            "the trail's key must let this role decrypt: add the statement in the README"
        );
    }
}

/// Role names do not carry the prefix, so a second set of everything would collide with the first.
fn refuse_other_prefix(
    properties: &Properties,
    previous: Option<&Deployment>,
) -> Result<(), Refusal> {
    match previous.map(|deployment| &deployment.policy.names.prefix) {
        Some(prefix) if *prefix != properties.prefix => Err(Refusal::new(format!(
            "IntegrationNamePrefix cannot change after launch: it was {:?} and is now {:?}. \
             Set it back, or delete the stack and launch it anew.",
            prefix.as_str(),
            properties.prefix.as_str()
        ))),
        _ => Ok(()),
    }
}

/// The integrations of another tenant could no longer be seen, and would stay behind.
fn refuse_other_tenant(deployment: &Deployment, previous: &Deployment) -> Result<(), Refusal> {
    let (old, new) = (&previous.policy.tenant, &deployment.policy.tenant);
    if old == new {
        return Ok(());
    }
    Err(Refusal::new(format!(
        "LaceworkUrl cannot change to another Lacework account after launch: it was {old} and is \
         now {new}. Set it back, or delete the stack and launch it anew."
    )))
}

/// Takes over what an earlier deployment used and this one does not, so that an invocation which
/// goes on from here still knows it. A sub-account that no longer exists holds nothing of ours.
fn inherit(deployment: &mut Deployment, previous: &Deployment, facts: &Facts) {
    let exists = |sub_account: &&SubAccount| facts.profile.sub_accounts.contains(sub_account);
    let sub_accounts = previous.sub_accounts.iter().filter(exists).cloned();
    deployment.sub_accounts.extend(sub_accounts);
    let used = previous.retired.iter().chain([&previous.policy.names]);
    deployment.retired = used
        .filter(|names| **names != deployment.policy.names)
        .cloned()
        .collect();
}

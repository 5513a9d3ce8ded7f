//! What each kind of request means.

use std::{cell::Cell, collections::BTreeSet};

use tokio::time::sleep;
use towerhook_core::{
    Error, ErrorKind,
    custom_resource::{NOTHING_MADE, Outcome, Request, RequestType, physical_id},
    enrollment::{Deployment, Registration},
    foundation::{
        Context, Facts, Foundation, Goal, LEASE_OWNER, Progress, Properties, Refusal, adopt,
        await_lease, converge, inherit, insist, mark_existing, resolve,
    },
    lifecycle::{Message, MessageScope},
    ports::{Accounts, FanOut, Keys, LandingZones, Ledger, Saas, Token},
    token,
};
use towerhook_runtime::{
    aws::{Aws, SetupSettings},
    clock, random,
    saas::lacework::{Lacework, LaceworkTokens},
    tokens::IssuedTokens,
};
use url::Url;

use crate::{Setup, TEMPLATES, error::SetupError};

/// How often a Lacework that does not answer is asked for a token, where its address may be wrong.
const KEY_TRIES: u32 = 3;

/// What CloudFormation is told.
pub(crate) struct Answer {
    pub(crate) physical_id: String,
    pub(crate) outcome: Outcome,
}

impl Answer {
    pub(crate) fn success(request: &Request, progress: &Progress) -> Self {
        let note = progress.note();
        if let Some(note) = &note {
            tracing::warn!(note, "done, but");
        }
        Self {
            physical_id: stable_id(request),
            outcome: Outcome::Success { note },
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
        let previous = insist(progress, &sleep, async || self.aws.deployment().await).await;
        if !matches!(previous, Ok(None)) {
            progress.begin_making();
        }
        let previous = previous?;
        refuse_other_prefix(&properties, previous.as_ref())?;
        refuse_other_trail(&properties, previous.as_ref())?;
        refuse_other_registration(&properties, previous.as_ref())?;
        let saas = self.saas(&properties.lacework_url)?;
        progress.begin(&"getting an access token");
        // An address that has worked before is not wrong because nobody answers there now.
        let tries = (!request.leaves("LaceworkUrl")).then_some(KEY_TRIES);
        let url = &properties.lacework_url;
        let token = self.check_key(url, tries, progress).await?;

        progress.begin(&"reading the landing zone");
        let facts = self.facts(&properties, &saas, progress).await?;
        let suffix = match &previous {
            Some(deployment) => deployment.policy.external_id_suffix.clone(),
            None => {
                let fresh = random::external_id_suffix()?;
                insist(progress, &sleep, async || {
                    self.aws.external_id_suffix(&fresh).await
                })
                .await?
            }
        };
        let mut context = self.context(suffix);
        if let Some(previous) = &previous {
            context.trail_topics = previous.trail_topics.clone();
        }
        context.adoption = match &previous {
            Some(previous) => previous.policy.adoption.clone(),
            None if properties.adopt => {
                let anew = resolve(&properties, &facts, &context, &TEMPLATES)?;
                adopt(&anew, &self.find(&anew, &saas, progress).await?)?
            }
            None => None,
        };
        let mut foundation = resolve(&properties, &facts, &context, &TEMPLATES)?;
        foundation.deployment.adopting = match &previous {
            Some(previous) => previous.adopting,
            None => context.adoption.is_some(),
        };
        warn_of_key(&foundation);
        if let Some(previous) = &previous {
            refuse_other_tenant(&foundation.deployment, previous)?;
            inherit(&mut foundation.deployment, previous, &facts.profile);
            remark_gap(&foundation.deployment, progress);
        }

        self.take_lease(progress).await?;
        // Recorded before anything is made, so that a Delete always knows what to look for.
        self.store_deployment(&foundation.deployment, progress)
            .await?;
        let made = self.made_integrations(progress).await?;
        let goal = Goal {
            wanted: Some(&foundation),
            retired: &foundation.deployment.retired,
            sub_accounts: &foundation.deployment.sub_accounts,
            organization: foundation.deployment.organization,
            trail_topics: &foundation.deployment.trail_topics,
            made: &made,
            policy: &foundation.deployment.policy,
            token: Some(&token.token),
            request: &request.request_id,
        };
        let result = converge(&self.aws, &saas, &goal, progress, &sleep).await;
        let result = match result {
            Ok(()) => {
                self.conclude(request, &mut foundation, &facts, progress)
                    .await
            }
            Err(error) => Err(error.into()),
        };
        self.release_lease().await;
        result?;
        progress.begin(&"starting the enrollment of all accounts");
        let everybody = Message::new(MessageScope::All, 0);
        insist(progress, &sleep, async || {
            self.aws.publish(&everybody).await
        })
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
        let recorded = insist(progress, &sleep, async || self.aws.deployment().await).await?;
        let Some(deployment) = recorded else {
            return Ok(());
        };
        if deployment.adopting {
            // The rollback of a Create that did not come to its end: nobody loses his watch for it.
            tracing::error!("the deployment that was to be taken over stays as it is");
            return Ok(());
        }
        let url = self.settings.provider_url.parse().or_else(|_| {
            Properties::parse(&request.properties).map(|properties| properties.lacework_url)
        })?;
        let saas = self.saas(&url)?;
        self.take_lease(progress).await?;
        let used = [deployment.policy.names.clone()];
        let retired = [&used[..], &deployment.retired].concat();
        let made = self.made_integrations(progress).await?;
        let token = match deployment.policy.registration {
            Registration::Function => None,
            Registration::SnsCustomResource => self.parting_token(&url, progress).await?,
        };
        let goal = Goal {
            wanted: None,
            retired: &retired,
            sub_accounts: &deployment.sub_accounts,
            organization: deployment.organization,
            trail_topics: &deployment.trail_topics,
            made: &made,
            policy: &deployment.policy,
            token: token.as_ref().map(|token| &token.token),
            request: &request.request_id,
        };
        let result = converge(&self.aws, &saas, &goal, progress, &sleep).await;
        self.release_lease().await;
        Ok(result?)
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

    /// A token is made anew, so that a wrong key or URL shows at once: a Lacework that does not
    /// answer is asked `tries` times, or for as long as it takes.
    async fn check_key(
        &self,
        url: &Url,
        tries: Option<u32>,
        progress: &Progress,
    ) -> Result<Token, SetupError> {
        let issuer = self.issuer(url)?;
        let left = Cell::new(tries);
        let refreshed = insist(progress, &sleep, async || {
            left.set(left.get().map(|left| left.saturating_sub(1)));
            match token::refresh(&self.aws, &issuer, clock::now()).await {
                Err(error)
                    if is_lacework(&error)
                        && error.kind == ErrorKind::Unavailable
                        && left.get() == Some(0) =>
                {
                    Ok(Err(error))
                }
                Err(error) => Err(error),
                Ok(token) => Ok(Ok(token)),
            }
        });
        match refreshed.await.and_then(|answer| answer) {
            Ok(token) => Ok(token),
            Err(error) if error.kind == ErrorKind::Unauthorized => {
                let key = insist(progress, &sleep, async || self.aws.key().await).await?;
                Err(SetupError::KeyRefused {
                    url: shown(url),
                    key_id: key.key_id,
                })
            }
            Err(error) if is_lacework(&error) => Err(SetupError::NoAnswer {
                url: shown(url),
                source: error,
            }),
            Err(error) => Err(error.into()),
        }
    }

    /// A token with which the members' stacks remove their integrations, or none where the key is
    /// revoked already: then those stacks stay, as CloudFormation cannot remove them.
    async fn parting_token(
        &self,
        url: &Url,
        progress: &Progress,
    ) -> Result<Option<Token>, SetupError> {
        match self.check_key(url, None, progress).await {
            Ok(token) => Ok(Some(token)),
            Err(SetupError::KeyRefused { .. }) => Ok(None),
            Err(other) => Err(other),
        }
    }

    async fn facts(
        &self,
        properties: &Properties,
        saas: &SaasClient,
        progress: &Progress,
    ) -> Result<Facts, SetupError> {
        let trail = async {
            if properties.capability.cloud_trail() {
                let name = &properties.trail_name;
                insist(progress, &sleep, async || self.aws.trail(name).await).await
            } else {
                Ok(None)
            }
        };
        let units = async {
            if properties.mapped_units.is_empty() {
                Ok(Default::default())
            } else {
                insist(progress, &sleep, async || {
                    self.aws.organizational_units().await
                })
                .await
            }
        };
        let (landing_zone, trail, accounts, units, profile) = futures::try_join!(
            insist(progress, &sleep, async || self.aws.landing_zone().await),
            trail,
            insist(progress, &sleep, async || self.aws.accounts().await),
            units,
            insist(progress, &sleep, async || saas.profile().await),
        )?;
        Ok(Facts {
            landing_zone,
            trail,
            accounts,
            units,
            profile,
        })
    }

    /// The ids of the members' integrations that the ledger knows, also where somebody has bent them.
    async fn made_integrations(&self, progress: &Progress) -> Result<BTreeSet<String>, SetupError> {
        let records = insist(progress, &sleep, async || self.aws.records().await).await?;
        Ok(records
            .into_values()
            .flat_map(|record| record.guids().map(str::to_owned).collect::<Vec<_>>())
            .collect())
    }

    fn context(&self, external_id_suffix: String) -> Context {
        Context {
            stack_id: self.settings.stack_id.clone(),
            partition: self.settings.partition.clone(),
            region: self.settings.aws.home.region.clone(),
            url_suffix: self.settings.url_suffix.clone(),
            management_account: self.settings.management_account,
            external_id_suffix,
            adoption: None,
            trail_topics: Default::default(),
        }
    }

    async fn take_lease(&self, progress: &Progress) -> Result<(), SetupError> {
        progress.begin(&"waiting for a pass of the account function to end");
        let taken = insist(progress, &sleep, async || {
            await_lease(&self.aws, &clock::now, &sleep).await
        });
        if taken.await? {
            return Ok(());
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
        foundation: &mut Foundation,
        facts: &Facts,
        progress: &Progress,
    ) -> Result<(), SetupError> {
        let deployment = &mut foundation.deployment;
        insist(progress, &sleep, async || {
            self.mark_existing(request, deployment, facts).await
        })
        .await?;
        let trail = foundation.trail.as_ref();
        let topic = trail.and_then(|trail| trail.topic.clone());
        let topics = topic.into_iter().collect();
        if !deployment.retired.is_empty()
            || deployment.adopting
            || deployment.trail_topics != topics
        {
            deployment.retired.clear();
            deployment.adopting = false;
            deployment.trail_topics = topics;
            self.store_deployment(deployment, progress).await?;
        }
        Ok(())
    }

    async fn store_deployment(
        &self,
        deployment: &Deployment,
        progress: &Progress,
    ) -> Result<(), SetupError> {
        let store = async || self.aws.store_deployment(deployment).await;
        Ok(insist(progress, &sleep, store).await?)
    }

    /// Remembers who was there at launch with `MonitorExistingAccounts=No`, and forgets it when
    /// the parameter turns Yes.
    async fn mark_existing(
        &self,
        request: &Request,
        deployment: &Deployment,
        facts: &Facts,
    ) -> towerhook_core::Result<()> {
        let monitor_existing = deployment.policy.monitor_existing;
        if monitor_existing && request.request_type == RequestType::Create {
            return Ok(());
        }
        let records = self.aws.records().await?;
        let creates = request.request_type == RequestType::Create;
        let changed = mark_existing(records, monitor_existing, creates, &facts.accounts);
        if !changed.is_empty() {
            self.aws.store_records(&changed).await?;
        }
        Ok(())
    }
}

fn is_lacework(error: &Error) -> bool {
    error.operation.starts_with("lacework:")
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

/// The setup function may change the one trail that the stack names: it could no longer take our
/// topic off another.
fn refuse_other_trail(
    properties: &Properties,
    previous: Option<&Deployment>,
) -> Result<(), Refusal> {
    let mut ours = previous.iter().flat_map(|previous| &previous.trail_topics);
    match ours.find(|ours| ours.trail != properties.trail_name) {
        None => Ok(()),
        Some(ours) => Err(Refusal::new(format!(
            "ExistingCloudTrailName cannot change while the trail {:?} has the topic that \
             CreateTrailTopic made. Choose CapabilityType Config first, which puts that trail back.",
            ours.trail
        ))),
    }
}

/// What was registered one way would be registered once more the other way.
fn refuse_other_registration(
    properties: &Properties,
    previous: Option<&Deployment>,
) -> Result<(), Refusal> {
    match previous.map(|deployment| deployment.policy.registration) {
        Some(registration) if registration != properties.registration => Err(Refusal::new(
            "RegistrationMode cannot change after launch. Set it back, or delete the stack and \
             launch it anew.",
        )),
        _ => Ok(()),
    }
}

/// Setup removes what has the old names before the account function, which waits for it, enrolls
/// under the new ones.
fn remark_gap(deployment: &Deployment, progress: &Progress) {
    let config = deployment.policy.capability.config();
    if let (Some(old), true) = (deployment.retired.first(), config) {
        progress.remark(format!(
            "LaceworkSubAccountName has changed: every account is taken out as {} and enrolled anew \
             as {}, and is not watched in between, which takes some minutes.",
            old.resource, deployment.policy.names.resource
        ));
    }
}

//! AWS's ports behind a [`Guard`](super::Guard).

use super::Waiting;
use crate::{
    Result,
    landing_zone::{
        Account, Announcement, Baselines, BucketNotifications, LandingZoneReply, OuTree, TopicSet,
        Trail,
    },
    ledger::{Holder, Record, Recorded, Records, Success, Unreadable},
    lifecycle::Message,
    model::{AccountId, ApiKey, Arn, SecretText, Token},
    policy::Deployment,
    ports::*,
    stack_sets::{
        InstanceFailure, OperationState, Role, Stack, StackInstance, StackSet, StackSetSpec, Start,
    },
};

impl<P: Accounts, L: Leases, C: Clock> Accounts for Waiting<'_, P, L, C> {
    async fn account(&self, id: &AccountId) -> Result<Option<Account>> {
        self.guard.read(async || self.ports.account(id).await).await
    }

    async fn accounts(&self) -> Result<Vec<Account>> {
        self.guard.read(async || self.ports.accounts().await).await
    }

    async fn organizational_units(&self) -> Result<OuTree> {
        let call = async || self.ports.organizational_units().await;
        self.guard.read(call).await
    }
}

impl<P: LandingZones, L: Leases, C: Clock> LandingZones for Waiting<'_, P, L, C> {
    async fn landing_zone(&self) -> Result<LandingZoneReply> {
        let call = async || self.ports.landing_zone().await;
        self.guard.read(call).await
    }

    async fn baselines(&self, accounts: Option<&[AccountId]>) -> Result<Baselines> {
        let call = async || self.ports.baselines(accounts).await;
        self.guard.read(call).await
    }

    async fn trail(&self, name: &str) -> Result<Option<Trail>> {
        self.guard.read(async || self.ports.trail(name).await).await
    }
}

impl<P: TrailTopics, L: Leases, C: Clock> TrailTopics for Waiting<'_, P, L, C> {
    async fn set_topic(&self, trail: &str, topic: Option<&Arn>) -> Result<TopicSet> {
        let call = async || self.ports.set_topic(trail, topic).await;
        self.guard.write(call).await
    }
}

impl<P: BucketNotificationReads, L: Leases, C: Clock> BucketNotificationReads
    for Waiting<'_, P, L, C>
{
    async fn notifications(&self, of: &Announcement) -> Result<BucketNotifications> {
        let call = async || self.ports.notifications(of).await;
        self.guard.read(call).await
    }
}

impl<P: BucketNotificationWrites, L: Leases, C: Clock> BucketNotificationWrites
    for Waiting<'_, P, L, C>
{
    async fn set_notifications(
        &self,
        of: &Announcement,
        found: &BucketNotifications,
        all: &BucketNotifications,
    ) -> Result<TopicSet> {
        let call = async || self.ports.set_notifications(of, found, all).await;
        self.guard.write_once(call).await
    }
}

impl<P: Roles, L: Leases, C: Clock> Roles for Waiting<'_, P, L, C> {
    async fn role(&self, name: &str) -> Result<Option<Role>> {
        self.guard.read(async || self.ports.role(name).await).await
    }
}

impl<P: ForeignResources, L: Leases, C: Clock> ForeignResources for Waiting<'_, P, L, C> {
    async fn rule_exists(&self, name: &str) -> Result<bool> {
        let call = async || self.ports.rule_exists(name).await;
        self.guard.read(call).await
    }

    async fn secret_exists(&self, arn: &str) -> Result<bool> {
        let call = async || self.ports.secret_exists(arn).await;
        self.guard.read(call).await
    }
}

impl<P: StackSetReads, L: Leases, C: Clock> StackSetReads for Waiting<'_, P, L, C> {
    async fn stack_set(&self, name: &str) -> Result<Option<StackSet>> {
        let call = async || self.ports.stack_set(name).await;
        self.guard.read(call).await
    }

    async fn stack_sets_named(&self, prefix: &str) -> Result<Vec<String>> {
        let call = async || self.ports.stack_sets_named(prefix).await;
        self.guard.read(call).await
    }

    async fn instances(
        &self,
        name: &str,
        accounts: Option<&[AccountId]>,
    ) -> Result<Vec<StackInstance>> {
        let call = async || self.ports.instances(name, accounts).await;
        self.guard.read(call).await
    }

    async fn operation(&self, name: &str, operation: &str) -> Result<OperationState> {
        let call = async || self.ports.operation(name, operation).await;
        self.guard.read(call).await
    }

    async fn failures(&self, name: &str, operation: &str) -> Result<Vec<InstanceFailure>> {
        let call = async || self.ports.failures(name, operation).await;
        self.guard.read(call).await
    }
}

impl<P: StackSetWrites, L: Leases, C: Clock> StackSetWrites for Waiting<'_, P, L, C> {
    async fn create_stack_set(&self, spec: &StackSetSpec) -> Result<()> {
        let call = async || self.ports.create_stack_set(spec).await;
        self.guard.write(call).await
    }

    async fn update_stack_set(&self, spec: &StackSetSpec, operation: &str) -> Result<Start> {
        let call = async || self.ports.update_stack_set(spec, operation).await;
        self.guard.write(call).await
    }

    async fn adopt_stack_set(&self, spec: &StackSetSpec, operation: &str) -> Result<Start> {
        let call = async || self.ports.adopt_stack_set(spec, operation).await;
        self.guard.write(call).await
    }

    async fn delete_stack_set(&self, name: &str) -> Result<()> {
        let call = async || self.ports.delete_stack_set(name).await;
        self.guard.write(call).await
    }

    async fn create_instances(
        &self,
        name: &str,
        accounts: &[AccountId],
        token: Option<&SecretText>,
        operation: &str,
    ) -> Result<Start> {
        let call = async || {
            self.ports
                .create_instances(name, accounts, token, operation)
                .await
        };
        self.guard.write(call).await
    }

    async fn renew_token(
        &self,
        name: &str,
        accounts: &[AccountId],
        token: &SecretText,
        operation: &str,
    ) -> Result<Start> {
        let call = async || {
            self.ports
                .renew_token(name, accounts, token, operation)
                .await
        };
        self.guard.write(call).await
    }

    async fn delete_instances(
        &self,
        name: &str,
        accounts: &[AccountId],
        retain: bool,
        operation: &str,
    ) -> Result<Start> {
        let call = async || {
            self.ports
                .delete_instances(name, accounts, retain, operation)
                .await
        };
        self.guard.write(call).await
    }
}

impl<P: StackReads, L: Leases, C: Clock> StackReads for Waiting<'_, P, L, C> {
    async fn stack(&self, name: &str) -> Result<Option<Stack>> {
        self.guard.read(async || self.ports.stack(name).await).await
    }
}

impl<P: StackWrites, L: Leases, C: Clock> StackWrites for Waiting<'_, P, L, C> {
    async fn create_stack(&self, spec: &StackSetSpec, token: &str) -> Result<()> {
        let call = async || self.ports.create_stack(spec, token).await;
        self.guard.write(call).await
    }

    async fn update_stack(&self, spec: &StackSetSpec, token: &str) -> Result<()> {
        let call = async || self.ports.update_stack(spec, token).await;
        self.guard.write(call).await
    }

    async fn delete_stack(&self, name: &str, token: &str) -> Result<()> {
        let call = async || self.ports.delete_stack(name, token).await;
        self.guard.write(call).await
    }
}

impl<P: LedgerReads, L: Leases, C: Clock> LedgerReads for Waiting<'_, P, L, C> {
    async fn recorded(&self) -> Result<Recorded> {
        self.guard.read(async || self.ports.recorded().await).await
    }

    async fn records(&self) -> Result<Records> {
        self.guard.read(async || self.ports.records().await).await
    }
}

impl<P: LedgerWrites, L: Leases, C: Clock> LedgerWrites for Waiting<'_, P, L, C> {
    async fn store_attempt(&self, by: &Holder, attempt: &Deployment) -> Result<()> {
        let call = async || self.ports.store_attempt(by, attempt).await;
        self.guard.write(call).await
    }

    async fn store_success(
        &self,
        by: &Holder,
        success: &Success,
        previous: Option<&Success>,
    ) -> Result<()> {
        let call = async || self.ports.store_success(by, success, previous).await;
        self.guard.write(call).await
    }

    async fn store_deployment(&self, by: &Holder, deployment: &Deployment) -> Result<()> {
        let call = async || self.ports.store_deployment(by, deployment).await;
        self.guard.write(call).await
    }

    async fn store_unreadable(&self, by: &Holder, unreadable: &Unreadable) -> Result<()> {
        let call = async || self.ports.store_unreadable(by, unreadable).await;
        self.guard.write(call).await
    }

    async fn protect(&self, is_protected: bool) -> Result<()> {
        let call = async || self.ports.protect(is_protected).await;
        self.guard.write(call).await
    }

    async fn external_id_suffix(&self, fresh: &str) -> Result<String> {
        let call = async || self.ports.external_id_suffix(fresh).await;
        self.guard.write(call).await
    }

    async fn store_records(&self, records: &[(AccountId, Option<Record>)]) -> Result<()> {
        let call = async || self.ports.store_records(records).await;
        self.guard.write(call).await
    }
}

impl<P: FanOut, L: Leases, C: Clock> FanOut for Waiting<'_, P, L, C> {
    async fn publish(&self, message: &Message) -> Result<()> {
        let call = async || self.ports.publish(message).await;
        self.guard.read(call).await
    }
}

impl<P: Keys, L: Leases, C: Clock> Keys for Waiting<'_, P, L, C> {
    async fn key(&self) -> Result<ApiKey> {
        self.guard.read(async || self.ports.key().await).await
    }
}

impl<P: TokenReads, L: Leases, C: Clock> TokenReads for Waiting<'_, P, L, C> {
    async fn token(&self) -> Result<Option<Token>> {
        self.guard.read(async || self.ports.token().await).await
    }
}

impl<P: TokenWrites, L: Leases, C: Clock> TokenWrites for Waiting<'_, P, L, C> {
    async fn store_token(&self, token: &Token) -> Result<()> {
        let call = async || self.ports.store_token(token).await;
        self.guard.write(call).await
    }
}

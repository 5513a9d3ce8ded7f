use std::collections::BTreeMap;

use jiff::Timestamp;
use towerhook_core::{
    Result,
    enrollment::{Deployment, Record},
    model::AccountId,
    ports::Ledger,
};

use super::Ports;

impl Ledger for Ports {
    async fn take_lease(&self, owner: &str, now: Timestamp, until: Timestamp) -> Result<bool> {
        self.call("dynamodb:PutItem", |state, at| {
            let others = |held: &Option<(String, Timestamp)>| {
                held.as_ref()
                    .is_some_and(|(holder, ends)| holder != owner && *ends > now)
            };
            if others(&state.ledger.reservation) {
                return Ok(false);
            }
            let lease = &mut state.ledger.lease;
            let free = !others(lease);
            if free {
                *lease = Some((owner.to_owned(), until));
            }
            let holder = lease
                .as_ref()
                .map(|(holder, _)| holder.clone())
                .unwrap_or_default();
            state.say(at, || {
                format!("{owner} asks for the lease: {holder} has it")
            });
            Ok(free)
        })
        .await
    }

    async fn reserve_lease(&self, owner: &str, until: Timestamp) -> Result<()> {
        self.call("dynamodb:PutItem", |state, _| {
            state.ledger.reservation = Some((owner.to_owned(), until));
            Ok(())
        })
        .await
    }

    async fn release_lease(&self, owner: &str) -> Result<()> {
        self.call("dynamodb:DeleteItem", |state, _| {
            state.ledger.lease.take_if(|(holder, _)| holder == owner);
            Ok(())
        })
        .await
    }

    async fn deployment(&self) -> Result<Option<Deployment>> {
        self.call("dynamodb:GetItem", |state, _| {
            Ok(state.ledger.deployment.clone())
        })
        .await
    }

    async fn store_deployment(&self, deployment: &Deployment) -> Result<()> {
        self.call("dynamodb:PutItem", |state, now| {
            self.write(state, now, || "stores the deployment".into());
            state.ledger.deployment = Some(deployment.clone());
            Ok(())
        })
        .await
    }

    async fn external_id_suffix(&self, fresh: &str) -> Result<String> {
        self.call("dynamodb:PutItem", |state, _| {
            let suffix = state.ledger.suffix.get_or_insert_with(|| fresh.to_owned());
            Ok(suffix.clone())
        })
        .await
    }

    async fn records(&self) -> Result<BTreeMap<AccountId, Record>> {
        self.call("dynamodb:Query", |state, _| {
            Ok(state.ledger.records.clone())
        })
        .await
    }

    async fn store_records(&self, records: &[(AccountId, Option<Record>)]) -> Result<()> {
        self.call("dynamodb:TransactWriteItems", |state, now| {
            self.write(state, now, || {
                let text = |(id, record): &(AccountId, Option<Record>)| match record {
                    Some(record) => format!("{id} {record:?}"),
                    None => format!("{id} forgotten"),
                };
                records.iter().map(text).collect::<Vec<_>>().join("; ")
            });
            for (id, record) in records.iter().cloned() {
                match record {
                    Some(record) => state.ledger.records.insert(id, record),
                    None => state.ledger.records.remove(&id),
                };
            }
            Ok(())
        })
        .await
    }
}
